"""To torch.nn and back: modules with copies of the same weights.

Gate order and parameter names are torch's throughout, so a conversion renames and copies, and computes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nurt.errors import NurtTypeError, UnavailableError
from nurt.nn.cells import AbstractCell, ElmanCell, GRUCell, LinearCell, LSTMCell, ProjectedLSTMCell
from nurt.nn.dropin import AbstractDropIn
from nurt.nn.dropin_cells import AbstractDropInCell
from nurt.nn.layers import AbstractLayer, Bidirectional, Recurrent, Stack
from nurt.nn.regularisation import NONE, described
from nurt.nn.remaking import OURS, THEIRS, fresh, hand_over, hindrance, hook_tables, kind_of, remade

__all__ = ["from_torch", "to_torch"]

_SUFFIXES = ("", "_reverse")


def from_torch(module: nn.Module) -> nn.Module:
    """Return the module of ``nurt.nn`` that computes the same as one of torch's.

    Args:
        module: a torch.nn.RNN, LSTM, GRU, RNNCell, LSTMCell or GRUCell.

    Returns:
        The drop-in layer or the cell, with copies of the weights, their ``requires_grad``, device and dtype, and
        in the same mode (training or not).

    Raises:
        NurtTypeError: another module.

    Example:
        >>> layer = from_torch(torch.nn.LSTM(3, 5, num_layers=2))
        >>> type(layer).__name__, layer.num_layers
        ('LSTM', 2)
    """
    counterpart: nn.Module
    match module:
        case nn.RNN() | nn.GRU() | nn.LSTM():
            return _carried(module, OURS)
        case nn.RNNCell():
            counterpart = ElmanCell(nonlinearity=module.nonlinearity, **_cell_arguments(module))
        case nn.LSTMCell():
            counterpart = LSTMCell(**_cell_arguments(module))
        case nn.GRUCell():
            counterpart = GRUCell(**_cell_arguments(module))
        case _:
            raise NurtTypeError(
                "nurt.nn.from_torch: no counterpart of this module.",
                expected="a torch.nn.RNN, LSTM, GRU, RNNCell, LSTMCell or GRUCell",
                got=type(module).__name__,
            )
    return _copied(dict(module.named_parameters()), counterpart, module)


def to_torch(layer: nn.Module) -> nn.Module:
    """Return the module of ``torch.nn`` that computes the same.

    Args:
        layer: a drop-in layer; a cell; or a Recurrent, Bidirectional or Stack whose cells are all of one kind and
            size.

    Returns:
        torch's layer or cell, with copies of the weights, their ``requires_grad``, device and dtype, and in the
        same mode. What comes from a Recurrent, Bidirectional or Stack has ``batch_first=True``.

    Raises:
        UnavailableError: torch has no such module, or none with that regularisation, clipping between steps, learned
            initial state or nonlinearity.
        NurtTypeError: not something of ``nurt.nn``.

    Example:
        >>> to_torch(nurt.nn.build("gru", 3, 5, num_layers=2))
        GRU(3, 5, num_layers=2, batch_first=True)
    """
    for part in layer.modules():
        _check_plain(part)
    counterpart: nn.Module
    match layer:
        case AbstractDropIn() | AbstractDropInCell():
            return _carried(layer, THEIRS)
        case ElmanCell():
            counterpart = nn.RNNCell(nonlinearity=layer.nonlinearity, **_cell_arguments(layer))
        case LSTMCell():
            counterpart = nn.LSTMCell(**_cell_arguments(layer))
        case GRUCell():
            counterpart = nn.GRUCell(**_cell_arguments(layer))
        case AbstractLayer():
            return _stack_to_torch(layer)
        case AbstractCell():
            raise _no_counterpart(f"{type(layer).__name__} is not among torch's cells")
        case _:
            raise NurtTypeError(
                "nurt.nn.to_torch: this is no layer or cell of nurt.nn.",
                expected="RNN, LSTM, GRU, Stack, Recurrent, Bidirectional or a cell",
                got=type(layer).__name__,
            )
    return _copied(dict(layer.named_parameters()), counterpart, layer)


def _carried(module: nn.Module, kinds: Mapping[type[nn.Module], type[nn.Module]]) -> nn.Module:
    """Return a copy of a layer as one of the other side, with all that has been put on it."""
    base, kind = next((base, kind) for base, kind in kinds.items() if isinstance(module, base))
    if type(module).forward is not base.forward:
        raise _no_counterpart(f"{type(module).__name__} has a forward of its own")
    why = hindrance(module, kind)
    if why is not None:
        raise _no_counterpart(why)
    more = sorted(module.state_dict().keys() - fresh(module, base).state_dict().keys())
    if kind_of(module) is not base and more:
        raise _no_counterpart(f"the subclass {type(module).__name__} adds {', '.join(more)}")
    # Weights that a hook computes before each call, as pruning does, are copied as the values they have now.
    computed = [one for one in vars(module).values() if isinstance(one, Tensor) and not one.is_leaf]
    if computed and not module._forward_pre_hooks:
        raise _no_counterpart("a weight is the result of a computation outside, which a copy would not follow")
    copied = copy.deepcopy(module, {id(one): one.detach().clone() for one in computed})
    new = remade(copied, kind)
    hand_over(copied, new)
    return new


def _check_plain(part: nn.Module) -> None:
    """Refuse what would be lost on the way."""
    extras = described(getattr(part, "regularisation", NONE), getattr(part, "gradient_clip", None))
    if extras:
        raise _no_counterpart(f"{type(part).__name__} has {', '.join(extras)}, which torch has not")
    if isinstance(part, ElmanCell) and part.nonlinearity == "sigmoid":
        raise _no_counterpart("torch's RNN has tanh and the rectifier, not the logistic function")


def _stack_to_torch(layer: AbstractLayer) -> nn.Module:
    layers = list(layer.layers) if isinstance(layer, Stack) else [layer]
    directions = [_directions(each) for each in layers]
    cells = [cell for sides in directions for cell in sides]
    first = cells[0]
    alike = {(type(cell), cell.hidden_size, _extra(cell), getattr(cell, "bias", None)) for cell in cells}
    if len(alike) > 1 or len({len(sides) for sides in directions}) > 1:
        raise _no_counterpart("its layers differ in kind, size or direction")
    arguments: dict[str, Any] = {
        "input_size": first.input_size,
        "hidden_size": first.hidden_size,
        "num_layers": len(layers),
        "batch_first": True,
        # torch warns of a dropout between layers where there is only one.
        "dropout": layer.dropout.p if isinstance(layer, Stack) and len(layers) > 1 else 0.0,
        "bidirectional": len(directions[0]) == 2,
        **_placement(first),
    }
    counterpart: nn.Module
    match first:
        case ElmanCell():
            counterpart = nn.RNN(nonlinearity=first.nonlinearity, bias=first.bias, **arguments)
        case LSTMCell():
            counterpart = nn.LSTM(bias=first.bias, **arguments)
        case ProjectedLSTMCell():
            counterpart = nn.LSTM(bias=first.bias, proj_size=first.proj_size, **arguments)
        case GRUCell():
            counterpart = nn.GRU(bias=first.bias, **arguments)
        case LinearCell() | _:
            raise _no_counterpart(f"torch has no layer of {type(first).__name__}")
    named = {
        f"{name}_l{depth}{suffix}": parameter
        for depth, sides in enumerate(directions)
        for cell, suffix in zip(sides, _SUFFIXES, strict=False)
        for name, parameter in cell.named_parameters()
    }
    return _copied(named, counterpart, layer)


def _directions(layer: nn.Module) -> tuple[AbstractCell[Any], ...]:
    if isinstance(layer, Bidirectional):
        return layer.forward_cell, layer.backward_cell
    if isinstance(layer, Recurrent) and not layer.reverse:
        return (layer.cell,)
    raise _no_counterpart("torch has neither a layer that only runs backwards nor a stack within a stack")


def _extra(cell: AbstractCell[Any]) -> object:
    """Return what else two cells of one type must share to be layers of one module of torch."""
    return getattr(cell, "nonlinearity", None), getattr(cell, "proj_size", None)


def _cell_arguments(module: Any) -> dict[str, Any]:
    return {
        "input_size": module.input_size,
        "hidden_size": module.hidden_size,
        "bias": module.bias,
        **_placement(module),
    }


def _placement(module: nn.Module) -> dict[str, Any]:
    parameter = next(module.parameters())
    return {"device": parameter.device, "dtype": parameter.dtype}


def _copied(named: dict[str, nn.Parameter], counterpart: nn.Module, original: nn.Module) -> nn.Module:
    """Return ``counterpart`` with the values and ``requires_grad`` of ``named`` and the mode of ``original``."""
    if any(table for _, table in hook_tables(original)) or "forward" in vars(original) or list(original.buffers()):
        raise _no_counterpart("hooks, buffers or a forward have been put on it")
    targets = dict(counterpart.named_parameters())
    if targets.keys() != named.keys():
        raise _no_counterpart(
            f"it has the parameters {', '.join(sorted(named))}, expected {', '.join(sorted(targets))}"
        )
    with torch.no_grad():
        for name, parameter in named.items():
            targets[name].copy_(parameter)
            targets[name].requires_grad_(parameter.requires_grad)
    return counterpart.train(original.training)


def _no_counterpart(why: str) -> UnavailableError:
    return UnavailableError(
        "nurt.nn: this module cannot be converted.",
        expected="a module that exists on both sides with the same parameters",
        got=why,
        cure="Keep it as it is, or build a stack of equal LSTM, GRU or Elman layers.",
    )
