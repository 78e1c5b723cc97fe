"""Series with known laws, for demonstrations and tests.

Streams come from ``numpy.random.RandomState``, which NumPy has frozen: a seed gives the same numbers everywhere.
"""

from __future__ import annotations

import numpy as np

from nurt.errors import NurtValueError

__all__ = ["noisy_sine", "random_walk", "seasonal"]


# Of NumPy's frozen streams.
_LARGEST_SEED = 2**32 - 1


def noisy_sine(seed: int = 0, n: int = 500, *, noise: float = 0.4) -> np.ndarray:
    """Return sin(t) + noise·u_t with u uniform on [0, 1), shape (n,).

    The noise variance, noise²/12, is the smallest mean squared error a one-step forecast can have.

    Args:
        seed: of the noise.
        n: number of observations.
        noise: width of the uniform noise.

    Raises:
        NurtValueError: no observation is asked for, or the seed is out of range.
    """
    _require_length(n)
    return np.sin(np.arange(n)) + _stream(seed).rand(n) * noise


def random_walk(seed: int = 0, n: int = 500, *, start: float = 0.0, step: float = 1.0) -> np.ndarray:
    """Return y_t = y_{t-1} + step·e_t with e standard normal and y_0 = start, shape (n,).

    No forecast beats repeating the last value: its squared error k steps ahead is k·step² on average.

    Args:
        seed: of the steps.
        n: number of observations.
        start: first value.
        step: standard deviation of a step.
    """
    _require_length(n)
    steps = _stream(seed).standard_normal(n) * step
    steps[0] = start
    return np.cumsum(steps)


def seasonal(seed: int = 0, n: int = 500, *, season: int = 24, trend: float = 0.0, noise: float = 0.1) -> np.ndarray:
    """Return trend·t + s_{t mod season} + noise·e_t with e standard normal, shape (n,).

    The seasonal profile s is drawn once, standard normal, so it has no simple form.

    Args:
        seed: of profile and noise.
        n: number of observations.
        season: length of the season, in steps.
        trend: slope per step.
        noise: standard deviation of the noise.
    """
    _require_length(n)
    if season < 1:
        raise NurtValueError("seasonal: `season` is too small.", expected="at least 1", got=str(season))
    random = _stream(seed)
    profile = random.standard_normal(season)
    steps = np.arange(n)
    return trend * steps + profile[steps % season] + noise * random.standard_normal(n)


def _stream(seed: int) -> np.random.RandomState:
    if not 0 <= seed <= _LARGEST_SEED:
        raise NurtValueError("This series has no such seed.", expected=f"0 to {_LARGEST_SEED}", got=str(seed))
    return np.random.RandomState(seed)


def _require_length(n: int) -> None:
    if n < 1:
        raise NurtValueError("A series needs observations.", expected="n of at least 1", got=str(n))
