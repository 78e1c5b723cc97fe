"""Checkpointed gradients are the exact ones, whatever is run, and keep little."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nn.gradients.test_truncated import KINDS, rungs_of
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree
from torch import Tensor, nn

from nurt.errors import NurtTypeError, NurtValueError
from nurt.kernels import use
from nurt.nn import (
    LSTM,
    AbstractCell,
    Checkpointed,
    Exact,
    GRUCell,
    LinearState,
    LSTMCell,
    Recurrent,
    Regularisation,
    Truncated,
    build,
    unroll,
)
from nurt.nn.gradients.method import Cuts, SequenceSizes

IN, H = 2, 3
EVERY_THIRD = Checkpointed(every=3)


def both(run, leaves, method=EVERY_THIRD, create_graph=False):
    """Return what ``run`` gives and its gradients, exactly and by ``method``, under the same seed."""
    results = []
    for gradient in (Exact(), method):
        torch.manual_seed(11)
        outputs = run(gradient)
        loss = sum(output.abs().square().sum() for output in outputs)
        results.append(
            (
                outputs,
                torch.autograd.grad(loss, leaves, materialize_grads=True, allow_unused=True, create_graph=create_graph),
            )
        )
    return results


def agree(results, dtype=torch.float64):
    (exact_outputs, exact), (outputs, gradients) = results
    for mine, wanted in zip(outputs, exact_outputs, strict=True):
        assert_agree(
            torch.view_as_real(mine) if mine.is_complex() else mine,
            torch.view_as_real(wanted) if wanted.is_complex() else wanted,
            OUTPUTS[dtype],
            "outputs",
        )
    for mine, wanted in zip(gradients, exact, strict=True):
        assert_agree(mine, wanted, GRADIENTS[dtype], "gradient")


@pytest.mark.parametrize(("kind", "rung"), [(kind, rung) for kind in KINDS for rung in rungs_of(kind)])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_gradient_is_exact_for_every_cell_and_rung(kind, rung, reverse):
    torch.manual_seed(2)
    cell = KINDS[kind](IN, H).double()
    inputs = torch.randn(4, 8, IN, dtype=torch.float64, requires_grad=True)
    zero = cell.initial_state(4)
    state = type(zero)(*(torch.randn_like(field) for field in zero))
    fields = [field.requires_grad_() for field in state if not field.is_complex()]

    def run(gradient):
        outputs, final = unroll(cell, inputs, state, [8, 0, 5, 3], reverse, gradient=gradient)
        return outputs, *final

    with use(rung) if rung else nullcontext():
        agree(both(run, [inputs, *fields, *cell.parameters()]))


@settings(deadline=None, max_examples=15)
@given(
    every=st.integers(1, 12),
    lengths=st.lists(st.integers(0, 10), min_size=0, max_size=3),
    reverse=st.booleans(),
)
def test_the_gradient_is_exact_however_the_sequence_is_cut(every, lengths, reverse):
    cell = LSTMCell(IN, H).double()
    inputs = torch.randn(len(lengths), 10, IN, dtype=torch.float64, requires_grad=True)
    agree(
        both(
            lambda gradient: unroll(cell, inputs, lengths=lengths, reverse=reverse, gradient=gradient)[:1],
            [inputs, *cell.parameters()],
            Checkpointed(every=every),
        )
    )


NOISE = Regularisation(0.2, 0.3, input_dropout=0.2, state_dropout=0.3, weight_dropout=0.2)


@pytest.mark.parametrize("reverse", [False, True])
def test_segments_are_run_again_with_the_same_masks_and_the_same_clip(reverse):
    layer = Recurrent(LSTMCell(IN, H).double(), reverse, regularisation=NOISE, gradient_clip=0.1)
    inputs = torch.randn(3, 9, IN, dtype=torch.float64, requires_grad=True)
    agree(both(lambda gradient: layer(inputs, None, [9, 4, 7], gradient=gradient)[:1], [inputs, *layer.parameters()]))


def test_stacks_with_dropout_in_both_directions_are_exact():
    stack = build("gru", IN, H, num_layers=3, dropout=0.4, bidirectional=True).double()
    drop_in = LSTM(IN, H, 2, batch_first=True, bidirectional=True, dtype=torch.float64)
    inputs = torch.randn(3, 9, IN, dtype=torch.float64, requires_grad=True)
    for layer in (stack, drop_in):
        leaves = [inputs, *layer.parameters()]
        agree(both(lambda gradient, layer=layer: layer(inputs, lengths=[9, 4, 7], gradient=gradient)[:1], leaves))


class Noisy(AbstractCell[LinearState]):
    """A step of its own that draws and has a parameter in a module of its own."""

    def __init__(self) -> None:
        super().__init__(IN, IN)
        self.inner = nn.Linear(IN, IN, dtype=torch.float64)

    def initial_state(self, batch: int) -> LinearState:
        return LinearState(self.inner.weight.new_zeros(batch, IN))

    def step(self, x: Tensor, state: LinearState) -> LinearState:
        return LinearState(torch.tanh(self.inner(nn.functional.dropout(x + state.hidden, 0.5))))


@pytest.mark.parametrize("method", [Checkpointed(every=2), Checkpointed(every=3)], ids=str)
def test_a_step_of_ones_own_draws_again_what_it_drew(method):
    cell = Noisy()
    inputs = torch.randn(2, 7, IN, dtype=torch.float64, requires_grad=True)
    agree(both(lambda gradient: unroll(cell, inputs, gradient=gradient)[:1], [inputs, *cell.parameters()], method))


def test_overlapping_windows_draw_again_what_was_drawn_and_leave_the_generator_alone():
    cell = Noisy()
    inputs = torch.randn(2, 6, IN, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(5)
    outputs, _ = unroll(cell, inputs, gradient=Truncated(4, 2))
    before = torch.get_rng_state()
    # The last two outputs reach back to step 2 and no further; within that window they are exact.
    found = torch.autograd.grad(outputs[:, 4:].sum(), inputs)[0]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    exact = torch.autograd.grad(unroll(cell, inputs)[0][:, 4:].sum(), inputs)[0]
    assert torch.equal(found[:, :2], torch.zeros_like(found[:, :2]))
    assert_agree(found[:, 2:], exact[:, 2:], GRADIENTS[torch.float64], "inside the window")


@pytest.mark.parametrize("make", [lambda: GRUCell(IN, IN).double(), Noisy], ids=["kernel", "step of its own"])
def test_the_second_derivative_is_exact(make):
    cell = make()
    inputs = torch.randn(2, 7, IN, dtype=torch.float64, requires_grad=True)
    leaves = [inputs, *cell.parameters()]

    def run(gradient):
        # The weights also make the inputs, so a path that is counted twice would show.
        made = inputs * leaves[-1].sum()
        return unroll(cell, made, gradient=gradient)[:1]

    seconds = []
    for _, firsts in both(run, leaves, create_graph=True):
        seconds.append(torch.autograd.grad(sum(first.square().sum() for first in firsts), leaves))
    for mine, wanted in zip(*reversed(seconds), strict=True):
        assert_agree(mine, wanted, GRADIENTS[torch.float64], "second derivative")


def test_weights_swapped_in_for_one_call_are_those_of_the_way_back_too():
    cell = Noisy().eval()
    inputs = torch.randn(2, 7, IN, dtype=torch.float64)
    others = {name: torch.randn_like(value).requires_grad_() for name, value in cell.named_parameters()}
    layer = Recurrent(cell)
    named = {f"cell.{name}": value for name, value in others.items()}
    agree(
        both(
            lambda gradient: torch.func.functional_call(layer, named, (inputs,), {"gradient": gradient})[:1],
            list(others.values()),
        )
    )


SIZES = SequenceSizes(steps=100, state_bytes=8, step_bytes=lambda: 40)


@pytest.mark.parametrize("budget", [400, 1000, 2000, 3999])
def test_the_fewest_segments_that_fit_the_budget_are_taken(budget):
    every = Checkpointed(budget_bytes=budget).cuts(SIZES).every

    def needed(size: int) -> int:
        return -(-100 // size) * 8 + size * 40

    assert needed(every) <= budget
    segments = -(-100 // every)
    fewer = [-(-100 // count) for count in range(2, segments)]
    assert all(needed(size) > budget for size in fewer)


def test_a_budget_for_everything_cuts_nothing_and_one_for_too_little_is_refused():
    assert Checkpointed(budget_bytes=4000).cuts(SIZES) is None
    least = min(-(-100 // count) * 40 + count * 8 for count in range(2, 101))
    assert Checkpointed(budget_bytes=least).cuts(SIZES) is not None
    with pytest.raises(NurtValueError, match=f"at least {least}"):
        Checkpointed(budget_bytes=least - 1).cuts(SIZES)


def test_a_budget_is_measured_on_the_call():
    cell = LSTMCell(IN, 8).double()
    inputs = torch.randn(2, 400, IN, dtype=torch.float64, requires_grad=True)
    leaves = [inputs, *cell.parameters()]
    agree(both(lambda gradient: unroll(cell, inputs, gradient=gradient)[:1], leaves, Checkpointed(budget_bytes=50_000)))
    with pytest.raises(NurtValueError, match="too small"):
        unroll(cell, inputs, gradient=Checkpointed(budget_bytes=100))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, NurtValueError),
        ({"every": 3, "budget_bytes": 5}, NurtValueError),
        ({"every": 0}, NurtValueError),
        ({"every": 2.0}, NurtTypeError),
        ({"budget_bytes": True}, NurtTypeError),
    ],
)
def test_impossible_methods_are_refused(options, error):
    with pytest.raises(error, match="Checkpointed"):
        Checkpointed(**options)


def test_every_is_where_states_are_kept():
    assert Checkpointed(every=7).cuts(SIZES) == Cuts(7, None)
    assert Checkpointed(every=100).cuts(SIZES) is None
