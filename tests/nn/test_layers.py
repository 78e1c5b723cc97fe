"""Recurrent, Bidirectional and Stack: how they compose, what they drop, what they refuse."""

from __future__ import annotations

import pytest
import torch

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.nn import Bidirectional, GRUCell, LinearCell, LSTMCell, Recurrent, Stack, build, unroll

B, T = 3, 6


def test_a_recurrent_layer_is_its_cell_unrolled():
    cell, inputs = LSTMCell(2, 4), torch.randn(B, T, 2)
    for reverse in (False, True):
        outputs, state = Recurrent(cell, reverse)(inputs, None, [6, 2, 3])
        expected, final = unroll(cell, inputs, None, [6, 2, 3], reverse)
        assert torch.equal(outputs, expected)
        assert torch.equal(state.cell, final.cell)


def test_a_bidirectional_layer_puts_forwards_before_backwards():
    ahead, back = GRUCell(2, 4), GRUCell(2, 3)
    layer, inputs = Bidirectional(ahead, back), torch.randn(B, T, 2)
    outputs, state = layer(inputs)
    assert torch.equal(outputs[..., :4], unroll(ahead, inputs)[0])
    assert torch.equal(outputs[..., 4:], unroll(back, inputs, reverse=True)[0])
    assert torch.equal(state.forward.hidden, outputs[:, -1, :4])
    assert torch.equal(state.backward.hidden, outputs[:, 0, 4:])
    assert (layer.input_size, layer.output_size) == (2, 7)


def test_a_bidirectional_layer_starts_each_direction_from_its_own_state():
    layer, inputs = Bidirectional(GRUCell(2, 4), GRUCell(2, 3)), torch.randn(B, T, 2)
    states = (torch.ones(B, 4),), (torch.full((B, 3), -1.0),)
    outputs, _ = layer(inputs, states)
    assert torch.equal(outputs[..., :4], unroll(layer.forward_cell, inputs, states[0])[0])
    assert torch.equal(outputs[..., 4:], unroll(layer.backward_cell, inputs, states[1], reverse=True)[0])


def test_a_stack_feeds_each_layer_the_one_below():
    lower, upper = Recurrent(LSTMCell(2, 4)), Bidirectional(GRUCell(4, 3), LinearCell(4, 2))
    stack, inputs = Stack([lower, upper]), torch.randn(B, T, 2)
    outputs, states = stack(inputs)
    assert torch.equal(outputs, upper(lower(inputs)[0])[0])
    assert (stack.input_size, stack.output_size, len(states)) == (2, 5, 2)


def test_dropout_acts_between_layers_in_training_alone():
    stack, inputs = build("gru", 2, 4, num_layers=2, dropout=1.0), torch.randn(B, T, 2)
    silent, _ = stack.layers[1](torch.zeros(B, T, 4))
    assert torch.equal(stack(inputs)[0], silent)
    assert not torch.equal(stack.eval()(inputs)[0], silent)
    single = build("gru", 2, 4, dropout=1.0)
    assert torch.equal(single(inputs)[0], single.layers[0](inputs)[0])


def test_dropout_zeroes_its_share_and_scales_the_rest():
    torch.manual_seed(3)
    stack = build("linear", 2, 50, num_layers=2, dropout=0.2)
    seen = []
    stack.dropout.register_forward_hook(lambda _, given, kept: seen.append(kept / given[0]))
    stack(torch.randn(32, 60, 2))
    (factor,) = seen
    assert 0.19 < (factor == 0).float().mean() < 0.21
    torch.testing.assert_close(factor[factor != 0], torch.full_like(factor[factor != 0], 1.25))


def test_layers_that_do_not_fit_are_refused_by_their_place():
    with pytest.raises(ShapeError, match="layer 2 does not fit on layer 1"):
        Stack([Recurrent(GRUCell(2, 4)), Recurrent(GRUCell(4, 3)), Recurrent(GRUCell(4, 3))])


@pytest.mark.parametrize("dropout", [-0.1, 1.5, float("nan")])
def test_a_dropout_that_is_no_probability_is_refused(dropout):
    with pytest.raises(NurtValueError, match="no probability"):
        Stack([Recurrent(GRUCell(2, 4))], dropout)


def test_an_empty_stack_is_refused():
    with pytest.raises(NurtValueError, match="no layer"):
        Stack([])


def test_a_bidirectional_layer_needs_two_cells_of_one_input_size():
    cell = GRUCell(2, 4)
    with pytest.raises(NurtValueError, match="same cell"):
        Bidirectional(cell, cell)
    with pytest.raises(ShapeError, match="input_size=2 for both"):
        Bidirectional(cell, GRUCell(3, 4))


def test_a_module_that_is_no_cell_is_refused():
    with pytest.raises(NurtTypeError, match="got Linear"):
        Recurrent(torch.nn.Linear(2, 4))


@pytest.mark.parametrize("state", [torch.zeros(B, 4), (None,), (None, None, None)])
def test_a_state_without_an_entry_per_layer_or_direction_is_refused(state):
    for layer in (build("gru", 2, 4, 2), Bidirectional(GRUCell(2, 4), GRUCell(2, 4))):
        with pytest.raises((ShapeError, NurtTypeError), match="`state`"):
            layer(torch.randn(B, T, 2), state)


def test_layers_print_what_they_are_made_of():
    assert "(cell): GRUCell(2, 4)" in repr(Recurrent(GRUCell(2, 4), reverse=True))
    assert "reverse=True" in repr(Recurrent(GRUCell(2, 4), reverse=True))
