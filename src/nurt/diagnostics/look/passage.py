"""Watch a model run once, and keep what went into each of its recurrent layers.

A hook stands before each recurrent module; the layers inside it are then run one by one, so that the inputs of every
layer and direction are known, not only those of the lowest. The model runs in evaluation mode: what is looked at is
the network without dropout.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from nurt.diagnostics.look.finding import FoundCell, FoundModule, LayerId, modules_of
from nurt.errors import NurtValueError
from nurt.kernels.lengths import positions_within
from nurt.nn import AbstractCell, Bidirectional, Recurrent, Stack, unroll
from nurt.nn.checking import check_inputs, check_lengths

__all__ = ["Passage", "evaluating", "observe", "passage"]


@dataclass(frozen=True)
class Passage:
    """What one cell is taken through in one direction.

    Args:
        id: where the cell stands; of a cell on its own, the address ("", 0, direction).
        cell: shares its weights with the model.
        inputs: (B, T, I).
        state: before the first step, a NamedTuple of (B, ·).
        lengths: steps of each row, (B,); all T where rows are full.
    """

    id: LayerId
    cell: AbstractCell[Any]
    inputs: Tensor
    state: Any
    lengths: Tensor

    @property
    def reverse(self) -> bool:
        """Whether the cell runs from each row's last step to its first."""
        return self.id.direction == "backward"

    @property
    def steps(self) -> int:
        """T."""
        return self.inputs.shape[1]

    def within(self) -> Tensor:
        """Return which positions lie before the end of their row, (B, T)."""
        return positions_within(self.lengths, self.steps)

    def places(self) -> range:
        """Return the positions in the order in which the cell visits them."""
        return range(self.steps - 1, -1, -1) if self.reverse else range(self.steps)

    @torch.no_grad()
    def states_before(self) -> tuple[Tensor, ...]:
        """Return the state before the step at each position, one tensor (B, T, ·) per field.

        Past the end of a row it is zero.
        """
        within = self.within().unsqueeze(-1)
        before: list[tuple[Tensor, ...]] = [()] * self.steps
        state = self.state
        for place in self.places():
            before[place] = tuple(state)
            after = self.cell.step(self.inputs[:, place], state)
            state = type(state)(
                *(torch.where(within[:, place], new, old) for new, old in zip(after, state, strict=True))
            )
        stacked = (torch.stack(field, dim=1) for field in zip(*before, strict=True))
        return tuple(torch.where(within, field, 0.0) for field in stacked)


def passage(
    cell: AbstractCell[Any],
    inputs: Tensor,
    state: Any = None,
    lengths: Tensor | Sequence[int] | None = None,
    reverse: bool = False,
) -> Passage:
    """Return a cell on its own with what it is taken through, as :func:`nurt.nn.unroll` takes it.

    Args:
        cell: any cell.
        inputs: (B, T, I).
        state: before the first step; None for the cell's initial one.
        lengths: steps of each row, (B,), 0..T; None when every row has T.
        reverse: run from each row's own last step to its first.

    Raises:
        ShapeError, NurtTypeError, NurtValueError: inputs or lengths do not fit.

    Example:
        >>> passage(LSTMCell(3, 5), torch.randn(2, 7, 3), lengths=[7, 4]).within().sum(1)
        tensor([7, 4])
    """
    where = "nurt.diagnostics.passage"
    inputs = check_inputs(where, inputs, cell.input_size).detach()
    batch, steps = inputs.shape[:2]
    ends = check_lengths(where, lengths, batch, steps)
    ends = torch.full((batch,), steps) if ends is None else ends
    template = cell.initial_state(batch)
    start = template if state is None else type(template)(*state)
    start = type(start)(*(field.detach() for field in start))
    return Passage(LayerId("", 0, "backward" if reverse else "forward"), cell, inputs, start, ends.to(inputs.device))


def observe(model: nn.Module, *arguments: Any, **named: Any) -> tuple[Passage, ...]:
    """Call ``model(*arguments, **named)`` once and return what every recurrent layer and direction was taken through.

    Args:
        model: holds recurrent layers, see :func:`~nurt.diagnostics.modules_of`; it is in evaluation mode meanwhile.
        arguments: of the model.
        named: of the model.

    Returns:
        One passage per layer and direction of the modules that were called, in the order of the model. Cells that the
        model steps by itself are not among them.

    Raises:
        NurtTypeError: nothing recurrent inside, or half precision.
        NonFiniteError: weights are not finite.
        NurtValueError: no recurrent layer was called, or one was called more than once.

    Example:
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), LSTM(3, 5, num_layers=2, batch_first=True))
        >>> [tuple(one.inputs.shape) for one in observe(model, torch.randn(4, 7, 2))]
        [(4, 7, 3), (4, 7, 5)]
    """
    found = [one for one in modules_of(model) if not isinstance(one.module, AbstractCell | nn.RNNCellBase)]
    calls: dict[nn.Module, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {one.module: [] for one in found}

    def keep(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        calls[module].append((args, kwargs))

    handles = [one.module.register_forward_pre_hook(keep, with_kwargs=True) for one in found]
    try:
        with torch.no_grad(), evaluating(model):
            model(*arguments, **named)
            passages = [each for one in found for each in _passages(one, calls[one.module])]
    finally:
        for handle in handles:
            handle.remove()
    if not passages:
        raise NurtValueError(
            "nurt.diagnostics.observe: the model called none of its recurrent layers.",
            expected="a call that runs one of " + (", ".join(one.path or "the model" for one in found) or "them"),
            got="none",
            cure="A cell that the model steps by itself is taken through time by passage(cell, inputs).",
        )
    return tuple(passages)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put ``model`` into evaluation mode, and every part of it back into its own."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _passages(found: FoundModule, calls: list[tuple[tuple[Any, ...], dict[str, Any]]]) -> Iterator[Passage]:
    if len(calls) > 1:
        raise NurtValueError(
            f"nurt.diagnostics.observe: the layer `{found.path or 'the model'}` was used {len(calls)} times.",
            expected="one use, so that a step of the layer is one place in time",
            got=f"{len(calls)} uses",
            cure="Observe the layer by itself, once with the inputs of each use.",
        )
    for args, kwargs in calls:
        bound = inspect.signature(found.module.forward).bind(*args, **kwargs).arguments
        if isinstance(found.module, Recurrent | Bidirectional | Stack):
            inputs, state, lengths = bound["inputs"], bound.get("state"), bound.get("lengths")
            states = _states(found.module, state)
        else:
            inputs, hx, lengths = _padded(found.module, bound)
            states = _torch_states(found, hx)
        yield from _layer_by_layer(found.layers, inputs, states, lengths)


def _layer_by_layer(
    layers: tuple[tuple[FoundCell, ...], ...], inputs: Tensor, states: Sequence[Sequence[Any]], lengths: Any
) -> Iterator[Passage]:
    for cells, before in zip(layers, states, strict=True):
        outputs = []
        for found, state in zip(cells, before, strict=True):
            run = passage(found.cell, inputs, state, lengths, found.reverse)
            yield Passage(found.id, found.cell, run.inputs, run.state, run.lengths)
            outputs.append(unroll(found.cell, inputs, run.state, lengths, found.reverse)[0])
        inputs = torch.cat(outputs, dim=-1)


def _states(layer: nn.Module, state: Any) -> list[list[Any]]:
    """Return the states handed to nurt's layers, per layer and direction."""
    match layer:
        case Stack():
            parts = [None] * len(layer.layers) if state is None else state
            return [sides for part, own in zip(layer.layers, parts, strict=True) for sides in _states(part, own)]
        case Bidirectional():
            return [[None, None] if state is None else list(state)]
    return [[state]]


def _padded(module: Any, bound: Mapping[str, Any]) -> tuple[Tensor, Any, Any]:
    """Return the inputs (B, T, I), the state with a batch axis, and the lengths of a call with torch's conventions."""
    given, hx, lengths = bound["input"], bound.get("hx"), bound.get("lengths")
    if isinstance(given, PackedSequence):
        inputs, lengths = pad_packed_sequence(given, batch_first=True)
        return inputs, hx, lengths
    if given.dim() == 2:
        fields = hx if isinstance(hx, tuple | list) else (hx,)
        return given.unsqueeze(0), None if hx is None else tuple(field.unsqueeze(1) for field in fields), None
    return given if module.batch_first else given.transpose(0, 1), hx, lengths


def _torch_states(found: FoundModule, hx: Any) -> list[list[Any]]:
    """Return the states handed to a layer with torch's conventions, per layer and direction."""
    if hx is None:
        return [[None] * len(sides) for sides in found.layers]
    fields = tuple(hx) if isinstance(hx, tuple | list) else (hx,)
    rows = iter(zip(*(field.unbind(0) for field in fields), strict=True))
    return [[next(rows) for _ in sides] for sides in found.layers]
