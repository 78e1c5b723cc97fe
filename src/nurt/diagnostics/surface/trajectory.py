"""Where optimisers go on a plane, and where training went, seen on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from torch import Tensor

from nurt.descent import SGD, AbstractRule, Adam, RProp, TorchRprop
from nurt.diagnostics.surface.plane import Plane
from nurt.diagnostics.surface.sampling import Range
from nurt.diagnostics.surface.visiting import Counter, LossFunction, OnProgress, Visit, visiting
from nurt.errors import NurtValueError
from nurt.results import Result

__all__ = ["RULES", "Trajectory", "projected_path", "trajectories"]

Rules: TypeAlias = Mapping[str, AbstractRule]

RULES: Rules = {
    "SGD": SGD(0.001),
    "SGD, clipped": SGD(0.01, clip_norm=1.0),
    "RProp": RProp(),
    "RProp of torch": TorchRprop(),
    "Adam": Adam(0.02),
}
"""Five rules of :mod:`nurt.descent` that behave differently at a wall."""


@dataclass(frozen=True, eq=False)
class Trajectory(Result):
    """A walk over a plane.

    Args:
        name: of the optimiser.
        points: (S + 1, 2), the start first.
        losses: at the points, (S + 1,); NaN where unknown.
    """

    name: str
    points: np.ndarray
    losses: np.ndarray

    @property
    def steps(self) -> int:
        """S."""
        return len(self.points) - 1

    def ranges(self, margin: float = 0.25) -> tuple[Range, Range]:
        """Return ranges of x and y that hold all finite points, and a share more on each side."""
        finite = self.points[np.isfinite(self.points).all(axis=1)]
        low, high = finite.min(axis=0), finite.max(axis=0)
        wide = np.where(high > low, high - low, 1.0) * margin
        (left, bottom), (right, top) = (low - wide).tolist(), (high + wide).tolist()
        return (left, right), (bottom, top)

    def __str__(self) -> str:
        start, end = (_place(self.points[at]) for at in (0, -1))
        told = f"{self.name}: {self.steps} steps from {start} to {end}"
        if np.isfinite(self.losses[[0, -1]]).all():
            told += f", loss {self.losses[0]:.4g} → {self.losses[-1]:.4g}"
        if not (np.isfinite(self.points[-1]).all() and np.isfinite(self.losses[-1])):
            told += "; diverged"
        return told


def trajectories(
    loss: LossFunction,
    plane: Plane,
    start: tuple[float, float],
    steps: int = 500,
    rules: Rules = RULES,
    progress: OnProgress | None = None,
) -> tuple[Trajectory, ...]:
    """Run optimisers over a plane from one start, full batch, and keep every point.

    Only the two coordinates of the plane are optimised; all other weights stay on it. A walk ends early where weights
    or the loss are no longer finite.

    Args:
        loss: takes the model, returns its loss; the same one at the same weights.
        plane: of the model, which is in evaluation mode meanwhile and comes back unchanged.
        start: coordinates of the first point.
        steps: of each walk, at least 0.
        rules: by name, from :mod:`nurt.descent`.
        progress: called with the steps done and all steps; where it returns False the walks end there.

    Raises:
        NurtValueError: a negative number of steps, or a loss that is not the same twice.

    Example:
        >>> model = torch.nn.Linear(1, 1)
        >>> plane = nurt.diagnostics.weight_plane(model, "weight", "bias")
        >>> walk, = trajectories(lambda m: (m.weight**2 + m.bias**2).sum(), plane, (4.0, 2.0), 2, {"SGD": SGD(0.25)})
        >>> print(walk)
        SGD: 2 steps from (4, 2) to (1, 0.5), loss 20 → 1.25
    """
    if steps < 0:
        raise NurtValueError("trajectories: there is no such walk.", expected="steps of at least 0", got=str(steps))
    counter = Counter(progress, steps * len(rules))
    with visiting(loss, plane) as visit:
        return tuple(_walk(visit, name, rule, start, steps, counter) for name, rule in rules.items())


def projected_path(
    plane: Plane, path: Sequence[Mapping[str, Tensor]], losses: Sequence[float] | None = None, name: str = "training"
) -> Trajectory:
    """Return a training path as it is seen on a plane: each point moves to the nearest of the plane.

    Args:
        plane: of the same model.
        path: what :func:`~nurt.diagnostics.snapshot` returned at each point.
        losses: at these weights, if known; the losses on the plane below them are others.
        name: for legends.
    """
    known = np.full(len(path), math.nan) if losses is None else np.array(losses, dtype=np.float64)
    return Trajectory(name, np.array([plane.coordinates(weights) for weights in path]), known)


def _walk(
    visit: Visit, name: str, rule: AbstractRule, start: tuple[float, float], steps: int, counter: Counter
) -> Trajectory:
    # A rule that looks ahead asks for gradients elsewhere than at the points of its path.
    seen: dict[tuple[float, float], float] = {}

    def gradient(at: np.ndarray) -> np.ndarray:
        x, y = at.tolist()
        seen[x, y], *slope = visit.slope(x, y)
        return np.array(slope)

    def value(at: np.ndarray) -> float:
        x, y = at.tolist()
        return seen[x, y] if (x, y) in seen else visit.value(x, y)

    point = np.array(start, dtype=np.float64)
    memory = rule.begin(point.size)
    points, losses = [point], []
    # A walk that diverges overflows; its points show it.
    with np.errstate(all="ignore"):
        for _ in range(steps):
            if counter.stopped:
                break
            point, memory = rule.step(point, memory, gradient)
            losses.append(value(points[-1]))
            points.append(point)
            counter.count()
            if not (np.isfinite(point).all() and math.isfinite(losses[-1])):
                break
    return Trajectory(name, np.array(points), np.array([*losses, value(points[-1])]))


def _place(point: np.ndarray) -> str:
    # A zero has no sign in words.
    x, y = point + 0.0
    return f"({x:.4g}, {y:.4g})"
