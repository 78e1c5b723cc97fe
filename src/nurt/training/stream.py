"""Training on a stream: every update draws new examples, or reads on in long series whose state is carried along."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.nn import Truncated
from nurt.results import plain
from nurt.training.objective import Description
from nurt.training.settings import TrainingSettings

__all__ = ["ResumableLoss", "StatefulLoss", "StreamObjective", "detached"]

Sequences: TypeAlias = Tensor | np.ndarray
Generator: TypeAlias = torch.Generator | np.random.Generator | np.random.RandomState


@runtime_checkable
class ResumableLoss(Protocol):
    """A loss of the next examples with a state that a checkpoint can hold."""

    @property
    def fingerprint(self) -> str:
        """A digest of data and method: what a resumed run must share."""
        ...

    def __call__(self) -> Tensor:
        """Return the loss of the next examples, a scalar with a gradient."""
        ...

    def state(self) -> Mapping[str, Tensor]:
        """Return what decides the next losses besides the weights, by name."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what :meth:`state` returned."""
        ...


class StreamObjective:
    """The objective, and the source of its batches, for :func:`nurt.training.train` on a stream.

    An epoch is ``updates`` updates. ``TrainingSettings(epochs=1)`` makes one stretch of the stream; several epochs of
    fewer updates let the model be validated and the learning rate fall in between. ``batch_size`` and ``shuffle`` of
    the settings have no meaning here. Without ``validate`` the model keeps its last weights.

    A loss or gradient that is not finite ends training before its update, with ``stopped_by="non-finite"`` in the
    record and the kind and parameter in the ledger: the examples are gone, so the cause cannot be searched for.

    Args:
        next_loss: draws the next examples and returns their loss, a scalar with a gradient. The state of a
            :class:`ResumableLoss` such as :class:`StatefulLoss` goes into the checkpoint.
        updates: in an epoch, at least 1.
        generator: the one that ``next_loss`` draws from, of NumPy or torch; its state goes into the checkpoint too.
            Torch's global generators always do.
        validate: returns the loss on a validation part, called before the first epoch and after each.
        fingerprint: identifies the stream; a checkpoint is not resumed with another one.

    Raises:
        NurtValueError: ``updates`` is below 1.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> layer, generator = torch.nn.Linear(2, 1), torch.Generator().manual_seed(0)
        >>> def next_loss():
        ...     inputs = torch.rand(8, 2, generator=generator)
        ...     return (layer(inputs) - inputs.sum(1, keepdim=True)).square().mean()
        >>> settings = nurt.training.TrainingSettings(epochs=1, learning_rate=0.05)
        >>> record = nurt.training.train(layer, StreamObjective(next_loss, 300, generator=generator), settings)
        >>> record.updates, record.stopped_by, record.history[0].train_loss < 0.1
        (300, 'updates', True)
    """

    repeats = False

    def __init__(
        self,
        next_loss: Callable[[], Tensor],
        updates: int,
        *,
        generator: Generator | None = None,
        validate: Callable[[], float] | None = None,
        fingerprint: str = "",
    ) -> None:
        if updates < 1:
            raise NurtValueError(
                "StreamObjective: `updates` is out of range.", expected="at least 1", got=repr(updates)
            )
        self.examples = updates
        self._next_loss, self._generator, self._validate = next_loss, generator, validate
        self._resumable = next_loss if isinstance(next_loss, ResumableLoss) else None
        parts = ["stream", fingerprint, self._resumable.fingerprint if self._resumable else ""]
        self.fingerprint = ", ".join(filter(None, parts))

    @property
    def source(self) -> StreamObjective:
        """The stream itself: it decides what comes next."""
        return self

    def batches(self, epoch: int, settings: TrainingSettings) -> Sequence[Tensor]:
        """Return the number of each update of ``epoch``, counted from 0 over all epochs."""
        del settings
        return torch.split(torch.arange((epoch - 1) * self.examples, epoch * self.examples), 1)

    def loss(self, model: nn.Module, indices: Tensor) -> Tensor:
        """Return the loss of the next examples, whatever the number of the update."""
        del model, indices
        return self._next_loss()

    def validate(self, model: nn.Module) -> float | None:
        """Return the loss on the validation part, or None without one."""
        del model
        return None if self._validate is None else self._validate()

    def describe(self, indices: Tensor) -> Description:
        """Return the name of the unit: updates have no other words."""
        del indices
        return Description("updates")

    def inputs(self, indices: Tensor) -> None:
        """Return None: the examples are drawn inside the loss."""
        del indices

    def state(self) -> dict[str, Tensor]:
        """Return the state of loss and generator."""
        found = {} if self._resumable is None else {f"loss/{k}": v for k, v in self._resumable.state().items()}
        return found if self._generator is None else {**found, "generator": _generator_state(self._generator)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what :meth:`state` returned."""
        if self._resumable is not None:
            kept = {name.removeprefix("loss/"): value for name, value in state.items() if name.startswith("loss/")}
            self._resumable.restore(kept)
        if self._generator is not None:
            _set_generator_state(self._generator, state["generator"])


class StatefulLoss:
    """The loss of the next steps of long parallel series, one update of the weights per call.

    Each call reads on where the last one stopped, with the state as it was there, detached, and returns the loss of
    the next ``stride`` steps. Its gradient goes back over ``window`` steps: BPTT(h; h′) of [williams1990efficient] with
    h = window, h′ = stride, for the whole model at once. With window = stride these are chunks that follow each other;
    else the window − stride steps before are run again from the state kept there, with the weights as they are now.
    After the last step the series begin again, from the model's initial state.

    Series may be NumPy arrays, memory-mapped ones among them, which are read one window at a time. In a
    :class:`StreamObjective` a checkpoint holds position and state.

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
        inputs: Sequences,
        targets: Sequences,
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
    def fingerprint(self) -> str:
        """A digest of shapes, method, and the first and last stride of the series; what is between is not read."""
        steps, stride = self._inputs.shape[1], self.method.every
        shapes = f"{tuple(self._inputs.shape)}-{tuple(self._targets.shape)}-{self.method}"
        digest = hashlib.sha256(shapes.encode())
        for first in (0, max(0, steps - stride)):
            for series in (self._inputs, self._targets):
                part = _part(series, first, min(first + stride, steps)).detach().cpu().contiguous()
                digest.update(part.view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

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

    def state(self) -> dict[str, Tensor]:
        """Return the position and the tensors of the carried state."""
        leaves = {f"state/{number}": leaf for number, leaf in enumerate(_leaves(self._state))}
        return {"position": torch.tensor(self._position), **leaves}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what :meth:`state` returned; one step of the model shows how its state is built."""
        self.rewind()
        self._position = int(state["position"])
        if len(state) > 1:
            with torch.no_grad():
                _, like = self.model(_part(self._inputs, 0, 1), None)
            self._state = _filled(like, iter([state[f"state/{number}"] for number in range(len(state) - 1)]))

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


def _part(series: Sequences, first: int, last: int) -> Tensor:
    """Return steps ``first`` .. ``last`` - 1 as a tensor; a read-only array is copied, nothing else of it is read."""
    part = series[:, first:last]
    return part if isinstance(part, Tensor) else torch.from_numpy(np.array(part))


def _leaves(state: Any) -> Iterator[Tensor]:
    """Yield the tensors of a state in order."""
    if isinstance(state, Tensor):
        yield state
    elif state is not None:
        for part in state:
            yield from _leaves(part)


def _filled(like: Any, leaves: Iterator[Tensor]) -> Any:
    """Return a state built like another one out of ``leaves``, on its devices."""
    if like is None:
        return None
    if isinstance(like, Tensor):
        return next(leaves).to(like.device)
    parts = [_filled(part, leaves) for part in like]
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)


def _generator_state(generator: Generator) -> Tensor:
    """Return the state of a generator as bytes, uint8: as torch gives it, or NumPy's as JSON."""
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    values: Mapping[str, Any]
    if isinstance(generator, np.random.RandomState):
        values = generator.get_state(legacy=False)
    else:
        values = generator.bit_generator.state
    return torch.frombuffer(bytearray(json.dumps(plain(values)).encode()), dtype=torch.uint8)


def _set_generator_state(generator: Generator, state: Tensor) -> None:
    if isinstance(generator, torch.Generator):
        generator.set_state(state)
        return
    values = json.loads(state.numpy().tobytes())
    if isinstance(generator, np.random.RandomState):
        generator.set_state(values)
    else:
        generator.bit_generator.state = values
