"""Where a run stands: together with weights, moments and generators, all that is needed to go on."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from nurt.training.events import EpochEnded
from nurt.training.ledger import ClippedStep
from nurt.training.ledger_book import LedgerBook

__all__ = ["LAST_NORMS", "Progress", "Stopwatch"]

LAST_NORMS = 20
"""How many gradient norms are kept for the report of a non-finite value."""


class Stopwatch:
    """Seconds of wall-clock time, over all sittings.

    Args:
        seconds: time already spent in earlier sittings.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._started = time.monotonic() - seconds

    def read(self) -> float:
        """Return the seconds so far."""
        return time.monotonic() - self._started


@dataclass
class Progress:
    """Where a run stands.

    Args:
        epoch: completed epochs.
        losses: loss of each step done in the epoch under way; their number is the place in the data.
        norms: global gradient norm, before clipping, of the same steps.
        clipped: how many of these steps were clipped.
        last_norms: norms of the last :data:`LAST_NORMS` steps, across epochs.
        history: one entry per completed epoch, epoch 0 first when there is a validation part.
        ledger: what clipping did, over all epochs.
        watch: time spent.
        epoch_started: reading of the watch at the start of the epoch under way, seconds.
    """

    epoch: int = 0
    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    clipped: int = 0
    last_norms: list[float] = field(default_factory=list)
    history: list[EpochEnded] = field(default_factory=list)
    ledger: LedgerBook = field(default_factory=LedgerBook)
    watch: Stopwatch = field(default_factory=Stopwatch)
    epoch_started: float = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has been done yet."""
        return not (self.epoch or self.losses or self.history)

    @property
    def step(self) -> int:
        """Steps done in the epoch under way."""
        return len(self.losses)

    @property
    def monitored(self) -> list[float]:
        """The losses that stopping and decay watch, one per entry of the history."""
        return [entry.monitored for entry in self.history]

    def note_step(self, loss: float, step: ClippedStep, learning_rate: float) -> None:
        """Enter one finished step."""
        self.losses.append(loss)
        self.norms.append(step.norm)
        self.clipped += step.clipped
        self.last_norms = [*self.last_norms, step.norm][-LAST_NORMS:]
        self.ledger.note(step, learning_rate)

    def note_untrained(self, validation_loss: float, learning_rate: float) -> EpochEnded:
        """Enter the validation of the untrained model as epoch 0."""
        return self._enter(
            EpochEnded(0, None, validation_loss, learning_rate, None, None, self._epoch_seconds(), is_best=True)
        )

    def note_epoch(
        self, validation_loss: float | None, learning_rate: float, batch_sizes: Sequence[int], clipping: bool
    ) -> EpochEnded:
        """Enter the epoch under way as finished and begin the next."""
        weighted = sum(loss * size for loss, size in zip(self.losses, batch_sizes, strict=True))
        train_loss = weighted / sum(batch_sizes)
        value = train_loss if validation_loss is None else validation_loss
        entry = EpochEnded(
            epoch=self.epoch + 1,
            train_loss=train_loss,
            validation_loss=validation_loss,
            learning_rate=learning_rate,
            gradient_norm=statistics.median(self.norms),
            clipped_share=self.clipped / self.step if clipping else None,
            seconds=self._epoch_seconds(),
            is_best=all(value < earlier for earlier in self.monitored),
        )
        self.epoch += 1
        self.losses, self.norms, self.clipped = [], [], 0
        return self._enter(entry)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values; floats survive the round trip exactly."""
        return {
            "epoch": self.epoch,
            "losses": self.losses,
            "norms": self.norms,
            "clipped": self.clipped,
            "last_norms": self.last_norms,
            "history": [asdict(entry) for entry in self.history],
            "ledger": self.ledger.to_dict(),
            "seconds": self.watch.read(),
            "epoch_started": self.epoch_started,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Progress:
        """Return the progress that :meth:`to_dict` described, its watch running on."""
        kept = {name: values[name] for name in ("epoch", "losses", "norms", "clipped", "last_norms", "epoch_started")}
        history = [EpochEnded(**entry) for entry in values["history"]]
        ledger = LedgerBook.from_dict(values.get("ledger", {}))
        return cls(**kept, history=history, ledger=ledger, watch=Stopwatch(values["seconds"]))

    def _enter(self, entry: EpochEnded) -> EpochEnded:
        self.history.append(entry)
        self.epoch_started = self.watch.read()
        return entry

    def _epoch_seconds(self) -> float:
        return self.watch.read() - self.epoch_started
