"""Dropout has the numbers and gradients of torch's, whatever way a tensor lies in memory."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nurt.nn.dropping import Dropout, drop

LAID = {
    "contiguous": lambda: torch.randn(3, 5, 7),
    "time first": lambda: torch.randn(5, 3, 7).transpose(0, 1),
    "every other column": lambda: torch.randn(3, 5, 14)[..., ::2],
    "expanded": lambda: torch.randn(3, 1, 7).expand(3, 5, 7),
    "double": lambda: torch.randn(3, 5, 7, dtype=torch.float64),
    "bfloat16": lambda: torch.randn(3, 5, 7).bfloat16(),
    "a number": lambda: torch.randn(()),
    "empty": lambda: torch.randn(0, 5),
}


@pytest.mark.parametrize("laid", LAID)
@given(probability=st.sampled_from([0.0, 0.25, 1.0]) | st.floats(0, 1), seed=st.integers(0, 2**32))
def test_numbers_gradients_and_what_is_drawn_next_are_those_of_torch(laid, probability, seed):
    results = []
    for way in (drop, torch.nn.functional.dropout):
        torch.manual_seed(1)
        inputs = LAID[laid]().requires_grad_()
        torch.manual_seed(seed)
        outputs = way(inputs, probability)
        outputs.double().sin().sum().backward()
        results.append((outputs.detach(), inputs.grad, torch.rand(2)))
    for mine, theirs in zip(*results, strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("randomness", ["different", "same"])
def test_under_vmap_rows_are_dropped_as_torch_drops_them(randomness):
    results = []
    for way in (drop, torch.nn.functional.dropout):
        torch.manual_seed(3)
        results.append(torch.func.vmap(lambda row, way=way: way(row, 0.5), randomness=randomness)(torch.ones(4, 6)))
    assert torch.equal(*results)


def test_vmap_refuses_where_torch_refuses():
    drop(torch.ones(3), 0.5)
    with pytest.raises(RuntimeError, match="randomness"):
        torch.func.vmap(lambda row: drop(row, 0.5))(torch.ones(4, 6))


def test_nan_is_not_hidden():
    assert drop(torch.full((50,), torch.nan), 0.5).isnan().all()


def test_the_module_drops_in_training_alone():
    layer, inputs = Dropout(0.5), torch.ones(100)
    assert 0 < int((layer(inputs) == 0).sum()) < 100
    assert layer.eval()(inputs) is inputs


def test_the_module_goes_through_a_compiler():
    layer, inputs = torch.compile(Dropout(0.5), fullgraph=True, backend="eager"), torch.ones(64)
    torch.manual_seed(2)
    found = layer(inputs)
    torch.manual_seed(2)
    assert torch.equal(found, torch.nn.functional.dropout(inputs, 0.5))
