"""Record what a model computes and learns: every recurrent layer, and the gradients that came back through it.

The model runs as it always does, forward and backward, on the same code; the kernels save intermediates that they have
computed anyway. Only the ``forward`` of each recurrent module is wrapped for the duration of the block, so that each
call belongs to a module. A layer of torch.nn computes with nurt's kernels meanwhile, with the same parameters and, up
to rounding, the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from nurt import kernels
from nurt.diagnostics.look.finding import Direction, FoundModule, LayerId, modules_of
from nurt.diagnostics.look.layer_record import LayerRecord, Observed, observed_call
from nurt.diagnostics.look.passage import Passage
from nurt.errors import NurtTypeError, NurtValueError
from nurt.nn import AbstractCell
from nurt.nn.swapping import counterpart

__all__ = ["Record", "evaluating", "observe", "record"]


class Record:
    """What a block of :func:`record` has recorded so far; gradients appear as soon as a ``backward`` has run."""

    def __init__(self, addresses: tuple[LayerId, ...]) -> None:
        self._addresses = addresses
        self._seen: list[Observed] = []

    @property
    def layers(self) -> tuple[LayerRecord, ...]:
        """All layers and directions of all calls, in the order of the calls, lowest layer first."""
        return tuple(one.layer_record() for one in self._seen)

    def layer(
        self, module: str = "", layer: int = 0, direction: Direction = "forward", *, call: int = -1
    ) -> LayerRecord:
        """Return one layer in one direction.

        Args:
            module: path of the recurrent module in the model; empty for the model itself.
            layer: 0 for the lowest of the module.
            direction: "forward" or "backward".
            call: which call of the module, from 0; negative numbers count from the last.

        Raises:
            NurtValueError: no such layer, or it was not called so often.
        """
        wanted = LayerId(module, layer, direction)
        if wanted not in self._addresses:
            raise NurtValueError(
                "nurt.diagnostics.record: there is no such layer.",
                expected=f"one of: {'; '.join(map(str, self._addresses))}",
                got=str(wanted),
            )
        calls = [one for one in self._seen if one.id == wanted]
        if not -len(calls) <= call < len(calls):
            raise NurtValueError(
                f"nurt.diagnostics.record: {wanted} was not called so often.",
                expected=f"a call among {len(calls)}",
                got=str(call),
                cure="Call the model inside the block.",
            )
        return calls[call].layer_record()

    def once(self) -> tuple[LayerRecord, ...]:
        """Return every layer and direction that was called, in the order of the model.

        Raises:
            NurtValueError: no layer was called, or one more than once, so that a step of it is no one place in time.
        """
        seen: dict[LayerId, list[Observed]] = {address: [] for address in self._addresses}
        for one in self._seen:
            seen[one.id].append(one)
        paths = dict.fromkeys(address.module or "the model" for address in self._addresses)
        for address, calls in seen.items():
            if len(calls) > 1:
                raise NurtValueError(
                    f"nurt.diagnostics: the layer `{address.module or 'the model'}` was used {len(calls)} times.",
                    expected="one use, so that a step of the layer is one place in time",
                    got=f"{len(calls)} uses",
                    cure="Look at the layer by itself, once with the inputs of each use.",
                )
        if not self._seen:
            raise NurtValueError(
                "nurt.diagnostics: the model called none of its recurrent layers.",
                expected=f"a call that runs one of {', '.join(paths)}",
                got="none",
                cure="A cell that the model steps by itself is taken through time by passage(cell, inputs); the states "
                "that it collects are recorded by record_states(states, loss).",
            )
        return tuple(one.layer_record() for calls in seen.values() for one in calls)

    def clear(self) -> None:
        """Delete what has been recorded, and free its memory."""
        self._seen.clear()

    def __str__(self) -> str:
        return "\n".join(map(str, self.layers)) or "nothing was called yet"

    def add(self, found: FoundModule, records: list[kernels.Recording], arguments: tuple[Any, ...]) -> None:
        """Enter what was recorded in one call of ``found``."""
        number = sum(one.id == found.ids[0][0] for one in self._seen)
        self._seen += observed_call(found, records, number, _order(arguments))


@contextmanager
def record(model: nn.Module) -> Iterator[Record]:
    """Record states, gates and gradients of every recurrent layer while a block of code runs ``model``.

    Inside the block call the model and ``backward`` as always. What is recorded lives as long as the record; in a
    loop over batches call :meth:`Record.clear` between them. When the block ends, by an error too, the model is as it
    was: the same modules, the same parameters, nothing wrapped.

    Args:
        model: holds layers of ``nurt.nn`` (drop-in layers, Recurrent, Bidirectional, Stack) or ``torch.nn`` (RNN, LSTM,
            GRU) anywhere inside, or is one. Cells that the model steps by itself are not recorded. Frozen layers are:
            gradients then flow through them although their weights get none. What the native engine does not run
            (options between the steps, other recurrences, cells with their own step, other devices) is recorded by the
            readable loop, slower and with the same results.

    Yields:
        The record.

    Raises:
        NurtTypeError: not a module; no recurrent layer inside; half precision.
        NonFiniteError: a weight is NaN or infinite.
        NurtValueError: the model is being recorded already.
        UnavailableError: a subclass of torch's layers with a forward of its own; inside the block, compiled code and
            transforms of ``torch.func``.

    Example:
        >>> model = torch.nn.Sequential(torch.nn.LSTM(3, 5, batch_first=True))
        >>> with record(model) as seen:
        ...     outputs, _ = model(torch.randn(2, 7, 3))
        ...     outputs[:, -1].sum().backward()
        >>> print(seen)
        0, layer 0, forward: lstm, 2 x 7 steps, 5 units; direct gradient at 1 of 7 steps, total at 7
    """
    found = [one for one in modules_of(model) if not isinstance(one.module, AbstractCell | nn.RNNCellBase)]
    if not found:
        raise NurtTypeError(
            "nurt.diagnostics.record: this model has cells, but no layer that takes one through time.",
            expected="a layer of nurt.nn or torch.nn",
            got=type(model).__name__,
            cure="Take the cell through time with nurt.nn.Recurrent(cell), or append the states of your loop to a list "
            "and call nurt.diagnostics.record_states(states, loss).",
        )
    seen = Record(tuple(cell for one in found for sides in one.ids for cell in sides))
    observers = [_observed(one, seen) for one in found]
    owns = [vars(one.module).get("forward") for one in found]
    for one, observer in zip(found, observers, strict=True):
        one.module.forward = observer
    try:
        yield seen
    finally:
        for one, own in zip(found, owns, strict=True):
            del one.module.forward
            if own is not None:
                one.module.forward = own


def observe(model: nn.Module, *arguments: Any, **named: Any) -> tuple[Passage, ...]:
    """Call ``model(*arguments, **named)`` once and return what every recurrent layer and direction was taken through.

    A short form of :func:`record` for diagnostics that need no gradient of a loss.

    Args:
        model: see :func:`record`, also for the errors; it is in evaluation mode meanwhile.
        arguments: of the model.
        named: of the model.

    Returns:
        One passage per layer and direction of the modules that were called, in the order of the model. Cells that the
        model steps by itself are not among them.

    Raises:
        NurtTypeError: nothing recurrent inside, or half precision.
        NonFiniteError: weights are not finite.
        NurtValueError: no recurrent layer was called, or one was called more than once.
        UnavailableError: a layer cannot be recorded.

    Example:
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), LSTM(3, 5, num_layers=2, batch_first=True))
        >>> [tuple(one.inputs.shape) for one in observe(model, torch.randn(4, 7, 2))]
        [(4, 7, 3), (4, 7, 5)]
    """
    with evaluating(model), torch.no_grad(), record(model) as seen:
        model(*arguments, **named)
        return tuple(one.passage() for one in seen.once())


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put ``model`` into evaluation mode, and every part of it back into its own."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _observed(found: FoundModule, seen: Record) -> _CallObserver:
    """Return what stands in for the ``forward`` of a module; only that attribute of the module itself changes."""
    module = found.module
    own = vars(module).get("forward")
    if isinstance(own, _CallObserver):
        raise NurtValueError(
            f"nurt.diagnostics.record: {found.path or 'the model'} is being recorded already.",
            expected="one block of record() at a time",
            got="a block inside a block",
        )
    forward = _by_nurt(module) if isinstance(module, nn.RNNBase) and own is None else module.forward
    return _CallObserver(found, forward, seen)


class _CallObserver:
    """Calls a ``forward`` and enters what its kernels recorded."""

    def __init__(self, found: FoundModule, forward: Callable[..., Any], seen: Record) -> None:
        self.found, self.forward, self.seen = found, forward, seen

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if torch.is_grad_enabled() and not any(one.requires_grad for one in self.found.module.parameters()):
            arguments = tuple(_differentiable(one) if at == 0 else one for at, one in enumerate(arguments))
            named = {name: _differentiable(one) if name in _INPUTS else one for name, one in named.items()}
        with kernels.recording() as records:
            result = self.forward(*arguments, **named)
        self.seen.add(self.found, records, (*arguments, *named.values()))
        return result


# The first parameter of forward, in nurt's layers and in torch's.
_INPUTS = ("inputs", "input")


def _by_nurt(layer: nn.RNNBase) -> Callable[..., Any]:
    """Return a ``forward`` that computes what torch's layer does with nurt's kernels and the same parameters."""
    ours: Any = counterpart(layer)
    weights = [name for group in layer._all_weights for name in group]
    for name in weights:
        delattr(ours, name)

    def forward(*arguments: Any, **named: Any) -> Any:
        # Looked up in every call: parametrised and assigned weights are seen.
        for name in weights:
            setattr(ours, name, getattr(layer, name))
        ours.train(layer.training)
        try:
            return ours.forward(*arguments, **named)
        finally:
            for name in weights:
                delattr(ours, name)

    return forward


def _differentiable(given: Any) -> Any:
    """Return the inputs of a frozen layer such that a gradient goes through it."""
    if isinstance(given, PackedSequence):
        return PackedSequence(_differentiable(given.data), *given[1:])
    if isinstance(given, Tensor) and given.is_floating_point() and not given.requires_grad:
        return given.detach().requires_grad_()
    return given


def _order(arguments: tuple[Any, ...]) -> Tensor | None:
    """Return how rows of packed inputs get back into the order of the batch; None where they are in it."""
    return next((one.unsorted_indices for one in arguments if isinstance(one, PackedSequence)), None)
