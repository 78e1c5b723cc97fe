"""What a native call is made of: the cells, what is asked, what is given, what is left behind.

``native_engine.py`` makes the calls, ``native_ops.py`` ties them to autograd and to torch's compiler.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from nurt.errors import UnavailableError

try:
    from nurt.kernels import _cpu
except ImportError:  # built for another Python, or not built; the rung says so
    _cpu = None  # type: ignore[assignment]

__all__ = [
    "CELLS",
    "ENGINE",
    "INSTRUCTION_SETS",
    "NOTHING",
    "SCALARS",
    "Call",
    "Carry",
    "CellSpec",
    "Given",
    "Left",
    "Sizes",
    "instruction_set",
]


@dataclass(frozen=True)
class CellSpec:
    """What the Python side knows of a native cell.

    Args:
        code: number of the cell in ``cpu/problem.h``.
        gates: blocks of H rows in each weight matrix.
        recorded: names of the blocks of H numbers kept per step, in memory order; empty when the output says it all.
        has_cell: whether there is a cell state beside the hidden one.
        extra: what is learned beside weights and biases, names in :class:`~nurt.kernels.Weights`.
    """

    code: int
    gates: int
    recorded: tuple[str, ...] = ()
    has_cell: bool = False
    extra: tuple[str, ...] = ()

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The learned tensors of one direction of one layer.

        Names in Weights, in the engine's Side and, after "grad_", of gradients.
        """
        return ("weight_ih", "weight_hh", "bias_ih", "bias_hh", *self.extra)

    @property
    def projected(self) -> bool:
        """Whether the hidden state is a projection of what the step makes."""
        return "weight_hr" in self.extra


_LSTM_GATES = ("input", "forget", "candidate", "output")
_NORMS = ("norm_ih", "norm_hh", "norm_cell", "norm_cell_bias")

CELLS: dict[str, CellSpec] = {
    "lstm": CellSpec(0, 4, _LSTM_GATES, has_cell=True),
    "gru": CellSpec(1, 3, ("candidate", "reset", "update", "recurrent_candidate")),
    "elman_tanh": CellSpec(2, 1),
    "elman_relu": CellSpec(3, 1),
    "elman_sigmoid": CellSpec(4, 1),
    "linear": CellSpec(5, 1),
    "peephole_lstm": CellSpec(6, 4, _LSTM_GATES, has_cell=True, extra=("weight_ch",)),
    "cifg_lstm": CellSpec(7, 3, ("forget", "candidate", "output"), has_cell=True),
    "reset_before_gru": CellSpec(8, 3, ("reset", "update", "candidate")),
    "projected_lstm": CellSpec(9, 4, _LSTM_GATES, has_cell=True, extra=("weight_hr",)),
    "layer_norm_lstm": CellSpec(10, 4, _LSTM_GATES, has_cell=True, extra=_NORMS),
}

# The extension; None where it is not built.
ENGINE = _cpu
SCALARS = {torch.float32: 0, torch.float64: 1}
# Narrowest first; empty without the extension.
INSTRUCTION_SETS = () if ENGINE is None else tuple(ENGINE.instruction_sets())


def instruction_set() -> str:
    """Name of the vector instruction set in use: the widest one, or what ``NURT_ISA`` asks for.

    Raises:
        UnavailableError: ``NURT_ISA`` names a set that this processor does not have.
    """
    wanted = os.environ.get("NURT_ISA")
    if not wanted:
        return INSTRUCTION_SETS[-1]
    if wanted not in INSTRUCTION_SETS:
        raise UnavailableError(
            "nurt.kernels: the environment variable NURT_ISA names an instruction set that cannot run here.",
            expected=f"one of {', '.join(INSTRUCTION_SETS)}",
            got=repr(wanted),
            cure="Unset NURT_ISA to use the widest one.",
        )
    return wanted


class Call(NamedTuple):
    """Everything of a call that is not a tensor.

    Attributes:
        cell: a name in :data:`CELLS`, the same in every layer.
        layers: L.
        reverse: per direction, whether it runs from each row's own last step to its first.
        packed: the inputs are the data (sum of lengths, I) of a packed sequence; lengths are given and falling.
        scale: what dropout keeps is multiplied by this.
        threads: at most; None for torch's number at the time of the call.
        gradient_clip: bound of what a step hands down to the state before it; None for none.
    """

    cell: str
    layers: int = 1
    reverse: tuple[bool, ...] = (False,)
    packed: bool = False
    scale: float = 1.0
    threads: int | None = None
    gradient_clip: float | None = None


class Sizes(NamedTuple):
    """Sizes of a call.

    Attributes:
        batch: B.
        rows: B·T, or the sum of the lengths when packed.
        features: I.
        hidden: H.
        outputs: P, the size of the hidden state: H, or less after a projection.
    """

    batch: int
    rows: int
    features: int
    hidden: int
    outputs: int


class Carry(NamedTuple):
    """What happens to the state between two steps: tensors of :class:`~nurt.kernels.StepOptions`, constants.

    Attributes:
        hidden_mask: (B, P).
        keep_hidden: (B, T, P).
        keep_cell: (B, T, H).
    """

    hidden_mask: Tensor | None = None
    keep_hidden: Tensor | None = None
    keep_cell: Tensor | None = None


NOTHING = Carry()


class Given(NamedTuple):
    """The tensors of a call.

    Attributes:
        inputs: (B, T, I), or (sum of lengths, I) when packed.
        hidden: initial hidden states (L·D, B, P); None for zeros.
        cell_state: initial cell states (L·D, B, H); None for zeros or no such state.
        weights: the fields of the cell for each direction of each layer, one after the other; biases may be None.
        lengths: int64 (B,) in memory of our own, or None.
        masks: of dropout, bool, per layer but the lowest; (L-1, T, B, D·P), or (L-1, sum of lengths, D·P) when packed.
        carry: between the steps of a single layer in one direction, not packed.
    """

    inputs: Tensor
    hidden: Tensor | None
    cell_state: Tensor | None
    weights: tuple[Tensor | None, ...]
    lengths: Tensor | None = None
    masks: Tensor | None = None
    carry: Carry = NOTHING

    @property
    def differentiable(self) -> tuple[Tensor | None, ...]:
        """The tensors that can have a gradient, in the order in which gradients are returned."""
        return (self.inputs, self.hidden, self.cell_state, *self.weights)

    def sizes(self, cell: str) -> Sizes:
        """Return the sizes that the tensors of a ``cell`` have."""
        inputs, weight_hh = self.inputs, self.weights[1]
        assert weight_hh is not None
        shape, spec = inputs.shape, CELLS[cell]
        columns = weight_hh.shape[-1]
        units = len(weight_hh) // spec.gates if spec.projected else columns
        if len(shape) == 3:
            return Sizes(shape[0], shape[0] * shape[1], shape[2], units, columns)
        batch = shape[0] if self.lengths is None else self.lengths.shape[0]
        return Sizes(batch, shape[0], shape[1], units, columns)


class Left(NamedTuple):
    """What a forward call leaves behind.

    Attributes:
        outputs: (B, T, D·P), or (sum of lengths, D·P) when packed.
        hidden: final hidden states (L·D, B, P).
        cell: final cell states (L·D, B, H); None unless the cell has one.
        kept: one flat piece of memory, laid out by :mod:`~nurt.kernels.native_memory`; None when nothing is kept.
    """

    outputs: Tensor
    hidden: Tensor
    cell: Tensor | None
    kept: Tensor | None
