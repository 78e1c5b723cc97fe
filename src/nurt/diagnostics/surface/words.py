"""A surface in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt.diagnostics.surface.sampling import AT_ONCE

if TYPE_CHECKING:
    from nurt.diagnostics.surface.result import Surface

__all__ = ["summary"]


def summary(surface: Surface) -> str:
    """Return what a surface shows: its range, its steepest place, what is missing, where the walks went."""
    told = [_extent(surface), *_steepness(surface), *_doubts(surface)]
    if surface.explained is not None:
        both = sum(surface.explained)
        told.append(f"The two axes hold {both:.2%} of the variance of the path, the first {surface.explained[0]:.2%}.")
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
    widths = surface.points[surface.cells[:, 1], 0] - surface.points[surface.cells[:, 0], 0]
    if not widths.size or widths.max() < 1.5 * widths.min():
        return ""
    return f", cells from {widths.max():.2g} down to {widths.min():.2g} wide"


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
