"""Layers walked through by hand, one step at a time, so that autograd can be asked for every state."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from nurt.diagnostics import FoundCell


class Walk(NamedTuple):
    """What a walk leaves: outputs (B, T, ·), the states in the order of the places, the last state."""

    outputs: Tensor
    hidden: list[Tensor]
    cell: list[Tensor]
    final: Any


def walk(cell: Any, inputs: Tensor, lengths: list[int], *, reverse: bool = False, start: Any = None) -> Walk:
    """Take ``cell`` through ragged rows; every state is a tensor that autograd knows."""
    steps = inputs.shape[1]
    within = torch.arange(steps) < torch.tensor(lengths).unsqueeze(1)
    state = cell.initial_state(len(inputs)) if start is None else start
    outputs, hidden, cells = ([inputs] * steps for _ in range(3))
    for place in range(steps - 1, -1, -1) if reverse else range(steps):
        there = within[:, place].unsqueeze(1)
        made = cell.step(inputs[:, place], state)
        hidden[place], cells[place] = made.hidden, getattr(made, "cell", made.hidden)
        outputs[place] = torch.where(there, made.hidden, 0.0)
        state = type(made)(*(torch.where(there, new, old) for new, old in zip(made, state, strict=True)))
    return Walk(torch.stack(outputs, dim=1), hidden, cells, state)


def walk_layers(layers: list[list[FoundCell]], inputs: Tensor, lengths: list[int]) -> tuple[Tensor, list[list[Walk]]]:
    """Take layers and directions through, one above the other; also return the walk of each."""
    walks = []
    for sides in layers:
        walks.append([walk(side.cell, inputs, lengths, reverse=side.reverse) for side in sides])
        inputs = torch.cat([one.outputs for one in walks[-1]], dim=-1)
    return inputs, walks


def gradients(loss: Tensor, values: list[Tensor]) -> Tensor:
    """Return the gradients of ``values``, one per place, (B, T, ·)."""
    found = torch.autograd.grad(loss, values, retain_graph=True, allow_unused=True, materialize_grads=True)
    return torch.stack(found, dim=1)
