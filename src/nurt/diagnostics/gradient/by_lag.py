r"""How far back the gradient of a recorded layer reaches: by its distance to the loss, of all that a step reads.

A step reads the state s_{t-1} and the input x_t. With e_t = ∂ℓ/∂h_t from above and J_t = ∂s_t/∂s_{t-1},

    state     ∂ℓ_t/∂s_{t-k-1} = J_{t-k}ᵀ ⋯ J_tᵀ e_t
    inputs    ∂ℓ_t/∂x_{t-k}   = (∂s_{t-k}/∂x_{t-k})ᵀ ∂ℓ_t/∂s_{t-k}
    hidden    ∂ℓ_t/∂h_{t-k},    which is e_t for k = 0

is what the loss of step t sends to the step k before it, all fields of the state together: h, or h and c, or the
complex state of an LRU. The hidden state alone misleads wherever the memory is in another field: in an LSTM whose gates
do not read h, ∂ℓ_t/∂h_{t-k} is zero from k = 1 on, whatever its cell carries. A step is out of reach where both the
state that it reads and its input receive less than a threshold of what others receive: where most input gates are shut,
one open gate in the far past may be all that matters.

Of a loss at the last step alone these are the total gradients k steps before the end; of any other loss the total
gradient mixes lags, and here they are kept apart. Everything said is of the median of the rows, so that no single row
decides; the rows that differ are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.look.batch import BatchCurve, add_curve, over_batch
from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.layer_record import LayerRecord
from nurt.diagnostics.look.steps import Steps
from nurt.errors import NurtValueError
from nurt.results import Result
from nurt.wording import percent_in_words

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Argument", "Course", "GradientByLag", "gradient_by_lag", "total_by_lag"]

Course: TypeAlias = Literal["vanishes", "holds", "explodes"]
Argument: TypeAlias = Literal["state", "inputs"]
"""Which gradient a statement is about: that of the whole state a step reads, or that of its input."""

_SYMBOLS: Mapping[Argument, str] = {"state": "‖∂ℓ/∂s‖ of the whole state", "inputs": "‖∂ℓ/∂x‖ of the inputs"}


@dataclass(frozen=True, eq=False)
class GradientByLag(Result):
    """Norms of the gradient by the distance k to the step of the loss, k = 0 … K-1.

    Args:
        id: which layer and direction.
        fields: of the state, by name.
        norms: of the hidden state ‖∂ℓ_t/∂h_{t-k}‖, the mean over the steps t of a row from which k steps back stay in
            the row.
        state: of the whole state that the step k before the loss reads, ‖∂ℓ_t/∂s_{t-k-1}‖.
        inputs: of what it reads besides, ‖∂ℓ_t/∂x_{t-k}‖.
        threshold: what counts as gone, relative to the largest median.
        last_lag: of every row, the last lag at which state or inputs are not below the threshold of the row's own
            largest value, (B,); NaN for a row that no gradient reaches.
    """

    id: LayerId
    fields: tuple[str, ...]
    norms: BatchCurve
    state: BatchCurve
    inputs: BatchCurve
    threshold: float
    last_lag: np.ndarray = field(metadata={"json": False}, repr=False)

    @property
    def lags(self) -> int:
        """K, how many lags were followed."""
        return len(self.state.median)

    @property
    def horizon(self) -> int | None:
        """The lag after which both medians stay below the threshold; None where one does not within K lags."""
        last = max(self._last(one) for one in ("state", "inputs"))
        return last if last + 1 < self.lags else None

    @property
    def furthest(self) -> Argument:
        """Which of both reaches further, the state if they reach equally far."""
        return "inputs" if self._last("inputs") > self._last("state") else "state"

    def last(self, quantity: Argument) -> int | None:
        """Return the last lag at which the median of one quantity is not below its threshold; None where all are 0."""
        last = self._last(quantity)
        return last if last >= 0 else None

    @property
    def overflow(self) -> int | None:
        """The first lag at which the gradient is not finite in the median row; None without one."""
        beyond = np.flatnonzero(np.isinf(self.state.median) | np.isinf(self.norms.median))
        return int(beyond[0]) if len(beyond) else None

    @property
    def peak(self) -> int:
        """The lag of the largest median gradient of the state."""
        return int(np.argmax(np.nan_to_num(self.state.median, nan=-1.0, posinf=np.inf)))

    @property
    def growth(self) -> float:
        """The largest median gradient of the state over that nearest to the loss; 1 without any.

        Nearest is what arrives at h_t itself where the state is h alone. Where it has other fields, whose units are not
        those of h, it is the first gradient of the state.
        """
        there = self.state.median[self.state.median > 0]
        if not len(there):
            return 1.0
        nearest = float(self.norms.median[0]) if self._hidden_alone else 0.0
        return float(there.max()) / (nearest if nearest > 0.0 else float(there[0]))

    @property
    def growth_steps(self) -> int:
        """Over how many steps the gradient grows to its largest."""
        return self.peak + self._hidden_alone

    @property
    def _hidden_alone(self) -> bool:
        return self.fields == ("hidden",)

    @property
    def factor(self) -> float:
        """By what the median gradient of the state is multiplied per step; NaN with fewer than two values to fit.

        The median of the slopes of its logarithm between all pairs of lags [sen1968estimates].
        """
        places = np.flatnonzero((self.state.median > 0) & np.isfinite(self.state.median))
        if len(places) < 2:
            return float("nan")
        logs = np.log(self.state.median[places])
        first, second = np.triu_indices(len(places), 1)
        return float(np.exp(np.median((logs[second] - logs[first]) / (places[second] - places[first]))))

    @property
    def course(self) -> Course:
        """Whether the gradient vanishes backwards in time, holds or explodes.

        It explodes where it leaves the range of its numbers, or grows such that the state near the loss receives less
        than the threshold of what one in the farther half receives; it vanishes where state and inputs stay below the
        threshold after a lag; otherwise it holds.
        """
        if self.overflow is not None:
            return "explodes"
        if self.growth * self.threshold > 1.0 and self.factor > 1.0 and 2 * self.peak >= self.lags - 1:
            return "explodes"
        return "holds" if self.horizon is None else "vanishes"

    @property
    def least(self) -> float:
        """The least share of its maximum that the median of :attr:`furthest` has at any lag."""
        median = getattr(self, self.furthest).median
        most = float(np.nanmax(median))
        return float(np.nanmin(median)) / most if most > 0 else 0.0

    def shares(self, quantity: Argument) -> BatchCurve:
        """Return the curve of one quantity as shares of its largest median."""
        curve: BatchCurve = getattr(self, quantity)
        finite = curve.median[np.isfinite(curve.median)]
        most = float(finite.max()) if len(finite) and finite.max() > 0 else 1.0
        return BatchCurve(curve.mean / most, curve.low / most, curve.median / most, curve.high / most, curve.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the curves, and what is said of them."""
        said = {"horizon": self.horizon, "furthest": self.furthest, "course": self.course}
        factor = self.factor if np.isfinite(self.factor) else None
        return {**super().to_dict(), **said, "factor": factor, "overflow": self.overflow}

    def __str__(self) -> str:
        far = self.lags - 1
        bound = f"{percent_in_words(self.threshold, 0)} of its maximum"
        norms = getattr(self, self.furthest).median
        ends = f"its median norm is {norms[0]:.4g} at lag 0 and {norms[-1]:.4g} at lag {far}"
        which = _SYMBOLS[self.furthest]
        if self.course == "explodes":
            if self.overflow is not None:
                return f"{self.id}: the gradient explodes: it is not finite from lag {self.overflow} on"
            grown = f"grows by {self.growth:.3g} up to lag {self.peak}, by a factor of {self.factor:.3g} per step"
            return f"{self.id}: the gradient explodes: {which} {grown}; {ends}"
        if self.horizon is None:
            reach = f"{which} is not below {bound} at lag {far}, the longest there is"
        else:
            reach = f"{which} stays below {bound} after lag {self.horizon}"
        return f"{self.id}: the gradient {self.course}: {reach}; {ends}"

    def plot(self) -> go.Figure:
        """Draw the shares of state and inputs against the lag, the median of the rows within its band."""
        from nurt import plotting

        figure = plotting.new_figure(
            f"Gradient by lag: {self.id}", "lag k (steps before the loss)", "share of the maximum"
        )
        places = np.arange(self.lags)
        add_curve(figure, places, self.shares("state"), "whole state ‖∂ℓ/∂s‖, median", plotting.MODEL)
        add_curve(figure, places, self.shares("inputs"), "inputs ‖∂ℓ/∂x‖, median", plotting.WARNING)
        figure.add_hline(y=self.threshold, line={"color": plotting.REFERENCE, "dash": "dot"})
        figure.update_yaxes(type="log", exponentformat="power")
        return figure

    def _last(self, quantity: Argument) -> int:
        """Return the last lag at which the median is not below the threshold; -1 where all are zero."""
        last = _last_above(getattr(self, quantity).median[None, :], self.threshold)[0]
        return -1 if np.isnan(last) else int(last)


def gradient_by_lag(record: LayerRecord, *, threshold: float = 0.01, most_lags: int = 256) -> GradientByLag:
    """Follow the gradient of every step's loss back in time, lag by lag.

    Where a loss stands at one step the cost is that of one backward pass, where it stands at all T steps that of T.

    Args:
        record: of a layer that a ``backward`` has reached.
        threshold: relative to the maximum, between 0 and 1; below it a gradient counts as gone.
        most_lags: the longest lag that is followed.

    Raises:
        NurtValueError: no gradient, one that is zero everywhere, a threshold outside 0..1, or no lag to follow.

    Example:
        >>> layer = GRU(3, 5, batch_first=True)
        >>> with nurt.diagnostics.record(layer) as seen:
        ...     layer(torch.randn(2, 7, 3))[0][:, -1].sum().backward()
        >>> gradient_by_lag(seen.layer()).lags
        7
    """
    if not 0 < threshold < 1 or most_lags < 1:
        raise NurtValueError(
            "gradient_by_lag: an argument is out of range.",
            expected="a threshold between 0 and 1 and at least one lag",
            got=f"threshold={threshold}, most_lags={most_lags}",
        )
    steps, arriving = record.steps, _arriving(record)
    rows, places = sum((field != 0).any(dim=-1) for field in arriving).nonzero(as_tuple=True)
    known = steps.knows_state_before(places)
    rows, places = rows[known], places[known]
    if not len(rows):
        raise NurtValueError(
            f"gradient_by_lag: no gradient arrives at {record.id} from above.",
            expected="a loss of a step, and the state that it read",
            got="zero" if len(known) == 0 else "a loss of the first state alone",
        )
    before, batch = steps.states_before(), len(steps.lengths)
    grad = type(arriving)(*(field[rows, places] for field in arriving))
    back, found = 1 if steps.reverse else -1, _Norms()
    for _ in range(min(steps.steps, most_lags)):
        state = type(before)(*(field[rows, places] for field in before))
        hidden = grad.hidden
        grad, inputs = _pulled(steps, rows, places, state, grad)
        found.add(*(_mean_by_row(_norm(one), rows, batch) for one in ((hidden,), grad, (inputs,))))
        places = places + back
        inside = (places >= 0) & (places < steps.lengths[rows]) & steps.knows_state_before(places)
        rows, places = rows[inside], places[inside]
        grad = type(grad)(*(field[inside] for field in grad))
        if not len(rows):
            break
    return found.by_lag(record, threshold)


def total_by_lag(record: LayerRecord, threshold: float) -> GradientByLag:
    """Return the total gradients of a layer by the distance to the last step, over all paths to the loss.

    By way of layers above it too, where :func:`gradient_by_lag` follows the paths within the layer.

    Args:
        record: of a layer that a ``backward`` has reached, with rows of one length.
        threshold: as for :func:`gradient_by_lag`.
    """
    steps, arriving = record.steps, _arriving(record)
    before, rows = steps.states_before(), torch.arange(len(steps.lengths), device=steps.inputs.device)
    carried, found = type(before)(*(torch.zeros_like(field) for field in steps.initial)), _Norms()
    for place in reversed(steps.order):
        grad = type(carried)(*(old + new[:, place] for old, new in zip(carried, arriving, strict=True)))
        state = type(before)(*(field[:, place] for field in before))
        carried, inputs = _pulled(steps, rows, torch.full_like(rows, place), state, grad)
        found.add(*(_norm(one) for one in ((grad.hidden,), carried, (inputs,))))
    return found.by_lag(record, threshold)


class _Norms:
    """Norms of hidden state, whole state and inputs, (B,) each, collected lag by lag."""

    def __init__(self) -> None:
        self._found: list[tuple[Tensor, Tensor, Tensor]] = []

    def add(self, hidden: Tensor, state: Tensor, inputs: Tensor) -> None:
        """Enter the norms at the next lag."""
        self._found.append((hidden, state, inputs))

    def by_lag(self, record: LayerRecord, threshold: float) -> GradientByLag:
        """Return what the rows say together; a row that no gradient reaches at all has none."""
        hidden, state, inputs = (torch.stack(one, dim=1).cpu() for one in zip(*self._found, strict=True))
        silent = ~((hidden > 0) | (state > 0) | (inputs > 0)).any(dim=1, keepdim=True)
        hidden, state, inputs = (one.masked_fill(silent, torch.nan) for one in (hidden, state, inputs))
        ends = np.fmax(*(_last_above(one.numpy(), threshold) for one in (state, inputs)))
        ends = np.where(np.isnan(ends) & ~silent[:, 0].numpy(), 0.0, ends)
        norms, states, read = (over_batch(one) for one in (hidden, state, inputs))
        return GradientByLag(record.id, type(record.steps.initial)._fields, norms, states, read, threshold, ends)


def _arriving(record: LayerRecord) -> Any:
    """Return what arrives at the state after each step from outside, fields (B, T, ·)."""
    direct, _ = record.gradients()
    steps, fields = record.steps, record.steps.states_before()
    arriving = type(fields)(*(torch.zeros_like(one) for one in fields))._replace(hidden=direct)
    if record.final_cell is not None:
        rows = torch.arange(len(steps.lengths), device=direct.device)
        there = torch.where((steps.lengths > 0).unsqueeze(1), record.final_cell, 0.0)
        arriving = arriving._replace(cell=arriving.cell.index_put((rows, steps.last), there, accumulate=True))
    return arriving


def _pulled(steps: Steps, rows: Tensor, places: Tensor, state: Any, grad: Any) -> tuple[Any, Tensor]:
    """Return the gradients of the states before some steps (N, ·) and of their inputs (N, I)."""
    with torch.enable_grad():
        inputs = steps.inputs.detach().requires_grad_()
        leaves = type(state)(*(field.detach().requires_grad_() for field in state))
        made = replace(steps, inputs=inputs).at(rows, places, leaves, steps.weights)
        pairs = [(value, one) for value, one in zip(made, grad, strict=True) if value.requires_grad]
        *found, of_inputs = torch.autograd.grad(
            [value for value, _ in pairs],
            [*leaves, inputs],
            [one for _, one in pairs],
            allow_unused=True,
            materialize_grads=True,
        )
    return type(state)(*found), of_inputs[rows, places]


def _norm(fields: Any) -> Tensor:
    """Return the norm over all features of all fields, (N,); infinite where one of them is not finite.

    In double precision: the squares of a gradient leave the range of single precision long before it does.
    """
    norm: Tensor = torch.linalg.vector_norm(torch.cat([one.double() for one in fields], dim=-1), dim=-1)
    return torch.where(norm.isfinite(), norm, torch.inf)


def _mean_by_row(norms: Tensor, rows: Tensor, batch: int) -> Tensor:
    """Return the mean of ``norms`` (N,) over the entries of each row, (B,); NaN for a row without any."""
    sums = norms.new_zeros(batch).index_add(0, rows, norms)
    return sums / norms.new_zeros(batch).index_add(0, rows, torch.ones_like(norms))


def _last_above(values: np.ndarray, threshold: float) -> np.ndarray:
    """Return the last place of each row (B, K) that is not below the threshold of its maximum, (B,); NaN without."""
    most = np.nanmax(np.nan_to_num(values, nan=0.0, posinf=np.inf), axis=1, keepdims=True)
    above = (values >= threshold * most) & (values > 0)
    last = values.shape[1] - 1 - np.argmax(above[:, ::-1], axis=1)
    return np.where(above.any(axis=1), last, np.nan)
