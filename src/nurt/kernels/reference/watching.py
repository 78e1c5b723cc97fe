"""Looking into the readable loop: states step by step, and the gradients that reach them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nurt.kernels.recording import Recording
from nurt.kernels.recurrence import StateT, remade
from nurt.kernels.reference.ends import zero_unless

__all__ = ["Watch"]


class Watch:
    """Fills a recording while the loop walks through time and autograd walks back.

    Args:
        recording: to be filled.
        alive: whether step t of row b lies before its end, bool (B, T); None when all do.
        steps: T.
    """

    def __init__(self, recording: Recording, alive: Tensor | None, steps: int) -> None:
        self.recording = recording
        self._alive = alive
        self._hidden: list[Tensor | None] = [None] * steps
        self._cell: list[Tensor | None] = [None] * steps

    def see(self, t: int, made: StateT) -> None:
        """Keep the state that step ``t`` made, and listen for its gradient."""
        cell = getattr(made, "cell", None)
        self._hidden[t] = self._within(t, made.hidden)
        self._cell[t] = None if cell is None else self._within(t, cell)
        # The sum of all that later steps and outputs send back arrives here at once.
        for name, value in (("grad_hidden", made.hidden), ("grad_cell", cell)):
            if value is not None and value.requires_grad:
                value.register_hook(self._listener(name, t))

    def end(self, outputs: Tensor, state: StateT) -> tuple[Tensor, StateT]:
        """Return what the loop returns, by way of a node at which the gradients from outside are seen first."""
        record = self.recording
        record.hidden = torch.stack([value for value in self._hidden if value is not None], dim=1)
        cells = [value for value in self._cell if value is not None]
        record.cell = torch.stack(cells, dim=1) if cells else None
        outputs, *fields = _Door.apply(self, getattr(state, "_fields", ()), outputs, *state)  # type: ignore[no-untyped-call]
        return outputs, remade(state, fields)

    def enter(self, outputs: Tensor | None, fields: dict[str, Tensor | None]) -> None:
        """Begin a backward pass with the gradients of the outputs and of the final state."""
        record = self.recording
        assert record.hidden is not None
        record.grad_hidden = torch.zeros_like(record.hidden)
        record.grad_cell = None if record.cell is None else torch.zeros_like(record.cell)
        if outputs is None:
            record.grad_outputs = torch.zeros_like(record.hidden)
        else:
            record.grad_outputs = outputs if self._alive is None else zero_unless(self._alive, outputs)
        record.grad_final = {name: grad for name, grad in fields.items() if grad is not None}

    def _within(self, t: int, value: Tensor) -> Tensor:
        return value.detach() if self._alive is None else zero_unless(self._alive[:, t], value.detach())

    def _listener(self, name: str, t: int) -> Callable[[Tensor | None], None]:
        def hear(grad: Tensor | None) -> None:
            room = getattr(self.recording, name)
            # A function of one's own may send back nothing at all.
            if room is not None and grad is not None:
                room[:, t] = grad.detach()

        return hear


class _Door(torch.autograd.Function):
    """The identity; everything that comes back through it is noted before any step sees it."""

    @staticmethod
    def forward(ctx: Any, watch: Watch, names: tuple[str, ...], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.watch, ctx.names = watch, names
        ctx.set_materialize_grads(False)
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        outputs, *fields = (None if grad is None else grad.detach() for grad in grads)
        ctx.watch.enter(outputs, dict(zip(ctx.names, fields, strict=True)))
        return None, None, *grads
