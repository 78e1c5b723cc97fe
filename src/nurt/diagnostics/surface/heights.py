"""How high a loss stands in a picture and in the search for walls: its power of ten, with a sign where needed."""

from __future__ import annotations

import numpy as np

__all__ = ["SMALLEST", "has_signs", "heights"]

# A loss of exactly 0 has no logarithm.
SMALLEST = 1e-35


def heights(losses: np.ndarray, signed: bool | None = None) -> np.ndarray:
    """Return log₁₀ of losses; what is not finite becomes NaN.

    Losses below 0, as a likelihood may have, change the scale to sign(ℓ)·log₁₀(1 + |ℓ|) for all of them.

    Args:
        losses: any shape.
        signed: whether some of all the losses, of which these may be a part, are below 0; None looks at these.

    Example:
        >>> heights(np.array([100.0, np.inf]))
        array([ 2., nan])
    """
    finite = np.isfinite(losses)
    known = np.where(finite, losses, 1.0)
    if has_signs(known) if signed is None else signed:
        high = np.sign(known) * np.log10(1.0 + np.abs(known))
    else:
        high = np.log10(np.maximum(known, SMALLEST))
    return np.where(finite, high, np.nan)


def has_signs(losses: np.ndarray) -> bool:
    """Return whether any finite loss is below 0."""
    return bool((losses[np.isfinite(losses)] < 0).any())
