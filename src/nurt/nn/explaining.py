"""Which rung of the kernels runs the recurrences of a module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from nurt import kernels
from nurt.errors import NurtTypeError
from nurt.kernels.rung import SCAN
from nurt.nn.cells.base import AbstractCell
from nurt.nn.cells.diagonal import DiagonalCell
from nurt.nn.dropin import AbstractDropIn
from nurt.nn.dropin_cells import AbstractDropInCell
from nurt.nn.layers import Bidirectional, Recurrent
from nurt.nn.regularisation import request_options
from nurt.nn.unrolling import kernel_cell
from nurt.results import Result

__all__ = ["ModuleExplanation", "explain"]


@dataclass(frozen=True)
class ModuleExplanation(Result):
    """Which rung runs each recurrence of a module.

    Args:
        parts: one account per cell or drop-in layer, by its place in the module.
        foreign: the recurrent layers and cells of torch inside, by their places, with their class; torch runs them.
    """

    parts: Mapping[str, kernels.Explanation]
    foreign: Mapping[str, str] = field(default_factory=dict)

    @property
    def rungs(self) -> tuple[str, ...]:
        """The rungs that run, each once, in the order of the parts."""
        return tuple(dict.fromkeys(part.rung for part in self.parts.values()))

    def __str__(self) -> str:
        lines = [f"{place}: {part}" for place, part in self.parts.items()]
        lines += [f"{place}: {kind} is not nurt's, torch runs it." for place, kind in self.foreign.items()]
        return "\n".join(lines)


def explain(module: nn.Module, *, options: Iterable[str] = ()) -> ModuleExplanation:
    """Say which rung runs each cell and drop-in layer inside ``module``, and why.

    Args:
        module: any module, a whole model for example.
        options: "ragged" if it will be called with lengths or packed input, "reverse" if cells will run backwards.
            What a layer's regularisation and clipping ask for, in the mode the module is in, is added.

    Returns:
        The account; ``print`` it.

    Raises:
        NurtTypeError: nothing recurrent of nurt is inside.
        UnavailableError: a forced rung cannot run a part, as the call itself would say.

    Example:
        >>> explain(build("linear", 3, 5)).parts["layers.0.cell"].rung
        'native'
    """
    parts = {}
    foreign = {}
    of_layers = _options_of_layers(module)
    for place, part in module.named_modules():
        if isinstance(part, AbstractDropIn):
            name: str | None = part.recurrence.name
            asked = {*options, "reverse"} if part.bidirectional else set(options)
            asked |= request_options(part.regularisation, part.gradient_clip, training=part.training)
        elif isinstance(part, DiagonalCell):
            between = of_layers.get(part, set())
            # What acts between steps leaves nothing to scan: the cell goes step by step.
            name, asked = (None if between else SCAN), {*options, *between}
        elif isinstance(part, AbstractDropInCell):
            name, asked = part.recurrence.name, set(options)
        elif isinstance(part, nn.RNNBase | nn.RNNCellBase):
            foreign[place or type(part).__name__] = f"{type(part).__module__}.{type(part).__qualname__}"
            continue
        elif isinstance(part, AbstractCell):
            known = kernel_cell(part)
            name = None if known is None else known.recurrence.name
            asked = {*options, *of_layers.get(part, ())}
        else:
            continue
        device, dtype = _kind(part)
        parts[place or type(part).__name__] = kernels.explain(name, device=device, dtype=dtype, options=asked)
    if not parts:
        raise NurtTypeError(
            "nurt.nn.explain: nothing recurrent of nurt is inside this module.",
            expected="a module with a cell or a drop-in layer of nurt.nn",
            got=f"{type(module).__name__} with torch's {', '.join(foreign)}" if foreign else type(module).__name__,
            cure="Replace torch's layers by nurt.nn.swap(model)." if foreign else None,
        )
    return ModuleExplanation(parts, foreign)


def _options_of_layers(module: nn.Module) -> dict[nn.Module, set[str]]:
    """Return what the layers around each cell ask of a rung, in the mode the module is in."""
    return {
        cell: request_options(layer.regularisation, layer.gradient_clip, training=cell.training)
        for layer in module.modules()
        if isinstance(layer, Recurrent | Bidirectional)
        for cell in layer.children()
    }


def _kind(module: nn.Module) -> tuple[torch.device, torch.dtype]:
    if isinstance(module, DiagonalCell):
        return next(module.parameters()).device, module.scanned_dtype
    parameter = next(module.parameters(), None)
    if parameter is None:
        return torch.get_default_device(), torch.get_default_dtype()
    return parameter.device, parameter.dtype
