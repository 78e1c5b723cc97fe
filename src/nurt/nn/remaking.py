"""One recurrent module as another class, with its very parameters and with all that a person has put on it.

What cannot go along is named by :func:`hindrance` beforehand, so that nothing is ever half changed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from inspect import isroutine
from types import MappingProxyType, MethodType
from typing import Any

from torch import nn
from torch.nn.utils import parametrize

from nurt.nn.compat import GRU, LSTM, RNN
from nurt.nn.dropin import AbstractDropIn
from nurt.nn.dropin_cells import DropInGRUCell, DropInLSTMCell, DropInRNNCell

__all__ = ["OURS", "THEIRS", "fresh", "hand_over", "hindrance", "hook_tables", "kind_of", "remade"]

OURS: Mapping[type[nn.Module], type[nn.Module]] = MappingProxyType(
    {
        nn.RNN: RNN,
        nn.LSTM: LSTM,
        nn.GRU: GRU,
        nn.RNNCell: DropInRNNCell,
        nn.LSTMCell: DropInLSTMCell,
        nn.GRUCell: DropInGRUCell,
    }
)
THEIRS: Mapping[type[nn.Module], type[nn.Module]] = MappingProxyType({ours: theirs for theirs, ours in OURS.items()})
# Where the forwards of these classes stand.
_HOMES = ("torch.nn.modules.rnn", "nurt.nn.compat", "nurt.nn.dropin_cells")
# Methods of a layer that decide nothing of what it computes.
_HARMLESS = ("flatten_parameters", "reset_parameters", "extra_repr")
_LAYER_ARGUMENTS = ("num_layers", "bias", "batch_first", "dropout", "bidirectional")


def kind_of(module: nn.Module) -> type[nn.Module]:
    """Return the class of ``module``, without the one that torch derives from it where weights are parametrised."""
    kind: type[nn.Module] = parametrize.type_before_parametrizations(module)
    return kind


def hindrance(module: nn.Module, kind: type[nn.Module]) -> str | None:
    """Return why ``module`` cannot become one of ``kind``, one clause without a full stop; None where it can."""
    plain: Any = _plain(module)
    if plain.forward.__module__ not in _HOMES:
        return f"somebody has put another `forward` on the class {plain.__name__}"
    for name in vars(module):
        method = getattr(plain, name, None)
        # What every module has, such as `train`, means the same on both sides.
        if isroutine(method) and method is not getattr(nn.Module, name, None) and name not in _HARMLESS:
            return f"it has a `{name}` of its own, put on the object"
    if getattr(module, "_compiled_call_impl", None) is not None:
        return "it has been compiled in place; swap first, compile afterwards"
    bound = [
        name for name, value in _named_values(module) if isinstance(value, MethodType) and value.__self__ is module
    ]
    if bound:
        return f"`{bound[0]}` is a method bound to the layer itself"
    old, new = fresh(module, plain), fresh(module, kind)
    known, wanted = set(dir(old)), set(dir(type(new))) | vars(new).keys()
    clashes = sorted((set(dir(module)) - known) & wanted)
    if clashes:
        return f"`{clashes[0]}` has been put on it, a name that {kind.__name__} uses itself"
    return None


def remade(module: nn.Module, kind: type[nn.Module]) -> nn.Module:
    """Return a module of ``kind`` with arguments, parameters, buffers, submodules, hooks and attributes of ``module``.

    They are shared, not copied. The two must not both be used afterwards: their tables of parameters and hooks are one.

    Args:
        module: a layer or cell without a :func:`hindrance`.
        kind: what it becomes; a class with the same names of weights.
    """
    new = fresh(module, kind)
    passing = vars(fresh(module, _plain(module))).keys() - vars(new).keys()
    vars(new).update({name: value for name, value in vars(module).items() if name not in passing})
    if parametrize.is_parametrized(module):
        # The class that torch derives for parametrised weights holds a property for each; here it derives from `kind`.
        own = {name: value for name, value in vars(type(module)).items() if name not in ("__module__", "__doc__")}
        new.__class__ = type(f"Parametrized{kind.__name__}", (kind,), own)
    if isinstance(new, nn.RNNBase) and not isinstance(new, AbstractDropIn):
        new._init_flat_weights()
    return new


def _plain(module: nn.Module) -> type[nn.Module]:
    """Return the class of torch or nurt that ``module`` is, or that its class is derived from."""
    return next(kind for kind in type(module).__mro__ if kind in OURS or kind in THEIRS)


def hand_over(module: nn.Module, new: nn.Module) -> None:
    """Let the hooks that know ``module`` know ``new`` instead; the last step of an exchange."""
    for _, table in hook_tables(module):
        for key, hook in table.items():
            of = getattr(hook, "module", None)
            if getattr(hook, "with_module", False) and of is not None and of() is module:
                # The table stays the same object: handles that remove hooks hold it.
                table[key] = type(hook)(hook.hook, new)


def fresh(module: Any, kind: Callable[..., nn.Module]) -> nn.Module:
    """Return a new module of ``kind`` with the arguments of ``module`` and without memory for its weights."""
    options: dict[str, Any] = {"bias": module.bias}
    if isinstance(module, nn.RNNBase):
        options = {name: getattr(module, name) for name in _LAYER_ARGUMENTS}
        if getattr(module, "proj_size", 0):
            options["proj_size"] = module.proj_size
    if hasattr(module, "nonlinearity"):
        options["nonlinearity"] = module.nonlinearity
    with warnings.catch_warnings():
        # The constructor of the layer has warned already that dropout between layers needs two of them.
        warnings.simplefilter("ignore")
        return kind(module.input_size, module.hidden_size, device="meta", **options)


def _named_values(module: nn.Module) -> Iterator[tuple[str, object]]:
    """Yield the attributes and hooks of ``module``."""
    yield from vars(module).items()
    for name, table in hook_tables(module):
        yield from ((name, getattr(hook, "hook", hook)) for hook in table.values())


def hook_tables(module: nn.Module) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Yield the tables in which torch keeps the hooks of a module, with the names of their attributes."""
    yield from ((name, table) for name, table in vars(module).items() if "hook" in name and isinstance(table, dict))
