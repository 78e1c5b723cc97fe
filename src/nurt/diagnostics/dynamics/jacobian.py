r"""Step Jacobians, how the state after a step depends on the state before it, and their products over many steps.

    J_t = ∂s_t/∂s_{t-1},      P[t, s] = J_t ⋯ J_{s+1} = ∂s_t/∂s_s

s is the whole state: h, or (h, c) side by side for an LSTM. A gradient at step t arrives at step s multiplied by the
transpose of P[t, s]: with at most σ_max of its length and at least σ_min [pascanu2013difficulty]. Where this misleads:
every step may stretch some direction although none is stretched twice, and σ_max is that of the best direction, which
the gradient of a loss may not take. Products over many steps leave the range of floating-point numbers long before
they leave that of logarithms, hence the scale is kept apart as a logarithm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.look.batch import BatchCurve, add_curve, over_batch
from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.passage import Passage
from nurt.errors import NonFiniteError, NurtValueError
from nurt.kernels.recurrence import positions_within
from nurt.results import Result
from nurt.wording import plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["JacobianProducts", "StepJacobians", "jacobian_products", "state_derivatives", "step_jacobians"]


@dataclass(frozen=True, eq=False)
class StepJacobians(Result):
    """The Jacobian of every step of one layer in one direction.

    Args:
        id: which layer and direction.
        fields: names of the fields of the state, in the order in which they stand side by side.
        sizes: features of each field; n is their sum.
        values: J_t at the position of its step, (B, T, n, n), float64; rows are the state after, columns the one
            before. Zero past the end of a row.
        lengths: steps of each row, (B,).
    """

    id: LayerId
    fields: tuple[str, ...]
    sizes: tuple[int, ...]
    values: Tensor = field(metadata={"json": False}, repr=False)
    lengths: Tensor = field(metadata={"json": False})

    @property
    def steps(self) -> int:
        """T."""
        return self.values.shape[1]

    @cached_property
    def largest(self) -> Tensor:
        """σ_max of every J_t, (B, T); NaN past the end of a row."""
        within = positions_within(self.lengths, self.steps)
        return torch.where(within, torch.linalg.svdvals(self.values)[..., 0], torch.nan)

    def block(self, after: str, before: str) -> Tensor:
        """Return the part of every J_t from one field to another, (B, T, ·, ·).

        Args:
            after: field of the state after the step, such as "cell".
            before: field of the state before it.
        """
        return self.values[..., self._span(after), self._span(before)]

    def ordered(self, row: int) -> Tensor:
        """Return the Jacobians of a row in the order in which its steps are taken, (steps, n, n)."""
        own = self.values[row, : int(self.lengths[row])]
        return own.flip(0) if self.id.direction == "backward" else own

    def at(self, place: Tensor | int) -> Tensor:
        """Return the Jacobian at one position of each row, (B, n, n); that of the first where the position is below 0.

        Args:
            place: the position, one for all rows or one per row, (B,).
        """
        if isinstance(place, int):
            return self.values[:, place]
        found: Tensor = self.values[torch.arange(len(place)), place.clamp(min=0)]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the largest singular values, position by position, with the statistics of the batch."""
        return {
            **super().to_dict(),
            "lengths": self.lengths.tolist(),
            "largest_singular_value": over_batch(self.largest).to_dict(),
        }

    def __str__(self) -> str:
        rows, steps = self.values.shape[:2]
        state = " and ".join(f"{size} {name}" for name, size in zip(self.fields, self.sizes, strict=True))
        known = self.largest[~self.largest.isnan()]
        if not known.numel():
            return f"{self.id}: no step was taken"
        return (
            f"{self.id}: {rows} x {steps} step Jacobians of a state of {state} units; their largest singular values "
            f"lie between {known.min():.4g} and {known.max():.4g}, median {known.median():.4g}"
        )

    def plot(self) -> go.Figure:
        """Draw the largest singular value at each position."""
        from nurt import plotting

        figure = plotting.new_figure(f"One step: {self.id}", "time step", "σ_max of J_t")
        add_curve(figure, np.arange(self.steps), over_batch(self.largest), "median of the batch", plotting.MODEL)
        figure.add_hline(y=1.0, line={"color": plotting.REFERENCE, "width": 1, "dash": "dot"})
        return figure

    def _span(self, name: str) -> slice:
        if name not in self.fields:
            raise NurtValueError(
                "StepJacobians.block: the state has no such field.", expected=" or ".join(self.fields), got=repr(name)
            )
        place = self.fields.index(name)
        first = sum(self.sizes[:place])
        return slice(first, first + self.sizes[place])


def step_jacobians(run: Passage) -> StepJacobians:
    """Differentiate every step of a layer by its state, at the states it really visits.

    Works for every cell, by reverse-mode differentiation of ``cell.step``: one pass per unit of the state, for all
    rows and steps at once. Rows must not depend on each other, as the contract of cells says.

    Args:
        run: what the cell was taken through, from :func:`~nurt.diagnostics.observe` or
            :func:`~nurt.diagnostics.passage`.

    Returns:
        The Jacobians, computed in the precision of the cell.

    Raises:
        NonFiniteError: states or Jacobians are NaN or infinite.

    Example:
        >>> run = nurt.diagnostics.passage(LSTMCell(3, 5), torch.randn(2, 7, 3), lengths=[7, 4])
        >>> jacobians = step_jacobians(run)
        >>> jacobians.values.shape, jacobians.block("cell", "hidden").shape
        (torch.Size([2, 7, 10, 10]), torch.Size([2, 7, 5, 5]))
    """
    batch, steps = run.inputs.shape[:2]
    before = [one.flatten(0, 1) for one in run.states_before()]
    sizes = tuple(one.shape[-1] for one in before)
    within = run.within().flatten()
    inputs, kind = run.inputs.flatten(0, 1), type(run.state)
    _, values = state_derivatives(lambda fields: run.cell.step(inputs, kind(*fields)), before)
    values = torch.where(within[:, None, None], values, 0.0).double().cpu()
    if not bool(torch.isfinite(values).all()):
        raise NonFiniteError(
            f"step_jacobians: the derivatives of {run.id} are not finite.",
            expected="finite states and inputs",
            got="NaN or infinity",
            cure="Look for the first value that is not finite in inputs and states.",
        )
    values = values.view(batch, steps, sum(sizes), sum(sizes))
    return StepJacobians(run.id, _names(run.state), sizes, values, run.lengths.cpu())


def _names(state: Any) -> tuple[str, ...]:
    return getattr(state, "_fields", tuple(map(str, range(len(state)))))


def state_derivatives(
    step: Callable[[Sequence[Tensor]], Sequence[Tensor]], fields: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Differentiate steps by their states, one backward pass per unit of the state for all of them together.

    Args:
        step: from the fields of the states, (N, ·) each, to those after a step; rows do not depend on each other.
        fields: of the states.

    Returns:
        The states after the step, fields side by side (N, n), and the Jacobians (N, n, n).
    """
    with torch.enable_grad():
        leaves = [one.detach().clone().requires_grad_() for one in fields]
        after = step(leaves)
        rows = [
            torch.cat(
                torch.autograd.grad(part[:, unit].sum(), leaves, retain_graph=True, materialize_grads=True), dim=-1
            )
            for part in after
            for unit in range(part.shape[-1])
        ]
    return torch.cat(list(after), dim=-1).detach(), torch.stack(rows, dim=1)


@dataclass(frozen=True, eq=False)
class JacobianProducts(Result):
    """P[T, T-k], from the end of each row k steps back.

    T is here the last step that the layer takes in a row: at the row's end, or at its beginning for a backward layer.

    Args:
        id: which layer and direction.
        lags: the distances k, in steps, (K,).
        direction: P divided by its Frobenius norm, (B, K, n, n); zero where a row has fewer than k steps.
        log_norm: natural logarithm of that norm, (B, K); -∞ for a product that is exactly zero, NaN where a row has
            fewer than k steps. P = exp(log_norm) · direction.
        log_largest: ln σ_max(P), (B, K), NaN as above.
        log_smallest: ln σ_min(P), (B, K), from the product of the inverses, which keeps its digits where σ_max/σ_min
            is beyond those of P; -∞ as soon as one factor is singular.
    """

    id: LayerId
    lags: tuple[int, ...]
    direction: Tensor = field(metadata={"json": False}, repr=False)
    log_norm: Tensor = field(metadata={"json": False})
    log_largest: Tensor = field(metadata={"json": False})
    log_smallest: Tensor = field(metadata={"json": False})

    @property
    def rate(self) -> Tensor:
        """The rate ln σ_max(P)/k in nats per step, (B, K): gradients shrink below 0 and may grow above it."""
        return self.log_largest / torch.tensor(self.lags, dtype=torch.float64)

    @property
    def curves(self) -> dict[str, BatchCurve]:
        """The batch statistics of both logarithms and of the rate."""
        return {name: over_batch(getattr(self, name)) for name in ("log_largest", "log_smallest", "rate")}

    def to_dict(self) -> dict[str, Any]:
        """Return the curves of the batch."""
        return {
            "id": self.id._asdict(),
            "lags": list(self.lags),
            **{name: curve.to_dict() for name, curve in self.curves.items()},
        }

    def __str__(self) -> str:
        curves, lag = self.curves, self.lags[-1]
        ends = [float(curves[name].median[-1]) for name in ("log_largest", "log_smallest", "rate")]
        if np.isnan(ends[0]):
            return f"{self.id}: no row has {plural(lag, 'step')}"
        # A product that is exactly zero has 10^-inf, which is how it is printed.
        return (
            f"{self.id}: over {plural(lag, 'step')} the state is passed on with singular values from "
            f"10^{ends[1] / np.log(10):.1f} to 10^{ends[0] / np.log(10):.1f}, {ends[2]:+.4f} nats per step at most "
            "(medians of the batch)"
        )

    def plot(self) -> go.Figure:
        """Draw the largest and smallest singular values against the distance, in powers of ten."""
        from nurt import plotting

        title = f"Products of Jacobians: {self.id}"
        figure = plotting.new_figure(title, "distance k (steps)", "log₁₀ singular value")
        drawn = (("σ_max", self.log_largest, plotting.MODEL), ("σ_min", self.log_smallest, plotting.WARNING))
        for name, logs, colour in drawn:
            curve = over_batch(torch.where(logs.isinf(), torch.nan, logs) / np.log(10))
            add_curve(figure, np.array(self.lags), curve, name, colour)
        figure.add_hline(y=0.0, line={"color": plotting.REFERENCE, "width": 1, "dash": "dot"})
        return figure


def jacobian_products(jacobians: StepJacobians, lags: Sequence[int] | None = None) -> JacobianProducts:
    """Multiply step Jacobians from the end of each row backwards, with the scale kept apart.

    Args:
        jacobians: of one layer and direction.
        lags: the distances to keep, in steps, each at least 1; None for 1, 2, … to the length of the longest row.

    Returns:
        Singular values and products per distance.

    Raises:
        NurtValueError: a lag below 1 or beyond T, or no step at all.

    Example:
        >>> run = nurt.diagnostics.passage(LinearCell(1, 1), torch.randn(1, 9, 1))
        >>> jacobians = nurt.diagnostics.step_jacobians(run)
        >>> products = jacobian_products(jacobians, lags=[4])
        >>> weight = jacobians.values[0, 0, 0, 0]
        >>> torch.allclose(products.rate, weight.abs().log())
        True
    """
    kept = _checked_lags(jacobians, lags)
    batch, _, n, _ = jacobians.values.shape
    ahead, back = _Chain(batch, n, append=True), _Chain(batch, n, append=False)
    singular = torch.zeros(batch, dtype=torch.bool)
    results: list[tuple[Tensor, ...]] = []
    for lag in range(1, max(kept) + 1):
        there = jacobians.lengths >= lag
        factor = _from_the_end(jacobians, lag)
        inverse, failed = torch.linalg.inv_ex(torch.where(there[:, None, None], factor, torch.eye(n)))
        singular |= failed > 0
        ahead.multiply(factor, there)
        back.multiply(torch.where(singular[:, None, None], torch.eye(n), inverse), there)
        if lag in kept:
            smallest = torch.where(singular, -torch.inf, -back.log_largest())
            logs = (ahead.log_norm, ahead.log_largest(), smallest)
            results.append((ahead.product(there), *(torch.where(there, one, torch.nan) for one in logs)))
    return JacobianProducts(jacobians.id, tuple(kept), *(torch.stack(one, dim=1) for one in zip(*results, strict=True)))


def _checked_lags(jacobians: StepJacobians, lags: Sequence[int] | None) -> list[int]:
    most = int(jacobians.lengths.max()) if len(jacobians.lengths) else 0
    kept = sorted(set(range(1, most + 1) if lags is None else lags))
    if not kept or kept[0] < 1 or kept[-1] > jacobians.steps:
        raise NurtValueError(
            "jacobian_products: the distances do not fit the rows.",
            expected=f"whole numbers from 1 to T={jacobians.steps}, and a row with at least one step",
            got=str(kept),
        )
    return kept


def _from_the_end(jacobians: StepJacobians, lag: int) -> Tensor:
    """Return the Jacobian of the ``lag``-th last step of each row, (B, n, n); of any step where there is none."""
    return jacobians.at(lag - 1 if jacobians.id.direction == "backward" else jacobians.lengths - lag)


class _Chain:
    """A product of matrices of norm 1, and the logarithm of what it was divided by.

    Args:
        batch: rows.
        n: size of the matrices.
        append: factors come in on the right; else on the left.
    """

    def __init__(self, batch: int, n: int, append: bool) -> None:
        self._append = append
        self.direction = torch.eye(n, dtype=torch.float64).expand(batch, n, n)
        self.log_norm = torch.zeros(batch, dtype=torch.float64)

    def multiply(self, factor: Tensor, there: Tensor) -> None:
        """Multiply the rows of which ``there`` (B,) is true by ``factor`` (B, n, n)."""
        product = self.direction @ factor if self._append else factor @ self.direction
        norm = torch.linalg.matrix_norm(product)
        # A product that vanished stays zero; dividing it by its norm would make it NaN.
        product = product / torch.where(norm > 0, norm, 1.0)[:, None, None]
        self.direction = torch.where(there[:, None, None], product, self.direction)
        self.log_norm = torch.where(there, self.log_norm + norm.log(), self.log_norm)

    def log_largest(self) -> Tensor:
        """Return ln σ_max of the product, (B,)."""
        largest: Tensor = torch.linalg.svdvals(self.direction)[:, 0]
        return largest.log() + self.log_norm

    def product(self, there: Tensor) -> Tensor:
        """Return the product of norm 1, zero where ``there`` is false."""
        return torch.where(there[:, None, None], self.direction, 0.0)
