"""Streams: a trained layer fed one moment at a time, as data arrive."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from nurt import kernels
from nurt.errors import NurtTypeError, NurtValueError, ShapeError, UnavailableError
from nurt.kernels.native_rung import RUNG
from nurt.kernels.native_stream import NativeStream
from nurt.nn.dropin import AbstractDropIn
from nurt.nn.regularisation import request_options

__all__ = ["Stream", "stream"]


@final
class Stream:
    """A layer that takes one moment per call and keeps its state; made by :func:`stream`.

    Outputs and states are, bit for bit, those of the layer called on the whole sequence by the native engine. No
    gradients are kept. Steps of one stream take turns when called from several threads.
    """

    def __init__(self, layer: AbstractDropIn, batch: int | None) -> None:
        self._native = NativeStream(layer.recurrence.name, [sides[0] for sides in layer._weights()], batch or 1)
        weight = layer.weight_ih_l0
        rows = () if batch is None else (batch,)
        self._unbatched = batch is None
        self._names = tuple(layer._state_sizes())
        self._dtype, self._requires = weight.dtype, (*rows, layer.input_size)
        self._returns = torch.empty((*rows, layer.hidden_size), dtype=weight.dtype)

    def step(self, x: Tensor, *, out: Tensor | None = None) -> Tensor:
        """Advance by one moment.

        Args:
            x: (I,), or (B, I) for a stream of a batch.
            out: (H,) or (B, H), contiguous and apart from ``x``, written and returned; with it nothing is allocated.

        Returns:
            The output of the last layer, (H,) or (B, H).

        Raises:
            ShapeError, NurtTypeError: ``x`` or ``out`` do not fit the stream.
        """
        if not isinstance(x, Tensor) or x.shape != self._requires or x.dtype != self._dtype or not x.is_cpu:
            raise self._unfit("x", x, self._requires)
        if out is None:
            out = torch.empty_like(self._returns)
        elif not isinstance(out, Tensor) or out.shape != self._returns.shape or out.dtype != self._dtype:
            raise self._unfit("out", out, tuple(self._returns.shape))
        elif not out.is_contiguous() or not out.is_cpu or out.requires_grad:
            raise NurtValueError(
                "nurt.nn.Stream.step: `out` cannot be written to.",
                expected="a contiguous tensor on the CPU that needs no gradient",
                got=f"strides {out.stride()} on {out.device}, requires_grad={out.requires_grad}",
            )
        self._native.step(x if x.is_contiguous() else x.contiguous(), out)
        return out

    @property
    def state(self) -> tuple[Tensor, ...]:
        """The state before the next step: copies laid out as the layer's, (h,) or (h, c), each (L, H) or (L, B, H)."""
        return tuple((field[:, 0] if self._unbatched else field).clone() for field in self._native.states)

    def reset(self, state: tuple[Tensor, ...] | None = None) -> None:
        """Start again.

        Args:
            state: as :attr:`state` gives it; None for zeros.

        Raises:
            ShapeError, NurtTypeError: it does not fit the stream.
        """
        fields = self._native.states
        if state is None:
            for field in fields:
                field.zero_()
            return
        expected = tuple(fields[0][:, 0].shape if self._unbatched else fields[0].shape)
        if len(state) != len(fields):
            raise ShapeError(
                "nurt.nn.Stream.reset: `state` holds the wrong number of tensors.",
                expected=f"({', '.join(self._names)})",
                got=f"{len(state)} of them",
            )
        for name, given in zip(self._names, state, strict=True):
            if not isinstance(given, Tensor) or given.shape != expected or given.dtype != self._dtype:
                raise self._unfit(name, given, expected, "reset")
        for field, given in zip(fields, state, strict=True):
            field.copy_(given.detach().reshape(field.shape))

    def _unfit(self, name: str, given: object, shape: tuple[int, ...], where: str = "step") -> Exception:
        what = f"nurt.nn.Stream.{where}: `{name}` does not fit the stream."
        expected = f"{tuple(shape)}, {self._dtype} on the CPU"
        if not isinstance(given, Tensor):
            return NurtTypeError(what, expected=expected, got=type(given).__name__)
        got = f"{tuple(given.shape)}, {given.dtype} on {given.device}"
        if given.shape != shape:
            return ShapeError(what, expected=expected, got=got)
        return NurtTypeError(what, expected=expected, got=got, cure=f"Convert it with .to({self._dtype}).")


def stream(layer: AbstractDropIn, batch: int | None = None) -> Stream:
    """Make a stream from a trained layer: for data that arrive one moment at a time and want an answer at once.

    ``torch.nn`` re-orders all weights at every call, which for a single step costs more than the step. Here they are
    packed once; later changes of the layer are not seen. The layer is used as in evaluation: nothing is dropped.

    Args:
        layer: ``nurt.nn.RNN``, ``LSTM`` or ``GRU`` in one direction, float32 or float64 on a CPU.
        batch: B, for steps (B, I); None for a single sequence, steps (I,).

    Returns:
        The stream, its state zero.

    Raises:
        NurtTypeError: not such a layer.
        NurtValueError: ``batch`` below 1.
        UnavailableError: bidirectional, or not for the native engine; the message says why.

    Example:
        >>> live = stream(LSTM(3, 5))
        >>> live.step(torch.randn(3)).shape
        torch.Size([5])
    """
    if not isinstance(layer, AbstractDropIn):
        raise NurtTypeError(
            "nurt.nn.stream: cannot make a stream of this.",
            expected="nurt.nn.RNN, LSTM or GRU",
            got=type(layer).__name__,
            cure="Convert a layer of torch with nurt.nn.from_torch; call `step` of a cell directly.",
        )
    if batch is not None and (not isinstance(batch, int) or isinstance(batch, bool) or batch < 1):
        raise NurtValueError("nurt.nn.stream: impossible `batch`.", expected="at least 1, or None", got=repr(batch))
    if layer.bidirectional:
        raise UnavailableError(
            "nurt.nn.stream: a bidirectional layer cannot be streamed.",
            expected="a layer in one direction",
            got="bidirectional=True, whose outputs depend on what has not happened yet",
        )
    weight = layer.weight_ih_l0
    asked = request_options(layer.regularisation, None, training=False)
    refusal = RUNG.refuse(kernels.Request(layer.recurrence.name, weight.device.type, weight.dtype, frozenset(asked)))
    if refusal is not None:
        raise UnavailableError(
            f"nurt.nn.stream: the native engine cannot stream this {type(layer).__name__}.",
            expected="a float32 or float64 layer on a CPU without projection or zoneout",
            got=refusal,
            cure="Call the layer with T=1 and hand its state on.",
        )
    return Stream(layer, batch)
