"""Temporal order: which of two signals came first, among distractors."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nurt.data.synthetic import TemporalOrder
from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.experiments.longmemory.result import compute
from nurt.experiments.longmemory.study import MemorySettings
from nurt.wording import Text

__all__ = ["EXPERIMENT", "TemporalOrderSettings"]


@dataclass(frozen=True)
class TemporalOrderSettings(MemorySettings):
    """Settings of temporal order.

    Args:
        seed, cells, hidden, updates, batch, learning_rate, clip_norm, repeats, tested, looks: as in
            :class:`~nurt.experiments.longmemory.study.MemorySettings`.
        difficulty: a preset of :class:`~nurt.data.synthetic.TemporalOrder`.
    """

    difficulty: str = "easy"

    @property
    def benchmark(self) -> TemporalOrder:
        """Temporal order of this difficulty."""
        return TemporalOrder.preset(self.difficulty)


BASE = TemporalOrderSettings(cells=("RNN", "LSTM", "GRU"), updates=600, difficulty="easy")

EXPERIMENT = Experiment(
    id="temporal-order",
    name=Text("Temporal order", "Kolejność w czasie"),
    description=Text(
        "Two signals, each X or Y, lie apart among distractors; after the last step the network classifies the "
        "ordered pair. There are four classes, and guessing has a loss of ln 4. Only the order separates two of "
        "them: a network that counts letters cannot distinguish X before Y from Y before X.",
        "Dwa sygnały, każdy X lub Y, leżą z dala od siebie wśród zakłóceń; po ostatnim kroku sieć klasyfikuje "
        "uporządkowaną parę. Klasy są cztery, a zgadywanie daje stratę ln 4. Dwie z nich różni tylko kolejność: "
        "sieć, która jedynie liczy litery, nie odróżni X przed Y od Y przed X.",
    ),
    how_to_read=Text(
        "Losses at the dashed line mean guessing. A loss of half a ln 2 means known letters and a guessed order.",
        "Straty na linii przerywanej to zgadywanie. Strata równa połowie ln 2 oznacza znane litery i zgadywaną "
        "kolejność.",
    ),
    expected_seconds=8,
    presets={
        "default": Preset(Text("Easy: 7 or 8 steps", "Łatwy: 7 lub 8 kroków"), BASE),
        "quick": Preset(
            Text("Easy, 150 updates", "Łatwy, 150 aktualizacji"),
            replace(BASE, hidden=16, updates=150, looks=5, cells=("RNN", "GRU")),
        ),
        "normal": Preset(
            Text("Normal: 30 to 40 steps", "Zwykły: 30 do 40 kroków"),
            replace(BASE, difficulty="normal", updates=3000),
        ),
        "hard": Preset(
            Text("Hard: 100 to 110 steps, one seed", "Trudny: 100 do 110 kroków, jedno ziarno"),
            replace(BASE, difficulty="hard", hidden=64, updates=1200, repeats=1),
        ),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "With the preset hard every cell stays at chance. What should be changed before the cell is rejected?",
                "W wariancie hard każda komórka pozostaje przy zgadywaniu. Co należy zmienić, zanim odrzucimy komórkę?",
            ),
            Text(
                "The budget: published runs of this length took tens of thousands of sequences. Then the lengths: "
                "begin with the easy preset and go on from its weights.",
                "Budżet: opublikowane przebiegi przy tej długości wymagały dziesiątek tysięcy ciągów. Potem długości: "
                "zacznij od wariantu łatwego i kontynuuj z jego wag.",
            ),
        ),
    ),
)
