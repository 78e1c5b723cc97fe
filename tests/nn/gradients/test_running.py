"""What every gradient method owes: values, refusals, and the surroundings of the call on the way back."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import GRADIENTS, assert_agree

from nurt import kernels
from nurt.errors import NurtTypeError, UnavailableError
from nurt.nn import GRU, Checkpointed, Exact, GRUCell, Recurrent, Truncated, unroll

METHODS = [Truncated(2), Truncated(4, 2), Checkpointed(every=2)]


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_without_a_gradient_all_methods_are_one_exact_call(method):
    cell, inputs = GRUCell(2, 3), torch.randn(2, 7, 2)
    with torch.no_grad():
        expected, state = unroll(cell, inputs)
        outputs, mine = unroll(cell, inputs, gradient=method)
    assert torch.equal(outputs, expected)
    assert torch.equal(mine.hidden, state.hidden)
    assert type(mine) is type(state)


def test_the_exact_method_is_the_default():
    cell, inputs = GRUCell(2, 3), torch.randn(2, 7, 2)
    one, other = (unroll(cell, inputs, **options)[0].sum() for options in ({}, {"gradient": Exact()}))
    weights = list(cell.parameters())
    for first, second in zip(torch.autograd.grad(one, weights), torch.autograd.grad(other, weights), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_forced_rung_is_forced_on_the_way_back_too(method, monkeypatch):
    asked = []
    choose = kernels.dispatch.choose

    def noted(request):
        rung = choose(request)
        asked.append(rung.name)
        return rung

    monkeypatch.setattr(kernels.dispatch, "choose", noted)
    cell, inputs = GRUCell(2, 3), torch.randn(2, 7, 2)
    with kernels.use("reference"):
        outputs, _ = unroll(cell, inputs, gradient=method)
    forwards = len(asked)
    outputs.sum().backward()
    assert len(asked) > forwards
    assert set(asked) == {"reference"}


def test_autocast_of_the_call_holds_on_the_way_back():
    cell, inputs = GRUCell(2, 3), torch.randn(2, 6, 2)
    found = []
    for method in (Exact(), Checkpointed(every=2)):
        with kernels.use("reference"), torch.autocast("cpu", torch.bfloat16):
            outputs, _ = unroll(cell, inputs, gradient=method)
        found.append(torch.autograd.grad(outputs.float().square().sum(), cell.weight_hh)[0])
    assert not torch.equal(found[0], torch.zeros_like(found[0]))
    # Of bfloat16's 8 bits; in float32 the two would differ by this much as well.
    assert float((found[0] - found[1]).norm()) <= 2e-2 * float(found[0].norm())


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_only_the_final_state_may_have_a_gradient(method):
    cell, inputs = GRUCell(2, 3).double(), torch.randn(2, 7, 2, dtype=torch.float64, requires_grad=True)
    _, state = unroll(cell, inputs, gradient=method)
    found = torch.autograd.grad(state.hidden.sum(), inputs)[0]
    _, state = unroll(cell, inputs)
    exact = torch.autograd.grad(state.hidden.sum(), inputs)[0]
    # Step 6 opens the last stride of two steps, whose window begins at 8 - window.
    begin = 0 if isinstance(method, Checkpointed) else 8 - method.window
    assert_agree(found[:, begin:], exact[:, begin:], GRADIENTS[torch.float64], "inside the window")
    assert torch.equal(found[:, :begin], torch.zeros_like(found[:, :begin]))


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_frozen_weights_and_a_second_backward_pass(method):
    layer = Recurrent(GRUCell(2, 3))
    layer.cell.weight_ih.requires_grad_(False)
    outputs, _ = layer(torch.randn(2, 7, 2), gradient=method)
    loss = outputs.sum()
    first, second = (torch.autograd.grad(loss, layer.cell.weight_hh, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    loss.backward()
    assert layer.cell.weight_ih.grad is None


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_weights_that_changed_in_between_are_noticed(method):
    cell = GRUCell(2, 3)
    outputs, _ = unroll(cell, torch.randn(2, 7, 2), gradient=method)
    with torch.no_grad():
        cell.weight_hh.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_who_looks_into_the_steps_is_refused(method):
    cell, inputs = GRUCell(2, 3), torch.randn(2, 7, 2)
    with kernels.recording(), pytest.raises(UnavailableError, match="recording at work"):
        unroll(cell, inputs, gradient=method)
    with pytest.raises(UnavailableError, match=r"torch\.func transform at work"):
        torch.func.grad(lambda given: unroll(cell, given, gradient=method)[0].sum())(inputs)


@pytest.mark.parametrize("layer", [Recurrent(GRUCell(2, 3)), GRU(2, 3, batch_first=True)], ids=["Recurrent", "GRU"])
def test_what_is_no_method_is_refused(layer):
    with pytest.raises(NurtTypeError, match="`gradient` is no gradient method"):
        layer(torch.randn(2, 7, 2), gradient="truncated")
