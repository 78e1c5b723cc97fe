"""The adding problem: two marked values far apart, and their sum at the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from nurt.data.synthetic import AbstractBenchmark, AddingProblem, AddingProblem1997
from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.experiments.longmemory.result import compute
from nurt.experiments.longmemory.study import MemorySettings
from nurt.wording import Text

__all__ = ["EXPERIMENT", "AddingSettings"]


@dataclass(frozen=True)
class AddingSettings(MemorySettings):
    """Settings of the adding problem.

    Args:
        seed, cells, hidden, updates, batch, learning_rate, clip_norm, repeats, tested, looks: as in
            :class:`~nurt.experiments.longmemory.study.MemorySettings`.
        steps: T.
        definition: "half" and "any" are the marks of :class:`~nurt.data.synthetic.AddingProblem`, "1997" is
            :class:`~nurt.data.synthetic.AddingProblem1997`; their losses must not be compared.
    """

    steps: int = 30
    definition: Literal["half", "any", "1997"] = "half"

    @property
    def benchmark(self) -> AbstractBenchmark:
        """The adding problem in the definition that was asked for."""
        if self.definition == "1997":
            return AddingProblem1997(self.steps)
        return AddingProblem(self.steps, self.definition)


BASE = AddingSettings()
LONG = replace(BASE, cells=("RNN", "LSTM", "GRU"), steps=100, hidden=64, updates=4000, repeats=1)

EXPERIMENT = Experiment(
    id="adding",
    name=Text("The adding problem", "Problem dodawania"),
    description=Text(
        "Thirty random numbers, two of them marked, one in each half: the target after the last step is the sum of "
        "the two. A constant prediction of 1 has a mean squared error of 1/6, and a network that ignores the marks "
        "cannot do better. Every update uses 64 new sequences, so memorising is impossible.",
        "Trzydzieści liczb losowych, dwie z nich oznaczone, po jednej w każdej połowie: odpowiedzią po ostatnim "
        "kroku jest ich suma. Stała odpowiedź 1 ma błąd średniokwadratowy 1/6 i sieć, która pomija znaczniki, nie "
        "osiągnie mniej. Każda aktualizacja używa 64 nowych ciągów, więc zapamiętanie danych jest niemożliwe.",
    ),
    how_to_read=Text(
        "First find the dashed line. Then look at the shares of clipped updates: of two cells with decreasing "
        "losses, one may depend on the clipping threshold.",
        "Najpierw znajdź linię przerywaną. Potem spójrz na udziały obciętych aktualizacji (clipping): z dwóch "
        "komórek o malejącej stracie jedna może zależeć od progu obcinania.",
    ),
    expected_seconds=54,
    presets={
        "default": Preset(Text("30 steps, 32 units, 3 seeds", "30 kroków, 32 jednostki, 3 ziarna"), BASE),
        "quick": Preset(
            Text("10 steps, 16 units, 300 updates", "10 kroków, 16 jednostek, 300 aktualizacji"),
            replace(BASE, steps=10, hidden=16, updates=300, looks=6, cells=("RNN", "GRU")),
        ),
        "long": Preset(Text("100 steps, 64 units, one seed", "100 kroków, 64 jednostki, jedno ziarno"), LONG),
        "small-budget": Preset(
            Text("100 steps, 1000 updates at a low rate", "100 kroków, 1000 aktualizacji przy małym kroku uczenia"),
            replace(LONG, updates=1000, learning_rate=0.002),
        ),
        "any": Preset(
            Text("Marks at any positions", "Znaczniki w dowolnych miejscach"), replace(BASE, definition="any")
        ),
        "of-1997": Preset(
            Text("The definition of 1997, variable lengths", "Definicja z 1997 roku, różne długości"),
            replace(BASE, definition="1997", cells=("RNN", "LSTM", "GRU")),
        ),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "The preset small-budget ends at the baseline. Does it show that the LSTM cannot add over 100 steps?",
                "Wariant small-budget kończy się na poziomie odniesienia. Czy to dowód, że LSTM nie umie dodawać przez "
                "100 kroków?",
            ),
            Text(
                "No. The preset long gives the same cell more updates and it learns. A result without its budget "
                "allows no conclusion about a cell.",
                "Nie. W wariancie long ta sama komórka dostaje więcej aktualizacji i się uczy. Wynik bez podanego "
                "budżetu nie pozwala ocenić komórki.",
            ),
        ),
        Exercise(
            Text(
                "A report presents a loss slightly above 0.04 as progress. What was measured?",
                "W sprawozdaniu podano stratę nieco powyżej 0,04 jako postęp. Co zmierzono?",
            ),
            Text(
                "The constant baseline of the other definition: with values from −1 to 1 and a target of a half plus "
                "a quarter of the sum, a constant prediction of a half has a loss of 1/24.",
                "Stałą odpowiedź w innej definicji: przy wartościach od −1 do 1 i celu równym połowie plus ćwierć "
                "sumy stała odpowiedź jedna druga daje stratę 1/24.",
            ),
        ),
    ),
)
