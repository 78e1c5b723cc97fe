"""Early stopping as pure functions of the losses seen so far.

The history of monitored losses is the only state: a resumed run that has the history has the counters, and the two
cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["best_index", "epochs_without_improvement", "out_of_patience"]


def best_index(monitored: Sequence[float]) -> int:
    """Return the index of the lowest loss; the first of several equal ones.

    Args:
        monitored: losses of the epochs in order, at least one.
    """
    return min(range(len(monitored)), key=monitored.__getitem__)


def epochs_without_improvement(monitored: Sequence[float]) -> int:
    """Return how many epochs have passed since the lowest loss; an equal loss is no improvement."""
    return len(monitored) - 1 - best_index(monitored) if monitored else 0


def out_of_patience(monitored: Sequence[float], patience: int | None) -> bool:
    """Return whether the loss has failed to improve for ``patience`` epochs in a row (None: never)."""
    return patience is not None and epochs_without_improvement(monitored) >= patience
