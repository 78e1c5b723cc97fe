"""The gradient methods: each answers one question, where a sequence is cut on the way back."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from nurt.errors import NurtTypeError, NurtValueError

__all__ = [
    "EXACT",
    "AbstractGradientMethod",
    "Checkpointed",
    "Cuts",
    "Exact",
    "SequenceSizes",
    "Truncated",
    "check_method",
    "check_whole",
]


@dataclass(frozen=True)
class SequenceSizes:
    """What a method may know of the sequence that it is asked about.

    Args:
        steps: T.
        state_bytes: one state of all rows.
        step_bytes: gives what one step of all rows keeps for its backward pass; measured when called.
    """

    steps: int
    state_bytes: int
    step_bytes: Callable[[], int]


@dataclass(frozen=True)
class Cuts:
    """How a sequence is cut into segments that are run again on the way back.

    Args:
        every: steps of a segment.
        window: steps that the gradient of a segment's outputs goes back over, the segment's own included, a multiple
            of ``every``; None when gradients pass every cut.
    """

    every: int
    window: int | None


class AbstractGradientMethod(ABC):
    """How the gradient goes back through time. The forward pass is the same for every method."""

    @abstractmethod
    def cuts(self, sizes: SequenceSizes) -> Cuts | None:
        """Return where a sequence is cut; None for not at all.

        Raises:
            NurtValueError: the method cannot work on this sequence.
        """


def check_method(where: str, gradient: object) -> AbstractGradientMethod:
    """Return ``gradient`` if it is a gradient method.

    Raises:
        NurtTypeError: it is none.
    """
    if not isinstance(gradient, AbstractGradientMethod):
        raise NurtTypeError(
            f"{where}: `gradient` is no gradient method.",
            expected="nurt.nn.Exact(), Truncated(window, stride) or Checkpointed(every=...)",
            got=repr(gradient),
        )
    return gradient


def check_whole(where: str, name: str, value: object) -> int:
    """Return ``value`` if it is a whole number of at least 1.

    Raises:
        NurtTypeError: no whole number.
        NurtValueError: below 1.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise NurtTypeError(f"{where}: `{name}` is no whole number.", expected="an int", got=repr(value))
    if value < 1:
        raise NurtValueError(f"{where}: `{name}` is too small.", expected="at least 1", got=str(value))
    return value


@final
@dataclass(frozen=True)
class Exact(AbstractGradientMethod):
    """Back-propagation through time over the whole sequence [werbos1990backpropagation]; the default.

    - *Bias:* none.
    - *Memory:* everything that the backward pass reads, for all T steps: T · B · (a few times G·H) numbers.
    - *Cost:* one pass forward, one backward.

    Example:
        >>> outputs, state = unroll(LSTMCell(3, 5), torch.randn(2, 7, 3), gradient=Exact())
    """

    def cuts(self, sizes: SequenceSizes) -> Cuts | None:
        """Cut nothing."""
        del sizes
        return None


EXACT = Exact()


@final
@dataclass(frozen=True)
class Truncated(AbstractGradientMethod):
    """Truncated back-propagation through time, BPTT(h; h′) of [williams1990efficient]: h = window, h′ = stride.

    After every ``stride`` steps the gradient of those steps' outputs is taken back over ``window`` steps, themselves
    included. With s, t = 0, 1, … counted from each row's own first step in the direction in which the recurrence
    runs, K = window and m = stride, the gradient of output t reaches the use of weights and inputs at step s ≤ t
    exactly if

        s ≥ (⌊t/m⌋ + 1) m − K

    So with G[s, t] the gradient of the loss at t with respect to the weights as they are used at s, the gradient of
    the weights is the sum of G[s, t] over these pairs:

        m = K:  ⌊s/K⌋ = ⌊t/K⌋   chunks of K steps, the state between them detached
        m = 1:  t − s < K        a sliding window

    The final state of a row counts as an output of its last step. The initial state receives what reaches s = 0.
    Truncation acts within each recurrence, each layer and direction by itself: what a layer passes down to the layer
    below is an output of that one, with a window of its own. With m = K a stack in one direction is thereby cut at the
    same places in all layers; with m < K its total reach grows with every layer. A backward direction counts from each
    row's end.

    - *Bias:* terms with long lags are missing, so the gradient is in general the gradient of no function: its second
      derivative is refused. The bias is zero for rows of at most ``window`` steps.
    - *Memory:* ``window`` steps of what the exact gradient keeps for T, and T/``stride`` states.
    - *Cost:* two passes forward and one backward for m = K; else K/m passes of either kind more.

    Args:
        window: K, steps that a gradient goes back over, a multiple of ``stride``.
        stride: m, steps between two such passes; None for ``window``.

    Raises:
        NurtTypeError, NurtValueError: no whole numbers of at least 1, or the window no multiple of the stride.

    Example:
        >>> outputs, state = unroll(GRUCell(3, 5), torch.randn(2, 70, 3), gradient=Truncated(window=20, stride=5))

    Notes:
        Runs eagerly: ``torch.compile`` steps aside, ``torch.func`` transforms are refused.
    """

    window: int
    stride: int | None = None

    def __post_init__(self) -> None:
        window = check_whole("Truncated", "window", self.window)
        stride = window if self.stride is None else check_whole("Truncated", "stride", self.stride)
        if window % stride:
            below = window - window % stride
            fitting = [str(size) for size in (below, below + stride) if size]
            raise NurtValueError(
                "Truncated: `window` is no multiple of `stride`, so some gradients would end between two strides.",
                expected=f"a multiple of {stride}",
                got=str(window),
                cure=f"Take window={' or '.join(fitting)}.",
            )
        object.__setattr__(self, "stride", stride)

    @property
    def every(self) -> int:
        """The stride as a number."""
        return self.window if self.stride is None else self.stride

    def cuts(self, sizes: SequenceSizes) -> Cuts | None:
        """Cut at every stride, unless all of the sequence lies in one window."""
        return None if sizes.steps <= self.window else Cuts(self.every, self.window)


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

    def cuts(self, sizes: SequenceSizes) -> Cuts | None:
        """Cut every m steps, unless the sequence is no longer than that.

        Raises:
            NurtValueError: no m fits the budget.
        """
        every = self.every
        if every is None:
            assert self.budget_bytes is not None, "checked at the start"
            every = _greatest_that_fits(self.budget_bytes, sizes)
        return None if sizes.steps <= every else Cuts(every, None)


def _greatest_that_fits(budget: int, sizes: SequenceSizes) -> int:
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
