"""Adding numbers of six bits with three units."""

from __future__ import annotations

import dataclasses

from nurt.experiments.addition import study
from nurt.experiments.addition.questions import EXERCISES
from nurt.experiments.base import Experiment, Preset
from nurt.wording import Text

__all__ = ["EXPERIMENT"]

LITERAL = study.AdditionSettings(seed=1)

EXPERIMENT = Experiment(
    id="addition/roelants",
    name=Text("Binary addition with three units", "Dodawanie binarne trzema jednostkami"),
    description=Text(
        "A tanh network reads two numbers bit by bit, lowest first, and answers with the bits of their sum. It has to "
        "carry one bit from step to step. Data, weights and optimiser follow the second part of a tutorial by Peter "
        "Roelants to the letter, its two slips included; other presets mend them.",
        "Sieć z tanh czyta dwie liczby bit po bicie, od najmłodszego, i podaje bity ich sumy. Musi przenosić jeden bit "
        "z kroku na krok. Dane, wagi i optymalizator są dosłownie takie jak w drugiej części samouczka Petera "
        "Roelantsa, łącznie z jego dwiema pomyłkami; inne warianty je naprawiają.",
    ),
    how_to_read=Text(
        "Find the unit that follows the black diamonds: it holds the carry. Then see how often other draws fail.",
        "Znajdź jednostkę, która podąża za czarnymi rombami: to ona trzyma przeniesienie. Potem zobacz, jak często "
        "inne losowania zawodzą.",
    ),
    expected_seconds=2,
    presets={
        "default": Preset(Text("To the letter, slips included", "Dosłownie, razem z pomyłkami"), LITERAL),
        "guarded": Preset(Text("ε where it belongs", "ε na swoim miejscu"), dataclasses.replace(LITERAL, guard="root")),
        "mended": Preset(
            Text("ε and batches as they were meant", "ε i porcje danych zgodnie z zamysłem"),
            dataclasses.replace(LITERAL, guard="root", slices="disjoint"),
        ),
    },
    compute=study.compute,
    exercises=EXERCISES,
)
