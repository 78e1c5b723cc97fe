"""One layer, all sequences of one length: the drop-in layer beside the layer it replaces."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from nurt.benchmarks.case import Case, Contest, Group
from nurt.benchmarks.disturbance import one_core_taken
from nurt.benchmarks.layers import CELLS, Shape, Step, twins

__all__ = ["BUSY", "PADDED", "SHAPES", "contest", "outputs_of"]

SHAPES = (
    Shape(60, 32, 1, 50),
    Shape(60, 32, 50, 50),
    Shape(100, 32, 64, 128),
    Shape(100, 64, 256, 256),
    Shape(50, 64, 512, 512),
)


def outputs_of(layer: Any, inputs: Tensor) -> tuple[Tensor, ...]:
    """Return the outputs alone."""
    return (layer(inputs)[0],)


def contest(cell: str, shape: Shape) -> Contest:
    """Return a training step of ``nurt.nn`` against ``torch.nn``."""
    theirs, ours = twins(cell, shape.I, shape.H)
    inputs = torch.randn(shape.T, shape.B, shape.I, requires_grad=True)
    gradient = (torch.randn(shape.T, shape.B, shape.H),)
    rival = Step(theirs, inputs, gradient, outputs_of)
    return Contest(
        ours=Step(ours, inputs, gradient, outputs_of).contender("nurt", f"nurt.nn.{type(ours).__name__}"),
        peers=(rival.contender("torch", f"torch.nn.{type(theirs).__name__}"),),
        reference=lambda: rival.in_float64().outcome(),
        floor=shape.floor(CELLS[cell].gates),
    )


def _padded() -> list[Case]:
    return [Case("padded", cell, shape.sizes(), partial(contest, cell, shape)) for cell in CELLS for shape in SHAPES]


def _busy() -> list[Case]:
    shape = SHAPES[1]
    return [
        Case("busy", cell, shape.sizes(), partial(contest, cell, shape), disturbance=one_core_taken) for cell in CELLS
    ]


PADDED = Group(
    "padded",
    "A training step (forward, backward) of nurt.nn.LSTM, GRU and RNN against torch.nn's.",
    "Small layers are bound by the functions of the gates and by what a call costs, large ones by the matrix products.",
    _padded,
)
BUSY = Group(
    "busy",
    "The same step while another process keeps one core busy: how many times as long it takes.",
    "With as many threads as cores, the thread that shares its core sets the pace.",
    _busy,
)
