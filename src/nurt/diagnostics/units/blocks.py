"""The weights of a model gate by gate: the square recurrent matrices, and the norms of weights and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nurt.diagnostics.look.finding import LayerId, cells_of
from nurt.errors import NurtTypeError
from nurt.nn.gates import GateWeights, gate_order, gate_weights
from nurt.nn.unrolling import kernel_cell
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["BlockNorm", "BlockNorms", "GateBlock", "block_norms", "recurrent_blocks"]


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
        model: holds recurrent layers; cells with their own step have no known blocks and are
            skipped.

    Raises:
        NurtTypeError: nothing recurrent inside, or nothing but cells with their own step.
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


@dataclass(frozen=True)
class BlockNorm(Result):
    """One gate's rows of one weight.

    Args:
        place: the layer, as messages name it.
        parameter: "weight_ih", "weight_hh", "bias_ih" or "bias_hh".
        gate: i, f, g, o of an LSTM, r, z, n of a GRU, h of a recurrence without gates.
        weight: Frobenius norm.
        gradient: Frobenius norm of the gradient; None without one.
    """

    place: str
    parameter: str
    gate: str
    weight: float
    gradient: float | None

    @property
    def ratio(self) -> float | None:
        """Gradient over weight; None without a gradient or for a weight of zeros."""
        return None if self.gradient is None or not self.weight else self.gradient / self.weight


@dataclass(frozen=True)
class BlockNorms(Result):
    """All blocks of all recurrent layers of a model.

    Args:
        blocks: in the order of the model.
    """

    blocks: tuple[BlockNorm, ...]

    def __str__(self) -> str:
        lines = []
        for one in self.blocks:
            gradient = "no gradient" if one.gradient is None else f"gradient {one.gradient:.3g}"
            ratio = "" if one.ratio is None else f", ratio {one.ratio:.2g}"
            lines.append(f"{one.place} {one.parameter} {one.gate}: weight {one.weight:.3g}, {gradient}{ratio}")
        return "\n".join(lines)

    def plot(self) -> go.Figure:
        """Draw the ratios of gradients to weights."""
        from nurt import plotting

        figure = plotting.new_figure("Gradient over weight, block by block", "block", "ratio of norms")
        shown = [one for one in self.blocks if one.ratio is not None]
        names = [f"{one.place} {one.parameter} {one.gate}" for one in shown]
        figure.add_bar(x=names, y=[one.ratio for one in shown])
        figure.update_yaxes(type="log", exponentformat="power")
        figure.update_layout(hovermode="closest")
        return figure


def block_norms(model: nn.Module) -> BlockNorms:
    """Return the norms of the weights of every gate, and of the gradients that stand in ``.grad`` now.

    Call it before clipping: a clipped gradient has the norm of the limit.

    Args:
        model: holds recurrent cells or layers, nurt's or torch's.

    Raises:
        NurtTypeError: nothing recurrent inside, or parametrised weights.

    Example:
        >>> [block.gate for block in block_norms(GRU(3, 5)).blocks][:3]
        ['r', 'z', 'n']
    """
    found = gate_weights("nurt.diagnostics.block_norms", model)
    return BlockNorms(tuple(block for layer in found for block in _blocks(layer)))


def _blocks(layer: GateWeights) -> Iterator[BlockNorm]:
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        weight: Any = getattr(layer, name)
        if weight is None:
            continue
        for gate in layer.order:
            rows = layer.rows(gate)
            gradient = None if weight.grad is None else _norm(weight.grad[rows])
            yield BlockNorm(layer.place, name, gate, _norm(weight[rows]), gradient)


def _norm(values: Tensor) -> float:
    return float(torch.linalg.vector_norm(values.detach()))
