"""The truncated gradient against its definition, against detached chunks and windows, and against known numbers."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cells import DENSE
from tests.nn.gradients.oracle import sum_over_pairs
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree

from nurt.errors import NurtTypeError, NurtValueError, UnavailableError
from nurt.kernels import explain, use
from nurt.nn import (
    CELLS,
    GRU,
    Bidirectional,
    GRUCell,
    LinearCell,
    LSTMCell,
    ProjectedLSTMCell,
    Recurrent,
    Stack,
    Truncated,
    unroll,
)

IN, H = 2, 3
FLOAT64 = GRADIENTS[torch.float64]


def problem(kind: str, batch: int, steps: int, seed: int = 0):
    torch.manual_seed(seed)
    cell = KINDS[kind](IN, H).double()
    inputs = torch.randn(batch, steps, IN, dtype=torch.float64, requires_grad=True)
    zero = cell.initial_state(batch)
    state = type(zero)(*(torch.randn_like(field).requires_grad_() for field in zero))
    return cell, inputs, state


def compare_with_the_definition(kind, lengths, steps, reverse, method):
    cell, inputs, state = problem(kind, len(lengths), steps)
    shares = torch.randn(len(lengths), steps, cell.output_size, dtype=torch.float64)
    outputs, final = unroll(cell, inputs, state, list(lengths), reverse, gradient=method)
    loss = (outputs.sin() * shares).sum() + sum(field.abs().square().sum() for field in final)
    leaves = [inputs, *state, *cell.parameters()]
    found = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    expected = sum_over_pairs(
        cell,
        inputs,
        state,
        lengths,
        reverse,
        method,
        lambda row, place, output: (output.sin() * shares[row, place]).sum(),
        lambda _, after: sum(field.abs().square().sum() for field in after),
    )
    names = ["inputs", *state._fields, *(name for name, _ in cell.named_parameters())]
    for name, mine in zip(names, found, strict=True):
        scale = max(float(expected[name].abs().max()), 1e-3)
        assert float((mine - expected[name]).abs().max()) <= 1e-12 * scale, name


KINDS = {name: kind for name, kind in CELLS.items() if kind is not ProjectedLSTMCell}


def rungs_of(kind: str) -> list[str | None]:
    """Return the rungs that know the cell, None for the table's own choice."""
    if kind not in DENSE:
        return [None]
    name = DENSE[kind](IN, H).recurrence.name
    return [rung for rung in ("native", "adjoint", "reference") if rung != "native" or explain(name).rung == "native"]


@pytest.mark.parametrize(("kind", "rung"), [(kind, rung) for kind in KINDS for rung in rungs_of(kind)])
@pytest.mark.parametrize("method", [Truncated(3), Truncated(4, 2), Truncated(3, 1)], ids=str)
def test_the_gradient_is_the_sum_over_its_pairs_of_steps(kind, rung, method):
    with use(rung) if rung else nullcontext():
        for reverse in (False, True):
            compare_with_the_definition(kind, (7, 0, 4, 1), 7, reverse, method)


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_the_gradient_is_the_sum_over_its_pairs_for_any_window_stride_and_lengths(data):
    stride = data.draw(st.integers(1, 4), "stride")
    window = stride * data.draw(st.integers(1, 3), "windows per stride")
    lengths = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=3), "lengths")
    steps = max(1, max(lengths)) + data.draw(st.integers(0, 2), "padding")
    kind = data.draw(st.sampled_from(["lstm", "gru", "linear", "min_gru"]), "cell")
    compare_with_the_definition(
        kind, tuple(lengths), steps, data.draw(st.booleans(), "reverse"), Truncated(window, stride)
    )


# The sum of squared errors of a linear recurrence, w_x = 1, w_rec = .9, on bits with their running sums as targets.
FULL = -125.454732755351
SLIDING = {1: -34.3851000328, 2: -61.8931067081, 3: -83.3087451517, 5: -110.697802673, 10: -125.454732755}
CHUNKED = {1: -34.3851000328, 2: -50.7628958896, 3: -56.1983446329, 5: -91.9990140813, 10: -125.454732755}


@pytest.mark.parametrize(("stride", "table"), [(1, SLIDING), (None, CHUNKED)], ids=["sliding", "chunked"])
def test_the_published_numbers_of_the_linear_recurrence(stride, table):
    bits = torch.from_numpy(np.around(np.random.RandomState(1).rand(20, 10))).unsqueeze(2)
    cell = LinearCell(1, 1, bias=False).double()
    with torch.no_grad():
        cell.weight_ih.fill_(1.0)
        cell.weight_hh.fill_(0.9)

    def gradient(**options) -> float:
        outputs, _ = unroll(cell, bits, **options)
        loss = (outputs - bits.cumsum(1)).square().mean(0).sum()
        return float(torch.autograd.grad(loss, cell.weight_hh)[0])

    assert gradient() == pytest.approx(FULL, rel=1e-12)
    for window, expected in table.items():
        assert gradient(gradient=Truncated(window, stride)) == pytest.approx(expected, rel=1e-10)


def test_chunks_are_those_of_a_loop_that_detaches_the_state_of_a_whole_stack():
    torch.manual_seed(3)
    stack = Stack([Recurrent(LSTMCell(IN, H)), Recurrent(GRUCell(H, 4))]).double()
    inputs = torch.randn(2, 11, IN, dtype=torch.float64)
    state, pieces = None, []
    for chunk in inputs.split(4, dim=1):
        outputs, state = stack(chunk, state)
        pieces.append(outputs)
        state = tuple(type(layer)(*(field.detach() for field in layer)) for layer in state)
    expected = torch.autograd.grad(torch.cat(pieces, 1).square().sum(), list(stack.parameters()))
    outputs, _ = stack(inputs, gradient=Truncated(4))
    assert_agree(outputs, torch.cat(pieces, 1), OUTPUTS[torch.float64], "outputs")
    found = torch.autograd.grad(outputs.square().sum(), list(stack.parameters()))
    for mine, wanted in zip(found, expected, strict=True):
        assert_agree(mine, wanted, FLOAT64, "weights")


def test_overlapping_windows_are_those_of_a_loop_that_starts_each_from_the_detached_state():
    cell, inputs, _ = problem("gru", 2, 11)
    method, total = Truncated(6, 2), 0.0
    for first in range(0, 11, 2):
        begin = max(0, first + 2 - 6)
        with torch.no_grad():
            state = unroll(cell, inputs[:, :begin])[1] if begin else None
        outputs, _ = unroll(cell, inputs[:, begin : first + 2], state)
        total = total + outputs[:, first - begin :].square().sum()
    leaves = [inputs, *cell.parameters()]
    expected = torch.autograd.grad(total, leaves)
    found = torch.autograd.grad(unroll(cell, inputs, gradient=method)[0].square().sum(), leaves)
    for mine, wanted in zip(found, expected, strict=True):
        assert_agree(mine, wanted, FLOAT64, "gradient")


@pytest.mark.parametrize("method", [Truncated(7), Truncated(9, 3), Truncated(8, 1)], ids=str)
def test_a_window_over_all_steps_gives_the_exact_gradient(method):
    cell, inputs, state = problem("lstm", 3, 7)
    leaves = [inputs, *state, *cell.parameters()]
    for reverse in (False, True):
        exact, mine = (
            torch.autograd.grad(unroll(cell, inputs, state, [7, 2, 5], reverse, **options)[0].sin().sum(), leaves)
            for options in ({}, {"gradient": method})
        )
        assert all(torch.equal(one, other) for one, other in zip(exact, mine, strict=True))


def test_rows_of_at_most_one_window_are_exact_in_a_longer_batch():
    cell, inputs, _ = problem("lstm", 2, 12)
    found, exact = (
        torch.autograd.grad(unroll(cell, inputs, lengths=[12, 6], gradient=method)[0].sin().sum(), inputs)[0]
        for method in (Truncated(6, 3), Truncated(12))
    )
    assert_agree(found[1], exact[1], FLOAT64, "the short row")
    assert not torch.allclose(found[0], exact[0])


@pytest.mark.parametrize("method", [Truncated(4), Truncated(4, 2)], ids=str)
def test_padding_and_the_batch_around_a_row_do_not_matter(method):
    cell, inputs, _ = problem("gru", 2, 11)
    for reverse in (False, True):
        padded = inputs.detach().clone()
        padded[0, 7:] = float("nan")
        padded.requires_grad_()
        loss = unroll(cell, padded, lengths=[7, 11], reverse=reverse, gradient=method)[0][0].square().sum()
        mine = torch.autograd.grad(loss, [padded, *cell.parameters()])
        cut = inputs[:1, :7].detach().requires_grad_()
        loss = unroll(cell, cut, reverse=reverse, gradient=method)[0].square().sum()
        alone = torch.autograd.grad(loss, [cut, *cell.parameters()])
        assert_agree(mine[0][:1, :7], alone[0], FLOAT64, "inputs")
        for one, other in zip(mine[1:], alone[1:], strict=True):
            assert_agree(one, other, FLOAT64, "weights")


def test_the_backward_direction_of_a_bidirectional_layer_counts_from_the_end():
    ahead, back = GRUCell(IN, H).double(), GRUCell(IN, H).double()
    layer = Bidirectional(ahead, back)
    inputs = torch.randn(2, 7, IN, dtype=torch.float64)
    layer(inputs, gradient=Truncated(3))[0].square().sum().backward()
    turned, _ = unroll(back, inputs.flip(1), gradient=Truncated(3))
    for mine, wanted in zip(
        back.parameters(), torch.autograd.grad(turned.square().sum(), list(back.parameters())), strict=True
    ):
        assert_agree(mine.grad, wanted, FLOAT64, "backward direction")


def test_the_drop_in_layers_take_it_padded_and_packed():
    layer = GRU(IN, H, num_layers=2, batch_first=True, bidirectional=True, dtype=torch.float64)
    inputs = torch.randn(3, 9, IN, dtype=torch.float64)
    lengths = torch.tensor([9, 5, 2])
    packed = torch.nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True)
    leaves = list(layer.parameters())
    from_padded = torch.autograd.grad(
        layer(inputs, lengths=lengths, gradient=Truncated(4, 2))[0].square().sum(), leaves
    )
    from_packed = torch.autograd.grad(layer(packed, gradient=Truncated(4, 2))[0].data.square().sum(), leaves)
    exact = torch.autograd.grad(layer(inputs, lengths=lengths)[0].square().sum(), leaves)
    for one, other in zip(from_padded, from_packed, strict=True):
        assert_agree(one, other, FLOAT64, "packed")
    assert not torch.allclose(from_padded[1], exact[1])


def test_a_second_derivative_is_refused():
    cell, inputs, _ = problem("lstm", 1, 6)
    outputs, _ = unroll(cell, inputs, gradient=Truncated(2))
    with pytest.raises(UnavailableError, match="second derivative"):
        torch.autograd.grad(outputs.square().sum(), inputs, create_graph=True)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((0,), NurtValueError, "`window` is too small"),
        ((4, 0), NurtValueError, "`stride` is too small"),
        ((2.0,), NurtTypeError, "`window` is no whole number"),
        ((4, True), NurtTypeError, "`stride` is no whole number"),
        ((10, 4), NurtValueError, "window=8 or 12"),
        ((3, 4), NurtValueError, "window=4"),
    ],
)
def test_impossible_windows_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        Truncated(*arguments)


def test_a_stride_left_out_is_the_window_and_methods_are_values():
    assert Truncated(5) == Truncated(5, 5)
    assert len({Truncated(5), Truncated(5, 5), Truncated(5, 1)}) == 2
