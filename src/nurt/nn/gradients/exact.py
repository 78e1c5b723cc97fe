"""The whole gradient, everything kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from nurt.nn.gradients.method import AbstractGradientMethod, Cuts, Sizes

__all__ = ["EXACT", "Exact"]


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

    def cuts(self, sizes: Sizes) -> Cuts | None:
        """Cut nothing."""
        del sizes
        return None


EXACT = Exact()
