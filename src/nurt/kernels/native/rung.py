"""The rung of the native engine: whole time loops, forward and backward, in one call each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nurt.kernels.native import autograd, call, scan
from nurt.kernels.native.call import CELLS, NOTHING, SCALARS, Call, Carry, Given, new_call
from nurt.kernels.native.dropout import draw_masks, scale
from nurt.kernels.native.recording import new_recordings
from nurt.kernels.recording import BLOCK, Recording
from nurt.kernels.recurrence import Recurrence, State, StateT, Weights, present, remade
from nurt.kernels.rung import PLAIN, SCAN, Request, Rung, StepOptions, dtype_name, require_constants

__all__ = ["RUNG", "refuse", "run", "run_stack"]

# Per number of directions, whether each runs backwards.
_DIRECTIONS = {1: (False,), 2: (False, True)}


def refuse(request: Request) -> str | None:
    """Return why the engine cannot serve ``request``, or None."""
    if request.recurrence == SCAN:
        return "the scan records nothing" if "recording" in request.options else scan.refuse(request)
    if not call.INSTRUCTION_SETS:
        return "the native extension is not built"
    if request.recurrence not in CELLS:
        return f"the engine has no cell for {request.recurrence or 'a step of its own'}"
    if request.device != "cpu":
        return f"the engine computes on a cpu, not on {request.device}"
    if request.dtype not in SCALARS:
        return f"the engine computes in float32 and float64, not in {dtype_name(request.dtype)}"
    if "transformed" in request.options:
        return "torch.func transforms and forward-mode derivatives cannot look into the engine"
    if "traced" in request.options:
        return "torch.jit.trace cannot look into the engine"
    return None


def run(
    recurrence: Recurrence[StateT],
    inputs: Tensor,
    state: StateT,
    weights: Weights,
    *,
    lengths: Tensor | None,
    reverse: bool,
    options: StepOptions = PLAIN,
) -> tuple[Tensor, StateT]:
    """Run one layer in one direction; arguments and results as for :class:`~nurt.kernels.rung.Kernel`."""
    hidden, cell = (field.unsqueeze(0) for field in state) if len(state) == 2 else (state.hidden.unsqueeze(0), None)
    carry = NOTHING if options is PLAIN else _carry(options, inputs, state)
    ends = None if lengths is None else lengths.cpu()
    given = Given(inputs, hidden, cell, tuple(_fields(recurrence.name, weights)), ends, carry=carry)
    asked = new_call(
        recurrence.name, given, 1, (reverse,), gradient_clip=options.gradient_clip, constants=recurrence.constants
    )
    recordings = _recordings(asked)
    if recordings is not None:
        recordings[0].options = options
    outputs, *final = autograd.run(asked, given, recordings)
    return outputs, remade(state, (field.squeeze(0) for field in final if field is not None))


def run_stack(
    recurrence: Recurrence[StateT],
    inputs: Tensor,
    states: tuple[Tensor, ...] | None,
    weights: Sequence[Sequence[Weights]],
    *,
    lengths: Tensor | None,
    batch_sizes: Tensor | None,
    dropout: float,
    training: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a whole stack; arguments and results as for :class:`~nurt.kernels.rung.StackKernel`.

    Packed data stay packed: the engine walks over them where they lie.
    """
    layers, directions, packed = len(weights), len(weights[0]), batch_sizes is not None
    ends = lengths if batch_sizes is None else lengths_of(batch_sizes)
    ends = None if ends is None else ends.cpu()
    masks = None
    if training and dropout and layers > 1 and inputs.numel():
        width = directions * weights[0][0].weight_hh.shape[-1]
        masks = draw_masks(inputs, layers - 1, width, dropout, None if packed else ends)
    flat: list[Tensor | None] = []
    for layer in weights:
        for side in layer:
            flat += _fields(recurrence.name, side)
    hidden, cell = (None, None) if states is None else states if len(states) == 2 else (states[0], None)
    given = Given(inputs, hidden, cell, tuple(flat), ends, masks)
    kept = 1.0 if masks is None else scale(dropout)
    asked = new_call(
        recurrence.name, given, layers, _DIRECTIONS[directions], packed, kept, constants=recurrence.constants
    )
    outputs, *finals = autograd.run(asked, given, _recordings(asked))
    return outputs, tuple([field for field in finals if field is not None])


def lengths_of(batch_sizes: Tensor) -> Tensor:
    """Return the falling lengths of the rows of a packed sequence."""
    return (batch_sizes.unsqueeze(0) > torch.arange(int(batch_sizes[0])).unsqueeze(1)).sum(1)


def _recordings(asked: Call) -> list[Recording] | None:
    """Return recordings for a call inside a block that records; None elsewhere."""
    return None if torch.compiler.is_compiling() or BLOCK.get() is None else new_recordings(asked)


def _fields(cell: str, weights: Weights) -> list[Tensor | None]:
    """Return the weights that the engine reads, in the order of the cell's fields."""
    spec = CELLS[cell]
    found = [getattr(weights, name) for name in spec.fields]
    for place in spec.required:
        if found[place] is None:
            present(cell, spec.fields[place], None)
    return found


def _carry(options: StepOptions, inputs: Tensor, state: State) -> Carry:
    """Return the tensors of ``options``; a number becomes a tensor that repeats it in every step."""
    require_constants(options, "native")
    keeps = []
    for keep, field in zip((options.keep_hidden, options.keep_cell), state, strict=False):
        if keep is not None and not isinstance(keep, Tensor):
            keep = inputs.new_full((field.shape[-1],), keep).expand(*inputs.shape[:2], -1)
        keeps.append(keep)
    return Carry(options.hidden_mask, *keeps)


RUNG = Rung(
    name="native",
    summary="the native engine",
    refuse=refuse,
    run=run,
    run_stack=run_stack,
    scan=scan.run,
)
