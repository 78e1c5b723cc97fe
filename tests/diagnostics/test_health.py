"""Norms of weights and gradients, block by block."""

from __future__ import annotations

import json

import pytest
import torch

import nurt.nn
from nurt.diagnostics import block_norms


def test_every_block_has_its_norms() -> None:
    layer = torch.nn.LSTM(2, 3, bidirectional=True)
    assert "no gradient" in str(block_norms(layer))
    layer(torch.randn(4, 2, 2))[0].square().sum().backward()
    found = block_norms(torch.nn.Sequential(layer))
    assert [(one.parameter, one.gate) for one in found.blocks[4:8]] == [("weight_hh", gate) for gate in "ifgo"]
    assert len(found.blocks) == 32
    one = found.blocks[5]
    assert one.weight == pytest.approx(float(layer.weight_hh_l0[3:6].detach().norm()))
    assert layer.weight_hh_l0.grad is not None
    assert one.gradient == pytest.approx(float(layer.weight_hh_l0.grad[3:6].norm()))
    assert one.ratio == pytest.approx(one.gradient / one.weight)
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert found.plot().data


def test_a_weight_of_zeros_has_no_ratio() -> None:
    layer = nurt.nn.GRU(2, 3)
    with torch.no_grad():
        layer.bias_ih_l0.zero_()
    layer(torch.randn(4, 2, 2))[0].sum().backward()
    ratios = [one.ratio for one in block_norms(layer).blocks if one.parameter == "bias_ih"]
    assert ratios == [None] * 3
