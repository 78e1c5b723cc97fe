"""Norms of weights and gradients, gate by gate: which block of a layer learns, and how fast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nurt.nn.gates import GateWeights, gate_weights
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["BlockNorm", "BlockNorms", "block_norms"]


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

    Look before clipping: a clipped gradient has the norm that somebody chose.

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
