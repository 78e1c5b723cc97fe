"""The whole gradient in little memory: states kept here and there, the rest computed again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from nurt.errors import NurtValueError
from nurt.nn.gradients.method import AbstractGradientMethod, Cuts, Sizes, check_whole

__all__ = ["Checkpointed"]


@final
@dataclass(frozen=True)
class Checkpointed(AbstractGradientMethod):
    """The exact gradient; only every m-th state is kept, and each segment is run again when the gradient reaches it.

    The same idea for layers is [chen2016training]; [gruslys2016memory] derives the best places for a given memory when
    segments are cut again inside. Here the places are evenly spaced, so each step is recomputed once.

    - *Bias:* none. Second derivatives are right too, but keep everything as :class:`Exact` does.
    - *Memory:* m steps of what the exact gradient keeps for T, and T/m states. With a bytes per step and s per state,
      a·m + s·T/m is least at m = √(T·s/a). Inputs and outputs, (B, T, ·) themselves, are not counted.
    - *Cost:* one pass forward more.

    Args:
        every: m; None to choose it from ``budget_bytes``.
        budget_bytes: the most memory for kept states and one segment, in each layer and direction; m is then the
            greatest that fits, where a is measured on two steps. Working memory of the backward pass comes on top.

    Raises:
        NurtTypeError, NurtValueError: not exactly one of the two given, or no whole number of at least 1.

    Example:
        >>> outputs, state = unroll(LSTMCell(3, 5), torch.randn(2, 700, 3), gradient=Checkpointed(every=50))

    Notes:
        A step of one's own is run again with the random numbers it drew, and must otherwise depend on its arguments
        and parameters alone. Runs eagerly: ``torch.compile`` steps aside, ``torch.func`` transforms are refused.
    """

    every: int | None = None
    budget_bytes: int | None = None

    def __post_init__(self) -> None:
        given = {"every": self.every, "budget_bytes": self.budget_bytes}
        chosen = {name: value for name, value in given.items() if value is not None}
        if len(chosen) != 1:
            raise NurtValueError(
                "Checkpointed: it is open how often a state is kept.",
                expected="every=… or budget_bytes=…",
                got="both" if chosen else "neither",
            )
        for name, value in chosen.items():
            check_whole("Checkpointed", name, value)

    def cuts(self, sizes: Sizes) -> Cuts | None:
        """Cut every m steps, unless the sequence is no longer than that.

        Raises:
            NurtValueError: no m fits the budget.
        """
        every = self.every
        if every is None:
            assert self.budget_bytes is not None, "checked at the start"
            every = _greatest_that_fits(self.budget_bytes, sizes)
        return None if sizes.steps <= every else Cuts(every, None)


def _greatest_that_fits(budget: int, sizes: Sizes) -> int:
    """Return the greatest m with T/m states and m steps within ``budget`` bytes; T when nothing need be cut."""
    steps, state = sizes.steps, sizes.state_bytes
    if steps == 1:
        return 1
    step = sizes.step_bytes()
    if steps * step <= budget:
        return steps
    # More segments than at the least of a·m + s·T/m help no more.
    most = min(steps, math.ceil(math.sqrt(steps * max(step, 1) / max(state, 1))))
    needed = [segments * state + math.ceil(steps / segments) * step for segments in range(2, max(most, 2) + 1)]
    for segments, size in enumerate(needed, start=2):
        if size <= budget:
            return math.ceil(steps / segments)
    raise NurtValueError(
        "Checkpointed: `budget_bytes` is too small for this sequence.",
        expected=f"at least {min(needed)}, of which {state} per kept state and {step} per step of a segment",
        got=str(budget),
        cure="Give it more, take a smaller batch, or take Truncated(window), which keeps less and is biased.",
    )
