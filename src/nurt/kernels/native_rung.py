"""The rung of the native engine: whole time loops, forward and backward, in one call each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.kernels import native_calls, native_ops, scan_native, scan_ops
from nurt.kernels.native_calls import CELLS, SCALARS, Call
from nurt.kernels.options import PLAIN, StepOptions
from nurt.kernels.recurrence import Recurrence, StateT, Weights, remade
from nurt.kernels.rung import SCAN, Request, Rung, dtype_name, no_step_options

__all__ = ["RUNG", "refuse", "run", "run_stack"]


def refuse(request: Request) -> str | None:
    """Return why the engine cannot serve ``request``, or None."""
    if request.recurrence == SCAN:
        return scan_native.refuse(request)
    if not native_calls.INSTRUCTION_SETS:
        return "the native extension is not built"
    if request.recurrence not in CELLS:
        return f"the engine has no cell for {request.recurrence or 'a step of its own'}"
    if request.device != "cpu":
        return f"the engine computes on a cpu, not on {request.device}"
    if request.dtype not in SCALARS:
        return f"the engine computes in float32 and float64, not in {dtype_name(request.dtype)}"
    if "transformed" in request.options:
        return "torch.func transforms and forward-mode derivatives cannot look into the engine"
    return no_step_options(request, "the engine")


def run(
    recurrence: Recurrence[StateT],
    inputs: Tensor,
    state: StateT,
    weights: Weights,
    *,
    lengths: Tensor | None,
    reverse: bool,
    options: StepOptions = PLAIN,  # noqa: ARG001 - refused beforehand
) -> tuple[Tensor, StateT]:
    """Run one layer in one direction; arguments and results as for :class:`~nurt.kernels.rung.Kernel`."""
    call = Call(recurrence.name, None if lengths is None else lengths.cpu(), reverse)
    outputs, final = _run(call, inputs, tuple(state), weights)
    return outputs, remade(state, final)


def run_stack(
    recurrence: Recurrence[StateT],
    inputs: Tensor,
    states: tuple[Tensor, ...],
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
    ends = lengths if batch_sizes is None else lengths_of(batch_sizes)
    ends = None if ends is None else ends.cpu()
    moments = list(zip(*(field.unbind(0) for field in states), strict=True))
    finals: list[tuple[Tensor, ...]] = []
    for depth, directions in enumerate(weights):
        below = _dropped(inputs, dropout, lengths) if depth and training and dropout else inputs
        sides = []
        for direction, side in enumerate(directions):
            call = Call(recurrence.name, ends, reverse=direction == 1, packed=batch_sizes is not None)
            outputs, final = _run(call, below, moments[len(finals)], side)
            sides.append(outputs)
            finals.append(final)
        inputs = sides[0] if len(sides) == 1 else _side_by_side(sides)
    return inputs, tuple(torch.stack(fields) for fields in zip(*finals, strict=True))


def lengths_of(batch_sizes: Tensor) -> Tensor:
    """Return the falling lengths of the rows of a packed sequence."""
    return (batch_sizes.unsqueeze(0) > torch.arange(int(batch_sizes[0])).unsqueeze(1)).sum(1)


def _run(call: Call, inputs: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, tuple[Tensor, ...]]:
    hidden, cell = state if len(state) == 2 else (*state, None)
    outputs, *final = native_ops.run(call, (inputs, *weights[:4], hidden, cell))
    return outputs, tuple(field for field in final if field is not None)


def _side_by_side(sides: list[Tensor]) -> Tensor:
    """Return the outputs of both directions as one tensor that is time-major in memory as they are."""
    if sides[0].dim() == 2:
        return torch.cat(sides, dim=-1)
    return torch.cat([side.transpose(0, 1) for side in sides], dim=-1).transpose(0, 1)


def _dropped(inputs: Tensor, probability: float, lengths: Tensor | None) -> Tensor:
    """Return ``inputs`` with dropout, under one seed dropping the same numbers as torch.

    Torch draws in the order of memory: step by step, and of rows of different lengths, longest first, only those
    still alive. Outputs lie in memory step by step already; for lengths the draws are put where they belong.
    """
    if lengths is None:
        return F.dropout(inputs, probability)
    batch, time, columns = inputs.shape
    ends, order = lengths.sort(descending=True, stable=True)
    alive = torch.arange(time).unsqueeze(1) < ends
    places = (torch.arange(time).unsqueeze(1) * batch + order)[alive]
    mask = inputs.new_zeros(time * batch, columns)
    mask[places] = F.dropout(inputs.new_ones(len(places), columns), probability)
    return inputs * mask.view(time, batch, columns).transpose(0, 1)


RUNG = Rung(
    name="native",
    summary="the native engine",
    refuse=refuse,
    run=run,
    run_stack=run_stack,
    scan=scan_ops.run,
)
