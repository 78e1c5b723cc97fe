r"""Finite-time Lyapunov exponents: at which rates small differences between two states grow or shrink.

    J_t Q_{t-1} = Q_t R_t,      λ_i = 1/T Σ_t ln |R_t,ii|      (nats per step)

the method of [benettin1980lyapunov], used for recurrent networks by [vogt2022lyapunov]. A largest exponent above 0
means that the network amplifies every difference, noise too; one far below 0 that it forgets at that rate. Two
cautions. The exponents belong to the trajectory, hence to these inputs. And over few steps they are not the limits of
the same name: T, the steps left out at the start and an interval over sequences are reported with every number. The
first steps are a transient, during which the state finds its attractor and Q the directions that grow most; counted,
they push the exponents of neutral dynamics above zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.stats import t as student
from torch import Tensor

from nurt.diagnostics.dynamics.jacobian import StepJacobians
from nurt.diagnostics.look.batch import add_curve, over_batch
from nurt.diagnostics.look.finding import LayerId
from nurt.errors import NurtValueError
from nurt.results import Result
from nurt.wording import plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["LyapunovExponents", "lyapunov_exponents"]


@dataclass(frozen=True, eq=False)
class LyapunovExponents(Result):
    """Finite-time exponents of one layer in one direction.

    Args:
        id: which layer and direction.
        exponents: per row, falling, (B, k), nats per step; NaN for a row without a step after the discarded ones, -∞
            where a direction is lost altogether.
        discarded: steps left out at the start of each row.
        steps: steps averaged over, per row, (B,).
        growth: ln |R_ii| of every step, in the order in which the layer runs, (B, T, k), the columns as Q has them;
            NaN for discarded steps and past the end of a row.
        units: n, features of the whole state, which is how many exponents there are.
    """

    id: LayerId
    exponents: Tensor = field(metadata={"json": False})
    discarded: int
    steps: Tensor = field(metadata={"json": False})
    growth: Tensor = field(metadata={"json": False}, repr=False)
    units: int

    @property
    def median(self) -> Tensor:
        """Median over the rows, (k,); NaN where no row has exponents."""
        values: Tensor = torch.from_numpy(over_batch(self.exponents).median)
        return values

    @property
    def largest(self) -> float:
        """The largest exponent, median of the rows."""
        return float(self.median[0])

    @property
    def counted(self) -> tuple[int, int]:
        """How many rows have exponents, and the steps averaged over in the shortest of them; 0, 0 for none."""
        known = self.steps[~self.exponents[:, 0].isnan()]
        return (len(known), int(known.min())) if len(known) else (0, 0)

    def later_half(self) -> LyapunovExponents:
        """Return the exponents of the later half of the counted steps of each row, with less of a transient."""
        begin = self.discarded + self.steps // 2
        early = torch.arange(self.growth.shape[1]) < begin[:, None]
        growth = self.growth.masked_fill(early.unsqueeze(-1), torch.nan)
        counted = self.steps - self.steps // 2
        return LyapunovExponents(self.id, _averaged(growth, counted), self.discarded, counted, growth, self.units)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return Student's t interval of the largest exponent over the rows.

        Returns:
            Lower and upper end, nats per step; NaN where fewer than two rows have a finite exponent. A row that loses
            the direction altogether puts the lower end at -∞.
        """
        known = self.exponents[:, 0][~self.exponents[:, 0].isnan()]
        finite = known[known.isfinite()]
        if len(finite) < 2:
            return math.nan, math.nan
        half = float(student.ppf(0.5 + confidence / 2, len(finite) - 1)) * float(finite.std()) / math.sqrt(len(finite))
        low = float(finite.mean()) - half if len(finite) == len(known) else -math.inf
        return low, float(finite.mean()) + half

    def to_dict(self) -> dict[str, Any]:
        """Return the exponents with what they rest on."""
        return {
            "id": self.id._asdict(),
            "units": self.units,
            "discarded": self.discarded,
            "steps": self.steps.tolist(),
            "interval": [_plain(one) for one in self.interval()],
            "over_batch": over_batch(self.exponents).to_dict(),
        }

    def __str__(self) -> str:
        if np.isnan(self.largest):
            return f"{self.id}: no row has a step after the {self.discarded} discarded"
        shown = ", ".join(f"{one:+.4f}" for one in self.median[:3].tolist())
        known = self.steps[self.steps > 0]
        least, most = int(known.min()), int(known.max())
        length = plural(most, "step") if least == most else f"{least} to {plural(most, 'step')}"
        rows, _ = self.counted
        low, high = self.interval()
        of_rows = f"median of {rows} rows, 95 % interval of the largest {low:+.4f} to {high:+.4f}"
        beside = "a single sequence" if rows < 2 else of_rows
        return (
            f"{self.id}: largest Lyapunov exponents {shown} nats per step over {length}, "
            f"{self.discarded} discarded; {beside}"
        )

    def plot(self) -> go.Figure:
        """Draw the exponents in falling order."""
        from nurt import plotting

        figure = plotting.new_figure(f"Lyapunov exponents: {self.id}", "index i", "λ_i (nats per step)")
        finite = torch.where(self.exponents.isinf(), torch.nan, self.exponents)
        curve = over_batch(finite)
        add_curve(figure, np.arange(1, finite.shape[1] + 1), curve, "median of the batch", plotting.MODEL)
        figure.add_hline(y=0.0, line={"color": plotting.REFERENCE, "width": 1, "dash": "dot"})
        return figure


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None


def lyapunov_exponents(
    jacobians: StepJacobians, *, count: int | None = None, discard: int = 0, start: Tensor | None = None
) -> LyapunovExponents:
    """Return the finite-time Lyapunov exponents along the states that a layer visits.

    Args:
        jacobians: of one layer and direction.
        count: k, how many of the largest exponents; None for all n.
        discard: steps at the start of each row during which Q turns into place and nothing is counted.
        start: Q before the first step, (n, k), orthonormal columns. None for the identity where all exponents are
            asked for, and for fixed random columns where only some are: columns of the identity would miss what
            lives in the other units.

    Returns:
        The exponents of every row.

    Raises:
        NurtValueError: ``count`` outside 1 … n, ``discard`` below 0, or ``start`` of another shape.

    Example:
        >>> jacobians = nurt.diagnostics.step_jacobians(nurt.diagnostics.passage(LSTMCell(3, 5), torch.randn(4, 30, 3)))
        >>> found = lyapunov_exponents(jacobians, count=3, discard=10)
        >>> found.exponents.shape, found.steps.tolist()
        (torch.Size([4, 3]), [20, 20, 20, 20])
    """
    batch, steps, n, _ = jacobians.values.shape
    columns = _checked(n, count, discard)
    basis = _start(n, columns, start).expand(batch, n, columns)
    growth = torch.full((batch, steps, columns), torch.nan, dtype=torch.float64)
    for step in range(steps):
        there = jacobians.lengths > step
        basis, upper = torch.linalg.qr(_at(jacobians, step) @ basis)
        growth[:, step] = upper.diagonal(dim1=-2, dim2=-1).abs().log()
        growth[~there | (step < discard), step] = torch.nan
    counted = (jacobians.lengths - discard).clamp(min=0)
    return LyapunovExponents(jacobians.id, _averaged(growth, counted), discard, counted, growth, n)


def _averaged(growth: Tensor, counted: Tensor) -> Tensor:
    """Return the mean growth of each row, falling, (B, k); NaN for a row without counted steps."""
    sums = torch.where(growth.isnan(), 0.0, growth).sum(dim=1)
    values = torch.where(counted[:, None] > 0, sums / counted[:, None], torch.nan)
    return values.sort(dim=1, descending=True).values


def _checked(n: int, count: int | None, discard: int) -> int:
    columns = n if count is None else count
    if not 1 <= columns <= n or discard < 0:
        raise NurtValueError(
            "lyapunov_exponents: `count` or `discard` is out of range.",
            expected=f"count in 1 … {n}, the units of the state, and discard of at least 0",
            got=f"count={count}, discard={discard}",
        )
    return columns


def _start(n: int, columns: int, start: Tensor | None) -> Tensor:
    if start is None:
        if columns == n:
            return torch.eye(n, dtype=torch.float64)
        drawn = np.random.default_rng(0).standard_normal((n, columns))
        basis: Tensor = torch.linalg.qr(torch.from_numpy(drawn))[0]
        return basis
    if start.shape != (n, columns):
        raise NurtValueError(
            "lyapunov_exponents: `start` has the wrong shape.",
            expected=f"({n}, {columns})",
            got=str(tuple(start.shape)),
        )
    return start.double()


def _at(jacobians: StepJacobians, step: int) -> Tensor:
    """Return the Jacobian of the ``step``-th step that each row takes, (B, n, n); of any step past a row's end."""
    return jacobians.at(step if jacobians.id.direction == "forward" else jacobians.lengths - 1 - step)
