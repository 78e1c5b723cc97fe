"""Layers and directions one by one, with what a fused stack has no place for: regularisation and gradient methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from nurt.kernels import Recurrence, Weights
from nurt.nn.dropping import drop
from nurt.nn.gradients import AbstractGradientMethod, run
from nurt.nn.regularisation import Regularisation, drop_inputs, drop_weights, step_options

__all__ = ["StackOptions", "run_packed", "run_padded"]


@dataclass(frozen=True)
class StackOptions:
    """Options of all layers of a stack.

    Args:
        regularisation: every layer and direction draws its own masks.
        gradient_clip: bound on the gradient between steps; None for none.
        dropout: probability of zeroing between layers.
        training: whether anything is dropped.
        gradient: how the gradient goes back through time.
    """

    regularisation: Regularisation
    gradient_clip: float | None
    dropout: float
    training: bool
    gradient: AbstractGradientMethod


def run_padded(
    recurrence: Recurrence[Any],
    inputs: Tensor,
    states: tuple[Tensor, ...],
    weights: Sequence[Sequence[Weights]],
    lengths: Tensor | None,
    options: StackOptions,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run over (B, T, I); the other arguments and the results as for :class:`~nurt.kernels.rung.StackKernel`."""
    moments = iter(zip(*(field.unbind(0) for field in states), strict=True))
    finals = []
    for depth, directions in enumerate(weights):
        below = drop(inputs, options.dropout) if depth and options.training else inputs
        sides = []
        for direction, side in enumerate(directions):
            state = recurrence.state(*next(moments))
            outputs, final = _run_side(recurrence, below, state, side, lengths, direction == 1, options)
            sides.append(outputs)
            finals.append(final)
        inputs = torch.cat(sides, dim=-1)
    return inputs, tuple(torch.stack(fields) for fields in zip(*finals, strict=True))


def run_packed(
    recurrence: Recurrence[Any],
    data: Tensor,
    batch_sizes: Tensor,
    states: tuple[Tensor, ...],
    weights: Sequence[Sequence[Weights]],
    options: StackOptions,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run over the data of a packed sequence, rows sorted by length, longest first."""
    padded, lengths = pad_packed_sequence(PackedSequence(data, batch_sizes), batch_first=True)
    outputs, finals = run_padded(recurrence, padded, states, weights, lengths, options)
    return pack_padded_sequence(outputs, lengths, batch_first=True).data, finals


def _run_side(
    recurrence: Recurrence[Any],
    inputs: Tensor,
    state: Any,
    weights: Weights,
    lengths: Tensor | None,
    reverse: bool,
    options: StackOptions,
) -> tuple[Tensor, Any]:
    chosen = options.regularisation
    if options.training:
        inputs, weights = drop_inputs(inputs, chosen.input_dropout), drop_weights(weights, chosen.weight_dropout)
    steps = step_options(chosen, options.gradient_clip, state, inputs.shape[1], training=options.training)
    return run(
        recurrence, inputs, state, weights, lengths=lengths, reverse=reverse, options=steps, gradient=options.gradient
    )
