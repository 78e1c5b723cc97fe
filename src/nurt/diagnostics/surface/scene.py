"""What a picture of a surface shows: values on a rectangle, as an even raster, and what is drawn over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.diagnostics.surface.sampling import Range, has_signs, heights
from nurt.diagnostics.surface.trajectory import Trajectory
from nurt.results import Result

__all__ = ["Marker", "Overlay", "Raster", "Scene", "rasterised"]


@dataclass(frozen=True, eq=False)
class Overlay(Result):
    """A line that is known from theory, drawn over a surface.

    Args:
        name: for the legend.
        x: (K,).
        y: (K,).
    """

    name: str
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Marker(Result):
    """A point of interest.

    Args:
        name: for the legend.
        x: where.
        y: where.
    """

    name: str
    x: float
    y: float


@dataclass(frozen=True, eq=False)
class Scene:
    """A rectangle with cells of any size, and what is drawn over it.

    Args:
        names: of the horizontal and the vertical axis.
        ranges: of both axes.
        points: where values are known, (P, 2).
        cells: the corners of each cell by their numbers, (C, 4): low left, low right, high left, high right.
        trajectories: walks over it.
        overlays: lines known from theory.
        markers: points of interest.
    """

    names: tuple[str, str]
    ranges: tuple[Range, Range]
    points: np.ndarray
    cells: np.ndarray
    trajectories: tuple[Trajectory, ...]
    overlays: tuple[Overlay, ...]
    markers: tuple[Marker, ...]

    def raster(self, values: np.ndarray, size: int) -> Raster:
        """Return ``values`` at the points, (P,), as heights of ``size`` pixels each way."""
        return rasterised(self.points, values, self.cells, self.ranges, size)

    @property
    def widths(self) -> Range | None:
        """The least and the largest width of a cell; None where all are about the same."""
        widths = self.points[self.cells[:, 1], 0] - self.points[self.cells[:, 0], 0]
        if not widths.size or widths.max() < 1.5 * widths.min():
            return None
        return float(widths.min()), float(widths.max())


@dataclass(frozen=True, eq=False)
class Raster:
    """Heights on an even raster.

    Args:
        x: middles of the columns.
        y: middles of the rows.
        height: powers of ten, (rows, columns); NaN where not finite or not evaluated.
        broken: where a cell has a corner that is not finite, (rows, columns).
        signed: whether the heights are sign(v)·log₁₀(1 + |v|).
    """

    x: np.ndarray
    y: np.ndarray
    height: np.ndarray
    broken: np.ndarray
    signed: bool

    def at(self, points: np.ndarray) -> np.ndarray:
        """Return the heights of the pixels that hold some points, (K,); NaN outside."""
        columns, rows = (_pixel(axis, points[:, number]) for number, axis in enumerate((self.x, self.y)))
        inside = (columns >= 0) & (columns < len(self.x)) & (rows >= 0) & (rows < len(self.y))
        found = self.height[np.where(inside, rows, 0), np.where(inside, columns, 0)]
        return np.where(inside, found, np.nan)


def rasterised(
    points: np.ndarray, values: np.ndarray, cells: np.ndarray, ranges: tuple[Range, Range], size: int
) -> Raster:
    """Return the heights of ``values`` between the corners of cells, bilinear in each.

    Args:
        points: (P, 2).
        values: there, (P,).
        cells: corners by number, (C, 4).
        ranges: of x and of y.
        size: pixels each way.
    """
    x, y = (low + (high - low) * (np.arange(size) + 0.5) / size for low, high in ranges)
    signed = has_signs(values)
    high = heights(values, signed)
    height, broken = np.full((size, size), np.nan), np.zeros((size, size), dtype=bool)
    for corners in cells:
        (left, low), (right, top) = points[corners[0]], points[corners[3]]
        columns = slice(*np.searchsorted(x, (left, right)))
        rows = slice(*np.searchsorted(y, (low, top)))
        across, up = (x[columns] - left) / (right - left), ((y[rows] - low) / (top - low))[:, None]
        at = high[corners]
        height[rows, columns] = (1 - up) * ((1 - across) * at[0] + across * at[1]) + up * (
            (1 - across) * at[2] + across * at[3]
        )
        broken[rows, columns] = not np.isfinite(at).all()
    return Raster(x, y, height, broken, signed)


def _pixel(axis: np.ndarray, values: np.ndarray) -> np.ndarray:
    step = axis[1] - axis[0]
    finite = np.isfinite(values)
    return (
        np.where(finite, np.floor((np.where(finite, values, 0.0) - axis[0]) / step + 0.5), -1)
        .clip(-1, len(axis))
        .astype(int)
    )
