"""Evaluate the loss at other weights than those of the model, and restore the model.

During a visit the model is in evaluation mode and its weights are moved; at the end, whatever ended it, every parameter
and buffer has its bits again, every module its mode. A counter reports the progress and lets the evaluation be stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor, nn

from nurt.diagnostics.surface.plane import Plane
from nurt.errors import NurtTypeError, NurtValueError, ShapeError

__all__ = ["Counter", "LossFunction", "OnProgress", "Visit", "check_repeats", "scalar", "undisturbed", "visiting"]

LossFunction: TypeAlias = Callable[[nn.Module], Tensor]
"""Takes the model and returns its loss, a scalar: the mean over one fixed set of data."""

OnProgress: TypeAlias = Callable[[int, int], bool | None]
"""Called with the evaluations done and the most there may be; False stops, and what was done is kept."""

# Two evaluations at one point may differ by the order in which threads add, not by more.
REPEATS = 1e-4


@dataclass(frozen=True, eq=False)
class Visit:
    """Evaluates the loss at points of a plane; made by :func:`visiting`.

    Args:
        loss: of the model.
        plane: whose points are visited.
        parameters: those that move, by name.
    """

    loss: LossFunction
    plane: Plane
    parameters: dict[str, nn.Parameter]

    def value(self, x: float, y: float) -> float:
        """Return the loss at a point; no graph is built."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return math.nan
        with torch.no_grad():
            self._move(x, y)
            return float(scalar(self.loss(self.plane.model)).detach())

    def slope(self, x: float, y: float) -> tuple[float, ...]:
        """Return the loss and its derivatives along both axes of the plane, three numbers."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return math.nan, math.nan, math.nan
        with torch.no_grad():
            self._move(x, y)
        # cuDNN has no backward pass for recurrent layers in evaluation mode.
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            loss = scalar(self.loss(self.plane.model))
            if not loss.requires_grad:
                return float(loss), 0.0, 0.0
            gradients = torch.autograd.grad(loss, list(self.parameters.values()), allow_unused=True)
        known = {
            name: torch.zeros_like(weight) if gradient is None else gradient
            for (name, weight), gradient in zip(self.parameters.items(), gradients, strict=True)
        }
        return float(loss.detach()), *self.plane.slopes(known)

    def _move(self, x: float, y: float) -> None:
        for name, moved in self.plane.at(x, y).items():
            self.parameters[name].copy_(moved)


@dataclass(eq=False)
class Counter:
    """Counts evaluations, and asks whether to go on.

    Args:
        progress: called after each evaluation; None calls nothing.
        total: the most evaluations there may be.
    """

    progress: OnProgress | None
    total: int
    done: int = field(default=0, init=False)
    stopped: bool = field(default=False, init=False)

    def count(self) -> bool:
        """Count one more; return whether to go on."""
        self.done += 1
        if self.progress is not None and self.progress(self.done, self.total) is False:
            self.stopped = True
        return not self.stopped


@contextmanager
def visiting(loss: LossFunction, plane: Plane) -> Iterator[Visit]:
    """Move the weights of ``plane.model`` about until the context ends.

    Raises:
        NurtTypeError: the loss is no tensor.
        ShapeError: it is no scalar.
        NurtValueError: it is not the same twice, at the same weights.
    """
    parameters = plane.parameters()
    with undisturbed(plane.model):
        frozen = [weight for weight in parameters.values() if not weight.requires_grad]
        try:
            for weight in frozen:
                weight.requires_grad_(True)
            visit = Visit(loss, plane, parameters)
            check_repeats(plane.model, loss)
            yield visit
        finally:
            for weight in frozen:
                weight.requires_grad_(False)


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode; give back modes, parameters and buffers, bit for bit."""
    modes = [(module, module.training) for module in model.modules()]
    kept = [(tensor, tensor.detach().clone()) for tensor in (*model.parameters(), *model.buffers())]
    try:
        model.eval()
        yield
    finally:
        with torch.no_grad():
            for tensor, before in kept:
                tensor.copy_(before)
        for module, training in modes:
            module.training = training


def check_repeats(model: nn.Module, loss: LossFunction) -> None:
    """Refuse a loss that draws anew at every call.

    Raises:
        NurtValueError: two calls at the same weights differ.
    """
    with torch.no_grad():
        first, second = (float(scalar(loss(model)).detach()) for _ in range(2))
    if math.isfinite(first) and not abs(first - second) <= REPEATS * abs(first):
        raise NurtValueError(
            "nurt.diagnostics: the loss is not the same twice at the same weights.",
            expected="one number for one set of weights",
            got=f"{first:.6g}, then {second:.6g}",
            cure="Draw the batch and any noise once, outside of the loss.",
        )


def scalar(loss: Tensor) -> Tensor:
    """Return the loss as a tensor of no axes.

    Raises:
        NurtTypeError: it is no tensor.
        ShapeError: it has more than one element.
    """
    if not isinstance(loss, Tensor):
        raise NurtTypeError("nurt.diagnostics: the loss is no tensor.", expected="a Tensor", got=type(loss).__name__)
    if loss.numel() != 1:
        raise ShapeError(
            "nurt.diagnostics: the loss is no single number.",
            expected="one element",
            got=str(tuple(loss.shape)),
            cure="Take its mean over the batch.",
        )
    return loss.reshape(())
