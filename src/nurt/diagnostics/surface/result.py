"""The loss over a rectangle of a plane, as numbers, sentences and pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt.diagnostics.surface.plane import Plane
from nurt.diagnostics.surface.sampling import AT_ONCE, AbstractSampling, Grid, Range, has_signs, heights
from nurt.diagnostics.surface.scene import Marker, Overlay, Scene
from nurt.diagnostics.surface.trajectory import Trajectory
from nurt.diagnostics.surface.visiting import Counter, LossFunction, OnProgress, visiting
from nurt.errors import NurtValueError
from nurt.results import Result
from nurt.wording import percent_in_words

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Steepest", "Surface", "loss_surface"]

# Powers of ten below the median, as far as a change of the loss counts as steep.
DEEPEST = 2.0


@dataclass(frozen=True)
class Steepest(Result):
    """The steepest cell of a surface.

    Args:
        point: its middle.
        change: by how many powers of ten its corners differ.
        width: its longer edge, in the units of the axes.
    """

    point: tuple[float, float]
    change: float
    width: float


@dataclass(frozen=True, eq=False)
class Surface(Result):
    """The loss at points of a plane, and what is drawn over it.

    Args:
        words: what the plane is.
        x_name: of the horizontal axis.
        y_name: of the vertical axis.
        x_range: of the horizontal axis.
        y_range: of the vertical axis.
        points: where the loss is known, (P, 2).
        losses: there, (P,); NaN and infinities as they came.
        gradients: ∂ℓ/∂x and ∂ℓ/∂y there, (P, 2), or None where they were not asked for.
        cells: the corners of each cell by their numbers, (C, 4): low left, low right, high left, high right.
        budget: how many points were allowed.
        complete: False where someone stopped it.
        explained: shares of the variance of a training path along both axes, or None.
        trajectories: walks over it.
        overlays: lines known from theory.
        markers: points of interest.
    """

    words: str
    x_name: str
    y_name: str
    x_range: Range
    y_range: Range
    points: np.ndarray
    losses: np.ndarray
    gradients: np.ndarray | None
    cells: np.ndarray
    budget: int
    complete: bool
    explained: tuple[float, float] | None = None
    trajectories: tuple[Trajectory, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    markers: tuple[Marker, ...] = ()

    @property
    def gradient_norms(self) -> np.ndarray:
        """Norm of the gradient within the plane, (P,).

        Raises:
            NurtValueError: gradients were not asked for.
        """
        if self.gradients is None:
            raise NurtValueError(
                "Surface: there are no gradients.", got="losses alone", cure="Call loss_surface(..., gradients=True)."
            )
        return np.asarray(np.hypot(*self.gradients.T))

    @property
    def non_finite(self) -> int:
        """How many losses are NaN or infinite."""
        return int((~np.isfinite(self.losses)).sum())

    @property
    def steepest(self) -> Steepest | None:
        """The cell in which the loss changes by most powers of ten per width; None where no cell is finite.

        Losses below a hundredth of the median count as that hundredth: toward a zero the logarithm falls without end,
        and the bottom of a valley is no wall.
        """
        corners, high = self.points[self.cells], heights(self.losses)[self.cells]
        finite = np.isfinite(high).all(axis=1)
        if not finite.any():
            return None
        if not has_signs(self.losses):
            high = np.maximum(high, np.nanmedian(heights(self.losses)) - DEEPEST)
        change = np.where(finite, np.ptp(high, axis=1), 0.0)
        edges = corners[:, 3] - corners[:, 0]
        # Axes have units of their own, so widths are compared as shares of the ranges.
        share = np.max(edges / [self.x_range[1] - self.x_range[0], self.y_range[1] - self.y_range[0]], axis=1)
        best = int(np.argmax(change / share))
        x, y = corners[best].mean(axis=0).tolist()
        return Steepest((x, y), float(change[best]), float(edges[best].max()))

    @property
    def scene(self) -> Scene:
        """The rectangle and all that is drawn over it, without values."""
        names, ranges = (self.x_name, self.y_name), (self.x_range, self.y_range)
        return Scene(names, ranges, self.points, self.cells, self.trajectories, self.overlays, self.markers)

    def with_drawn(
        self,
        trajectories: Sequence[Trajectory] = (),
        overlays: Sequence[Overlay] = (),
        markers: Sequence[Marker] = (),
    ) -> Surface:
        """Return the surface with more drawn over it."""
        return dataclasses.replace(
            self,
            trajectories=(*self.trajectories, *trajectories),
            overlays=(*self.overlays, *overlays),
            markers=(*self.markers, *markers),
        )

    def __str__(self) -> str:
        return _summary(self)

    def plot(self) -> go.Figure:
        """Draw a map of the loss on a logarithmic scale with all that is drawn over it."""
        from nurt.diagnostics.surface.picture import loss_map

        return loss_map(self.scene, self.losses)

    def plot_3d(self) -> go.Figure:
        """Draw the surface in three dimensions, its height on a logarithmic scale."""
        from nurt.diagnostics.surface.picture import relief

        return relief(self.scene, self.losses)

    def plot_gradient(self) -> go.Figure:
        """Draw a map of the norm of the gradient within the plane, on a logarithmic scale.

        Raises:
            NurtValueError: gradients were not asked for.
        """
        from nurt.diagnostics.surface.picture import gradient_map

        return gradient_map(self.scene, self.gradient_norms)


def loss_surface(
    loss: LossFunction,
    plane: Plane,
    x: Range = (-1.0, 1.0),
    y: Range = (-1.0, 1.0),
    sampling: AbstractSampling | None = None,
    *,
    gradients: bool = False,
    progress: OnProgress | None = None,
) -> Surface:
    """Evaluate the loss over a rectangle of a plane in the space of the weights.

    The model is in evaluation mode meanwhile: no dropout, no running statistics updated. It comes back with the same
    bits in every weight and buffer, whatever happens on the way, Ctrl-C included.

    Args:
        loss: takes the model, returns its loss, a scalar; it must be the same one at the same weights, so it uses one
            fixed batch.
        plane: from :func:`~nurt.diagnostics.weight_plane`, :func:`~nurt.diagnostics.random_plane` or
            :func:`~nurt.diagnostics.path_plane`.
        x: range of the first coordinate, the smaller number first.
        y: range of the second.
        sampling: :class:`~nurt.diagnostics.Grid` or :class:`~nurt.diagnostics.Adaptive`; None is a grid of 50 × 50.
        gradients: also take the gradient at every point, which costs about three times as much.
        progress: called with the points done and the most there may be; where it returns False, the surface ends
            with the points so far.

    Raises:
        NurtTypeError: the loss is no tensor.
        ShapeError: it is no scalar.
        NurtValueError: a range is empty or not finite, or the loss is not the same twice at the same weights.

    Example:
        >>> model = torch.nn.Linear(1, 1)
        >>> plane = nurt.diagnostics.weight_plane(model, "weight", "bias")
        >>> surface = loss_surface(lambda m: (m.weight - m.bias).square().sum(), plane, sampling=Grid(5))
        >>> float(surface.losses.max())
        4.0

    References:
        [li2018visualizing] for directions; the plane of two weights is as old as the picture of descent.
    """
    for name, (low, high) in {"x": x, "y": y}.items():
        if not (np.isfinite([low, high]).all() and low < high):
            raise NurtValueError(
                f"loss_surface: the range of `{name}` is empty.", expected="(low, high)", got=f"({low}, {high})"
            )
    chosen = Grid() if sampling is None else sampling
    counter = Counter(progress, chosen.budget)
    with visiting(loss, plane) as visit:

        def measure(at_x: float, at_y: float) -> tuple[float, ...] | None:
            if counter.stopped:
                return None
            measured = visit.slope(at_x, at_y) if gradients else (visit.value(at_x, at_y),)
            counter.count()
            return measured

        samples = chosen.run(x, y, measure)
    return Surface(
        words=plane.words,
        x_name=plane.x.name,
        y_name=plane.y.name,
        x_range=(float(x[0]), float(x[1])),
        y_range=(float(y[0]), float(y[1])),
        points=samples.points,
        losses=samples.values[:, 0],
        gradients=samples.values[:, 1:] if gradients else None,
        cells=samples.cells,
        budget=samples.budget,
        complete=samples.complete,
        explained=plane.explained,
    )


def _summary(surface: Surface) -> str:
    """Return what a surface shows: its range, its steepest place, what is missing, where the walks went."""
    told = [_extent(surface), *_steepness(surface), *_doubts(surface)]
    if surface.explained is not None:
        first, both = percent_in_words(surface.explained[0], 2), percent_in_words(sum(surface.explained), 2)
        told.append(f"The two axes hold {both} of the variance of the path, the first {first}.")
    told.append("The model was in evaluation mode: no dropout.")
    walks = [str(one) + _escape(surface, one.points) for one in surface.trajectories]
    return "\n".join([" ".join(told), *walks])


def _extent(surface: Surface) -> str:
    (left, right), (low, high) = surface.x_range, surface.y_range
    where = f"[{left:.4g}, {right:.4g}] × [{low:.4g}, {high:.4g}]"
    told = f"The loss {surface.words}, {len(surface.losses)} points in {where}{_cell_widths(surface)}"
    finite = np.flatnonzero(np.isfinite(surface.losses))
    if not finite.size:
        return f"{told}: nowhere finite."
    least, most = finite[np.argmin(surface.losses[finite])], finite[np.argmax(surface.losses[finite])]
    return f"{told}: from {_at(surface, least)} to {_at(surface, most)}."


def _cell_widths(surface: Surface) -> str:
    """Return a clause on cells of different widths."""
    widths = surface.scene.widths
    return "" if widths is None else f", cells from {widths[1]:.2g} down to {widths[0]:.2g} wide"


def _steepness(surface: Surface) -> list[str]:
    found = surface.steepest
    if found is None or found.change == 0.0:
        return []
    x, y = found.point
    factor = f"a factor of {10**found.change:.3g}" if found.change < 3 else f"{found.change:.1f} powers of ten"
    told = [f"Steepest at ({x:.4g}, {y:.4g}): {factor} within {found.width:.2g}."]
    if surface.gradients is not None:
        norms = np.where(np.isfinite(surface.gradient_norms), surface.gradient_norms, -np.inf)
        best = int(np.argmax(norms))
        if np.isfinite(norms[best]):
            px, py = surface.points[best]
            told.append(f"The largest gradient, {norms[best]:.4g}, is at ({px:.4g}, {py:.4g}).")
    return told


def _doubts(surface: Surface) -> list[str]:
    told = []
    if surface.non_finite:
        told.append(f"{surface.non_finite} of {len(surface.losses)} values are not finite.")
    if not surface.complete:
        told.append(f"It was stopped before its {surface.budget} points were done.")
    elif len(surface.losses) + AT_ONCE <= surface.budget:
        told.append(f"Of {surface.budget} points allowed, {len(surface.losses)} were enough.")
    return told


def _escape(surface: Surface, points: np.ndarray) -> str:
    """Return a clause on a walk that leaves the rectangle."""
    inside = np.ones(len(points), dtype=bool)
    for column, (low, high) in enumerate((surface.x_range, surface.y_range)):
        inside &= (points[:, column] >= low) & (points[:, column] <= high)
    if inside.all():
        return ""
    return f"; outside of the picture from step {int(np.argmin(inside))}" + (
        "" if not inside[-1] else ", back at the end"
    )


def _at(surface: Surface, number: int) -> str:
    x, y = surface.points[number]
    return f"{surface.losses[number]:.4g} at ({x:.4g}, {y:.4g})"
