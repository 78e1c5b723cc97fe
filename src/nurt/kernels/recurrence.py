"""What a recurrence is: one step as a pure function of tensors, and the values it works on.

The equation of each recurrence lives once, in ``kernels/reference/<name>.py``. The cells of ``nurt.nn`` and the
reference loop both call it, so there is no second copy to drift. Its derivative, written out by hand, stands beneath.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.errors import NurtTypeError
from nurt.kernels.layer_norm import layer_norm

__all__ = [
    "Adjoint",
    "Advance",
    "Lengths",
    "Recurrence",
    "State",
    "StepGradients",
    "Sums",
    "Weights",
    "alive_steps",
    "fed_back",
    "positions_within",
    "present",
    "project",
    "recurrent_gradients",
    "remade",
    "where_alive",
    "whole_numbers",
    "without_padding",
    "zero_states",
    "zero_unless",
]


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
        weight_ch: cell state to gates, one weight per unit, (3·H,) for i, f, o: the peepholes of an LSTM, else None.
        norm_ih: gain of the normalised input sums, (G·H,), of a layer-normalised recurrence, else None.
        norm_hh: gain of the normalised recurrent sums, (G·H,), else None.
        norm_cell: gain of the normalised cell state, (H,), else None.
        norm_cell_bias: added to the normalised cell state, (H,), else None.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None = None
    bias_hh: Tensor | None = None
    weight_hr: Tensor | None = None
    weight_ch: Tensor | None = None
    norm_ih: Tensor | None = None
    norm_hh: Tensor | None = None
    norm_cell: Tensor | None = None
    norm_cell_bias: Tensor | None = None


StateT = TypeVar("StateT", bound=State)


def remade(state: StateT, fields: Iterable[Tensor]) -> StateT:
    """Return ``fields`` as a state of the same kind as ``state``."""
    kind: Callable[..., StateT] = type(state)
    return kind(*fields)


def present(where: str, name: str, weight: Tensor | None) -> Tensor:
    """Return an optional field of :class:`Weights` that the recurrence ``where`` cannot do without.

    Raises:
        NurtTypeError: it is None.
    """
    if weight is None:
        raise NurtTypeError(f"{where}: a weight is missing.", expected=f"a tensor {name}", got="None")
    return weight


def project(inputs: Tensor, weights: Weights) -> Tensor:
    """Return W_ih x + b_ih, or LN(W_ih x; norm_ih) + b_ih where the recurrence is layer-normalised.

    The only part of a dense recurrence that does not wait for the step before it.

    Args:
        inputs: (…, I).
        weights: of the recurrence.

    Returns:
        The inputs' share of the gates, (…, G·H).
    """
    if weights.norm_ih is None:
        return F.linear(inputs, weights.weight_ih, weights.bias_ih)
    sums = F.linear(inputs, weights.weight_ih)
    return layer_norm(sums, weights.norm_ih, weights.bias_ih)


def fed_back(hidden: Tensor, mask: Tensor | None) -> Tensor:
    """Return what W_hh is multiplied by: h_{t-1}, or m ⊙ h_{t-1} under dropout of the state."""
    return hidden if mask is None else mask * hidden


class Advance(Protocol[StateT]):
    """The equation of a recurrence after the input projection, a pure function."""

    def __call__(self, projected: Tensor, state: StateT, weights: Weights, mask: Tensor | None = None) -> StateT:
        """Return the state after one step.

        Args:
            projected: the inputs' share of the gates, (B, G·H), see :func:`project`.
            state: before the step.
            weights: of the recurrence.
            mask: multiplies the hidden state where W_hh meets it, see :func:`fed_back`; None for none.
        """
        ...


@dataclass(frozen=True)
class StepGradients(Generic[StateT]):
    """The gradients of one step's arguments, from the total gradient of the state that the step made.

    Args:
        projected: of the inputs' share of the gates, (B, G·H).
        state: of the state before the step, through this step alone.
        weights: of the learned tensors that the step uses after the input projection, by their names in
            :class:`Weights`, summed over the batch; without those that are None.
    """

    projected: Tensor
    state: StateT
    weights: Mapping[str, Tensor]


def recurrent_gradients(da: Tensor, seen: Tensor, weights: Weights) -> dict[str, Tensor]:
    """Return the gradients of W_hh and b_hh in a = W_hh v + b_hh.

    Args:
        da: gradient of a, (B, G·H).
        seen: v, what :func:`fed_back` gave, (B, H).
        weights: of the recurrence.
    """
    gradients = {"weight_hh": da.T @ seen}
    return gradients if weights.bias_hh is None else gradients | {"bias_hh": da.sum(0)}


class Adjoint(Protocol[StateT]):
    """The derivative of an :class:`Advance`, written out by hand in plain torch, so that it can be differentiated."""

    def __call__(
        self, projected: Tensor, state: StateT, weights: Weights, grad: StateT, mask: Tensor | None = None
    ) -> StepGradients[StateT]:
        """Return the gradients of the arguments of :class:`Advance`, which are given again.

        Args:
            projected: the inputs' share of the gates, (B, G·H).
            state: before the step.
            weights: of the recurrence.
            grad: the total gradient of the state after the step: over its output and every later step.
            mask: multiplied the hidden state where W_hh met it; a constant.
        """
        ...


Sums: TypeAlias = Callable[[Tensor, StateT, Weights, Tensor | None], dict[str, Tensor]]
"""What the activation functions of a step are applied to, (B, H) each, from the arguments of :class:`Advance`.

Names are those of the gates, σ of their sum, and "candidate", tanh of its sum; a recurrence without gates has the one
sum "hidden".
"""


@dataclass(frozen=True)
class Recurrence(Generic[StateT]):
    """One dense recurrence: a name and one step.

    Args:
        name: the key rungs and messages use.
        order: one letter for each of the G blocks of H rows of the weights, from the top: i, f, g, o for the input,
            forget, candidate and output gate of an LSTM; r, z, n for reset and update gate and candidate of a GRU; h
            for the lone new state of a recurrence without gates.
        state: NamedTuple of one moment.
        advance: the equation after the input projection.
        adjoint: its derivative; None where none is written.
        sums: what its activation functions are applied to; None where they are not named.
        constants: numbers of the equation that are not learned, such as a leak rate.
        family: makes the recurrence with other ``constants``; None where there are none.
    """

    name: str
    order: str
    state: Callable[..., StateT]
    advance: Advance[StateT]
    adjoint: Adjoint[StateT] | None = None
    sums: Sums[StateT] | None = None
    constants: tuple[float, ...] = ()
    family: Callable[..., Recurrence[StateT]] | None = None

    @property
    def gates(self) -> int:
        """G, so that the weights have G·H rows."""
        return len(self.order)

    def with_constants(self, constants: tuple[float, ...]) -> Recurrence[StateT]:
        """Return this recurrence with ``constants`` in its equation."""
        return self if self.family is None or constants == self.constants else self.family(*constants)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields of the state, ``hidden`` the first."""
        names: tuple[str, ...] = getattr(self.state, "_fields", ())
        return names

    def step(self, x: Tensor, state: StateT, weights: Weights) -> StateT:
        """Return the state after the input ``x`` (B, I)."""
        return self.advance(project(x, weights), state, weights)


def zero_states(
    recurrence: Recurrence[Any], weights: Sequence[Sequence[Weights]], inputs: Tensor, batch: int
) -> tuple[Tensor, ...]:
    """Return the states from which a stack starts when none is given: zeros (L·D, B, ·) for each field.

    Args:
        recurrence: of every layer.
        weights: per layer, per direction.
        inputs: for dtype and device.
        batch: B.
    """
    first = weights[0][0]
    units = first.weight_ih.shape[0] // recurrence.gates
    fed_back = units if first.weight_hr is None else first.weight_hr.shape[0]
    sizes = (fed_back if field == "hidden" else units for field in recurrence.fields)
    return tuple(inputs.new_zeros((len(weights) * len(weights[0]), batch, size)) for size in sizes)


Lengths = Tensor | Sequence[int]


def positions_within(lengths: Tensor, steps: int) -> Tensor:
    """Return which of ``steps`` positions lie before the end of each row, (B, T), for ``lengths`` (B,)."""
    return torch.arange(steps, device=lengths.device) < lengths.unsqueeze(1)


def whole_numbers(where: str, lengths: Lengths) -> Tensor:
    """Return ``lengths`` as int64 in contiguous memory of their own.

    The engine reads addresses, and reads them again on the way back, when the caller may have reused theirs.

    Args:
        where: what is called, for the message.
        lengths: whole numbers, as a tensor, an array or a sequence.

    Raises:
        NurtTypeError: they are something else, or hold no values that could be read.
    """
    what = f"{where}: `lengths` are not whole numbers."
    expected = "one int per row, as a tensor of an integer dtype or a list"
    cure = "Pass a (B,) tensor of torch.int64, or None when every row is full."
    try:
        values = torch.as_tensor(lengths)
    except (TypeError, ValueError, RuntimeError) as fault:
        got = f"{type(lengths).__name__}: {lengths!r}"[:80]
        raise NurtTypeError(what, expected=expected, got=got, cure=cure) from fault
    # An empty list comes out as a float tensor.
    wrong_kind = values.is_floating_point() or values.is_complex() or values.dtype == torch.bool
    if (wrong_kind and values.numel()) or values.layout != torch.strided or values.is_meta:
        got = f"{values.dtype}, {values.layout}, on {values.device}"
        raise NurtTypeError(what, expected=expected, got=got, cure=cure)
    return values.to(torch.int64, copy=True, memory_format=torch.contiguous_format)


def alive_steps(inputs: Tensor, lengths: Tensor | None) -> Tensor | None:
    """Return whether step t of row b lies before its end, bool (B, T); None when all do."""
    if lengths is None:
        return None
    return positions_within(lengths.to(inputs.device), inputs.shape[1])


def without_padding(inputs: Tensor, alive: Tensor | None) -> Tensor:
    """Return ``inputs`` with zeros past the ends.

    Dropping the results there is not enough: the gradient of a dropped NaN is 0 · NaN.
    """
    return inputs if alive is None else zero_unless(alive, inputs)


def zero_unless(alive: Tensor, values: Tensor) -> Tensor:
    """Return ``values`` (B, …) with zeros where a row has ended; ``alive`` covers their leading axes."""
    return values.masked_fill(~_widened(alive, values), 0)


def where_alive(alive: Tensor, new: StateT, old: StateT) -> StateT:
    """Return ``new`` where a row is alive, bool (B,), and ``old`` where it has ended."""
    pairs = zip(new, old, strict=True)
    return remade(new, (torch.where(_widened(alive, after), after, before) for after, before in pairs))


def _widened(mask: Tensor, values: Tensor) -> Tensor:
    """Return ``mask`` with trailing axes of one, so that it broadcasts over ``values``."""
    return mask.reshape(mask.shape + (1,) * (values.dim() - mask.dim()))
