r"""Products of step Jacobians: how much of a gradient can arrive from how far away.

    P[t, s] = J_t ⋯ J_{s+1} = ∂s_t/∂s_s

A gradient at step t arrives at step s multiplied by the transpose of P[t, s]: with at most σ_max of its length and at
least σ_min [pascanu2013difficulty]. Where this misleads: σ_max speaks of the best direction, and the gradient of a
loss may lie in none that is good. Products over many steps leave the range of floating-point numbers long before they
leave that of logarithms, hence the scale is kept apart as a logarithm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.batch import BatchCurve, add_curve, over_batch
from nurt.diagnostics.finding import LayerId
from nurt.diagnostics.jacobian import StepJacobians
from nurt.errors import NurtValueError
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["JacobianProducts", "jacobian_products"]


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
            return f"{self.id}: no row has {lag} steps"
        # A product that is exactly zero has 10^-inf, which is how it is printed.
        return (
            f"{self.id}: over {lag} step(s) the state is passed on with singular values from "
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
