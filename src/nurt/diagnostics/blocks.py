"""The recurrent weights of a model, gate by gate: the square matrices whose spectra mean something."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from nurt.diagnostics.finding import LayerId, cells_of
from nurt.errors import NurtTypeError
from nurt.nn.gates import gate_order
from nurt.nn.unrolling import kernel_cell

__all__ = ["GateBlock", "recurrent_blocks"]


@dataclass(frozen=True, eq=False)
class GateBlock:
    """The recurrent weights of one gate.

    Args:
        id: of the layer and direction.
        gate: letter of the gate: i, f, g, o; r, z, n; h where there are no gates.
        weight: what takes the old hidden state to the sum of that gate, square, float64. Where the hidden state is
            projected, it is W_hr times the block, the way from an old hidden state to a new one.
    """

    id: LayerId
    gate: str
    weight: Tensor

    @property
    def name(self) -> str:
        """Address and gate in one."""
        return f"W_h{self.gate} of {self.id}" if self.gate != "h" else f"W_hh of {self.id}"


def recurrent_blocks(model: nn.Module) -> tuple[GateBlock, ...]:
    """Return the recurrent weights of every layer, direction and gate inside ``model``, copied.

    Args:
        model: holds recurrent layers; cells with a step of one's own have no blocks that are known here and are
            passed over.

    Raises:
        NurtTypeError: nothing recurrent inside, or nothing but cells with a step of one's own.
        NonFiniteError: a weight is NaN or infinite.

    Example:
        >>> [block.gate for block in recurrent_blocks(GRU(3, 5))]
        ['r', 'z', 'n']
    """
    blocks: list[GateBlock] = []
    for found in cells_of(model):
        known = kernel_cell(found.cell)
        if known is None:
            continue
        weights = known.weights
        order = gate_order(known.recurrence)
        for gate, block in zip(order, weights.weight_hh.detach().double().cpu().chunk(len(order)), strict=True):
            projected = block if weights.weight_hr is None else weights.weight_hr.detach().double().cpu() @ block
            blocks.append(GateBlock(found.id, gate, projected.clone()))
    if not blocks:
        raise NurtTypeError(
            "recurrent_blocks: the recurrent weights of these cells are not known.",
            expected="a cell or layer of nurt.nn or torch.nn",
            got="cells with a step of their own",
            cure="Hand the matrix itself to weight_spectrum().",
        )
    return tuple(blocks)
