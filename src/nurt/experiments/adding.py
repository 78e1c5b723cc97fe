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
        "Thirty random numbers, two of them marked, one in each half: the answer after the last step is the sum of "
        "the two. Always answering 1 has a mean squared error of 1/6, and a network that ignores the marks cannot do "
        "better. Every update sees 64 new sequences, so there is nothing to learn by heart.",
        "Trzydzieści liczb losowych, dwie z nich oznaczone, po jednej w każdej połowie: odpowiedzią po ostatnim kroku "
        "jest ich suma. Stała odpowiedź 1 ma błąd średniokwadratowy 1/6 i sieć, która pomija znaczniki, nie osiągnie "
        "mniej. Każda aktualizacja widzi 64 nowe ciągi, więc niczego nie da się wykuć na pamięć.",
    ),
    how_to_read=Text(
        "First find the dashed line. Then look at the shares of clipped updates: of two cells with falling losses one "
        "may be steered by the threshold of its gradient.",
        "Najpierw znajdź linię przerywaną. Potem spójrz na udziały przyciętych aktualizacji: z komórek o malejącej "
        "stracie jedną z dwóch może kierować próg gradientu.",
    ),
    expected_seconds=50,
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
        "any": Preset(Text("Marks anywhere", "Znaczniki w dowolnych miejscach"), replace(BASE, definition="any")),
        "of-1997": Preset(
            Text("The definition of 1997, other lengths", "Definicja z 1997 roku, różne długości"),
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
                "No. The preset long gives the same cell more updates and it learns. A result without its budget says "
                "nothing about a cell.",
                "Nie. W wariancie long ta sama komórka dostaje więcej aktualizacji i się uczy. Wynik bez podanego "
                "budżetu nic nie mówi o komórce.",
            ),
        ),
        Exercise(
            Text(
                "Somebody reports a loss slightly above 0.04 as progress. What was measured?",
                "Ktoś podaje stratę nieco powyżej 0,04 jako postęp. Co zmierzono?",
            ),
            Text(
                "The constant of the other definition: with values from −1 to 1 and a target of a half plus a quarter "
                "of the sum, always answering a half costs 1/24.",
                "Stałą odpowiedź w innej definicji: przy wartościach od −1 do 1 i celu równym połowie plus ćwierć "
                "sumy stała odpowiedź jedna druga kosztuje 1/24.",
            ),
        ),
    ),
)
