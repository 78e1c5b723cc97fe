"""The search for the first value that is not finite, in the batch whose loss or gradient was not.

Candidates are checked in the order in which they act: weights, inputs, the modules forward, the loss, the gradients
backward. The first is named, since all later ones follow from it. For modules and gradients the batch is computed once
more while every module is watched. Forward, each module reports its inputs when it is entered and its outputs when it
is left, so children come before their parents. Backward, the gradients at the same places are watched in the order in
which they arrive. A value that appears between two modules, in the open code of a forward function or of the loss,
shows at the next module entered (forward) or at the last one passed (backward).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from nurt.errors import NonFiniteError
from nurt.training.fault import FaultTime, FaultyExamples, FirstFault, error_of
from nurt.training.objective import Objective
from nurt.training.run import all_finite

__all__ = ["Replay", "Sighting", "investigate_batch", "investigate_model", "replay"]

_SHOWN = 10


def investigate_model(model: nn.Module, time: FaultTime) -> NonFiniteError:
    """Return the error for weights, or a validation loss, that are not finite after the steps of an epoch."""
    bad = _bad_weights(model)
    return error_of(FirstFault("weight", parameter=bad[0]) if bad else FirstFault("validation"), time)


def investigate_batch(model: nn.Module, objective: Objective, indices: Tensor, time: FaultTime) -> NonFiniteError:
    """Return the error for a step whose loss or gradient was not finite, after replaying the batch.

    Args:
        model: the model before the update, in training mode, with torch's generators as they were before the step.
        objective: examples and loss.
        indices: (B,), the examples of the batch.
        time: when it happened.
    """
    seen = replay(model, lambda: objective.loss(model, indices), len(indices))
    bad = _bad_weights(model)
    if bad:
        fault = replace(_from_replay(seen), cause="weight", parameter=bad[0])
    else:
        fault = _bad_input(objective, indices) or _from_replay(seen)
    if fault.cause == "loss":
        fault = replace(fault, rows=_rows_with_bad_loss(model, objective, indices))
    numbers = indices[list(fault.rows)] if fault.rows else indices
    shown = numbers[:_SHOWN]
    return error_of(fault, time, FaultyExamples(tuple(shown.tolist()), len(numbers), objective.describe(shown)))


def _bad_weights(model: nn.Module) -> list[str]:
    # Buffers are left out: a mask may hold infinities on purpose.
    return [name for name, value in model.named_parameters() if not all_finite([value])]


def _bad_input(objective: Objective, indices: Tensor) -> FirstFault | None:
    inputs = objective.inputs(indices)
    if inputs is None or all_finite([inputs]):
        return None
    bad = ~torch.isfinite(inputs).reshape(inputs.shape[0], inputs.shape[1], -1)
    rows = bad.flatten(1).any(1).nonzero().flatten().tolist()
    time_step, column = bad[rows[0]].nonzero()[0].tolist()
    names = objective.describe(indices[rows[:1]]).columns
    name = names[column] if column < len(names) else column
    return FirstFault("input", rows=tuple(rows), time_step=time_step, column=str(name))


def _from_replay(seen: Replay) -> FirstFault:
    if seen.first is not None:
        first = seen.first
        return FirstFault(
            cause=first.direction,
            rows=first.rows,
            time_step=first.time_step,
            parameter=seen.gradients[0] if seen.gradients else None,
            module=first.module,
            module_type=first.module_type,
            side=first.side,
            largest=seen.largest,
        )
    if not seen.loss_is_finite:
        return FirstFault("loss", largest=seen.largest)
    if seen.gradients:
        return FirstFault("backward", parameter=seen.gradients[0], largest=seen.largest)
    return FirstFault("unknown", largest=seen.largest)


def _rows_with_bad_loss(model: nn.Module, objective: Objective, indices: Tensor) -> tuple[int, ...]:
    """Return the rows whose loss is not finite when they are alone in the batch."""
    with torch.no_grad():
        losses = [objective.loss(model, indices[row : row + 1]) for row in range(len(indices))]
    return tuple(row for row, loss in enumerate(losses) if not all_finite([loss]))


@dataclass(frozen=True)
class Sighting:
    """The first place where a value was not finite.

    Args:
        module: name of the module, as in ``named_modules``; "" is the model itself.
        module_type: its class.
        side: "input" or "output" of the module.
        direction: "forward", or "backward" for the gradient at that place.
        rows: positions in the batch of the bad values; empty when the batch axis was not recognised.
        time_step: earliest bad step (forward) or latest (backward) of a (B, T, ·) tensor, from 0; else None.
    """

    module: str
    module_type: str
    side: str
    direction: str
    rows: tuple[int, ...]
    time_step: int | None


@dataclass
class Replay:
    """What one watched pass showed.

    Args:
        first: the first sighting, if a watched place went bad.
        loss_is_finite: whether the loss of the pass was.
        gradients: names of the parameters whose gradient is not finite; empty when the loss already was not.
        largest: largest magnitude on either side of a module, up to the first sighting.
    """

    first: Sighting | None = None
    loss_is_finite: bool = False
    gradients: list[str] = field(default_factory=list)
    largest: float = 0.0


def replay(model: nn.Module, loss_of_batch: Callable[[], Tensor], batch: int) -> Replay:
    """Return what a forward pass, and if that is finite a backward pass, shows.

    Args:
        model: the model, in the state in which it failed; its gradients are replaced.
        loss_of_batch: computes the loss with ``model``.
        batch: number of examples B, by which the batch axis is recognised.
    """
    watch = _ModuleWatch(batch)
    model.zero_grad(set_to_none=True)
    with watch.hooked(model):
        loss = loss_of_batch()
        watch.found.loss_is_finite = bool(torch.isfinite(loss))
        if watch.found.first is None and watch.found.loss_is_finite:
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves this method without annotations
            watch.found.gradients = [
                name
                for name, parameter in model.named_parameters()
                if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all())
            ]
    model.zero_grad(set_to_none=True)
    return watch.found


class _ModuleWatch:
    """Looks at the tensors on both sides of every module, and at their gradients when they come back."""

    def __init__(self, batch: int) -> None:
        self.found = Replay()
        self._batch = batch
        # Tensors are held, because a number from id() is theirs only as long as they live.
        self._places: dict[int, tuple[Tensor, tuple[str, str, str]]] = {}

    @contextmanager
    def hooked(self, model: nn.Module) -> Iterator[None]:
        """Watch ``model`` while entered."""
        handles = []
        for name, module in model.named_modules():
            on_entry, on_exit = self._hooks(name, type(module).__name__)
            handles.append(module.register_forward_pre_hook(on_entry, with_kwargs=True))
            handles.append(module.register_forward_hook(on_exit))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _hooks(self, name: str, kind: str) -> tuple[Callable[..., None], Callable[..., None]]:
        def on_entry(_: nn.Module, args: object, kwargs: object) -> None:
            for tensor in _tensors((args, kwargs)):
                self._look(tensor, (name, kind, "input"))

        def on_exit(_: nn.Module, __: object, output: object) -> None:
            for tensor in _tensors(output):
                self._look(tensor, (name, kind, "output"))

        return on_entry, on_exit

    def _look(self, tensor: Tensor, place: tuple[str, str, str]) -> None:
        self._note(tensor, place, "forward")
        if self.found.first is None and tensor.numel() and tensor.is_floating_point():
            self.found.largest = max(self.found.largest, float(tensor.detach().abs().amax()))
        if not tensor.requires_grad:
            return
        number = id(tensor)
        if number not in self._places:
            tensor.register_hook(  # type: ignore[no-untyped-call]
                lambda gradient: self._note(gradient, self._places[number][1], "backward")
            )
            self._places[number] = (tensor, place)
        elif place[2] == "input":
            # One module's output is the next one's input; going back, it is the next one that the gradient has passed.
            self._places[number] = (tensor, place)

    def _note(self, tensor: Tensor, place: tuple[str, str, str], direction: str) -> None:
        if self.found.first is None and not bool(torch.isfinite(tensor).all()):
            rows, time_step = _position(tensor, self._batch, direction)
            self.found.first = Sighting(*place, direction, rows, time_step)


def _tensors(value: object) -> Iterator[Tensor]:
    """Yield the tensors inside nested tuples, lists and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)


def _position(tensor: Tensor, batch: int, direction: str) -> tuple[tuple[int, ...], int | None]:
    """Return the bad rows of the batch and the time step where they begin, as far as the shape shows them."""
    bad = ~torch.isfinite(tensor.detach())
    if bad.dim() == 0 or batch not in bad.shape[:2]:
        return (), None
    bad = bad.movedim(0 if bad.shape[0] == batch else 1, 0)
    rows = tuple(bad.reshape(batch, -1).any(1).nonzero().flatten().tolist())
    if bad.dim() != 3:
        return rows, None
    steps = bad.any(2).any(0).nonzero().flatten().tolist()
    return rows, steps[0] if direction == "forward" else steps[-1]
