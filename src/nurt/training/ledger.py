"""The clipping ledger: the norms of the gradients of a training, and the effect of the limit on them.

A network whose gradient is cut in most updates is steered by the limit, whatever its loss: of the gradient only the
direction is left. The loss curve does not show it; the ledger does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from nurt import plotting
from nurt.results import Result
from nurt.training.settings import ClipByNorm, Clipping, clipping_from_dict, clipping_to_dict
from nurt.wording import percent_in_words

if TYPE_CHECKING:
    import plotly.graph_objects as go


__all__ = ["BadKind", "ClippedStep", "ClippingLedger", "LedgerBuilder", "Trace", "TraceBuilder"]


BadKind: TypeAlias = Literal["nan", "inf"]


_TAKES_PART, _STEERS = 0.1, 0.25


@dataclass(frozen=True)
class ClippedStep(Result):
    """What clipping did in one update.

    Args:
        norm: ‖g‖ before clipping, all parameters together; NaN or infinite where a gradient is.
        norm_after: after clipping.
        clipped: whether the gradient was changed.
        cosine: cos∠(g, clipped g): 1 by norm, at most 1 by value; NaN where a gradient is not finite or all are 0.
        removed: length of what was taken away, ‖g − clipped g‖.
        shares: parameter → its share ‖g_p‖²/‖g‖²; they add up to 1, and are 0 where ‖g‖ = 0 or not finite.
        kind: None for a finite gradient, else "nan" (there is a NaN) or "inf" (there are infinities alone).
        parameter: the first parameter whose gradient is not finite.
    """

    norm: float
    norm_after: float
    clipped: bool
    cosine: float
    removed: float
    shares: Mapping[str, float] = field(repr=False)
    kind: BadKind | None = None
    parameter: str | None = None

    @property
    def is_finite(self) -> bool:
        """Whether the weights may be moved by this gradient."""
        return self.kind is None

    @property
    def coefficient(self) -> float:
        """Norm after / norm before: by norm min(1, c/(‖g‖ + ε)); 1 for a gradient of length 0."""
        return self.norm_after / self.norm if self.norm else 1.0


@dataclass(frozen=True)
class ClippingLedger(Result):
    """What clipping did in a training.

    Args:
        clipping: the limit; None when nothing was clipped and only the norms were recorded.
        updates: how many, those with a gradient that is not finite included.
        clipped: updates whose gradient was changed.
        longest_run: most of them in a row.
        nan: updates whose gradient held NaN.
        inf: updates whose gradient held infinities and no NaN.
        first_bad: number of the first of either, from 1.
        first_bad_parameter: where its first bad entry stood.
        largest_norm: of the finite gradients, before clipping.
        mean_cosine: mean of cos∠(g, clipped g) over the finite updates; None without any.
        least_cosine: the least of them.
        removed_length: Σ η·‖g − clipped g‖, by norm Σ η(1 − coefficient)‖g‖, with the learning rate η. Under plain
            gradient descent the way the weights were spared; under Adam a measure of the gradients alone.
        shares: parameter → mean of its share of ‖g‖² over the updates with a finite gradient that is not 0.
        trace: norms, coefficients and clipped shares over the finite updates.
    """

    clipping: Clipping | None
    updates: int
    clipped: int
    longest_run: int
    nan: int
    inf: int
    first_bad: int | None
    first_bad_parameter: str | None
    largest_norm: float
    mean_cosine: float | None
    least_cosine: float | None
    removed_length: float
    shares: Mapping[str, float] = field(repr=False)
    trace: Trace = field(repr=False)

    @property
    def clipped_share(self) -> float:
        """Share of the finite updates that were clipped, 0..1; 0 without any."""
        return self.clipped / self.finite_updates if self.finite_updates else 0.0

    @property
    def finite_updates(self) -> int:
        """Updates with a finite gradient."""
        return self.updates - self.nan - self.inf

    @property
    def verdict(self) -> str:
        """What the numbers say, in words."""
        return " ".join(filter(None, [self._on_clipping(), self._on_direction(), self._on_bad()]))

    def __str__(self) -> str:
        return self.verdict

    def to_dict(self) -> dict[str, Any]:
        """Return fields, share and verdict as plain JSON values."""
        derived = {"clipped_share": self.clipped_share, "verdict": self.verdict}
        return {**super().to_dict(), "clipping": clipping_to_dict(self.clipping), **derived}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClippingLedger:
        """Return the ledger that :meth:`to_dict` described."""
        kept = {name: value for name, value in values.items() if name not in ("clipped_share", "verdict")}
        clipping, trace = clipping_from_dict(kept.pop("clipping")), Trace.from_dict(kept.pop("trace"))
        return cls(**kept, clipping=clipping, trace=trace)

    def plot(self) -> go.Figure:
        """Return the norms over the updates with the limit, the mean coefficients, and the shares of the parameters."""
        return _figure(self)

    def _on_clipping(self) -> str:
        longest = f"the longest norm was {self.largest_norm:.3g}"
        if not self.updates:
            return "No step was taken."
        steps = "1 step" if self.updates == 1 else f"{self.updates} steps"
        if self.clipping is None:
            return f"Nothing limits the gradient; over {steps} {longest}."
        if not self.clipped:
            return f"None of {steps} was clipped at {self.clipping}; {longest}."
        run = "1 step" if self.longest_run == 1 else f"{self.longest_run} steps"
        share = percent_in_words(self.clipped_share, 1 if self.clipped_share < _TAKES_PART else 0)
        counted = f"{share} of {steps} were clipped at {self.clipping}, the longest run {run}"
        return f"{counted}: {self._meaning()}"

    def _meaning(self) -> str:
        if self.clipped_share >= _STEERS:
            return "the threshold steers this training; raise it, or lower the learning rate, and compare."
        if self.clipped_share >= _TAKES_PART:
            return "the threshold takes part in this training."
        return "the threshold is a safety net."

    def _on_direction(self) -> str:
        if isinstance(self.clipping, ClipByNorm) or not self.clipped or self.least_cosine is None:
            return ""
        return f"Clipping by value turned the gradient: the cosine of the angle fell to {self.least_cosine:.3f}."

    def _on_bad(self) -> str:
        if not self.nan + self.inf:
            return ""
        steps = "1 gradient was" if self.nan + self.inf == 1 else f"{self.nan + self.inf} gradients were"
        place = f"the first in step {self.first_bad}, in `{self.first_bad_parameter}`"
        return f"{steps} not finite ({self.nan} with NaN, {self.inf} infinite), {place}."


@dataclass(frozen=True)
class Trace(Result):
    """Gradient norms over the finite updates, ``width`` of them in a point; N points.

    Args:
        width: updates in a point, a power of 2; 1 as long as every update has a point of its own.
        steps: (N,) updates in each point, fewer in the last.
        largest: (N,) largest norm before clipping.
        norms: (N,) mean norm before clipping.
        coefficients: (N,) mean of norm after / norm before.
        clipped: (N,) share of the updates that were clipped, 0..1.
    """

    width: int
    steps: tuple[int, ...]
    largest: tuple[float, ...]
    norms: tuple[float, ...]
    coefficients: tuple[float, ...]
    clipped: tuple[float, ...]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Trace:
        """Return the trace that ``to_dict`` described."""
        # What is no list stays what it is, for whoever checks the types.
        parts: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}
        return cls(**parts)


@dataclass
class TraceBuilder:
    """The trace while it is written; when all points are used up, neighbours are joined.

    Args:
        points: the most points, an even number.
        width: updates in a finished point.
        columns: per point: updates, largest norm, sums of norms, of coefficients and of clipped updates.
    """

    points: int = 200
    width: int = 1
    columns: list[list[float]] = field(default_factory=list)

    def note(self, norm: float, coefficient: float, *, clipped: bool) -> None:
        """Enter one finite update."""
        if self.columns and self.columns[-1][0] < self.width:
            self.columns[-1] = _joined(self.columns[-1], [1.0, norm, norm, coefficient, float(clipped)])
            return
        if len(self.columns) == self.points:
            pairs = zip(self.columns[::2], self.columns[1::2], strict=True)
            self.columns = [_joined(first, second) for first, second in pairs]
            self.width *= 2
        self.columns.append([1.0, norm, norm, coefficient, float(clipped)])

    def trace(self) -> Trace:
        """Return the series so far."""
        steps = tuple(int(point[0]) for point in self.columns)
        largest = tuple(point[1] for point in self.columns)
        means = (tuple(point[column] / point[0] for point in self.columns) for column in (2, 3, 4))
        return Trace(self.width, steps, largest, *means)


@dataclass
class LedgerBuilder:
    """The ledger while it is written: sums and counts, as many for a long training as for a short one.

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
    trace: TraceBuilder = field(default_factory=TraceBuilder)

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
    def from_dict(cls, values: Mapping[str, Any]) -> LedgerBuilder:
        """Return the builder that :meth:`to_dict` described; an empty one without values."""
        return cls(**{**values, "trace": TraceBuilder(**values.get("trace", {}))})

    def _note_bad(self, step: ClippedStep) -> None:
        self.nan += step.kind == "nan"
        self.inf += step.kind == "inf"
        self.run = 0
        if self.first_bad is None:
            self.first_bad, self.first_bad_parameter = self.updates, step.parameter


def _figure(ledger: ClippingLedger) -> go.Figure:
    """Return the figure of :meth:`ClippingLedger.plot`."""
    from plotly.subplots import make_subplots

    house = plotting.new_figure("Clipping", "update", "gradient norm")
    titles = ("norm before clipping", "coefficient and clipped share", "share of each parameter")
    figure = make_subplots(rows=3, cols=1, row_heights=[0.4, 0.25, 0.35], subplot_titles=titles)
    figure.update_layout(house.layout)
    figure.update_layout(height=720, xaxis3={"title": "mean share of the squared norm"}, yaxis2={"range": [0, 1.05]})
    trace = ledger.trace
    updates = np.cumsum(trace.steps)
    series = {
        "mean norm": (trace.norms, 1, plotting.MODEL),
        "largest norm": (trace.largest, 1, plotting.REFERENCE),
        "coefficient": (trace.coefficients, 2, plotting.MODEL),
        "clipped share": (trace.clipped, 2, plotting.WARNING),
    }
    for name, (values, row, colour) in series.items():
        figure.add_scatter(x=updates, y=values, name=name, line={"color": colour}, row=row, col=1)
    if isinstance(ledger.clipping, ClipByNorm):
        figure.add_hline(y=ledger.clipping.limit, line={"color": plotting.WARNING, "dash": "dash"}, row=1, col=1)
    if trace.norms and min(trace.norms) > 0.0:
        figure.update_yaxes(type="log", row=1, col=1)
    names = list(ledger.shares)[::-1]
    figure.add_bar(x=[ledger.shares[name] for name in names], y=names, orientation="h", showlegend=False, row=3, col=1)
    return figure


def _joined(first: list[float], second: list[float]) -> list[float]:
    sums = [one + other for one, other in zip(first[2:], second[2:], strict=True)]
    return [first[0] + second[0], max(first[1], second[1]), *sums]
