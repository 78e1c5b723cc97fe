"""Layers of torch.nn inside any model, replaced in place by nurt's and back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

from torch import nn

from nurt.errors import NurtTypeError, UnavailableError
from nurt.nn.compat import GRU, LSTM, RNN
from nurt.nn.dropin import AbstractDropIn
from nurt.nn.regularisation import described

__all__ = ["counterpart", "swap", "swap_back"]

_OURS: dict[type[nn.Module], Callable[..., nn.Module]] = {nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU}
_THEIRS: dict[type[nn.Module], Callable[..., nn.Module]] = {RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU}


def swap(model: nn.Module) -> list[str]:
    """Replace every ``torch.nn.RNN``, ``LSTM`` and ``GRU`` inside ``model`` by nurt's.

    The parameters are shared, not copied, so an optimizer made before goes on working, tied weights stay
    tied and a module used in two places stays one module. Subclasses of torch's layers are left alone: their
    ``forward`` may be their own.

    Args:
        model: any module; changed in place.

    Returns:
        The places of what was replaced, as ``named_modules`` names them.

    Raises:
        NurtTypeError: ``model`` is itself such a layer, which nothing holds in place.

    Example:
        >>> model = torch.nn.Sequential(torch.nn.LSTM(3, 5), torch.nn.Identity())
        >>> swap(model)
        ['0']
        >>> swap_back(model)
        ['0']
    """
    return _replace(model, "swap", _OURS, "nurt.nn.from_torch")


def swap_back(model: nn.Module) -> list[str]:
    """Replace every ``nurt.nn.RNN``, ``LSTM`` and ``GRU`` inside ``model`` by torch's; undoes :func:`swap`.

    Args:
        model: any module; changed in place.

    Returns:
        The places of what was replaced.

    Raises:
        NurtTypeError: ``model`` is itself such a layer.
        UnavailableError: a layer has regularisation or clips between steps, which torch has not.
    """
    return _replace(model, "swap_back", _THEIRS, "nurt.nn.to_torch")


def counterpart(layer: nn.RNNBase) -> nn.Module:
    """Return nurt's layer with the arguments and the very parameters of a layer of torch.nn.

    Raises:
        UnavailableError: a subclass with a ``forward`` of its own.
    """
    for theirs, ours in _OURS.items():
        if isinstance(layer, theirs) and type(layer).forward is theirs.forward:
            return _remade(layer, ours)
    raise UnavailableError(
        f"nurt.nn: {type(layer).__name__} is not a layer of torch.nn as it stands.",
        expected="torch.nn.RNN, LSTM or GRU, or a subclass without a forward of its own",
        got=f"{type(layer).__module__}.{type(layer).__qualname__}",
        cure="Build it around a layer instead of deriving it from one.",
    )


def _replace(
    model: nn.Module, where: str, kinds: Mapping[type[nn.Module], Callable[..., nn.Module]], one: str
) -> list[str]:
    if not isinstance(model, nn.Module):
        raise NurtTypeError(f"nurt.nn.{where}: not a module.", expected="a torch.nn.Module", got=type(model).__name__)
    if type(model) in kinds:
        raise NurtTypeError(
            f"nurt.nn.{where}: the model is itself the layer to replace.",
            expected="a module that holds recurrent layers",
            got=type(model).__name__,
            cure=f"Use {one}(layer) and keep what it returns.",
        )
    places = []
    made: dict[nn.Module, nn.Module] = {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if type(module) not in kinds:
            continue
        extras = described(module.regularisation, module.gradient_clip) if isinstance(module, AbstractDropIn) else []
        if extras:
            raise UnavailableError(
                f"nurt.nn.{where}: {name} cannot become a layer of torch.",
                expected="a layer without options that torch has not",
                got=", ".join(extras),
                cure="Keep it as it is.",
            )
        if module not in made:
            made[module] = _remade(module, kinds[type(module)])
        parent = model.get_submodule(name.rpartition(".")[0])
        parent._modules[name.rpartition(".")[2]] = made[module]
        places.append(name)
    return places


def _remade(layer: nn.Module, kind: Callable[..., nn.Module]) -> nn.Module:
    """Return a layer of ``kind`` with the arguments and the very parameters of ``layer``."""
    options = {name: getattr(layer, name) for name in ("num_layers", "bias", "batch_first", "dropout", "bidirectional")}
    if isinstance(layer, nn.RNN | RNN):
        options["nonlinearity"] = layer.nonlinearity
    if isinstance(layer, nn.LSTM | LSTM):
        options["proj_size"] = layer.proj_size
    with warnings.catch_warnings():
        # The constructor of the layer has warned already that dropout between layers needs two of them.
        warnings.simplefilter("ignore")
        new = kind(layer.input_size, layer.hidden_size, device="meta", **options)
    for name, parameter in layer.named_parameters(recurse=False, remove_duplicate=False):
        setattr(new, name, parameter)
    # What a person has hooked to the layer stays hooked.
    vars(new).update({name: value for name, value in vars(layer).items() if "hook" in name})
    return new.train(layer.training)
