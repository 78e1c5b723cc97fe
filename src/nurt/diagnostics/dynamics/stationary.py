r"""Fixed and slow points of a layer at a constant input.

    q(s) = ½‖F(s, x̄) - s‖²,      speed ‖F(s, x̄) - s‖ = √(2q)

s is the whole state, (h, c) side by side for an LSTM, F one step, x̄ the input. Minima of q are looked for from many
states that the layer has visited [sussillo2013opening], [golub2018fixedpointfinder]. Where q is zero the state is
fixed; where a minimum lies a little above zero the state moves slowly. The eigenvalues of the step Jacobian there
give the growth of small deviations: stable if all are inside the unit circle. Memories of a trained network are often
such points, and the path from one to the next leads past the unstable ones.

Each update of the search solves (AᵀA + μ I) d = -∇q, ∇q = Aᵀ(F(s) - s), A = ∂F/∂s - I [marquardt1963algorithm]: with μ
near 0 it is Newton's step towards F(s) = s, with a large μ a short step down the gradient, which is what is left where
no fixed point is near. Every start has its own damping μ; an update that does not lower q is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.dynamics.jacobian import state_derivatives
from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.passage import Passage
from nurt.diagnostics.look.steps import weighted_step
from nurt.errors import NonFiniteError, NurtValueError, ShapeError
from nurt.results import Result
from nurt.wording import plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Minima", "StationaryPoints", "fixed_points", "minima"]

POINTS_SHOWN = 10
# Speed, in units of the state per step, below which a point is fixed.
STILL = 1e-9
# The speed that rounding leaves of a fixed point, per unit of the state's norm.
ROUNDING = 1e-14
# ‖∇q‖/‖F(s) - s‖ below which a state that still moves is a minimum of q.
FLAT = 1e-6
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-12, 1e12


@dataclass(frozen=True, eq=False)
class StationaryPoints(Result):
    """Fixed and slow points of one layer in one direction, the slowest first.

    Args:
        id: which layer and direction.
        fields: names of the fields of the state, in the order in which they stand side by side.
        sizes: features of each field; n is their sum.
        inputs: x̄, (I,).
        points: (K, n), float64.
        speeds: √(2q) of each point, in units of the state per step, (K,).
        eigenvalues: of the step Jacobian at each point, falling in magnitude, (K, n), complex.
        ended: how many starts ended at each point, (K,).
        starts: states from which was searched, (N, n).
        fast: starts that ended at minima that are too fast to be called slow.
        unsettled: starts that were still on their way after the last update.
    """

    id: LayerId
    fields: tuple[str, ...]
    sizes: tuple[int, ...]
    inputs: Tensor = field(metadata={"json": False}, repr=False)
    points: Tensor = field(metadata={"json": False}, repr=False)
    speeds: Tensor = field(metadata={"json": False}, repr=False)
    eigenvalues: Tensor = field(metadata={"json": False}, repr=False)
    ended: Tensor = field(metadata={"json": False}, repr=False)
    starts: Tensor = field(metadata={"json": False}, repr=False)
    fast: int
    unsettled: int

    def __len__(self) -> int:
        return len(self.points)

    @property
    def fixed(self) -> Tensor:
        """Which points are fixed, (K,): they move by less than 1e-9 a step, per unit of their norm above 1."""
        return torch.le(self.speeds, STILL * self.points.norm(dim=1).clamp(min=1.0))

    @property
    def radii(self) -> Tensor:
        """The largest magnitude of an eigenvalue of each point, (K,)."""
        return self.eigenvalues.abs()[:, 0]

    @property
    def stable(self) -> Tensor:
        """At which points small deviations die out, (K,)."""
        return self.radii < 1

    def state(self, point: int) -> dict[str, Tensor]:
        """Return one point by the fields of the state, (·) each."""
        return dict(zip(self.fields, torch.split(self.points[point], list(self.sizes)), strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return every point with its kind, speed, spectral radius and eigenvalues."""
        listed = [
            {
                "kind": self._kind(k),
                "speed": float(self.speeds[k]),
                "spectral_radius": float(self.radii[k]),
                "ended": int(self.ended[k]),
                "state": {name: value.tolist() for name, value in self.state(k).items()},
                "eigenvalues": [[one.real, one.imag] for one in self.eigenvalues[k].tolist()],
            }
            for k in range(len(self))
        ]
        told = {"inputs": self.inputs.tolist(), "starts": len(self.starts)}
        return {**super().to_dict(), **told, "points": listed}

    def __str__(self) -> str:
        stable, fixed = self.stable, self.fixed
        counts = [(fixed & stable).sum(), (fixed & ~stable).sum(), (~fixed).sum()]
        lines = [
            f"{self.id}: from {len(self.starts)} states at a constant input, {int(counts[0])} stable and "
            f"{int(counts[1])} unstable fixed points, {int(counts[2])} slow ones"
        ]
        if self.fast or self.unsettled:
            lines[0] += f"; {self.fast} starts ended at fast minima, {self.unsettled} did not converge"
        lines += [
            f"  {self._kind(k)}: largest |λ| {self.radii[k]:.4g}, speed {self.speeds[k]:.2g}, "
            f"{plural(int(self.ended[k]), 'start')}"
            for k in range(min(len(self), POINTS_SHOWN))
        ]
        return "\n".join([*lines, *([f"  and {len(self) - POINTS_SHOWN} more"] if len(self) > POINTS_SHOWN else [])])

    def plot(self) -> go.Figure:
        """Draw points and starts in the plane of the first two principal components of the starts."""
        from nurt import plotting

        title = f"Fixed and slow points: {self.id}"
        figure = plotting.new_figure(title, "first principal component", "second principal component")
        centre = self.starts.mean(dim=0)
        axes = torch.linalg.svd(self.starts - centre, full_matrices=False)[2][:2]
        flat = [
            torch.nn.functional.pad((one - centre) @ axes.T, (0, 2 - len(axes))).numpy()
            for one in (self.starts, self.points)
        ]
        grey = {"color": plotting.REFERENCE, "size": 4, "opacity": 0.5}
        figure.add_scatter(x=flat[0][:, 0], y=flat[0][:, 1], mode="markers", name="starts", marker=grey)
        signs = {"stable fixed point": "circle", "unstable fixed point": "x", "slow point": "diamond-open"}
        for place, (kind, sign) in enumerate(signs.items()):
            own = [k for k in range(len(self)) if self._kind(k) == kind]
            marker = {"color": plotting.PALETTE[place], "size": 11, "symbol": sign}
            text = [f"largest |λ| {self.radii[k]:.4g}" for k in own]
            shown = flat[1][own]
            figure.add_scatter(x=shown[:, 0], y=shown[:, 1], mode="markers", name=kind, marker=marker, text=text)
        figure.update_layout(hovermode="closest")
        return figure

    def _kind(self, point: int) -> str:
        if not self.fixed[point]:
            return "slow point"
        return "stable fixed point" if self.stable[point] else "unstable fixed point"


def fixed_points(
    run: Passage,
    inputs: Tensor | None = None,
    *,
    starts: int = 256,
    slow: float = 0.1,
    distance: float = 0.01,
    updates: int = 300,
) -> StationaryPoints:
    """Find the states at which a layer stands still or nearly so while its input does not change.

    All starts are followed together, in float64. What is found are points that a search from visited states leads to;
    others may exist.

    Args:
        run: what the cell was taken through, from :func:`~nurt.diagnostics.observe` or
            :func:`~nurt.diagnostics.passage`; the search starts at states before its steps.
        inputs: x̄, (I,), as the layer reads it; None for zeros.
        starts: at most so many, evenly spread over the states visited.
        slow: minima of the speed are kept that are slower than this share of the median speed of the starts.
        distance: points nearer to each other than this, per unit of their norm above 1, are one.
        updates: at most so many of each start.

    Returns:
        The points, the slowest first.

    Raises:
        ShapeError: ``inputs`` does not fit the cell.
        NurtValueError: a number out of range, or a run without steps.
        NonFiniteError: visited states are not finite.

    Example:
        >>> run = nurt.diagnostics.passage(GRUCell(2, 5), torch.randn(4, 30, 2))
        >>> found = fixed_points(run)
        >>> found.fixed.tolist(), found.stable.tolist()
        ([True], [True])
    """
    if min(starts, updates) < 1 or slow < 0 or distance < 0:
        raise NurtValueError(
            "fixed_points: a number is out of range.",
            expected="starts and updates of at least 1, slow and distance not below 0",
            got=f"starts={starts}, updates={updates}, slow={slow}, distance={distance}",
        )
    dynamics = _Dynamics(run, _constant(run, inputs))
    begin = _starts(run, starts)
    found = minima(dynamics.step, dynamics.derivatives, begin, updates)
    states = found.states[found.settled]
    speeds = torch.linalg.vector_norm(dynamics.step(states) - states, dim=1)
    typical = torch.linalg.vector_norm(dynamics.step(begin) - begin, dim=1).median()
    near = speeds <= torch.maximum(slow * typical, STILL * states.norm(dim=1).clamp(min=1.0))
    points, ended = _merged(states[near], speeds[near], distance)
    after, jacobians = dynamics.derivatives(points)
    eigenvalues = torch.linalg.eigvals(jacobians.cpu())
    order = eigenvalues.abs().argsort(dim=1, descending=True)
    return StationaryPoints(
        run.id,
        getattr(run.state, "_fields", tuple(map(str, range(len(dynamics.sizes))))),
        tuple(dynamics.sizes),
        dynamics.x.cpu(),
        points.cpu(),
        torch.linalg.vector_norm(after - points, dim=1).cpu(),
        eigenvalues.gather(1, order),
        ended,
        begin.cpu(),
        int((~near).sum()),
        int((~found.settled).sum()),
    )


class _Dynamics:
    """One step of a cell at a constant input, from states side by side (N, n) to states side by side, in float64."""

    def __init__(self, run: Passage, x: Tensor) -> None:
        weights, self._take = weighted_step(run.cell)
        self._weights = {
            name: weight.double() if weight.is_floating_point() else weight for name, weight in weights.items()
        }
        self._kind: Any = type(run.state)
        self.x = x
        self.sizes = [int(one.shape[-1]) for one in run.state]

    def step(self, states: Tensor) -> Tensor:
        """Return the states after a step."""
        with torch.no_grad():
            return torch.cat(list(self._fields(torch.split(states, self.sizes, dim=1))), dim=1)

    def derivatives(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states after a step and the step Jacobians, (N, n, n)."""
        return state_derivatives(self._fields, torch.split(states, self.sizes, dim=1))

    def _fields(self, fields: Sequence[Tensor]) -> Sequence[Tensor]:
        made: Sequence[Tensor] = self._take(self.x.expand(len(fields[0]), -1), self._kind(*fields), self._weights)
        return made


def _constant(run: Passage, inputs: Tensor | None) -> Tensor:
    size = run.inputs.shape[-1]
    if inputs is None:
        return run.inputs.new_zeros(size).double()
    if inputs.shape != (size,):
        raise ShapeError(
            f"fixed_points: `inputs` does not fit {run.id}.", expected=f"({size},)", got=str(tuple(inputs.shape))
        )
    return inputs.detach().to(run.inputs.device).double()


def _starts(run: Passage, most: int) -> Tensor:
    """Return visited states, evenly spread over all rows and steps, (N, n)."""
    visited = torch.cat(run.states_before(), dim=-1)[run.within()].double()
    if not len(visited):
        raise NurtValueError("fixed_points: no step was taken.", expected="a row with a step", got="none")
    if not bool(torch.isfinite(visited).all()):
        raise NonFiniteError(
            f"fixed_points: states of {run.id} are not finite.", expected="finite states", got="NaN or infinity"
        )
    chosen = np.linspace(0, len(visited) - 1, min(most, len(visited))).round().astype(int)
    return visited[torch.from_numpy(chosen)]


def _merged(states: Tensor, speeds: Tensor, distance: float) -> tuple[Tensor, Tensor]:
    """Return one of the states that lie together, the slowest, and how many there were."""
    order = speeds.argsort()
    left, points, counts = states[order], [], []
    while len(left):
        first = left[0]
        near = torch.linalg.vector_norm(left - first, dim=1) <= distance * max(1.0, float(first.norm()))
        points.append(first)
        counts.append(int(near.sum()))
        left = left[~near]
    return torch.stack(points) if points else states, torch.tensor(counts, dtype=torch.int64)


class Minima(NamedTuple):
    """Where the starts ended.

    Attributes:
        states: (N, n).
        settled: which of them are minima of q, (N,); the others were still on their way.
    """

    states: Tensor
    settled: Tensor


def minima(
    step: Callable[[Tensor], Tensor],
    derivatives: Callable[[Tensor], tuple[Tensor, Tensor]],
    starts: Tensor,
    updates: int,
) -> Minima:
    """Return the minima of q to which ``starts`` lead.

    Args:
        step: F, from states (N, n) to those after a step.
        derivatives: F and its Jacobians (N, n, n) at once.
        starts: (N, n), float64.
        updates: at most so many of each start.
    """
    states, damping = starts.clone(), torch.full_like(starts[:, 0], FIRST_DAMPING)
    settled = torch.zeros(len(starts), dtype=torch.bool, device=starts.device)
    unit = torch.eye(starts.shape[1], dtype=starts.dtype, device=starts.device)
    for _ in range(updates):
        active = (~settled).nonzero().squeeze(1)
        if not len(active):
            break
        here = states[active]
        after, jacobians = derivatives(here)
        move, slope = after - here, jacobians - unit
        gradient = (slope.mT @ move.unsqueeze(-1)).squeeze(-1)
        done = _settled(here, move, gradient) | (damping[active] > MOST_DAMPING)
        settled[active] = done
        damped = slope.mT @ slope + damping[active][:, None, None] * unit
        there = here - torch.linalg.solve_ex(damped, gradient)[0]
        lower = _speed(step(there) - there) < _speed(move)
        states[active] = torch.where((lower & ~done).unsqueeze(1), there, here)
        damping[active] = torch.where(lower, (damping[active] / 10).clamp(min=LEAST_DAMPING), damping[active] * 10)
    return Minima(states, settled)


def _settled(states: Tensor, move: Tensor, gradient: Tensor) -> Tensor:
    speed = _speed(move)
    fixed = speed <= ROUNDING * (1 + torch.linalg.vector_norm(states, dim=1))
    return torch.logical_or(fixed, torch.linalg.vector_norm(gradient, dim=1) <= FLAT * speed)


def _speed(move: Tensor) -> Tensor:
    speed: Tensor = torch.linalg.vector_norm(move, dim=1)
    return speed
