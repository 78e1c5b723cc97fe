"""Subtracting numbers of 14 bits with three units."""

from __future__ import annotations

import dataclasses

from nurt.experiments.addition import study
from nurt.experiments.addition.questions import EXERCISES
from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.wording import Text

__all__ = ["EXPERIMENT"]

BASE = study.AdditionSettings(seed=1, operation="subtract", steps=15)

EXPERIMENT = Experiment(
    id="addition/subtract-15",
    name=Text("Binary subtraction over 15 steps", "Odejmowanie binarne przez 15 kroków"),
    description=Text(
        "The smaller of two numbers of 14 bits is taken from the larger. What has to be remembered is the borrow. The "
        "protocol is that of the addition over 7 steps, with sequences twice as long.",
        "Od większej z dwóch liczb 14-bitowych odejmowana jest mniejsza. Trzeba pamiętać pożyczkę. Protokół jest taki "
        "jak przy dodawaniu przez 7 kroków, a ciągi są dwa razy dłuższe.",
    ),
    how_to_read=Text(
        "With the exact weights unit 2 is the borrow upside down. See whether training found something like it.",
        "Przy dokładnych wagach jednostka 2 to pożyczka z odwróconym znakiem. Sprawdź, czy uczenie znalazło coś "
        "podobnego.",
    ),
    expected_seconds=3,
    presets={
        "default": Preset(Text("100 updates, to the letter", "100 aktualizacji, dosłownie"), BASE),
        "mended": Preset(
            Text("300 updates, ε and batches mended", "300 aktualizacji, naprawione ε i porcje danych"),
            dataclasses.replace(BASE, guard="root", slices="disjoint", rounds=15),
        ),
    },
    compute=study.compute,
    exercises=(
        *EXERCISES,
        Exercise(
            Text(
                "Why are the numbers sorted before they are subtracted?",
                "Dlaczego liczby są porządkowane przed odejmowaniem?",
            ),
            Text(
                "A negative result has no finite binary form without a sign: the borrow would run past the last bit.",
                "Wynik ujemny nie ma skończonego zapisu binarnego bez znaku: pożyczka wychodziłaby poza ostatni bit.",
            ),
        ),
    ),
)
