"""The clipping ledger while it is written: sums and counts, so that a long training costs what a short one does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nurt.training.ledger import ClippedStep, ClippingLedger
from nurt.training.limits import Clipping
from nurt.training.trace import TraceBook

__all__ = ["LedgerBook"]


@dataclass
class LedgerBook:
    """What :class:`ClippingLedger` is made of; all fields are plain values.

    Args:
        updates, clipped, longest_run, nan, inf, first_bad, first_bad_parameter, largest_norm, removed_length: as there.
        run: clipped updates in a row up to now.
        directed: updates with a gradient that is finite and not 0.
        cosine_sum: of their cosines.
        least_cosine: of them; None without any.
        share_sums: parameter → sum of its shares.
        trace: norms over time.
    """

    updates: int = 0
    clipped: int = 0
    run: int = 0
    longest_run: int = 0
    nan: int = 0
    inf: int = 0
    first_bad: int | None = None
    first_bad_parameter: str | None = None
    largest_norm: float = 0.0
    directed: int = 0
    cosine_sum: float = 0.0
    least_cosine: float | None = None
    removed_length: float = 0.0
    share_sums: dict[str, float] = field(default_factory=dict)
    trace: TraceBook = field(default_factory=TraceBook)

    def note(self, step: ClippedStep, learning_rate: float) -> None:
        """Enter one update."""
        self.updates += 1
        if not step.is_finite:
            self._note_bad(step)
            return
        self.clipped += step.clipped
        self.run = self.run + 1 if step.clipped else 0
        self.longest_run = max(self.longest_run, self.run)
        self.largest_norm = max(self.largest_norm, step.norm)
        self.removed_length += learning_rate * step.removed
        self.trace.note(step.norm, step.coefficient, clipped=step.clipped)
        if not math.isnan(step.cosine):
            self.directed += 1
            self.cosine_sum += step.cosine
            self.least_cosine = step.cosine if self.least_cosine is None else min(self.least_cosine, step.cosine)
            for name, share in step.shares.items():
                self.share_sums[name] = self.share_sums.get(name, 0.0) + share

    def ledger(self, clipping: Clipping | None) -> ClippingLedger:
        """Return what was entered so far."""
        return ClippingLedger(
            clipping=clipping,
            updates=self.updates,
            clipped=self.clipped,
            longest_run=self.longest_run,
            nan=self.nan,
            inf=self.inf,
            first_bad=self.first_bad,
            first_bad_parameter=self.first_bad_parameter,
            largest_norm=self.largest_norm,
            mean_cosine=self.cosine_sum / self.directed if self.directed else None,
            least_cosine=self.least_cosine,
            removed_length=self.removed_length,
            shares={name: total / self.directed for name, total in self.share_sums.items()},
            trace=self.trace.trace(),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values; floats survive the round trip exactly."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LedgerBook:
        """Return the book that :meth:`to_dict` described; an empty one without values."""
        return cls(**{**values, "trace": TraceBook(**values.get("trace", {}))})

    def _note_bad(self, step: ClippedStep) -> None:
        self.nan += step.kind == "nan"
        self.inf += step.kind == "inf"
        self.run = 0
        if self.first_bad is None:
            self.first_bad, self.first_bad_parameter = self.updates, step.parameter
