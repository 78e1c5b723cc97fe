r"""A plane in the space of a model's weights: two numbers in, all weights out.

    θ(x, y) = θ₀ + x·u + y·v

It is spanned by two single weights, by two random directions, or by the principal components of a training path.

Random directions mean little as they are: a layer with large weights hardly changes with a step that ruins one with
small weights. So every row of a matrix, all that leads into one unit of one gate, is scaled to the norm of the row of
weights it moves, as filters are in [li2018visualizing]. A vector such as a bias is scaled gate by gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.wording import percent_in_words

__all__ = [
    "Plane",
    "PlaneDirection",
    "WeightAddress",
    "named_weights",
    "path_plane",
    "random_plane",
    "snapshot",
    "weight_plane",
]

WeightAddress: TypeAlias = str | tuple[str, int | tuple[int, ...]]
"""One weight: (name of the parameter, its index), or the name alone where the parameter has one element."""


# Two directions closer to one line than this span no plane in single precision.
PARALLEL = 1e-6


@dataclass(frozen=True, eq=False)
class PlaneDirection:
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
    x: PlaneDirection
    y: PlaneDirection
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

    def _flat(self, direction: PlaneDirection) -> Tensor:
        zeros = {name: torch.zeros_like(start, dtype=torch.float64) for name, start in self.origin.items()}
        return flat(zeros | {name: step.double() for name, step in direction.steps.items()})


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
        directions.append(PlaneDirection(_name(name, index, step), {name: step}))
    words = f"over {directions[0].name} and {directions[1].name}"
    return Plane(model, origin, directions[0], directions[1], words)


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the parameters by name: one point of a training path.

    Example:
        >>> path = [snapshot(torch.nn.RNN(1, 2)) for _ in range(3)]
        >>> path[0]["weight_hh_l0"].shape
        torch.Size([2, 2])
    """
    return {name: weight.detach().clone() for name, weight in named_weights(model).items()}


def random_plane(model: nn.Module, seed: int = 0) -> Plane:
    """Return the plane through the present weights along two random directions.

    Each direction is drawn from the normal distribution; then every row of each gate's block is scaled to the norm of
    the weights it moves [li2018visualizing], so that a step of 1 is as large as the weights themselves. Rows of zeros
    do not move. At (0, 0) the weights are exactly those of the model.

    Args:
        model: any module.
        seed: of a private stream.

    Raises:
        NurtTypeError: not a module, or one without parameters.
        NurtValueError: fewer than two weights that are not 0, or directions that are one line.

    Example:
        >>> plane = random_plane(torch.nn.LSTM(3, 5))
        >>> bool((plane.at(0, 0)["weight_hh_l0"] == plane.model.weight_hh_l0).all())
        True
    """
    origin = snapshot(model)
    gates = _gates(model)
    stream = torch.Generator().manual_seed(seed)
    directions = [
        PlaneDirection(name, {key: _scaled(weight, gates.get(key, 1), stream) for key, weight in origin.items()})
        for name in ("first direction", "second direction")
    ]
    first, second = (flat(direction.steps).double() for direction in directions)
    norms = float(first.norm() * second.norm())
    if norms == 0.0 or abs(float(first @ second)) >= (1 - PARALLEL) * norms:
        raise NurtValueError(
            "random_plane: the two directions are one line.",
            expected="at least two weights that are not 0",
            got=f"{int(flat(origin).count_nonzero())} of {flat(origin).numel()} weights",
            cure="Take another seed, or weight_plane() for a model of two weights.",
        )
    return Plane(model, origin, directions[0], directions[1], f"along two random directions (seed {seed})")


def path_plane(model: nn.Module, path: Sequence[Mapping[str, Tensor]]) -> Plane:
    """Return the plane through the end of a training path along its first two principal components.

    The components are those of θ_k - θ_end over all points of the path [li2018visualizing], of unit length;
    ``explained`` of the plane says which share of the path's variance each of them holds. Even a random walk puts most
    of its variance into its first two components, so a high share is no discovery.

    Args:
        model: any module.
        path: what :func:`snapshot` returned at each point, the end last.

    Raises:
        NurtTypeError: not a module, or one without parameters.
        ShapeError: a snapshot of another model.
        NurtValueError: fewer than three points, or all of them on one line.

    Example:
        >>> model = torch.nn.RNN(1, 2)
        >>> path = []
        >>> for _ in range(4):
        ...     model.reset_parameters()
        ...     path.append(snapshot(model))
        >>> sum(path_plane(model, path).explained) <= 1
        True
    """
    weights = named_weights(model)
    points = _points(weights, path)
    end = {name: path[-1][name].detach().clone() for name in weights}
    offsets = points - points[-1]
    _, sizes, components = torch.linalg.svd(offsets - offsets.mean(0), full_matrices=False)
    if len(sizes) < 2 or float(sizes[1]) <= 1e-12 * float(sizes[0]):
        raise NurtValueError(
            "path_plane: the points of the path span no plane.",
            expected="a path that is not one straight line",
            got=f"{len(path)} points on one line",
        )
    shares = (sizes.square() / sizes.square().sum())[:2].tolist()
    directions = [
        PlaneDirection(f"component {number} ({percent_in_words(share)})", _parts(weights, component))
        for number, (share, component) in enumerate(zip(shares, components, strict=False), start=1)
    ]
    words = f"along the first two principal components of a path of {len(path)} points"
    return Plane(model, end, directions[0], directions[1], words, (shares[0], min(shares[1], 1.0 - shares[0])))


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


def _points(weights: Mapping[str, nn.Parameter], path: Sequence[Mapping[str, Tensor]]) -> Tensor:
    """Return the path as rows, (points, weights), float64."""
    if len(path) < 3:
        raise NurtValueError("path_plane: the path is too short.", expected="at least 3 points", got=str(len(path)))
    for number, point in enumerate(path):
        for name, weight in weights.items():
            if name not in point or point[name].shape != weight.shape:
                raise ShapeError(
                    f"path_plane: point {number} of the path is not one of this model.",
                    expected=f"`{name}` of shape {tuple(weight.shape)}",
                    got=f"{tuple(point[name].shape)}" if name in point else "no such name",
                )
    return torch.stack([flat({name: point[name].detach().double().cpu() for name in weights}) for point in path])


def _parts(weights: Mapping[str, nn.Parameter], vector: Tensor) -> dict[str, Tensor]:
    """Cut a vector into the shapes of the weights."""
    cut = torch.split(vector, [weight.numel() for weight in weights.values()])
    return {
        name: part.reshape(weight.shape).to(weight.device, weight.dtype)
        for part, (name, weight) in zip(cut, weights.items(), strict=True)
    }


def _scaled(weight: Tensor, gates: int, stream: torch.Generator) -> Tensor:
    """Return a random tensor whose rows, of a vector whose gates, have the norms of those of ``weight``."""
    if not weight.numel():
        return weight.detach().clone()
    drawn = torch.randn(weight.shape, generator=stream, dtype=torch.float64)
    own = weight.double().cpu()
    blocks = (own.shape[0], -1) if own.dim() > 1 else (gates, -1)
    rows, wanted = drawn.reshape(blocks), own.reshape(blocks)
    scaled: Tensor = rows * (wanted.norm(dim=1, keepdim=True) / rows.norm(dim=1, keepdim=True))
    return scaled.reshape(weight.shape).to(weight.device, weight.dtype)


def _gates(model: nn.Module) -> dict[str, int]:
    """Return into how many gates the vectors of recurrent layers fall, by name."""
    found = {}
    for path, module in model.named_modules():
        hidden = getattr(module, "hidden_size", None)
        for name, weight in module.named_parameters(recurse=False):
            if isinstance(hidden, int) and hidden > 0 and weight.dim() == 1 and weight.numel() % hidden == 0:
                found[f"{path}.{name}" if path else name] = weight.numel() // hidden
    return found
