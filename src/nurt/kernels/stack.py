"""The one walk over the layers of a stack and the directions of a layer, for everything that runs them one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from nurt.kernels.recurrence import Recurrence, StateT, Weights

__all__ = ["each_layer", "each_side", "on_padded"]

LayerT = TypeVar("LayerT")
FinalT = TypeVar("FinalT")


def each_layer(
    layers: Iterable[LayerT],
    inputs: Tensor,
    run: Callable[[LayerT, Tensor], tuple[Tensor, FinalT]],
    between: Callable[[Tensor, int], Tensor],
) -> tuple[Tensor, list[FinalT]]:
    """Run layers one above the other.

    Args:
        layers: lowest first.
        inputs: of the lowest.
        run: ``(layer, inputs) -> (outputs, final state)``.
        between: ``(outputs, depth) -> inputs`` of layer ``depth``, for every layer but the lowest: dropout.

    Returns:
        The outputs of the highest layer, and the final state of each.
    """
    finals = []
    for depth, layer in enumerate(layers):
        inputs, final = run(layer, between(inputs, depth) if depth else inputs)
        finals.append(final)
    return inputs, finals


def each_side(
    recurrence: Recurrence[StateT],
    weights: Sequence[Sequence[Weights]],
    inputs: Tensor,
    states: Sequence[Tensor],
    run: Callable[[Tensor, StateT, Weights, bool], tuple[Tensor, StateT]],
    between: Callable[[Tensor, int], Tensor],
    reverse: Sequence[bool] = (False, True),
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a stack of one recurrence layer by layer and direction by direction.

    Args:
        recurrence: of every layer.
        weights: per layer, per direction.
        inputs: (B, T, I).
        states: before the first step, each field (L·D, B, ·), directions of a layer side by side.
        run: ``(inputs, state, weights, reverse) -> (outputs, final state)`` of one direction of one layer.
        between: as for :func:`each_layer`.
        reverse: per direction, whether it runs backwards.

    Returns:
        The outputs of the last layer (B, T, D·P), and the states after the last steps, laid out as ``states``.
    """
    starts = iter(zip(*(field.unbind(0) for field in states), strict=True))

    def layer(sides: Sequence[Weights], below: Tensor) -> tuple[Tensor, list[StateT]]:
        found = [
            run(below, recurrence.state(*next(starts)), side, backwards)
            for side, backwards in zip(sides, reverse, strict=False)
        ]
        return torch.cat([outputs for outputs, _ in found], dim=-1), [final for _, final in found]

    outputs, finals = each_layer(weights, inputs, layer, between)
    fields = zip(*[final for sides in finals for final in sides], strict=True)
    return outputs, tuple(torch.stack(field) for field in fields)


def on_padded(
    data: Tensor, batch_sizes: Tensor, run: Callable[[Tensor, Tensor], tuple[Tensor, Any]]
) -> tuple[Tensor, Any]:
    """Run ``(inputs (B, T, I), lengths) -> (outputs, states)`` on the data of a packed sequence, and pack its outputs.

    In packed data rows stand sorted by length, longest first.
    """
    padded, lengths = pad_packed_sequence(PackedSequence(data, batch_sizes), batch_first=True)
    outputs, finals = run(padded, lengths)
    return pack_padded_sequence(outputs, lengths, batch_first=True).data, finals
