"""Layers and cells of torch.nn inside any model, replaced in place by nurt's and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import nn

from nurt.errors import NurtTypeError, UnavailableError
from nurt.nn.dropin import AbstractDropIn
from nurt.nn.regularisation import described
from nurt.nn.remaking import OURS, THEIRS, fresh, hand_over, hindrance, kind_of, remade

__all__ = ["SwapReport", "counterpart", "swap", "swap_back"]

# How far lists within lists are searched.
_DEPTH = 4


class SwapReport(list[str]):
    """The places of what was replaced, as ``named_modules`` names them; a list.

    Args:
        replaced: the places.
        passed_over: every other recurrent module of the kind asked for, by its place, and why it stays as it is.

    Attributes:
        passed_over: as given.
    """

    def __init__(self, replaced: list[str], passed_over: Mapping[str, str]) -> None:
        super().__init__(replaced)
        self.passed_over = dict(passed_over)

    def __str__(self) -> str:
        lines = [f"replaced: {', '.join(place or 'the model' for place in self) or 'nothing'}"]
        lines += [f"passed over: {place}, because {why}" for place, why in self.passed_over.items()]
        return "\n".join(lines)


def swap(model: nn.Module) -> SwapReport:
    """Replace every ``torch.nn.RNN``, ``LSTM``, ``GRU`` and their cells inside ``model`` by nurt's.

    The parameters are shared, not copied, so an optimizer made before goes on working, tied weights stay
    tied and a module used in two places stays one module. Hooks, buffers, submodules, further attributes,
    parametrisations, pruning, weight norm and weights that are computed anew in each call go along, and the keys of the
    ``state_dict`` stay.

    Passed over, and told in the report, is what would not compute the same or not be reached: subclasses, whose
    ``forward`` may be their own; layers with a ``forward`` put on the object; layers that the model also holds in a
    plain list, dict or attribute; compiled and scripted ones.

    Args:
        model: any module; changed in place, all of it or, where an error is raised, nothing.

    Returns:
        The places of what was replaced, a list, with ``passed_over``.

    Raises:
        NurtTypeError: ``model`` is itself such a layer, which nothing holds in place.

    Example:
        >>> model = torch.nn.Sequential(torch.nn.LSTM(3, 5), torch.nn.Identity())
        >>> swap(model)
        ['0']
        >>> swap_back(model)
        ['0']
    """
    return _replace(model, "swap", OURS, "nurt.nn.from_torch")


def swap_back(model: nn.Module) -> SwapReport:
    """Replace every drop-in layer and cell of nurt inside ``model`` by torch's; undoes :func:`swap`.

    Args:
        model: any module; changed in place, all of it or, where an error is raised, nothing.

    Returns:
        The places of what was replaced, as for :func:`swap`.

    Raises:
        NurtTypeError: ``model`` is itself such a layer.
        UnavailableError: a layer has regularisation or clips between steps, which torch has not.
    """
    return _replace(model, "swap_back", THEIRS, "nurt.nn.to_torch")


def counterpart(layer: nn.RNNBase) -> nn.Module:
    """Return nurt's layer with the arguments and the very parameters of a layer of torch.nn, without its hooks.

    Raises:
        UnavailableError: a subclass with a ``forward`` of its own.
    """
    for theirs, ours in OURS.items():
        if isinstance(layer, theirs) and type(layer).forward is theirs.forward:
            new = fresh(layer, ours)
            for name, parameter in layer.named_parameters(recurse=False, remove_duplicate=False):
                setattr(new, name, parameter)
            return new.train(layer.training)
    raise UnavailableError(
        f"nurt.nn: {type(layer).__name__} is not a layer of torch.nn as it stands.",
        expected="torch.nn.RNN, LSTM or GRU, or a subclass without a forward of its own",
        got=f"{type(layer).__module__}.{type(layer).__qualname__}",
        cure="Build it around a layer instead of deriving it from one.",
    )


def _replace(model: nn.Module, where: str, kinds: Mapping[type[nn.Module], type[nn.Module]], one: str) -> SwapReport:
    if not isinstance(model, nn.Module):
        raise NurtTypeError(f"nurt.nn.{where}: not a module.", expected="a torch.nn.Module", got=type(model).__name__)
    if kind_of(model) in kinds:
        raise NurtTypeError(
            f"nurt.nn.{where}: the model is itself the layer to replace.",
            expected="a module that holds recurrent layers",
            got=type(model).__name__,
            cure=f"Use {one}(layer) and keep what it returns.",
        )
    held = _held_elsewhere(model)
    passed_over = {place: f"it stands in {place}, where no module is looked up" for place in held.values()}
    made: dict[nn.Module, nn.Module] = {}
    places: list[tuple[str, nn.Module]] = []
    for name, module in model.named_modules(remove_duplicate=False):
        kind = kinds.get(kind_of(module))
        why = _left(module, kinds) if kind is None else _kept(model, name, module, kind, held)
        if why is not None:
            passed_over[name] = why
        elif kind is not None:
            _refuse_options(where, name, module)
            if module not in made:
                made[module] = remade(module, kind)
            places.append((name, module))
    # From here on nothing can fail.
    for module, new in made.items():
        hand_over(module, new)
    for name, module in places:
        model.get_submodule(name.rpartition(".")[0])._modules[name.rpartition(".")[2]] = made[module]
    return SwapReport([name for name, _ in places], passed_over)


def _kept(
    model: nn.Module, name: str, module: nn.Module, kind: type[nn.Module], held: Mapping[nn.Module, str]
) -> str | None:
    """Return why a module of the right kind stays as it is, or None."""
    if module in held:
        return f"the model also holds it in {held[module]}"
    if hasattr(model.get_submodule(name.rpartition(".")[0]), "_orig_mod"):
        return "it has been compiled; swap first, compile afterwards"
    return hindrance(module, kind)


def _left(module: nn.Module, kinds: Mapping[type[nn.Module], type[nn.Module]]) -> str | None:
    """Return why a recurrent module of another kind stays as it is; None where it is nothing of the sort."""
    base = next((kind for kind in kinds if isinstance(module, kind)), None)
    if base is not None and kind_of(module) not in THEIRS:
        return f"{type(module).__name__} is a subclass of {base.__name__}, and its forward may be its own"
    if getattr(module, "original_name", None) in {kind.__name__ for kind in kinds}:
        return "it has been scripted; swap first, script afterwards"
    return None


def _refuse_options(where: str, name: str, module: nn.Module) -> None:
    extras = described(module.regularisation, module.gradient_clip) if isinstance(module, AbstractDropIn) else []
    if extras:
        raise UnavailableError(
            f"nurt.nn.{where}: {name} cannot become a layer of torch.",
            expected="a layer without options that torch has not",
            got=", ".join(extras),
            cure="Keep it as it is.",
        )


def _held_elsewhere(model: nn.Module) -> dict[nn.Module, str]:
    """Return the recurrent modules that ``model`` holds beside its registers of modules, and where."""
    found: dict[nn.Module, str] = {}
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name in ("_modules", "_parameters", "_buffers") or "hook" in name:
                continue
            for place, inner in _modules_in(value, f"{path}.{name}" if path else name, _DEPTH):
                for part in inner.modules():
                    if isinstance(part, nn.RNNBase | nn.RNNCellBase):
                        found.setdefault(part, place)
    return found


def _modules_in(value: object, place: str, depth: int) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules in a value, in lists and dicts down to ``depth``."""
    if isinstance(value, nn.Module):
        yield place, value
    elif depth and isinstance(value, dict):
        for key, one in value.items():
            yield from _modules_in(one, f"{place}[{key!r}]", depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for index, one in enumerate(value):
            yield from _modules_in(one, f"{place}[{index}]", depth - 1)
