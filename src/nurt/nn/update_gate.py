"""The two senses of the GRU's update gate."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

from nurt.errors import NurtTypeError
from nurt.nn.gates import gate_weights

__all__ = ["flip_update_gate"]

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def flip_update_gate(module: ModuleT) -> ModuleT:
    """Return a copy of ``module`` whose GRUs mean the same with the update gate in the opposite sense.

    nurt, torch, Keras, ONNX and [cho2014learning] keep the old state where z_t is 1; [chung2014empirical] and many
    lecture notes take the new one:

        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}        here
        h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t        the opposite

    Because σ(-a) = 1 - σ(a), the one becomes the other when the rows of z in all weights and biases change sign. So
    weights learned elsewhere in the opposite sense go into a GRU here, are flipped, and compute what they did; flipped
    again they are what they were. Other recurrences in the module stay as they are.

    Args:
        module: a GRU cell or layer of nurt.nn or torch.nn, with the reset before or after the product, or a module
            that holds some; not changed.

    Raises:
        NurtTypeError: no GRU inside.

    Example:
        >>> cell = GRUCell(3, 5)
        >>> torch.equal(flip_update_gate(flip_update_gate(cell)).weight_hh, cell.weight_hh)
        True
    """
    flipped = copy.deepcopy(module)
    gated = [part for part in gate_weights("nurt.nn.flip_update_gate", flipped) if "z" in part.order]
    if not gated:
        raise NurtTypeError(
            "nurt.nn.flip_update_gate: no GRU inside this module.",
            expected="a GRUCell, ResetBeforeGRUCell or GRU",
            got=type(module).__name__,
        )
    with torch.no_grad():
        for part in gated:
            for tensor in (part.weight_ih, part.weight_hh, part.bias_ih, part.bias_hh):
                if tensor is not None:
                    tensor[part.rows("z")].neg_()
    return flipped
