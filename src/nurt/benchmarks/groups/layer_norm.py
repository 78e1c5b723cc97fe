"""The layer-normalised LSTM, which torch users write as a Python loop."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import nurt.nn
from nurt.benchmarks.case import Case, Contest, Group
from nurt.benchmarks.layers import Shape, Step

__all__ = ["LAYER_NORM", "contest"]

GATES = 4
# With the usual gain of 1 rounding grows from step to step: after 60 steps float32 is off by 3e-4 in either library,
# and a gate could not tell that from a mistake. The time does not depend on it.
RECURRENT_GAIN = 0.3


class _Loop(nn.Module):
    """The layer as one writes it in torch: input products at once, then a loop over time [ba2016layer].

    Args:
        cell: gives the weights, under the same names.
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        for name, value in cell.named_parameters():
            self.register_parameter(name, nn.Parameter(value.detach().clone()))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs (B, T, H) from inputs (B, T, I)."""
        own = dict(self.named_parameters())
        hidden = cell = inputs.new_zeros(len(inputs), own["weight_hh"].shape[1])
        outputs = []
        for projected in _normal(functional.linear(inputs, own["weight_ih"]), own["norm_ih"], own["bias_ih"]).unbind(1):
            fed_back = _normal(functional.linear(hidden, own["weight_hh"]), own["norm_hh"], own["bias_hh"])
            i, f, g, o = (projected + fed_back).chunk(GATES, dim=1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            hidden = torch.sigmoid(o) * torch.tanh(_normal(cell, own["norm_cell"], own["norm_cell_bias"]))
            outputs.append(hidden)
        return torch.stack(outputs, dim=1)


def _normal(values: Tensor, gain: Tensor | None, bias: Tensor | None) -> Tensor:
    return functional.layer_norm(values, values.shape[-1:], gain, bias)


def contest(shape: Shape) -> Contest:
    """Return a training step of one layer."""
    cell = nurt.nn.LayerNormLSTMCell(shape.I, shape.H)
    nn.init.constant_(cell.norm_hh, RECURRENT_GAIN)
    inputs = torch.randn(shape.B, shape.T, shape.I, requires_grad=True)
    gradient = (torch.randn(shape.B, shape.T, shape.H),)
    rival = Step(_Loop(cell), inputs, gradient, lambda layer, x: (layer(x),))
    return Contest(
        ours=Step(cell, inputs, gradient, _unrolled).contender("nurt", "nurt.nn.unroll"),
        peers=(rival.contender("torch", "Python loop"),),
        reference=lambda: rival.in_float64().outcome(),
        floor=shape.floor(GATES),
    )


def _unrolled(cell: Any, inputs: Tensor) -> tuple[Tensor, ...]:
    return (nurt.nn.unroll(cell, inputs)[0],)


def _layer_norm() -> list[Case]:
    shape = Shape(60, 32, 50, 50)
    return [Case("layer-norm", "layer_norm_lstm", shape.sizes(), partial(contest, shape))]


LAYER_NORM = Group(
    "layer-norm",
    "A training step of a layer-normalised LSTM: nurt.nn.unroll of LayerNormLSTMCell against a loop over time in "
    "torch, whose input products are already one.",
    "Bound by the functions of the gates and the three normalisations of each step.",
    _layer_norm,
)
