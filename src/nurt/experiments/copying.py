"""Copying memory: ten symbols, a delay of blanks, and the same ten symbols."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from nurt.data.synthetic import CopyingMemory
from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.experiments.longmemory.result import compute
from nurt.experiments.longmemory.study import MemorySettings
from nurt.wording import Text

__all__ = ["EXPERIMENT", "CopyingSettings"]


@dataclass(frozen=True)
class CopyingSettings(MemorySettings):
    """Settings of copying memory.

    Args:
        seed, cells, hidden, updates, batch, learning_rate, clip_norm, repeats, tested, looks: as in
            :class:`~nurt.experiments.longmemory.study.MemorySettings`.
        delay: T of :class:`~nurt.data.synthetic.CopyingMemory`.
        ending: its variant.
    """

    delay: int = 5
    ending: Literal["delimiter", "markers"] = "delimiter"

    @property
    def benchmark(self) -> CopyingMemory:
        """Copying memory with this delay."""
        return CopyingMemory(self.delay, self.ending)


BASE = CopyingSettings(
    cells=("RNN", "LSTM", "GRU"), hidden=64, updates=1500, learning_rate=0.005, repeats=3, tested=200, looks=10
)

EXPERIMENT = Experiment(
    id="copying",
    name=Text("Copying memory", "Kopiowanie z pamięci"),
    description=Text(
        "Ten symbols out of eight, a delay of blanks, a marker; then the ten symbols are to be repeated in order. A "
        "network that knows when to answer but not what has a loss of 10 ln 8 over the length of the sequence, and "
        "most published recurrent networks reach exactly that at long delays. The loss is so small because the "
        "blanks are easy.",
        "Dziesięć symboli spośród ośmiu, opóźnienie z samych pustych symboli, znacznik; potem należy powtórzyć "
        "dziesięć symboli w tej samej kolejności. Sieć, która wie, kiedy odpowiadać, ale nie wie co, ma stratę 10 ln "
        "8 przez długość ciągu. Dokładnie tyle osiąga większość opublikowanych sieci przy długim opóźnieniu. Strata "
        "jest tak mała, bo puste symbole są łatwe.",
    ),
    how_to_read=Text(
        "A network whose loss falls fast and then stays at the dashed line has learnt when to answer, but no symbol.",
        "Sieć, której strata szybko spada i pozostaje na linii przerywanej, zna chwilę odpowiedzi, lecz żadnego "
        "symbolu.",
    ),
    expected_seconds=52,
    presets={
        "default": Preset(Text("Delay of 5 steps, 64 units", "Opóźnienie 5 kroków, 64 jednostki"), BASE),
        "quick": Preset(
            Text("Delay of 2 steps, 100 updates", "Opóźnienie 2 kroki, 100 aktualizacji"),
            replace(BASE, delay=2, hidden=16, updates=100, looks=5, cells=("RNN", "GRU")),
        ),
        "long": Preset(
            Text("Delay of 50 steps, one seed", "Opóźnienie 50 kroków, jedno ziarno"),
            replace(BASE, delay=50, updates=2400, learning_rate=0.002, repeats=1),
        ),
        "markers": Preset(
            Text("The variant that ends with markers", "Wariant zakończony znacznikami"),
            replace(BASE, ending="markers"),
        ),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "Why does the loss without memory decrease as the delay grows?",
                "Dlaczego strata bez pamięci maleje, gdy opóźnienie rośnie?",
            ),
            Text(
                "The loss of ten guesses is averaged over more steps with a loss near zero. Compare losses at one "
                "length only.",
                "Strata dziesięciu zgadnięć jest uśredniana po większej liczbie kroków ze stratą bliską zera. "
                "Porównuj straty tylko przy tej samej długości.",
            ),
        ),
    ),
)
