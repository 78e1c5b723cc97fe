"""Recurrences that torch users write as a Python loop: the layer-normalised LSTM, h_t = a_t ⊙ h_{t-1} + b_t."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import nurt.nn
from nurt import kernels
from nurt.benchmarks.case import Case, CaseGroup, Contender, Contest, Library, Outcome
from nurt.benchmarks.floors import MemoryCopy
from nurt.benchmarks.steps import Shape, TrainingStep

__all__ = ["LAYER_NORM", "SCAN", "SCANNED", "layer_norm_contest", "scan_contest"]

GATES = 4
# With the usual gain of 1 rounding grows from step to step: after 60 steps float32 is off by 3e-4 in either library,
# and the gate could not distinguish that from a mistake. The time does not depend on it.
RECURRENT_GAIN = 0.3

# T, B and the number of channels.
SCAN_SHAPES = ((1024, 8, 256), (16384, 1, 64))
SCANNED = {"diagonal": torch.float32, "complex_diagonal": torch.complex64}
# Forward reads a and b and writes h; backward reads a, h and dy and writes da and db.
ARRAYS = 8
DOUBLE = {torch.float32: torch.float64, torch.complex64: torch.complex128}

ScanWay = Callable[[Tensor, Tensor], Tensor]


def layer_norm_contest(shape: Shape) -> Contest:
    """Return a training step of one layer."""
    cell = nurt.nn.LayerNormLSTMCell(shape.I, shape.H)
    nn.init.constant_(cell.norm_hh, RECURRENT_GAIN)
    inputs = torch.randn(shape.B, shape.T, shape.I, requires_grad=True)
    gradient = (torch.randn(shape.B, shape.T, shape.H),)
    rival = TrainingStep(_LayerNormLoop(cell), inputs, gradient, lambda layer, x: (layer(x),))
    return Contest(
        ours=TrainingStep(cell, inputs, gradient, _unrolled).contender("nurt", "nurt.nn.unroll"),
        peers=(rival.contender("torch", "Python loop"),),
        reference=lambda: rival.in_float64().outcome(),
        floor=shape.floor(GATES),
    )


def scan_contest(cell: str, T: int, B: int, D: int) -> Contest:
    """Return a training step over T steps of B rows and D channels.

    Args:
        cell: a key of ``SCANNED``.
        T: steps.
        B: rows.
        D: channels.
    """
    dtype = SCANNED[cell]
    # The factors of a trained gate: most of the state is kept. Complex ones also turn it.
    a = torch.rand(B, T, D).sqrt().to(dtype)
    if dtype.is_complex:
        a = a * torch.exp(1j * torch.rand(B, T, D))
    b, gradient = torch.randn(B, T, D, dtype=dtype), torch.randn(B, T, D, dtype=dtype)
    loop = _ScanStep(a.requires_grad_(), b.requires_grad_(), gradient, _loop)
    return Contest(
        ours=_ScanStep(a, b, gradient, _native).contender("nurt", "nurt.kernels.scan"),
        peers=(loop.contender("torch", "Python loop"),),
        reference=lambda: loop.in_double().outcome(),
        floor=MemoryCopy(ARRAYS * b.numel() * b.element_size()),
    )


class _LayerNormLoop(nn.Module):
    """The usual layer in torch: input products at once, then a loop over time [ba2016layer].

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


def _unrolled(cell: Any, inputs: Tensor) -> tuple[Tensor, ...]:
    return (nurt.nn.unroll(cell, inputs)[0],)


def _layer_norm() -> list[Case]:
    shape = Shape(60, 32, 50, 50)
    return [Case("layer-norm", "layer_norm_lstm", shape.sizes(), partial(layer_norm_contest, shape))]


@dataclass(frozen=True)
class _ScanStep:
    """Forward and backward of one way to run the recurrence; ``a``, ``b`` and ``gradient`` are (B, T, D)."""

    a: Tensor
    b: Tensor
    gradient: Tensor
    states: ScanWay

    def run(self) -> Tensor:
        self.a.grad = self.b.grad = None
        states = self.states(self.a, self.b)
        torch.autograd.backward(states, self.gradient)
        return states

    def outcome(self) -> Outcome:
        found = {"states": self.run().detach(), "gradient of a": self.a.grad, "gradient of b": self.b.grad}
        return {name: _as_real(value).clone() for name, value in found.items() if value is not None}

    def in_double(self) -> _ScanStep:
        a, b, gradient = (one.detach().to(DOUBLE[one.dtype]) for one in (self.a, self.b, self.gradient))
        return _ScanStep(a.requires_grad_(), b.requires_grad_(), gradient, self.states)

    def contender(self, library: Library, name: str) -> Contender:
        return Contender(library, name, self.run, self.outcome)


def _as_real(values: Tensor) -> Tensor:
    return torch.view_as_real(values) if values.is_complex() else values


def _native(a: Tensor, b: Tensor) -> Tensor:
    return kernels.scan(a, b)[0]


def _loop(a: Tensor, b: Tensor) -> Tensor:
    state = torch.zeros_like(b[:, 0])
    states = []
    for factor, added in zip(a.unbind(1), b.unbind(1), strict=True):
        state = factor * state + added
        states.append(state)
    return torch.stack(states, dim=1)


def _scan() -> list[Case]:
    return [
        Case("scan", cell, dict(zip(("T", "B", "H"), shape, strict=True)), partial(scan_contest, cell, *shape))
        for cell in SCANNED
        for shape in SCAN_SHAPES
    ]


LAYER_NORM = CaseGroup(
    "layer-norm",
    "A training step of a layer-normalised LSTM: nurt.nn.unroll of LayerNormLSTMCell against a loop over time in "
    "torch, whose input products are already one.",
    "Bound by the functions of the gates and the three normalisations of each step.",
    _layer_norm,
)
SCAN = CaseGroup(
    "scan",
    "A training step of the diagonal recurrence h = a ⊙ h + b with H channels, real and complex: nurt.kernels.scan "
    "against a loop over time in torch.",
    "Bound by memory: one multiplication and one addition for each number that is read. The floor is a copy as long "
    "as the arrays that are read (a twice) and written.",
    _scan,
)
