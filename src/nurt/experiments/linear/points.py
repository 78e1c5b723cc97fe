"""Where the linear experiments look: points over (w_x, w_rec) and the ranges that are drawn."""

from __future__ import annotations

__all__ = ["CHECK_POINT", "MARKERS", "MARKER_ZOOM", "PATH_ZOOM", "WIDE"]

CHECK_POINT = (1.2, 1.2)
MARKERS = ((2.0, 1.0), (1.0, 2.0), (1.0, -2.0), (1.0, 0.0), (1.0, 0.5), (1.0, -0.5))
WIDE, PATH_ZOOM, MARKER_ZOOM = (-3.0, 3.0), (0.0, 2.0), (-0.1, 2.1)
