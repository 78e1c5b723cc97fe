"""Long series read piece by piece: the state is carried on, the gradient is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from nurt.errors import NurtTypeError, ShapeError
from nurt.nn import Truncated

__all__ = ["StatefulLoss", "detached"]

Series: TypeAlias = Tensor | np.ndarray


class StatefulLoss:
    """The loss of the next steps of long parallel series, one update of the weights per call.

    Each call reads on where the last one stopped, with the state as it was there, detached, and returns the loss of
    the next ``stride`` steps. Its gradient goes back over ``window`` steps: BPTT(h; h′) of [williams1990efficient] with
    h = window, h′ = stride, for the whole model at once. With window = stride these are chunks that follow each other;
    else the window − stride steps before are run again from the state kept there, with the weights as they are now.
    After the last step the series begin again, from the model's initial state.

    Series may be NumPy arrays, memory-mapped ones among them, which are read one window at a time.

    Args:
        model: ``model(inputs (B, T, I), state) -> (outputs (B, T, ·), state)``; the state is None at the beginning,
            else what the model returned, tensors in tuples.
        inputs: (B, T, I), B series side by side.
        targets: (B, T) or (B, T, ·).
        loss: ``loss(outputs, targets)`` of some steps, a scalar.
        method: window and stride.

    Raises:
        NurtTypeError: ``method`` is another gradient method.
        ShapeError: no step, or inputs and targets of different B or T.

    Example:
        >>> layer = LSTM(1, 8, batch_first=True)
        >>> series = torch.randn(4, 1000, 1)
        >>> next_loss = StatefulLoss(layer, series, series.expand(-1, -1, 8), torch.nn.MSELoss(), Truncated(50))
        >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        >>> for _ in range(next_loss.updates_per_pass):
        ...     optimizer.zero_grad()
        ...     next_loss().backward()
        ...     optimizer.step()
        >>> next_loss.position
        0
    """

    def __init__(
        self,
        model: Callable[[Tensor, Any], tuple[Tensor, Any]],
        inputs: Series,
        targets: Series,
        loss: Callable[[Tensor, Tensor], Tensor],
        method: Truncated,
    ) -> None:
        if not isinstance(method, Truncated):
            raise NurtTypeError(
                "StatefulLoss: `method` says nothing of windows.",
                expected="Truncated(window, stride)",
                got=repr(method),
            )
        if inputs.ndim != 3 or targets.ndim < 2 or inputs.shape[:2] != targets.shape[:2] or inputs.shape[1] == 0:
            raise ShapeError(
                "StatefulLoss: inputs and targets do not belong together.",
                expected="inputs (B, T, I) and targets (B, T) or (B, T, ·), T at least 1",
                got=f"{tuple(inputs.shape)} and {tuple(targets.shape)}",
            )
        self.model, self.loss, self.method = model, loss, method
        self._inputs, self._targets = inputs, targets
        self.rewind()

    @property
    def position(self) -> int:
        """The first step of the next call, 0..T-1."""
        return self._position

    @property
    def updates_per_pass(self) -> int:
        """Calls that read the series once."""
        return -(-self._inputs.shape[1] // self.method.every)

    def rewind(self) -> None:
        """Begin again at the first step, from the model's initial state."""
        self._position = 0
        self._state: Any = None

    def __call__(self) -> Tensor:
        """Return the loss of the next ``stride`` steps, of fewer at the end of the series, a scalar with a gradient."""
        first, (window, stride) = self._position, (self.method.window, self.method.every)
        last = min(first + stride, self._inputs.shape[1])
        begin = max(0, first + stride - window)
        begin_next = min(max(0, first + 2 * stride - window), last)
        kept, older = self._run(begin, begin_next, self._state)
        _, newer = self._run(begin_next, last, kept)
        self._position, self._state = last, detached(kept)
        if last == self._inputs.shape[1]:
            self.rewind()
        return self.loss(torch.cat(older + newer, dim=1)[:, first - begin :], _part(self._targets, first, last))

    def _run(self, first: int, last: int, state: Any) -> tuple[Any, list[Tensor]]:
        """Return the state after steps ``first`` .. ``last`` - 1, and their outputs; no steps change nothing."""
        if first == last:
            return state, []
        outputs, state = self.model(_part(self._inputs, first, last), state)
        return state, [outputs]


def detached(state: Any) -> Any:
    """Return the same ``state``, tensors in tuples or None, without its past."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        return state.detach()
    parts = [detached(part) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def _part(series: Series, first: int, last: int) -> Tensor:
    """Return steps ``first`` .. ``last`` - 1 as a tensor; a read-only array is copied, nothing else of it is read."""
    part = series[:, first:last]
    return part if isinstance(part, Tensor) else torch.from_numpy(np.array(part))
