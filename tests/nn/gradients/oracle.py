"""The truncated gradient by its definition: one copy of weights and input per step, one pass per output, and a sum."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from nurt.nn import Truncated


class OneStep(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x, state):
        return self.cell.step(x, state)


def link(method: Truncated, s: int, t: int) -> bool:
    """Whether the gradient of output t reaches step s, as the documentation of Truncated says."""
    stride = method.stride
    return s <= t and s >= (t // stride + 1) * stride - method.window


def sum_over_pairs(cell, inputs, state, lengths, reverse, method, loss_of_output, loss_of_final) -> dict[str, Tensor]:
    """Return the gradients of "inputs", the fields of the state and the parameters of ``cell``.

    Args:
        loss_of_output: ``(row, place, output (1, ·)) -> scalar``.
        loss_of_final: ``(row, state) -> scalar``.
    """
    step = OneStep(cell)
    found = {"inputs": torch.zeros_like(inputs), **{name: torch.zeros_like(p) for name, p in cell.named_parameters()}}
    found |= {field: torch.zeros_like(getattr(state, field)) for field in state._fields}
    for row, length in enumerate(lengths):
        order = list(range(length))[::-1] if reverse else list(range(length))
        start = {
            field: getattr(state, field)[row : row + 1].detach().clone().requires_grad_() for field in state._fields
        }
        now, uses, losses = type(state)(**start), [], []
        for place in order:
            copies = {name: p.detach().clone().requires_grad_() for name, p in step.named_parameters()}
            x = inputs[row : row + 1, place].detach().clone().requires_grad_()
            now = functional_call(step, copies, (x, now))
            uses.append({"inputs": x, **{name.removeprefix("cell."): copy for name, copy in copies.items()}})
            losses.append(loss_of_output(row, place, now.hidden))
        last = loss_of_final(row, now)
        losses = [*losses[:-1], losses[-1] + last] if length else []
        if not length:
            for field, grad in zip(
                start, torch.autograd.grad(last, list(start.values()), allow_unused=True), strict=True
            ):
                found[field][row] += 0 if grad is None else grad[0]
        for t, loss in enumerate(losses):
            reached = [s for s in range(length) if link(method, s, t)]
            leaves = [(name, s, leaf) for s in reached for name, leaf in uses[s].items()]
            leaves += [(field, -1, leaf) for field, leaf in start.items() if 0 in reached]
            grads = torch.autograd.grad(loss, [leaf for _, _, leaf in leaves], retain_graph=True, allow_unused=True)
            for (name, s, _), grad in zip(leaves, grads, strict=True):
                if grad is None:
                    continue
                if name == "inputs":
                    found[name][row, order[s]] += grad[0]
                elif s < 0:
                    found[name][row] += grad[0]
                else:
                    found[name] += grad
    return found
