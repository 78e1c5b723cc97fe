"""Streams: a trained layer fed one moment at a time, as data arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Any, Protocol, final

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from nurt import kernels
from nurt.errors import NurtTypeError, NurtValueError, ShapeError, UnavailableError
from nurt.kernels import Recurrence, Weights
from nurt.kernels.native.call import weight_shapes
from nurt.kernels.native.rung import RUNG
from nurt.kernels.native.stream import NativeStream
from nurt.kernels.recurrence import remade
from nurt.kernels.rung import no_step_options
from nurt.nn.dropin import AbstractDropIn
from nurt.nn.layers import AbstractLayer, Recurrent, Stack
from nurt.nn.regularisation import Regularisation, request_options
from nurt.nn.unrolling import kernel_cell

__all__ = ["Stream", "StreamedLayers", "fitting", "steps_of", "stream"]


@final
class Stream:
    """A layer that takes one moment per call and keeps its state; made by :func:`stream`.

    Outputs and states are, bit for bit, those of the layer called on the whole sequence by the native engine. No
    gradients are kept. StreamedLayers of one stream take turns when called from several threads.
    """

    def __init__(self, steps: StreamedLayers, batch: int | None) -> None:
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


WHERE = "nurt.nn.stream"


class StreamedLayers(Protocol):
    """Something stepped natively that keeps its state in place."""

    input_size: int
    output_size: int
    dtype: torch.dtype

    def step(self, x: Tensor, out: Tensor) -> None:
        """Advance from ``x`` (B, I) to ``out`` (B, H), both contiguous."""

    def state(self) -> Any:
        """Return a copy of the state, laid out as the layer's."""

    def places(self, state: Any) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield every field in use with what ``state`` gives for it; None starts again.

        Raises:
            NurtTypeError, ShapeError: ``state`` does not fit.
        """


class OneRecurrence:
    """Layers of one recurrence and one hidden size, stepped in one native call.

    Args:
        native: the layers.
        input_size: I of the lowest.
        fields: where the state lies, laid out as the layer shows it.
        names: of the fields.
        shown: makes the state from its fields.
        start: the state before the first step, as ``fields``; None for zeros.
    """

    def __init__(
        self,
        native: NativeStream,
        input_size: int,
        fields: Sequence[Tensor],
        names: Sequence[str],
        shown: Callable[[Iterator[Tensor]], Any],
        start: Sequence[Tensor] | None = None,
    ) -> None:
        self.input_size, self.output_size, self.dtype = input_size, fields[0].shape[-1], fields[0].dtype
        self._fields, self._names, self._shown = fields, names, shown
        self._start = [torch.zeros_like(field) for field in fields] if start is None else list(start)
        self.step = native.step

    def state(self) -> Any:
        """Return a copy of the state; see :class:`StreamedLayers`."""
        return self._shown(field.clone() for field in self._fields)

    def places(self, state: Any) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield every field with its new value; see :class:`StreamedLayers`."""
        if state is None:
            state = self._start
        entries = _entries(state, len(self._fields), f"({', '.join(self._names)})")
        for name, field, given in zip(self._names, self._fields, entries, strict=True):
            yield field, fitting("nurt.nn.Stream.reset", name, given, tuple(field.shape), self.dtype).detach()


class Tower:
    """StreamedLayers one above the other; the state has one entry for each.

    Args:
        parts: lowest first.
        batch: B; None for a single sequence.
    """

    def __init__(self, parts: Sequence[StreamedLayers], batch: int | None) -> None:
        self.input_size, self.output_size = parts[0].input_size, parts[-1].output_size
        self.dtype = parts[0].dtype
        for depth, part in enumerate(parts):
            if part.dtype != self.dtype:
                raise NurtTypeError(
                    f"{WHERE}: layer {depth} has weights of another dtype than the lowest.",
                    expected=str(self.dtype),
                    got=str(part.dtype),
                    cure=f"Convert the whole stack with .to({self.dtype}).",
                )
        self._parts = parts
        # One caller at a time, because of what lies between.
        self._turn = Lock()
        # Outputs of the lower layers; the last one writes where the caller says.
        self._between = [torch.empty(batch or 1, part.output_size, dtype=self.dtype) for part in parts[:-1]]

    def step(self, x: Tensor, out: Tensor) -> None:
        """Advance; see :class:`StreamedLayers`."""
        with self._turn:
            for part, above in zip(self._parts, [*self._between, out], strict=True):
                part.step(x, above)
                x = above

    def state(self) -> Any:
        """Return a copy of the state; see :class:`StreamedLayers`."""
        return tuple(part.state() for part in self._parts)

    def places(self, state: Any) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield every field with its new value; see :class:`StreamedLayers`."""
        count = len(self._parts)
        entries = (None,) * count if state is None else _entries(state, count, "one entry per layer")
        for part, entry in zip(self._parts, entries, strict=True):
            yield from part.places(entry)


def steps_of(layer: object, batch: int | None) -> StreamedLayers:
    """Return what a stream of ``layer`` steps.

    Raises:
        NurtTypeError, UnavailableError: as for :func:`~nurt.nn.stream`.
        ShapeError: a weight was replaced by one of another shape.
    """
    if isinstance(layer, AbstractDropIn):
        return _of_drop_in(layer, batch)
    if isinstance(layer, Recurrent):
        return _of_cell(layer, batch)
    if isinstance(layer, Stack):
        return Tower([steps_of(part, batch) for part in layer.layers], batch)
    if isinstance(layer, AbstractLayer):
        raise _sees_the_future(f"a {type(layer).__name__} layer")
    raise NurtTypeError(
        f"{WHERE}: cannot make a stream of this.",
        expected="nurt.nn.RNN, LSTM or GRU, or a Recurrent or Stack of cells",
        got=type(layer).__name__,
        cure="Convert a layer of torch with nurt.nn.from_torch; put a cell into Recurrent(cell).",
    )


def _of_drop_in(layer: AbstractDropIn, batch: int | None) -> StreamedLayers:
    if layer.bidirectional:
        raise _sees_the_future("bidirectional=True")
    weights = [sides[0] for sides in layer._weights()]
    sizes = layer.input_size, layer.hidden_size
    native = _native(type(layer).__name__, layer.recurrence, weights, sizes, batch, layer.regularisation)
    fields = [field[:, 0] if batch is None else field for field in native.states]
    return OneRecurrence(native, layer.input_size, fields, tuple(layer._state_sizes()), tuple)


def _of_cell(layer: Recurrent, batch: int | None) -> StreamedLayers:
    if layer.reverse:
        raise _sees_the_future("reverse=True")
    cell = kernel_cell(layer.cell)
    if cell is None:
        raise _unserved(type(layer.cell).__name__, "its step is its own")
    sizes = cell.input_size, cell.hidden_size
    native = _native(type(cell).__name__, cell.recurrence, [cell.weights], sizes, batch, layer.regularisation)
    fields = [field[0, 0] if batch is None else field[0] for field in native.states]
    initial = cell.initial_state(batch or 1)
    start = [field.detach()[0].clone() if batch is None else field.detach().clone() for field in initial]
    names = cell.recurrence.fields
    return OneRecurrence(native, cell.input_size, fields, names, lambda values: remade(initial, values), start)


def _native(
    kind: str,
    recurrence: Recurrence[Any],
    weights: Sequence[Weights],
    sizes: tuple[int, int],
    batch: int | None,
    regularisation: Regularisation,
) -> NativeStream:
    """Return the native layers, their weights checked: the engine takes addresses and would read past them."""
    like = weights[0].weight_hh
    options = frozenset(request_options(regularisation, None, training=False))
    request = kernels.Request(recurrence.name, like.device.type, like.dtype, options)
    refusal = RUNG.refuse(request) or no_step_options(request, "a stream")
    if refusal is not None:
        raise _unserved(kind, refusal)
    features, hidden = sizes
    for layer in weights:
        columns = hidden if layer.weight_hr is None else layer.weight_hr.shape[0]
        shapes = weight_shapes(recurrence.name, features, hidden, columns)
        for name, shape in shapes.items():
            given = getattr(layer, name)
            if given is not None:
                fitting(f"{WHERE} of {kind}", name, given, shape, like.dtype)
        features = columns
    return NativeStream(recurrence.name, weights, batch or 1, recurrence.constants)


def fitting(where: str, name: str, given: object, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return ``given`` if it is a dense CPU tensor of this shape and dtype.

    Raises:
        NurtTypeError, ShapeError: it is not.
    """
    if (
        isinstance(given, Tensor)
        and given.shape == shape
        and given.dtype == dtype
        and given.is_cpu
        and given.layout == torch.strided
    ):
        return given
    what = f"{where}: `{name}` does not fit the stream."
    expected = f"a dense tensor {tuple(shape)}, {dtype} on the CPU"
    if not isinstance(given, Tensor):
        raise NurtTypeError(what, expected=expected, got=type(given).__name__)
    got = f"{tuple(given.shape)}, {given.dtype} on {given.device}, {given.layout}"
    if given.shape != shape:
        raise ShapeError(what, expected=expected, got=got)
    raise NurtTypeError(what, expected=expected, got=got, cure=f"Convert it with .to('cpu', {dtype}) and .to_dense().")


def _entries(state: object, count: int, expected: str) -> tuple[Any, ...]:
    what = "nurt.nn.Stream.reset: `state` is not a state of this stream."
    if not isinstance(state, tuple | list):
        raise NurtTypeError(what, expected=expected, got=type(state).__name__)
    if len(state) != count:
        raise ShapeError(what, expected=expected, got=f"{len(state)} of them")
    return tuple(state)


def _sees_the_future(got: str) -> UnavailableError:
    return UnavailableError(
        f"{WHERE}: a layer that runs backwards cannot be streamed.",
        expected="a layer in one direction, forwards",
        got=f"{got}, whose outputs depend on what has not happened yet",
    )


def _unserved(kind: str, refusal: str) -> UnavailableError:
    return UnavailableError(
        f"{WHERE}: the native engine cannot stream this {kind}.",
        expected="float32 or float64 on a CPU and a recurrence of the engine, without zoneout",
        got=refusal,
        cure="Call the layer with T=1 and hand its state on.",
    )
