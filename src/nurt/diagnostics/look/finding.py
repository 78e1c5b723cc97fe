"""Find the recurrent layers inside a model, nurt's or torch's, and give each as a cell that shares its weights.

All diagnostics find layers here, so that a layer has one address everywhere (:class:`LayerId`) and unsupported models
are refused in one place, in one wording.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from nurt.errors import NonFiniteError, NurtTypeError
from nurt.nn import (
    GRU,
    LSTM,
    RNN,
    AbstractCell,
    Bidirectional,
    ElmanCell,
    GRUCell,
    LSTMCell,
    ProjectedLSTMCell,
    Recurrent,
    Stack,
)

__all__ = ["Direction", "FoundCell", "FoundModule", "LayerId", "cells_of", "modules_of"]

Direction: TypeAlias = Literal["forward", "backward"]
"""Which way a layer runs: from the first step to the last, or from each row's last step to its first."""

_SUFFIXES: tuple[tuple[str, Direction], ...] = (("", "forward"), ("_reverse", "backward"))
# Those in which a derivative still means something after a few dozen steps.
_DTYPES = (torch.float32, torch.float64)


class LayerId(NamedTuple):
    """The address of one layer in one direction.

    Attributes:
        module: path of the recurrent module in the model, as ``named_modules`` gives it; empty for the model itself.
        layer: 0 for the lowest of that module.
        direction: which way it runs.
    """

    module: str
    layer: int
    direction: Direction

    def __str__(self) -> str:
        return f"{self.module or 'the model'}, layer {self.layer}, {self.direction}"


@dataclass(frozen=True)
class FoundCell:
    """One layer in one direction.

    Args:
        id: where it stands.
        cell: computes its step with the very same weight tensors.
    """

    id: LayerId
    cell: AbstractCell[Any]

    @property
    def reverse(self) -> bool:
        """Whether it runs from each row's last step to its first."""
        return self.id.direction == "backward"


@dataclass(frozen=True)
class FoundModule:
    """A recurrent module that stands in no other.

    Args:
        path: in the model; empty for the model itself.
        names: all paths under which the model holds it, ``path`` the first.
        module: a drop-in layer, a layer of torch.nn, a Stack, Recurrent, Bidirectional or a cell.
        ids: lowest layer first, per layer one address or, where it runs both ways, two.
    """

    path: str
    names: tuple[str, ...]
    module: nn.Module
    ids: tuple[tuple[LayerId, ...], ...]

    @cached_property
    def layers(self) -> tuple[tuple[FoundCell, ...], ...]:
        """The cells at ``ids``, made from the module as it is when they are first asked for."""
        cells = iter(_cells(self.module))
        return tuple(tuple(FoundCell(one, next(cells)) for one in sides) for sides in self.ids)


def modules_of(model: nn.Module) -> tuple[FoundModule, ...]:
    """Return the recurrent modules inside ``model``, in the order of ``named_modules``.

    Args:
        model: holds layers or cells of ``nurt.nn`` or ``torch.nn`` anywhere inside, or is one. A Stack counts as one
            module with its layers; layers inside a user's own layer are found one by one.

    Raises:
        NurtTypeError: not a module; nothing recurrent inside; weights of another precision than float32 or float64.
        NonFiniteError: a weight is NaN or infinite.

    Example:
        >>> [found.path for found in modules_of(torch.nn.Sequential(GRU(3, 5), torch.nn.Tanh()))]
        ['0']
    """
    if not isinstance(model, nn.Module):
        raise NurtTypeError(
            "nurt.diagnostics: this is no module.", expected="a torch.nn.Module", got=type(model).__name__
        )
    names: dict[nn.Module, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(module, []).append(name)
    found: list[FoundModule] = []
    inside: set[nn.Module] = set()
    for module, own in names.items():
        directions = [] if module in inside else _directions(module)
        if directions:
            ids = (tuple(LayerId(own[0], depth, side) for side in sides) for depth, sides in enumerate(directions))
            found.append(FoundModule(own[0], tuple(own), module, tuple(ids)))
            inside.update(module.modules())
    if not found:
        raise NurtTypeError(
            "nurt.diagnostics: there is no recurrent layer in this model.",
            expected="a layer or cell of nurt.nn or torch.nn somewhere inside",
            got=type(model).__name__,
            cure="For a loop of your own: take its cell, an AbstractCell, through time with nurt.nn.Recurrent(cell), "
            "or append its states to a list and call nurt.diagnostics.record_states(states, loss).",
        )
    for one in found:
        _check_weights(one)
    return tuple(found)


def cells_of(model: nn.Module) -> tuple[FoundCell, ...]:
    """Return every layer and direction inside ``model`` as a cell that shares its weights.

    Layers of ``nurt.nn`` give their own cells. For the drop-in layers and those of ``torch.nn`` a cell is made around
    the same parameters, so that a change of the layer is a change of the cell. Dropout, zoneout and the like belong to
    layers and are not in a cell.

    Args:
        model: see :func:`modules_of`, also for the errors.

    Example:
        >>> layer = LSTM(3, 5, num_layers=2, bidirectional=True)
        >>> [str(found.id) for found in cells_of(layer)][1:3]
        ['the model, layer 0, backward', 'the model, layer 1, forward']
        >>> cells_of(layer)[0].cell.weight_hh is layer.weight_hh_l0
        True
    """
    return tuple(cell for found in modules_of(model) for sides in found.layers for cell in sides)


def _directions(module: nn.Module) -> list[list[Direction]]:
    """Return which ways the layers of a recurrent module run, lowest first; none for any other module."""
    match module:
        case nn.RNNBase() | RNN() | LSTM() | GRU():
            sides = [direction for _, direction in _SUFFIXES[: 2 if module.bidirectional else 1]]
            return [sides] * int(module.num_layers)
        case nn.RNNCellBase() | AbstractCell():
            return [["forward"]]
    return [[direction for _, direction in sides] for sides in _flat(module)]


def _cells(module: nn.Module) -> list[AbstractCell[Any]]:
    """Return the cells of a recurrent module, lowest layer first."""
    match module:
        case nn.RNNBase() | RNN() | LSTM() | GRU():
            suffixes = [suffix for suffix, _ in _SUFFIXES[: 2 if module.bidirectional else 1]]
            layers = range(int(module.num_layers))
            return [_shared(module, f"_l{depth}{suffix}", depth) for depth in layers for suffix in suffixes]
        case nn.RNNCellBase():
            return [_shared(module, "", 0)]
        case AbstractCell():
            return [module]
    return [cell for sides in _flat(module) for cell, _ in sides]


def _flat(layer: nn.Module) -> list[list[tuple[AbstractCell[Any], Direction]]]:
    """Return the cells of nurt's layers, lowest first; nothing where one of them is of an unknown kind."""
    match layer:
        case Recurrent():
            return [[(layer.cell, "backward" if layer.reverse else "forward")]]
        case Bidirectional():
            return [[(layer.forward_cell, "forward"), (layer.backward_cell, "backward")]]
        case Stack():
            parts = [_flat(part) for part in layer.layers]
            return [sides for part in parts for sides in part] if all(parts) else []
    return []


def _shared(module: Any, suffix: str, depth: int) -> AbstractCell[Any]:
    """Return a cell around the parameters of a layer or cell with torch's names."""
    cell = _maker(module)(_features(module, depth))
    for name, _ in list(cell.named_parameters()):
        weight = getattr(module, name + suffix)
        delattr(cell, name)
        # A parametrised weight is computed and no parameter; as a plain attribute it still has its gradient.
        setattr(cell, name, weight)
    return cell.train(module.training)


def _features(module: Any, depth: int) -> int:
    if depth == 0:
        return int(module.input_size)
    below = getattr(module, "proj_size", 0) or module.hidden_size
    return int(below * (2 if module.bidirectional else 1))


def _maker(module: Any) -> Callable[[int], AbstractCell[Any]]:
    """Return what makes a cell like those of ``module``, without memory for its weights."""
    options = {"bias": module.bias, "device": "meta"}
    match module:
        case nn.LSTM() | LSTM() if module.proj_size:
            return lambda size: ProjectedLSTMCell(size, module.hidden_size, module.proj_size, **options)
        case nn.LSTM() | LSTM() | nn.LSTMCell():
            return lambda size: LSTMCell(size, module.hidden_size, **options)
        case nn.GRU() | GRU() | nn.GRUCell():
            return lambda size: GRUCell(size, module.hidden_size, **options)
        case _:
            return lambda size: ElmanCell(size, module.hidden_size, nonlinearity=module.nonlinearity, **options)


def _check_weights(found: FoundModule) -> None:
    for name, weight in _weights(found):
        if weight.dtype not in _DTYPES:
            raise NurtTypeError(
                f"nurt.diagnostics: `{name}` is in half precision, too coarse for derivatives through time.",
                expected="float32 or float64",
                got=str(weight.dtype),
                cure="Look at a copy: copy.deepcopy(model).float().",
            )
        # A finite sum has finite terms and costs a tenth of a look at each; one that is not may have overflowed.
        values = weight.detach()
        if not math.isfinite(float(values.sum())) and not bool(torch.isfinite(values).all()):
            raise NonFiniteError(
                f"nurt.diagnostics: `{name}` holds values that are not finite.",
                expected="finite weights",
                got=f"{int((~torch.isfinite(weight)).sum())} of {weight.numel()} NaN or infinite",
                cure="Look at a checkpoint from before it happened.",
                record={"parameter": name},
            )


def _weights(found: FoundModule) -> Iterator[tuple[str, Tensor]]:
    for name, weight in found.module.named_parameters():
        yield f"{found.path}.{name}" if found.path else name, weight
