"""Sequences of different lengths, against both ways torch offers."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from nurt.benchmarks.case import Case, Contest, Group
from nurt.benchmarks.layers import CELLS, Shape, Step, twins

__all__ = ["RAGGED", "contest"]

SHAPES = (Shape(60, 32, 50, 50), Shape(100, 32, 64, 128), Shape(1000, 8, 64, 64))


def contest(cell: str, shape: Shape) -> Contest:
    """Return a training step on rows of T/2 … T steps: outputs, zero past a row's end, and last hidden states."""
    theirs, ours = twins(cell, shape.I, shape.H)
    lengths = torch.randint(shape.T // 2, shape.T + 1, (shape.B,))
    lengths[0] = shape.T
    inside = (torch.arange(shape.T)[:, None] < lengths).unsqueeze(2)
    inputs = torch.randn(shape.T, shape.B, shape.I, requires_grad=True)
    gradients = (torch.randn(shape.T, shape.B, shape.H) * inside, torch.randn(shape.B, shape.H))

    def by_lengths(layer: Any, x: Tensor) -> tuple[Tensor, ...]:
        outputs, final = layer(x, lengths=lengths)
        return outputs, _hidden(final)

    def packed(layer: Any, x: Tensor) -> tuple[Tensor, ...]:
        outputs, final = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
        return pad_packed_sequence(outputs, total_length=shape.T)[0], _hidden(final)

    def padded(layer: Any, x: Tensor) -> tuple[Tensor, ...]:
        outputs = layer(x)[0]
        return outputs * inside, outputs[lengths - 1, torch.arange(shape.B)]

    gathering = Step(theirs, inputs, gradients, padded)
    return Contest(
        ours=Step(ours, inputs, gradients, by_lengths).contender("nurt", "lengths="),
        peers=(
            Step(theirs, inputs, gradients, packed).contender("torch", "PackedSequence"),
            gathering.contender("torch", "pad and gather"),
        ),
        reference=lambda: gathering.in_float64().outcome(),
        floor=shape.floor(CELLS[cell].gates, steps=int(lengths.sum())),
    )


def _hidden(final: Any) -> Tensor:
    hidden: Tensor = (final[0] if isinstance(final, tuple) else final)[0]
    return hidden


def _ragged() -> list[Case]:
    return [
        Case("ragged", cell, shape.sizes(), partial(contest, cell, shape), detail="T/2 … T")
        for cell in CELLS
        for shape in SHAPES
    ]


RAGGED = Group(
    "ragged",
    "A training step on sequences of T/2 to T steps: lengths= of nurt.nn against torch.nn on a PackedSequence, and "
    "against torch.nn on padded sequences whose outputs are masked and gathered afterwards.",
    "Bound as padded cases are; nurt computes the steps that are there, and no others.",
    _ragged,
)
