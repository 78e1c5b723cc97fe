"""A gradient that forgets: truncated back-propagation through time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from nurt.errors import NurtValueError
from nurt.nn.gradients.method import AbstractGradientMethod, Cuts, Sizes, check_whole

__all__ = ["Truncated"]


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
    Truncation acts within each recurrence, each layer and direction by itself: what a layer hands down to the layer
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

    def cuts(self, sizes: Sizes) -> Cuts | None:
        """Cut at every stride, unless all of the sequence lies in one window."""
        return None if sizes.steps <= self.window else Cuts(self.every, self.window)
