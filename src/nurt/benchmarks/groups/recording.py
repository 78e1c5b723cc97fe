"""What it costs to look: a training step with gates, states and their total gradients written down, and without."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from nurt.benchmarks.case import Case, Contest, Group
from nurt.benchmarks.groups.padded import SHAPES, outputs_of
from nurt.benchmarks.layers import CELLS, Shape, Step, twins
from nurt.kernels import recording

__all__ = ["RECORDING", "contest"]


def contest(cell: str, shape: Shape) -> Contest:
    """Return a training step of one layer that records, against the same step without, and against torch's."""
    theirs, ours = twins(cell, shape.I, shape.H)
    inputs = torch.randn(shape.T, shape.B, shape.I, requires_grad=True)
    gradient = (torch.randn(shape.T, shape.B, shape.H),)
    recorded = Step(ours, inputs, gradient, _recorded)
    plain = Step(ours, inputs, gradient, outputs_of)
    rival = Step(theirs, inputs, gradient, outputs_of)
    return Contest(
        ours=recorded.contender("nurt", "recording"),
        peers=(
            plain.contender("nurt", "not recording"),
            rival.contender("torch", f"torch.nn.{type(theirs).__name__}"),
        ),
        reference=lambda: rival.in_float64().outcome(),
        floor=shape.floor(CELLS[cell].gates),
    )


def _recorded(layer: Any, inputs: Tensor) -> tuple[Tensor, ...]:
    with recording():
        return outputs_of(layer, inputs)


def _recording() -> list[Case]:
    return [
        Case("recording", cell, shape.sizes(), partial(contest, cell, shape)) for cell in CELLS for shape in SHAPES[1:3]
    ]


RECORDING = Group(
    "recording",
    "A training step that writes down gates, states and total gradients of every step, against the same step without. "
    "Torch has no counterpart; its plain step stands beside.",
    "Bound by memory: what is written down is more than what is computed with.",
    _recording,
)
