"""Networks whose examination is known by construction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import nurt.nn
from nurt.diagnostics import Examination, Scope, examine

REACH = Scope(("reach", "gradient", "contributions"))


class Last(nn.Module):
    """Reads the last step of one layer."""

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(width, 1).to(next(layer.parameters()).dtype)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return one number per row."""
        said = self.layer(inputs)
        outputs: Tensor = said[0] if isinstance(said, tuple) else said
        return self.head(outputs[:, -1])


def biased(kind: str, gates: Mapping[int, float], units: int = 6) -> Any:
    """Return a layer of torch without recurrent weights whose gates stand at σ(bias), by block."""
    layer = getattr(nn, kind)(1, units, batch_first=True)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if "ih" not in name or "bias" in name:
                parameter.zero_()
        for block, bias in gates.items():
            layer.weight_ih_l0[block * units : (block + 1) * units] = 0.0
            layer.bias_ih_l0[block * units : (block + 1) * units] = bias
    return layer


def diagonal(kind: str, bias: float, units: int = 6) -> nurt.nn.Recurrent:
    """Return a minGRU or minLSTM whose first gate has a bias and no input."""
    cell = getattr(nurt.nn, kind)(1, units)
    with torch.no_grad():
        cell.weight_ih[:units] = 0.0
        cell.bias_ih[:units] = bias
    return nurt.nn.Recurrent(cell)


def random_tanh(gain: float, units: int = 100, seed: int = 0) -> nn.RNN:
    """Return a random network of tanh units whose recurrent matrix has a spectral radius of about ``gain``."""
    layer = nn.RNN(1, units, batch_first=True, bias=False)
    weight = gain * np.random.default_rng(seed).standard_normal((units, units)) / np.sqrt(units)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(torch.from_numpy(weight))
    return layer


def reach_of(model: nn.Module, inputs: Tensor, scope: Scope = REACH) -> Examination:
    """Return what is found of the reach of a network."""
    return examine(model, inputs, scope=scope)


def told(found: Examination, rule: str) -> list[tuple[str, str]]:
    """Return level and words of all that a rule said."""
    return [(one.level.value, one.text.en) for one in found.advice if one.rule == rule]
