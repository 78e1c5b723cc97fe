"""What every cell must obey, as checks that anyone can run on a cell of their own.

The checks compare a cell with itself in double precision, so they need no second implementation: batch rows do not
see each other, time composes, padding is never read, gradients agree with finite differences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError, gradcheck

from nurt.errors import NurtError
from nurt.nn.cells.base import AbstractCell
from nurt.nn.unrolling import unroll
from nurt.results import Result

__all__ = ["CHECKS", "CellReport", "ContractError", "check_cell"]

CellFactory = Callable[[], AbstractCell[Any]]

BATCH, STEPS = 3, 5
LENGTHS = (5, 1, 3)
# Double precision over a handful of steps: far above rounding, far below any mistake.
RTOL, ATOL = 1e-9, 1e-11


class ContractError(NurtError, AssertionError):
    """A cell breaks a rule that :func:`~nurt.nn.unroll` and the layers rely on."""


@dataclass(frozen=True)
class CellReport(Result):
    """A cell that obeys the contract.

    Args:
        cell: name of its class.
        checks: what was checked, in order.
    """

    cell: str
    checks: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"{self.cell} obeys the contract of a cell:", *(f"  {check}" for check in self.checks)])


def check_cell(factory: CellFactory) -> CellReport:
    """Check that a cell obeys the contract that unrolling and the layers rely on.

    Args:
        factory: makes a fresh cell; called several times. Small sizes keep it quick.

    Returns:
        What was checked.

    Raises:
        ContractError: the first rule that is broken, with what was expected and what came.

    Example:
        >>> print(check_cell(lambda: LSTMCell(3, 5)).cell)
        LSTMCell
    """
    for check in CHECKS.values():
        check(factory)
    return CellReport(type(factory()).__name__, tuple(CHECKS))


def check_state_is_closed(factory: CellFactory) -> None:
    """The state after a step has the type, shapes, dtype and device of the state before."""
    for dtype in (torch.float32, torch.float64):
        cell = _cell(factory, dtype)
        for batch in (1, BATCH):
            before = cell.initial_state(batch)
            after = cell.step(_inputs(cell, dtype=dtype)[:batch, 0], before)
            if type(after) is not type(before):
                raise _broken(cell, "step() returns another type than initial_state()", type(before), type(after))
            for name, old, new in zip(before._fields, before, after, strict=True):
                old_kind, new_kind = (
                    (tuple(old.shape), old.dtype, old.device),
                    (tuple(new.shape), new.dtype, new.device),
                )
                if old_kind != new_kind:
                    raise _broken(cell, f"step() changes the kind of `{name}`", old_kind, new_kind)
                if old.dtype != dtype:
                    raise _broken(cell, f"`{name}` does not follow .to(dtype)", dtype, old.dtype)
            if before.hidden.shape != (batch, cell.output_size):
                raise _broken(
                    cell, "`hidden` has the wrong shape", (batch, cell.output_size), tuple(before.hidden.shape)
                )


def check_arguments_are_left_alone(factory: CellFactory) -> None:
    """A step changes neither its input nor the state it was given, and takes the same pair to the same state."""
    cell = _cell(factory)
    x, state = _inputs(cell)[:, 0], _state(cell)
    copies = [tensor.clone() for tensor in (x, *state)]
    once = cell.step(x, state)
    for tensor, copy in zip((x, *state), copies, strict=True):
        _close(cell, "step() writes into its arguments", tensor, copy)
    _close_states(cell, "step() gives another result when repeated", cell.step(x, state), once)


def check_rows_do_not_meet(factory: CellFactory) -> None:
    """Each row of a batch comes out as if it were alone."""
    cell = _cell(factory)
    inputs, state = _inputs(cell), _state(cell)
    outputs, final = unroll(cell, inputs, state)
    for row in range(BATCH):
        alone, alone_final = unroll(cell, inputs[row : row + 1], _rows(state, row))
        _close(cell, "a row of a batch depends on the other rows", outputs[row : row + 1], alone)
        _close_states(cell, "the state of a row depends on the other rows", _rows(final, row), alone_final)


def check_unroll_is_step_by_step(factory: CellFactory) -> None:
    """Unrolling is the same as calling step() by hand; one step of one row included."""
    cell = _cell(factory)
    inputs, state = _inputs(cell), _state(cell)
    for batch, steps in ((BATCH, STEPS), (BATCH, 1), (1, STEPS), (1, 1)):
        part = inputs[:batch, :steps]
        moment = type(state)(*(field[:batch] for field in state))
        outputs, final = unroll(cell, part, moment)
        hiddens = []
        for t in range(steps):
            moment = cell.step(part[:, t], moment)
            hiddens.append(moment.hidden)
        _close(cell, "unrolling differs from step()", outputs, torch.stack(hiddens, dim=1))
        _close_states(cell, "the state after unrolling differs from that of step()", final, moment)


def check_time_composes(factory: CellFactory) -> None:
    """Two chunks, the second from the state after the first, are the whole."""
    cell = _cell(factory)
    inputs = _inputs(cell)
    outputs, final = unroll(cell, inputs)
    first, between = unroll(cell, inputs[:, :2])
    second, last = unroll(cell, inputs[:, 2:], between)
    _close(cell, "two chunks differ from the whole", torch.cat([first, second], dim=1), outputs)
    _close_states(cell, "the state after two chunks differs from that after the whole", last, final)


def check_reverse_is_forward_mirrored(factory: CellFactory) -> None:
    """Running backwards is running forwards over mirrored time."""
    cell = _cell(factory)
    inputs, state = _inputs(cell), _state(cell)
    outputs, final = unroll(cell, inputs, state, reverse=True)
    mirrored, mirrored_final = unroll(cell, inputs.flip(1), state)
    _close(cell, "running backwards is not the mirror of running forwards", outputs, mirrored.flip(1))
    _close_states(cell, "the state after running backwards differs from the mirror's", final, mirrored_final)


def check_rows_end_where_they_end(factory: CellFactory) -> None:
    """With lengths, every row comes out as if cut to its length; then zeros. In both directions."""
    cell = _cell(factory)
    inputs, state = _inputs(cell), _state(cell)
    for reverse in (False, True):
        outputs, final = unroll(cell, inputs, state, LENGTHS, reverse)
        for row, length in enumerate(LENGTHS):
            cut, cut_final = unroll(cell, inputs[row : row + 1, :length], _rows(state, row), reverse=reverse)
            _close(cell, "a row with a length differs from the row cut to it", outputs[row : row + 1, :length], cut)
            _close_states(cell, "the state of a row is not that at its end", _rows(final, row), cut_final)
            rest = outputs[row, length:]
            _close(cell, "an output past the end of its row is not zero", rest, torch.zeros_like(rest))


def check_padding_is_never_read(factory: CellFactory) -> None:
    """NaN past the ends reaches neither outputs nor gradients."""
    cell = _cell(factory)
    past_end = torch.arange(STEPS) >= torch.tensor(LENGTHS).unsqueeze(1)
    results = []
    for padding in (0.0, float("nan")):
        inputs = _inputs(cell).masked_fill(past_end.unsqueeze(2), padding).requires_grad_()
        outputs, final = unroll(cell, inputs, None, LENGTHS)
        wanted = [inputs, *(parameter for parameter in cell.parameters() if parameter.requires_grad)]
        loss = _weighted_sum([outputs, *final])
        gradients = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
        results.append([outputs, *final, *gradients])
    for clean, poisoned in zip(*results, strict=True):
        _close(cell, "what lies past the end of a row is read", poisoned, clean)


def check_gradients(factory: CellFactory) -> None:
    """Gradients of inputs, initial state and every parameter agree with finite differences."""
    cell = _cell(factory)
    inputs, state = _inputs(cell).requires_grad_(), _state(cell)
    fields = [field.requires_grad_() for field in state]
    weights = [parameter for parameter in cell.parameters() if parameter.requires_grad]

    def function(inputs: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        # gradcheck nudges the weights in place, so the cell sees the change without a call.
        outputs, final = unroll(cell, inputs, type(state)(*rest[: len(fields)]))
        return (outputs, *final)

    try:
        gradcheck(function, (inputs, *fields, *weights), fast_mode=True)
    except GradcheckError as error:
        raise _broken(cell, "a gradient is wrong", "agreement with finite differences", error) from error


def check_weights_are_all_there_is(factory: CellFactory) -> None:
    """A fresh cell with a copy of the ``state_dict`` computes the same."""
    cell, counterpart = _cell(factory), _cell(factory)
    counterpart.load_state_dict(cell.state_dict())
    inputs = _inputs(cell)
    outputs, _ = unroll(cell, inputs)
    copied, _ = unroll(counterpart, inputs)
    _close(cell, "a cell with the same state_dict computes something else", copied, outputs)


CHECKS: dict[str, Callable[[CellFactory], None]] = {
    "the state is closed under step()": check_state_is_closed,
    "arguments are left alone": check_arguments_are_left_alone,
    "rows of a batch do not meet": check_rows_do_not_meet,
    "unrolling is step() repeated": check_unroll_is_step_by_step,
    "two chunks are the whole": check_time_composes,
    "backwards is forwards mirrored": check_reverse_is_forward_mirrored,
    "rows end where they end": check_rows_end_where_they_end,
    "padding is never read": check_padding_is_never_read,
    "gradients agree with finite differences": check_gradients,
    "the state_dict holds all weights": check_weights_are_all_there_is,
}


def _cell(factory: CellFactory, dtype: torch.dtype = torch.float64) -> AbstractCell[Any]:
    return factory().to(dtype).eval()


def _inputs(cell: AbstractCell[Any], dtype: torch.dtype = torch.float64) -> Tensor:
    """Return (BATCH, STEPS, I) without zeros, symmetry or equal rows."""
    generator = torch.Generator().manual_seed(17)
    return torch.randn(BATCH, STEPS, cell.input_size, generator=generator, dtype=dtype)


def _state(cell: AbstractCell[Any]) -> Any:
    """Return a state that is not the initial one."""
    generator = torch.Generator().manual_seed(29)
    template = cell.initial_state(BATCH)
    return type(template)(
        *(torch.randn(field.shape, generator=generator, dtype=field.dtype).mul_(0.5) for field in template)
    )


def _rows(state: Any, row: int) -> Any:
    return type(state)(*(field[row : row + 1] for field in state))


def _weighted_sum(values: list[Tensor]) -> Tensor:
    """Return a scalar in which every element has a weight of its own, so that no two gradients cancel by accident."""
    flat = torch.cat([value.flatten() for value in values])
    return flat @ torch.linspace(0.5, 1.5, len(flat), dtype=flat.dtype)


def _close(cell: AbstractCell[Any], what: str, actual: Tensor, expected: Tensor) -> None:
    try:
        torch.testing.assert_close(actual, expected, rtol=RTOL, atol=ATOL)
    except AssertionError as error:
        raise _broken(cell, what, "the same numbers", error) from error


def _close_states(cell: AbstractCell[Any], what: str, actual: Any, expected: Any) -> None:
    for name, one, other in zip(actual._fields, actual, expected, strict=True):
        _close(cell, f"{what} (`{name}`)", one, other)


def _broken(cell: AbstractCell[Any], what: str, expected: object, got: object) -> ContractError:
    return ContractError(f"check_cell: {type(cell).__name__}: {what}.", expected=str(expected), got=str(got))
