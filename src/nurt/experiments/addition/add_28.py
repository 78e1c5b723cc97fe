"""Adding numbers of 27 bits with ten units."""

from __future__ import annotations

import dataclasses

from nurt.experiments.addition import study
from nurt.experiments.addition.questions import EXERCISES
from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.wording import Text

__all__ = ["EXPERIMENT"]

BASE = study.AdditionSettings(
    seed=1, steps=28, samples=5000, hidden=10, rounds=50, batches=50, slices="disjoint", guard="root", draws=0
)

EXPERIMENT = Experiment(
    id="addition/add-28",
    name=Text("Binary addition over 28 steps", "Dodawanie binarne przez 28 kroków"),
    description=Text(
        "Numbers of 27 bits, ten units, 5000 pairs and 50 passes over them. Published accuracies of this variant were "
        "measured on the pairs it had learnt from; here the accuracy is that of fresh pairs.",
        "Liczby 27-bitowe, dziesięć jednostek, 5000 par i 50 przejść po nich. Opublikowane dokładności tego wariantu "
        "mierzono na parach, z których sieć się uczyła; tutaj podajemy dokładność na nowych parach.",
    ),
    how_to_read=Text(
        "Ten units for a task that needs three: several of them follow the carry.",
        "Dziesięć jednostek do zadania, które wymaga trzech: kilka z nich podąża za przeniesieniem.",
    ),
    expected_seconds=6,
    presets={
        "default": Preset(Text("50 passes over 5000 pairs", "50 przejść po 5000 par"), BASE),
        "several": Preset(
            Text("10 passes, and 5 other draws", "10 przejść i 5 innych losowań"),
            dataclasses.replace(BASE, rounds=10, draws=5),
        ),
    },
    compute=study.compute,
    exercises=(
        *EXERCISES,
        Exercise(
            Text(
                "Why is 100 % on the training pairs not yet an answer, and why is five sums not a test?",
                "Dlaczego 100 % na parach uczących to jeszcze nie odpowiedź, a pięć sum to nie test?",
            ),
            Text(
                "Pairs that were learnt from may be remembered. Five sums of 28 bits miss an error rate of 1 % of the "
                "bits about every fourth time. Fresh pairs cost nothing: draw 2000.",
                "Pary uczące mogły zostać zapamiętane. Pięć sum po 28 bitów mniej więcej co czwarty raz przeoczy 1 % "
                "błędnych bitów. Nowe pary nic nie kosztują: wylosuj 2000.",
            ),
        ),
    ),
)
