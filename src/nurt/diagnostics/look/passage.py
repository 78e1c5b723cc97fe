"""A cell and what it is taken through: inputs, first state, lengths and direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nurt.diagnostics.look.finding import LayerId
from nurt.kernels.recurrence import positions_within
from nurt.nn import AbstractCell
from nurt.nn.checking import check_inputs, check_lengths

__all__ = ["Passage", "passage"]


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
