"""Streams: a trained layer fed one moment at a time, as data arrive."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from nurt.errors import NurtValueError
from nurt.nn.dropin import AbstractDropIn
from nurt.nn.layers import AbstractLayer
from nurt.nn.stream_layers import Steps, fitting, steps_of

__all__ = ["Stream", "stream"]


@final
class Stream:
    """A layer that takes one moment per call and keeps its state; made by :func:`stream`.

    Outputs and states are, bit for bit, those of the layer called on the whole sequence by the native engine. No
    gradients are kept. Steps of one stream take turns when called from several threads.
    """

    def __init__(self, steps: Steps, batch: int | None) -> None:
        rows = () if batch is None else (batch,)
        self._steps, self._dtype = steps, steps.dtype
        self._takes = torch.Size((*rows, steps.input_size))
        self._gives = torch.empty((*rows, steps.output_size), dtype=steps.dtype)
        self.reset()

    def step(self, x: Tensor, *, out: Tensor | None = None) -> Tensor:
        """Advance by one moment.

        Args:
            x: (I,), or (B, I) for a stream of a batch.
            out: (H,) or (B, H), contiguous and apart from ``x``, written and returned; with it nothing is allocated.

        Returns:
            The output of the last layer, (H,) or (B, H).

        Raises:
            ShapeError, NurtTypeError: ``x`` or ``out`` do not fit the stream.
            NurtValueError: ``out`` cannot be written to, or lies where ``x`` does.
        """
        # Written out here, because a step of a small layer takes little longer than a call of Python.
        if not isinstance(x, Tensor) or x.shape != self._takes or x.dtype != self._dtype or not x.is_cpu:
            fitting("nurt.nn.Stream.step", "x", x, self._takes, self._dtype)
        if x.layout != torch.strided or not x.is_contiguous() or x.is_neg():
            x = fitting("nurt.nn.Stream.step", "x", x, self._takes, self._dtype).contiguous().resolve_neg()
        if out is None:
            out = torch.empty_like(self._gives)
            self._steps.step(x, out)
        else:
            self._check_out(x, out)
            self._steps.step(x, out)
            # Written behind torch's back: a graph that saved `out` must notice.
            increment_version(out)
        return out

    @property
    def state(self) -> Any:
        """The state before the next step, a copy laid out as the layer's, without the batch axis for a single sequence.

        Of a drop-in layer (h,) or (h, c), each (L, H) or (L, B, H); of a :class:`Recurrent` the cell's state; of a
        :class:`Stack` a tuple with one entry per layer.
        """
        return self._steps.state()

    def reset(self, state: Any = None) -> None:
        """Start again.

        Args:
            state: as :attr:`state` gives it; None for the layer's initial one, which is zero unless it is learned.

        Raises:
            ShapeError, NurtTypeError: it does not fit the stream, which is left as it was.
        """
        for field, given in list(self._steps.places(state)):
            field.copy_(given)

    def _check_out(self, x: Tensor, out: Tensor) -> None:
        """Refuse an ``out`` that cannot be written to."""
        where = "nurt.nn.Stream.step: `out` cannot be written to."
        fitting("nurt.nn.Stream.step", "out", out, self._gives.shape, self._dtype)
        if not out.is_contiguous() or out.is_neg() or out.requires_grad:
            raise NurtValueError(
                where,
                expected="a contiguous tensor that needs no gradient",
                got=f"strides {out.stride()}, is_neg={out.is_neg()}, requires_grad={out.requires_grad}",
            )
        if out.untyped_storage().data_ptr() == x.untyped_storage().data_ptr():
            raise NurtValueError(where, expected="memory of its own", got="memory that it shares with `x`")


def stream(layer: AbstractDropIn | AbstractLayer, batch: int | None = None) -> Stream:
    """Make a stream from a trained layer: for data that arrive one moment at a time and want an answer at once.

    ``torch.nn`` re-orders all weights at every call, which for a single step costs more than the step. Here they are
    packed once; later changes of the layer are not seen. The layer is used as in evaluation: nothing is dropped.

    Args:
        layer: ``nurt.nn.RNN``, ``LSTM`` or ``GRU``, a :class:`Recurrent` cell or a :class:`Stack` of them; in one
            direction, float32 or float64 on a CPU.
        batch: B, for steps (B, I); None for a single sequence, steps (I,).

    Returns:
        The stream, at the layer's initial state.

    Raises:
        NurtTypeError: not such a layer.
        NurtValueError: ``batch`` below 1.
        ShapeError: a weight was replaced by one of another shape.
        UnavailableError: a layer runs backwards, or is not for the native engine; the message says why.

    Example:
        >>> live = stream(LSTM(3, 5))
        >>> live.step(torch.randn(3)).shape
        torch.Size([5])
    """
    if batch is not None and (not isinstance(batch, int) or isinstance(batch, bool) or batch < 1):
        raise NurtValueError("nurt.nn.stream: impossible `batch`.", expected="at least 1, or None", got=repr(batch))
    return Stream(steps_of(layer, batch), batch)
