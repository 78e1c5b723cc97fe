"""Time: take a cell through a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nurt import kernels
from nurt.kernels import StepOptions
from nurt.kernels.ops import fuses
from nurt.kernels.recording import recording_wanted
from nurt.nn.cells.base import AbstractCell, DenseCell, StateT
from nurt.nn.cells.diagonal import DiagonalCell
from nurt.nn.checking import Lengths, check_inputs, check_lengths, check_same_kind, check_state, field_names
from nurt.nn.gradients import EXACT, AbstractGradientMethod, Way, check_method, run, run_module
from nurt.nn.regularisation import (
    NONE,
    Regularisation,
    check_gradient_clip,
    check_regularisation,
    drop_inputs,
    drop_weights,
    scales_as_the_engine,
    step_options,
)

__all__ = ["kernel_cell", "unroll", "unroll_together"]


def unroll(
    cell: AbstractCell[StateT],
    inputs: Tensor,
    state: StateT | None = None,
    lengths: Lengths | None = None,
    reverse: bool = False,
    *,
    regularisation: Regularisation = NONE,
    gradient_clip: float | None = None,
    gradient: AbstractGradientMethod = EXACT,
) -> tuple[Tensor, StateT]:
    """Take ``cell`` through time.

    The built-in cells run on the rung that :func:`nurt.kernels.explain` names, diagonal ones as one scan unless an
    option acts between their steps; a cell with a step of its own runs by the reference loop, one call of ``step``
    per time step.

    Args:
        cell: any cell.
        inputs: (B, T, I), T at least 1.
        state: before the first step; None for ``cell.initial_state(B)``. A plain tuple of its fields will do.
        lengths: steps of each row, (B,), 0..T; None when every row has T. Inputs past the end of a row are not
            used, its outputs there are zero and its state stays as it was at its end.
        reverse: run from each row's own last step to its first. Outputs stay at the place of their inputs.
        regularisation: what is left out at random while ``cell.training``.
        gradient_clip: bound on every element of the gradient that crosses from a step to the state before it, see
            :class:`~nurt.kernels.StepOptions`; None for none. It changes gradients, never outputs.
        gradient: how the gradient goes back through time, :class:`Exact`, :class:`Truncated` or
            :class:`Checkpointed`. Outputs are the same for all, up to rounding.

    Returns:
        The outputs (B, T, ·), the ``hidden`` of every step, and the state after the last step taken.

    Raises:
        ShapeError, NurtTypeError, NurtValueError: inputs, state or lengths do not fit the cell or each other.
        UnavailableError: a forced rung cannot run this cell, or the gradient method is incompatible with active
            recording, see there.

    Example:
        >>> outputs, state = unroll(LSTMCell(3, 5), torch.randn(2, 7, 3), lengths=[7, 4])
        >>> outputs.shape, state.cell.shape
        (torch.Size([2, 7, 5]), torch.Size([2, 5]))
    """
    where = f"nurt.nn.unroll of {type(cell).__name__}"
    inputs = check_inputs(where, inputs, cell.input_size)
    batch, steps = inputs.shape[:2]
    initial = cell.initial_state(batch)
    state = initial if state is None else check_state(where, state, initial)
    ends = check_lengths(where, lengths, batch, steps)
    known = kernel_cell(cell)
    check_regularisation(where, regularisation, field_names(state), knows_weights=known is not None)
    bound = check_gradient_clip(where, gradient_clip)
    # The default is recognised at once: a step of a small layer takes little longer than a few calls of Python.
    exact = gradient is EXACT
    method = gradient if exact else check_method(where, gradient)
    # Masks are drawn in one order for every kind of layer: of the inputs, of the weights, of the steps.
    if cell.training:
        inputs = drop_inputs(inputs, regularisation.input_dropout)
    if known is not None:
        check_same_kind(where, "inputs", inputs, known.weight_ih)
        weights = drop_weights(known.weights, regularisation.weight_dropout) if cell.training else known.weights
        options = step_options(regularisation, bound, state, steps, training=cell.training)
        if exact:
            return kernels.run(known.recurrence, inputs, state, weights, lengths=ends, reverse=reverse, options=options)
        return run(
            known.recurrence, inputs, state, weights, lengths=ends, reverse=reverse, options=options, gradient=method
        )
    options = step_options(regularisation, bound, state, steps, training=cell.training)
    if isinstance(cell, DiagonalCell):
        check_same_kind(where, "inputs", inputs, next(cell.parameters()))
    way = _step_by_step(cell)
    if exact:
        return way(inputs, state, ends, reverse, options)
    return run_module(way, cell, inputs, state, lengths=ends, reverse=reverse, options=options, gradient=method)


def unroll_together(
    cells: Sequence[DenseCell[StateT]],
    inputs: Tensor,
    states: Sequence[Any],
    lengths: Lengths | None,
    dropout: float,
) -> tuple[Tensor, tuple[StateT, ...]] | None:
    """Take cells of one recurrence and size, one above the other, through time in one native call.

    Args:
        cells: lowest first.
        inputs: (B, T, I).
        states: per cell, None for its initial one.
        lengths: as for :func:`unroll`.
        dropout: probability between the cells, 0 for none.

    Returns:
        Outputs and final states, bit for bit those of the cells one by one; None where no native call gives them.

    Raises:
        NurtError: as :func:`unroll` of each cell.
    """
    first = cells[0]
    where = f"nurt.nn.unroll of {type(first).__name__}"
    inputs = check_inputs(where, inputs, first.input_size)
    batch, steps = inputs.shape[:2]
    starts = None
    if any(state is not None for state in states) or any("initial_hidden" in cell._parameters for cell in cells):
        initial = [cell.initial_state(batch) for cell in cells]
        starts = [
            start if state is None else check_state(where, state, start)
            for state, start in zip(states, initial, strict=True)
        ]
    ends = check_lengths(where, lengths, batch, steps)
    check_same_kind(where, "inputs", inputs, first.weight_ih)
    # Dropout of a ragged batch draws its mask for the steps that exist when fused, else for the padding too.
    if dropout and (ends is not None or not scales_as_the_engine(dropout, inputs.dtype)):
        return None
    if not fuses(first.recurrence, inputs, ragged=ends is not None):
        return None
    outputs, finals = kernels.run_stack(
        first.recurrence,
        inputs,
        None if starts is None else tuple(torch.stack(field) for field in zip(*starts, strict=True)),
        [[cell.weights] for cell in cells],
        lengths=ends,
        dropout=dropout,
        training=True,
    )
    fields = zip(*[field.unbind(0) for field in finals], strict=True)
    return outputs, tuple([first.recurrence.state(*field) for field in fields])


def _step_by_step(cell: AbstractCell[StateT]) -> Way[StateT]:
    """Return the way through time of a cell whose recurrence no kernel knows."""

    def way(
        inputs: Tensor, state: StateT, lengths: Tensor | None, reverse: bool, options: StepOptions
    ) -> tuple[Tensor, StateT]:
        # A scan leaves nothing to look at; step by step a diagonal cell gives the same numbers.
        if isinstance(cell, DiagonalCell) and not options.names and not recording_wanted():
            result: tuple[Tensor, StateT] = cell.sequence(inputs, state, lengths=lengths, reverse=reverse)
            return result
        return kernels.run_own_step(cell.step, inputs, state, lengths=lengths, reverse=reverse, options=options)

    return way


def kernel_cell(cell: AbstractCell[StateT]) -> DenseCell[StateT] | None:
    """Return ``cell`` when its step is the recurrence it names; None when it has a step of its own."""
    # A subclass may override the step although it is final; then its own step counts.
    if isinstance(cell, DenseCell) and type(cell).step is DenseCell.step:
        return cell
    return None
