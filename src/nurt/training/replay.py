"""Run a batch once more with every module watched, to see where the first NaN or infinity appears.

Forward, each module reports its inputs when it is entered and its outputs when it is left, so children come before
their parents. Backward, the gradients at the same places are watched in the order in which they arrive. A value that
appears between two modules, in the open code of a forward function or of the loss, shows at the next module entered
(forward) or at the last one passed (backward).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

__all__ = ["Replay", "Sighting", "replay"]


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
    watch = _Watch(batch)
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


class _Watch:
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
    """Return the bad rows of the batch and the time step where badness begins, as far as the shape tells them."""
    bad = ~torch.isfinite(tensor.detach())
    if bad.dim() == 0 or batch not in bad.shape[:2]:
        return (), None
    bad = bad.movedim(0 if bad.shape[0] == batch else 1, 0)
    rows = tuple(bad.reshape(batch, -1).any(1).nonzero().flatten().tolist())
    if bad.dim() != 3:
        return rows, None
    steps = bad.any(2).any(0).nonzero().flatten().tolist()
    return rows, steps[0] if direction == "forward" else steps[-1]
