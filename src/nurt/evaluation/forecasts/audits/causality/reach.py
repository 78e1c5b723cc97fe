"""Which inputs can influence which forecast steps, as classes of a steps × inputs table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nurt.evaluation.forecasts.audits.causality.probes import Effects
from nurt.results import Result, plain

__all__ = ["DECAYED", "REACHED", "UNREACHABLE", "Reach", "classify", "without_statistics"]

UNREACHABLE, DECAYED, REACHED = 0, 1, 2
# Below this share of the strongest influence on the same step an input is remembered in name only.
DECAYED_BELOW = 1e-6
# An influence that shows this many times above the cut-off of the swap probe must show there too, unless it
# travels through statistics that swapping leaves alone.
PLAIN_TO_SEE = 1e3


@dataclass(frozen=True)
class Reach(Result):
    """How far the inputs of one channel group reach.

    Inputs are numbered 1 (oldest) to ``look_back`` (newest); numbers above that are steps after the origin. All
    arrays have one entry per audited step; 0 means that no input of the group has any influence.

    Args:
        group: "target", "past covariates" or "future covariates".
        look_back: number of inputs up to the origin.
        total: classes with every path counted, window statistics included, int8 (steps, inputs).
        learned: classes with window statistics held fixed, int8 (steps, inputs).
    """

    group: str
    look_back: int
    total: np.ndarray
    learned: np.ndarray

    @property
    def latest(self) -> np.ndarray:
        """Newest input that can influence each step, window statistics held fixed."""
        return _latest(self.learned)

    @property
    def earliest(self) -> np.ndarray:
        """Oldest input that can influence each step, window statistics held fixed."""
        return _earliest(self.learned)

    @property
    def latest_total(self) -> np.ndarray:
        """Newest input that can influence each step by any path."""
        return _latest(self.total)

    @property
    def earliest_total(self) -> np.ndarray:
        """Oldest input that can influence each step by any path."""
        return _earliest(self.total)

    @property
    def blind_newest(self) -> np.ndarray:
        """How many of the newest inputs cannot influence each step, window statistics held fixed."""
        blind: np.ndarray = self.look_back - _latest(self.learned[:, : self.look_back])
        return blind

    @property
    def lead(self) -> np.ndarray:
        """How many steps beyond the origin the influence on each step reaches, by any path; 0 for none."""
        newest: np.ndarray = np.maximum(self.latest, self.latest_total)
        return (newest - self.look_back).clip(min=0)

    def to_dict(self) -> dict[str, Any]:
        """Return the reach per step, and the learned classes as one string of ``·-#`` per step.

        ``#`` is reached, ``-`` decayed, ``·`` unreachable; the first character is the oldest input.
        """
        return {
            "group": self.group,
            "latest_input": plain(self.latest),
            "earliest_input": plain(self.earliest),
            "latest_input_total": plain(self.latest_total),
            "earliest_input_total": plain(self.earliest_total),
            "blind_newest": plain(self.blind_newest),
            "classes": ["".join("·-#"[code] for code in row) for row in self.learned],
        }


def classify(influence: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Sort every (step, input) into unreachable, decayed or reached.

    Args:
        influence: strength of each input, exactly 0 where there is none, (steps, inputs).
        found: where another probe found an influence that ``influence`` may have missed, bool (steps, inputs).

    Returns:
        int8 (steps, inputs).
    """
    strongest = influence.max(axis=1, keepdims=True)
    classes = np.where(influence > 0.0, DECAYED, UNREACHABLE)
    classes[(influence >= DECAYED_BELOW * strongest) & (influence > 0.0)] = REACHED
    classes[found & (influence == 0.0)] = REACHED
    return classes.astype(np.int8)


def without_statistics(total: np.ndarray, shifted: Effects, swapped: Effects, cutoff: np.ndarray) -> np.ndarray:
    """Approximate the learned view of a forecaster whose window statistics cannot be held fixed.

    An input that was read on its own changes the answer when it is exchanged with either neighbour. Where a shift
    shows clearly and neither exchange does, the influence came through statistics of the whole window. A step
    that no exchange changes has no learned view: its total view is returned.

    Args:
        total: classes of the total view, (steps, inputs).
        shifted: what shifting each input did, (steps, inputs).
        swapped: what exchanging inputs i and i+1 did, (steps, look_back - 2).
        cutoff: smallest change that counted as an effect of a swap, (steps,).

    Returns:
        classes of the learned view, (steps, inputs).
    """
    pairs = swapped.found.shape[1]
    read = np.ones(total.shape, dtype=bool)
    read[:, :pairs] &= swapped.found
    read[:, 1 : pairs + 1] &= swapped.found
    # No exchange can touch the last input alone, so it shares the fate of its neighbours.
    read[:, pairs + 1] = swapped.found[:, -1]
    plain_to_see = shifted.size > PLAIN_TO_SEE * cutoff[:, None]
    has_learned_view = swapped.found.any(axis=1, keepdims=True)
    return np.where(has_learned_view & plain_to_see & ~read, UNREACHABLE, total).astype(np.int8)


def _latest(classes: np.ndarray) -> np.ndarray:
    reachable = classes > UNREACHABLE
    last = classes.shape[1] - reachable[:, ::-1].argmax(axis=1)
    return np.where(reachable.any(axis=1), last, 0)


def _earliest(classes: np.ndarray) -> np.ndarray:
    reachable = classes > UNREACHABLE
    return np.where(reachable.any(axis=1), reachable.argmax(axis=1) + 1, 0)
