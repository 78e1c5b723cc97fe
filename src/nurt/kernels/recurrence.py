"""What a recurrence is: one step as a pure function of tensors, and the values it works on.

The equation of each recurrence lives once, in ``kernels/reference/<name>.py``. The cells of ``nurt.nn`` and the
reference loop both call it, so there is no second copy to drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import torch.nn.functional as F
from torch import Tensor

__all__ = ["Recurrence", "State", "Weights", "project", "remade"]


class State(Protocol):
    """A NamedTuple of tensors, batch first; ``hidden`` (B, ·) is the output of the step that made it."""

    @property
    def hidden(self) -> Tensor:
        """The output of the step, (B, ·)."""
        ...

    def __iter__(self) -> Iterator[Tensor]: ...

    def __len__(self) -> int: ...


class Weights(NamedTuple):
    """The learned tensors of a dense recurrence, in torch's order and gate order.

    Attributes:
        weight_ih: input to gates, (G·H, I).
        weight_hh: fed-back hidden state to gates, (G·H, H), or (G·H, proj_size) where the state is projected.
        bias_ih: (G·H,) or None.
        bias_hh: (G·H,) or None; None exactly when ``bias_ih`` is.
        weight_hr: (proj_size, H) of a projected recurrence, else None.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None = None
    bias_hh: Tensor | None = None
    weight_hr: Tensor | None = None


StateT = TypeVar("StateT", bound=State)


def remade(state: StateT, fields: Iterable[Tensor]) -> StateT:
    """Return ``fields`` as a state of the same kind as ``state``."""
    kind: Callable[..., StateT] = type(state)
    return kind(*fields)


def project(inputs: Tensor, weights: Weights) -> Tensor:
    """Return W_ih x + b_ih.

    The only part of a dense recurrence that does not wait for the step before it.

    Args:
        inputs: (…, I).
        weights: of the recurrence.

    Returns:
        The inputs' share of the gates, (…, G·H).
    """
    return F.linear(inputs, weights.weight_ih, weights.bias_ih)


@dataclass(frozen=True)
class Recurrence(Generic[StateT]):
    """One dense recurrence: a name and one step.

    Args:
        name: the key rungs and messages use.
        gates: G, so that the weights have G·H rows.
        state: NamedTuple of one moment.
        advance: ``(projected (B, G·H), state, weights) -> state``, the equation after the input projection.
    """

    name: str
    gates: int
    state: Callable[..., StateT]
    advance: Callable[[Tensor, StateT, Weights], StateT]

    def step(self, x: Tensor, state: StateT, weights: Weights) -> StateT:
        """Return the state after the input ``x`` (B, I)."""
        return self.advance(project(x, weights), state, weights)
