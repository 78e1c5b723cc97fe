r"""A plane in the space of a model's weights: two numbers in, all weights out.

    θ(x, y) = θ₀ + x·u + y·v

:func:`weight_plane` spans it by two single weights. :mod:`~nurt.diagnostics.surface.directions` has random
directions and the principal components of a training path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from nurt.errors import NurtTypeError, NurtValueError, ShapeError

__all__ = ["Direction", "Plane", "WeightAddress", "named_weights", "weight_plane"]

WeightAddress: TypeAlias = str | tuple[str, int | tuple[int, ...]]
"""One weight: (name of the parameter, its index), or the name alone where the parameter has one element."""


@dataclass(frozen=True, eq=False)
class Direction:
    """One way to move the weights.

    Args:
        name: for axes.
        steps: by how much a step of 1 moves each parameter, by name; parameters that are not named stay.
    """

    name: str
    steps: Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Plane:
    """Where the weights of a model go for two numbers.

    Args:
        model: whose weights they are.
        origin: θ₀, by name, for every parameter that moves.
        x: u.
        y: v.
        words: what the plane is, half a sentence.
        explained: shares of the variance of a training path along u and v; None where there is no path.
    """

    model: nn.Module
    origin: Mapping[str, Tensor]
    x: Direction
    y: Direction
    words: str
    explained: tuple[float, float] | None = None

    def parameters(self) -> dict[str, nn.Parameter]:
        """Return the parameters that move, by name."""
        weights = named_weights(self.model)
        return {name: weights[name] for name in self.origin}

    def at(self, x: float, y: float) -> dict[str, Tensor]:
        """Return θ(x, y) of every parameter that moves."""
        return {name: self._moved(name, start, x, y) for name, start in self.origin.items()}

    def coordinates(self, weights: Mapping[str, Tensor]) -> tuple[float, float]:
        """Return the x and y of the point of the plane next to ``weights``, by least squares.

        Args:
            weights: by name, as :func:`~nurt.diagnostics.snapshot` returns them.
        """
        offset = flat({name: weights[name].detach().double() - start.double() for name, start in self.origin.items()})
        steps = torch.stack([self._flat(self.x), self._flat(self.y)], dim=1)
        x, y = torch.linalg.lstsq(steps, offset.unsqueeze(1)).solution.flatten().tolist()
        return x, y

    def slopes(self, gradients: Mapping[str, Tensor]) -> tuple[float, float]:
        """Return ∂ℓ/∂x and ∂ℓ/∂y from the gradients of the parameters that move."""
        along = (
            sum(float((gradients[name].double() * step.double()).sum()) for name, step in direction.steps.items())
            for direction in (self.x, self.y)
        )
        x, y = along
        return x, y

    def _moved(self, name: str, start: Tensor, x: float, y: float) -> Tensor:
        moved = start
        for amount, direction in ((x, self.x), (y, self.y)):
            if name in direction.steps:
                moved = moved + amount * direction.steps[name]
        return moved

    def _flat(self, direction: Direction) -> Tensor:
        zeros = {name: torch.zeros_like(start, dtype=torch.float64) for name, start in self.origin.items()}
        return flat(zeros | {name: step.double() for name, step in direction.steps.items()})


def flat(tensors: Mapping[str, Tensor]) -> Tensor:
    """Return all elements in the order of the mapping as one vector."""
    return torch.cat([tensor.flatten() for tensor in tensors.values()])


def named_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters of a model by name.

    Raises:
        NurtTypeError: not a module, or one without parameters.
    """
    if not isinstance(model, nn.Module):
        raise NurtTypeError(
            "nurt.diagnostics: this is no module.", expected="a torch.nn.Module", got=type(model).__name__
        )
    weights = dict(model.named_parameters())
    if not weights:
        raise NurtTypeError(
            "nurt.diagnostics: this model has no weights.",
            expected="a module with parameters",
            got=type(model).__name__,
        )
    return weights


def weight_plane(model: nn.Module, x: WeightAddress, y: WeightAddress) -> Plane:
    """Return the plane of two single weights; x and y are their values, all others keep theirs.

    Args:
        model: any module.
        x: (name, index) of the weight on the horizontal axis, or the name of a parameter with one element.
        y: the same of the vertical axis.

    Raises:
        NurtTypeError: not a module, or one without parameters.
        NurtValueError: no such weight, or twice the same.

    Example:
        >>> plane = weight_plane(torch.nn.RNN(1, 2), ("weight_hh_l0", (0, 1)), ("bias_hh_l0", 0))
        >>> plane.at(0.25, -1.0)["weight_hh_l0"][0, 1].item()
        0.25
    """
    weights = named_weights(model)
    places = [_place(weights, address) for address in (x, y)]
    if places[0] == places[1]:
        raise NurtValueError(
            "weight_plane: both axes are the same weight.", expected="two different weights", got=places[0][0]
        )
    origin = {name: weights[name].detach().clone() for name, _ in places}
    directions = []
    for name, index in places:
        step = torch.zeros_like(origin[name])
        step[index] = 1.0
        # Weights are given by their values, so the origin of the plane is where both are 0.
        origin[name][index] = 0.0
        directions.append(Direction(_name(name, index, step), {name: step}))
    words = f"over {directions[0].name} and {directions[1].name}"
    return Plane(model, origin, directions[0], directions[1], words)


def _place(weights: Mapping[str, nn.Parameter], address: WeightAddress) -> tuple[str, tuple[int, ...]]:
    name, index = (address, None) if isinstance(address, str) else address
    if name not in weights:
        raise NurtValueError(
            f"weight_plane: there is no parameter {name!r}.", expected=f"one of {', '.join(weights)}", got=repr(name)
        )
    shape = tuple(weights[name].shape)
    if index is None:
        if weights[name].numel() != 1:
            raise NurtValueError(
                f"weight_plane: `{name}` has more than one element.",
                expected="(name, index)",
                got=f"the name alone of a parameter {shape}",
            )
        return name, (0,) * len(shape)
    whole = (index,) if isinstance(index, int) else tuple(index)
    if len(whole) != len(shape) or not all(-size <= one < size for one, size in zip(whole, shape, strict=True)):
        raise ShapeError(
            f"weight_plane: `{name}` has no such element.", expected=f"an index into {shape}", got=str(whole)
        )
    return name, tuple(one % size for one, size in zip(whole, shape, strict=True))


def _name(name: str, index: tuple[int, ...], weight: Tensor) -> str:
    return name if weight.numel() == 1 else f"{name}[{', '.join(map(str, index))}]"
