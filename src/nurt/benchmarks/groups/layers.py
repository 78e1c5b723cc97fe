"""Training steps of drop-in layers beside the layers they replace: padded, ragged, stacked, both ways, recorded."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from nurt.benchmarks.case import Case, CaseGroup, Contest
from nurt.benchmarks.conditions import one_core_taken
from nurt.benchmarks.steps import CELLS, Shape, TrainingStep, twins
from nurt.kernels import recording

__all__ = [
    "BIDIRECTIONAL",
    "BUSY",
    "PADDED",
    "RAGGED",
    "RECORDING",
    "STACKED",
    "layer_contest",
    "ragged_contest",
    "recording_contest",
]

SHAPES = (
    Shape(60, 32, 1, 50),
    Shape(60, 32, 50, 50),
    Shape(100, 32, 64, 128),
    Shape(100, 64, 256, 256),
    Shape(50, 64, 512, 512),
)
RAGGED_SHAPES = (Shape(60, 32, 50, 50), Shape(100, 32, 64, 128), Shape(1000, 8, 64, 64))
LAYERS, DROPOUT = 3, 0.2


def layer_contest(cell: str, shape: Shape, **options: Any) -> Contest:
    """Return a training step of ``nurt.nn`` against ``torch.nn``; both draw the same dropout from one seed.

    Args:
        cell: the recurrence.
        shape: of the first layer.
        **options: of the constructors, for stacks: ``num_layers``, ``dropout``, ``bidirectional``.
    """
    theirs, ours = twins(cell, shape.I, shape.H, **options)
    directions = 2 if options.get("bidirectional") else 1
    inputs = torch.randn(shape.T, shape.B, shape.I, requires_grad=True)
    gradient = (torch.randn(shape.T, shape.B, directions * shape.H),)
    rival = TrainingStep(theirs, inputs, gradient, _outputs)
    above = (options.get("num_layers", 1) - 1) * (directions + 1) * shape.H
    return Contest(
        ours=TrainingStep(ours, inputs, gradient, _outputs).contender("nurt", f"nurt.nn.{type(ours).__name__}"),
        peers=(rival.contender("torch", f"torch.nn.{type(theirs).__name__}"),),
        reference=lambda: rival.in_float64().outcome(),
        floor=shape.floor(CELLS[cell].gates, units_above=above, directions=directions),
    )


def ragged_contest(cell: str, shape: Shape) -> Contest:
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

    gathering = TrainingStep(theirs, inputs, gradients, padded)
    return Contest(
        ours=TrainingStep(ours, inputs, gradients, by_lengths).contender("nurt", "lengths="),
        peers=(
            TrainingStep(theirs, inputs, gradients, packed).contender("torch", "PackedSequence"),
            gathering.contender("torch", "pad and gather"),
        ),
        reference=lambda: gathering.in_float64().outcome(),
        floor=shape.floor(CELLS[cell].gates, steps=int(lengths.sum())),
    )


def recording_contest(cell: str, shape: Shape) -> Contest:
    """Return a training step of one layer that records, against the same step without, and against torch's."""
    theirs, ours = twins(cell, shape.I, shape.H)
    inputs = torch.randn(shape.T, shape.B, shape.I, requires_grad=True)
    gradient = (torch.randn(shape.T, shape.B, shape.H),)
    recorded = TrainingStep(ours, inputs, gradient, _recorded)
    plain = TrainingStep(ours, inputs, gradient, _outputs)
    rival = TrainingStep(theirs, inputs, gradient, _outputs)
    return Contest(
        ours=recorded.contender("nurt", "recording"),
        peers=(
            plain.contender("nurt", "not recording"),
            rival.contender("torch", f"torch.nn.{type(theirs).__name__}"),
        ),
        reference=lambda: rival.in_float64().outcome(),
        floor=shape.floor(CELLS[cell].gates),
    )


def _outputs(layer: Any, inputs: Tensor) -> tuple[Tensor, ...]:
    """Return the outputs alone."""
    return (layer(inputs)[0],)


def _hidden(final: Any) -> Tensor:
    hidden: Tensor = (final[0] if isinstance(final, tuple) else final)[0]
    return hidden


def _recorded(layer: Any, inputs: Tensor) -> tuple[Tensor, ...]:
    with recording():
        return _outputs(layer, inputs)


def _padded() -> list[Case]:
    return [
        Case("padded", cell, shape.sizes(), partial(layer_contest, cell, shape)) for cell in CELLS for shape in SHAPES
    ]


def _busy() -> list[Case]:
    shape = SHAPES[1]
    return [
        Case("busy", cell, shape.sizes(), partial(layer_contest, cell, shape), disturbance=one_core_taken)
        for cell in CELLS
    ]


def _stacked() -> list[Case]:
    shape = Shape(60, 32, 1, 50)
    return [
        Case(
            "stacked",
            cell,
            shape.sizes(),
            partial(layer_contest, cell, shape, num_layers=LAYERS, dropout=DROPOUT),
            detail=f"{LAYERS} layers, dropout {DROPOUT}",
        )
        for cell in CELLS
    ]


def _bidirectional() -> list[Case]:
    shape = Shape(60, 32, 50, 50)
    return [
        Case("bidirectional", cell, shape.sizes(), partial(layer_contest, cell, shape, bidirectional=True))
        for cell in CELLS
    ]


def _ragged() -> list[Case]:
    return [
        Case("ragged", cell, shape.sizes(), partial(ragged_contest, cell, shape), detail="T/2 … T")
        for cell in CELLS
        for shape in RAGGED_SHAPES
    ]


def _recording() -> list[Case]:
    return [
        Case("recording", cell, shape.sizes(), partial(recording_contest, cell, shape))
        for cell in CELLS
        for shape in SHAPES[1:3]
    ]


PADDED = CaseGroup(
    "padded",
    "A training step (forward, backward) of nurt.nn.LSTM, GRU and RNN against torch.nn's.",
    "Small layers are bound by the functions of the gates and by the cost of a call, large ones by the matrix "
    "products.",
    _padded,
)
BUSY = CaseGroup(
    "busy",
    "The same step while another process keeps one core busy: how many times as long it takes.",
    "With as many threads as cores, the thread that shares its core sets the pace.",
    _busy,
)
STACKED = CaseGroup(
    "stacked",
    "A training step of three layers with dropout between them, nurt.nn against torch.nn, under one seed.",
    "Bound by the functions of the gates, and by drawing the dropout.",
    _stacked,
)
BIDIRECTIONAL = CaseGroup(
    "bidirectional",
    "A training step of a layer that runs in both directions, nurt.nn against torch.nn.",
    "Bound as two padded layers are.",
    _bidirectional,
)
RAGGED = CaseGroup(
    "ragged",
    "A training step on sequences of T/2 to T steps: lengths= of nurt.nn against torch.nn on a PackedSequence, and "
    "against torch.nn on padded sequences whose outputs are masked and gathered afterwards.",
    "Bound as padded cases are; nurt computes the steps that are there, and no others.",
    _ragged,
)
RECORDING = CaseGroup(
    "recording",
    "A training step that records gates, states and total gradients of every step, against the same step without. "
    "Torch has no counterpart; its plain step is shown for comparison.",
    "Bound by memory: more numbers are recorded than used in the computation.",
    _recording,
)
