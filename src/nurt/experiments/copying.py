"""Copying memory: ten symbols, a silence, and the same ten symbols."""

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
        "Ten symbols out of eight, a silence, a marker; then the ten symbols are to be repeated in order. Who knows "
        "when to answer and forgets what was said pays 10 ln 8 over the length of the sequence, and most published "
        "recurrent networks pay exactly that at long silences. The loss is so small because the blanks are free.",
        "Dziesięć symboli spośród ośmiu, cisza, znacznik; potem należy powtórzyć dziesięć symboli w tej samej "
        "kolejności. Kto wie, kiedy odpowiadać, lecz zapomniał treść, płaci 10 ln 8 przez długość ciągu. Dokładnie "
        "tyle płaci większość opublikowanych sieci przy długiej ciszy. Strata jest tak mała, bo cisza jest za darmo.",
    ),
    how_to_read=Text(
        "A loss that falls fast and then lies flat on the dashed line has learnt when to speak, and not a symbol.",
        "Strata, która szybko spada i kładzie się na linii przerywanej, zna chwilę odpowiedzi, lecz żadnego symbolu.",
    ),
    expected_seconds=60,
    presets={
        "default": Preset(Text("5 silent steps, 64 units", "5 kroków ciszy, 64 jednostki"), BASE),
        "quick": Preset(
            Text("2 silent steps, 100 updates", "2 kroki ciszy, 100 aktualizacji"),
            replace(BASE, delay=2, hidden=16, updates=100, looks=5, cells=("RNN", "GRU")),
        ),
        "long": Preset(
            Text("50 silent steps, one seed", "50 kroków ciszy, jedno ziarno"),
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
                "Why does the loss without memory shrink as the silence grows?",
                "Dlaczego strata bez pamięci maleje, gdy cisza się wydłuża?",
            ),
            Text(
                "The cost of ten guesses is spread over more steps that cost nothing. Compare losses at one length "
                "only.",
                "Koszt dziesięciu zgadnięć rozkłada się na więcej kroków, które nic nie kosztują. Porównuj straty "
                "tylko przy tej samej długości.",
            ),
        ),
    ),
)
