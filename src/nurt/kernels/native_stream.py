"""Streams: the engine one step at a time, weights packed once and states kept in one place."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nurt.kernels.native_calls import CELLS, SCALARS, instruction_set
from nurt.kernels.recurrence import Weights

__all__ = ["NativeStream"]


class NativeStream:
    """A stack of layers in one direction, stepped natively.

    Args:
        cell: a name in :data:`~nurt.kernels.native_calls.CELLS`.
        weights: per layer, float32 or float64 on the CPU. They are copied: later changes are not seen.
        batch: B.

    The number of threads is torch's at the time of the making; small layers use one.

    Attributes:
        states: before the next step, fields (L, B, H); written in place by each step.
    """

    def __init__(self, cell: str, weights: Sequence[Weights], batch: int) -> None:
        first = weights[0].weight_hh
        self._states = first.detach().new_zeros((2, len(weights), batch, first.shape[1]))
        self.states = tuple(self._states[: 2 if CELLS[cell].has_cell else 1])
        # What a layer hands up; the last layer writes where the caller says.
        self._between = torch.empty_like(self._states[0])
        # Here, so that this module can be imported without the extension.
        from nurt.kernels import _cpu

        self._native = _cpu.Stream(
            instruction_set(), CELLS[cell].code, SCALARS[first.dtype], batch, torch.get_num_threads()
        )
        for layer, given in enumerate(weights):
            # Held by name until they are packed.
            dense = [None if value is None else value.detach().contiguous() for value in given[:4]]
            weight_ih, weight_hh, bias_ih, bias_hh = (0 if value is None else value.data_ptr() for value in dense)
            hidden, cell_state = (field[layer].data_ptr() for field in self._states)
            between = self._between[layer].data_ptr()
            sizes = given.weight_ih.shape[1], first.shape[1]
            self._native.add_layer(*sizes, weight_ih, weight_hh, bias_ih, bias_hh, hidden, cell_state, between)

    def step(self, inputs: Tensor, outputs: Tensor) -> None:
        """Advance by one step.

        Args:
            inputs: (B, I), contiguous, of the dtype of the weights.
            outputs: (B, H), contiguous, of the same dtype; written, and not overlapping the inputs.
        """
        self._native.step(inputs.data_ptr(), outputs.data_ptr())
