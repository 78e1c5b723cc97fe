"""The clipping ledger: how long the gradients of a training were, and what the limit made of them.

A network whose gradient is cut in most updates is steered by the limit, whatever its loss says: of the gradient it
keeps the direction alone. The loss curve does not show it; the ledger does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from nurt import plotting
from nurt.results import Result
from nurt.training.limits import ClipByNorm, Clipping, clipping_from_dict, clipping_to_dict
from nurt.training.trace import Trace

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["BadKind", "ClippedStep", "ClippingLedger"]

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
        clipping: the limit; None when nothing was clipped and the norms alone were written down.
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
        finite = self.updates - self.nan - self.inf
        return self.clipped / finite if finite else 0.0

    @property
    def verdict(self) -> str:
        """What the numbers say, in words."""
        return " ".join(filter(None, [self._on_clipping(), self._on_direction(), self._on_bad()]))

    def __str__(self) -> str:
        return self.verdict

    def to_dict(self) -> dict[str, Any]:
        """Return fields, share and verdict as plain JSON values."""
        told = {"clipped_share": self.clipped_share, "verdict": self.verdict}
        return {**super().to_dict(), "clipping": clipping_to_dict(self.clipping), **told}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClippingLedger:
        """Return the ledger that :meth:`to_dict` described."""
        kept = {name: value for name, value in values.items() if name not in ("clipped_share", "verdict")}
        clipping, trace = clipping_from_dict(kept.pop("clipping")), Trace.from_dict(kept.pop("trace"))
        return cls(**kept, clipping=clipping, trace=trace)

    def plot(self) -> go.Figure:
        """Return the norms over the updates with the limit, the mean coefficients, and the shares of the parameters."""
        return ledger_figure(self)

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
        counted = f"{_per_cent(self.clipped_share)} of {steps} were clipped at {self.clipping}, the longest run {run}"
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


def ledger_figure(ledger: ClippingLedger) -> go.Figure:
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


def _per_cent(share: float) -> str:
    return f"{100.0 * share:.1f} %" if share < _TAKES_PART else f"{100.0 * share:.0f} %"
