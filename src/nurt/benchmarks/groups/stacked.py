"""Layers on top of each other with dropout between them, and layers in both directions."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from nurt.benchmarks.case import Case, Contest, Group
from nurt.benchmarks.groups.padded import outputs_of
from nurt.benchmarks.layers import CELLS, Shape, Step, twins

__all__ = ["BIDIRECTIONAL", "STACKED", "contest"]

LAYERS, DROPOUT = 3, 0.2


def contest(cell: str, shape: Shape, **options: Any) -> Contest:
    """Return a training step of a stack; both libraries draw the same dropout from one seed.

    Args:
        cell: the recurrence.
        shape: of the first layer.
        **options: of the constructors: ``num_layers``, ``dropout``, ``bidirectional``.
    """
    theirs, ours = twins(cell, shape.I, shape.H, **options)
    directions = 2 if options.get("bidirectional") else 1
    inputs = torch.randn(shape.T, shape.B, shape.I, requires_grad=True)
    gradient = (torch.randn(shape.T, shape.B, directions * shape.H),)
    rival = Step(theirs, inputs, gradient, outputs_of)
    above = (options.get("num_layers", 1) - 1) * (directions + 1) * shape.H
    return Contest(
        ours=Step(ours, inputs, gradient, outputs_of).contender("nurt", f"nurt.nn.{type(ours).__name__}"),
        peers=(rival.contender("torch", f"torch.nn.{type(theirs).__name__}"),),
        reference=lambda: rival.in_float64().outcome(),
        floor=shape.floor(CELLS[cell].gates, units_above=above, directions=directions),
    )


def _stacked() -> list[Case]:
    shape = Shape(60, 32, 1, 50)
    return [
        Case(
            "stacked",
            cell,
            shape.sizes(),
            partial(contest, cell, shape, num_layers=LAYERS, dropout=DROPOUT),
            detail=f"{LAYERS} layers, dropout {DROPOUT}",
        )
        for cell in CELLS
    ]


def _bidirectional() -> list[Case]:
    shape = Shape(60, 32, 50, 50)
    return [
        Case("bidirectional", cell, shape.sizes(), partial(contest, cell, shape, bidirectional=True)) for cell in CELLS
    ]


STACKED = Group(
    "stacked",
    "A training step of three layers with dropout between them, nurt.nn against torch.nn, under one seed.",
    "Bound by the functions of the gates, and by drawing the dropout.",
    _stacked,
)
BIDIRECTIONAL = Group(
    "bidirectional",
    "A training step of a layer that runs in both directions, nurt.nn against torch.nn.",
    "Bound as two padded layers are.",
    _bidirectional,
)
