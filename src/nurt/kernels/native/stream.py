"""Streams: the engine one step at a time, weights packed once and states kept in one place."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nurt.errors import UnavailableError
from nurt.kernels.native.call import CELLS, ENGINE, SCALARS, instruction_set
from nurt.kernels.recurrence import Weights

__all__ = ["NativeStream"]


class NativeStream:
    """A stack of layers in one direction, stepped natively.

    Args:
        cell: a name in :data:`~nurt.kernels.native.call.CELLS`.
        weights: per layer, float32 or float64 on the CPU. They are copied: later changes are not seen.
        batch: B.
        constants: of the cell's equation.

    The number of threads is torch's at the time of the making; small layers use one.

    Attributes:
        states: before the next step, fields (L, B, ·); written in place by each step.
    """

    def __init__(self, cell: str, weights: Sequence[Weights], batch: int, constants: tuple[float, ...] = ()) -> None:
        spec, first = CELLS[cell], weights[0].weight_hh.detach()
        units, columns = len(first) // spec.gates, first.shape[1]
        sizes = (columns, units) if spec.has_cell else (columns,)
        self.states = tuple([first.new_zeros((len(weights), batch, size)) for size in sizes])
        # Outputs of the lower layers; the last layer writes where the caller says.
        self._between = torch.empty_like(self.states[0])
        # Read in every step, unlike what is packed.
        self._extra = [[_copied(getattr(given, name)) for name in spec.extra] for given in weights]
        threads = torch.get_num_threads()
        self._native = ENGINE.Stream(instruction_set(), spec.code, SCALARS[first.dtype], batch, threads, constants)
        for layer, given in enumerate(weights):
            side = ENGINE.Side()
            # Held by name until they are packed.
            dense = [None if value is None else value.detach().resolve_neg().contiguous() for value in given[:4]]
            for name, value in zip(spec.fields[:4], dense, strict=True):
                if value is not None:
                    setattr(side, name, value.data_ptr())
            for index, value in enumerate(self._extra[layer]):
                if value is not None:
                    side.learned(index, value.data_ptr())
            hidden, cell_state = [field[layer].data_ptr() for field in self.states] + [0] * (2 - len(self.states))
            between = self._between[layer].data_ptr()
            self._native.add_layer(given.weight_ih.shape[1], units, columns, side, hidden, cell_state, between)

    def step(self, inputs: Tensor, outputs: Tensor) -> None:
        """Advance by one step.

        Args:
            inputs: (B, I), contiguous, of the dtype of the weights.
            outputs: (B, P), contiguous, of the same dtype; written, and not overlapping the inputs.

        Raises:
            UnavailableError: torch.jit.trace follows, which would keep the numbers of this step as constants.
        """
        if torch._C._is_tracing():
            raise UnavailableError(
                "nurt.nn.Stream.step: a stream keeps its state in place, which no trace can follow.",
                expected="a plain call",
                got="torch.jit.trace at work",
                cure="Trace the layer that the stream was made from, with its state as an argument.",
            )
        self._native.step(inputs.data_ptr(), outputs.data_ptr())


def _copied(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.detach().resolve_neg().clone(memory_format=torch.contiguous_format)
