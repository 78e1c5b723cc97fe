"""Taking cells through time: ragged rows, direction, states, cells of one's own, and refusals."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cells import DENSE
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree
from torch import Tensor

from nurt.errors import NurtTypeError, NurtValueError, ShapeError, UnavailableError
from nurt.kernels import use
from nurt.nn import AbstractCell, GRUCell, LinearCell, LinearState, LSTMCell, LSTMState, unroll
from nurt.nn.unrolling import kernel_cell

B, T, IN, H = 3, 5, 2, 4


class Leaky(AbstractCell[LinearState]):
    """A cell of one's own."""

    def __init__(self, input_size: int = H, hidden_size: int = H) -> None:
        super().__init__(input_size, hidden_size)
        self.rate = torch.nn.Parameter(torch.tensor(0.3))

    def initial_state(self, batch: int) -> LinearState:
        return LinearState(self.rate.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: LinearState) -> LinearState:
        return LinearState(self.rate * x + (1 - self.rate) * state.hidden)


def test_a_cell_of_ones_own_runs_through_time():
    cell = Leaky()
    inputs = torch.randn(B, T, H)
    outputs, state = unroll(cell, inputs)
    expected = torch.zeros(B, H)
    for t in range(T):
        expected = 0.3 * inputs[:, t] + 0.7 * expected
        torch.testing.assert_close(outputs[:, t], expected)
    torch.testing.assert_close(state.hidden, expected)


def test_a_cell_of_ones_own_is_refused_by_a_forced_rung_that_only_knows_equations():
    with use("torch"), pytest.raises(UnavailableError, match="a step of its own"):
        unroll(Leaky(), torch.randn(B, T, H))


def test_a_subclass_with_another_step_runs_that_step_and_not_the_kernel_of_its_parent():
    class Doubled(LSTMCell):
        def step(self, x, state):
            hidden, cell = super().step(x, state)
            return LSTMState(2 * hidden, cell)

    cell = Doubled(IN, H)
    x = torch.randn(B, 1, IN)
    outputs, _ = unroll(cell, x)
    torch.testing.assert_close(outputs[:, 0], 2 * LSTMCell.step(cell, x[:, 0], cell.initial_state(B)).hidden)
    assert kernel_cell(cell) is None


def test_a_parametrised_cell_still_runs_on_kernels_and_with_the_parametrised_weights():
    class Half(torch.nn.Module):
        def forward(self, weight):
            return weight / 2

    cell, halved = GRUCell(IN, H), GRUCell(IN, H)
    halved.load_state_dict(cell.state_dict())
    with torch.no_grad():
        halved.weight_hh.div_(2)
    torch.nn.utils.parametrize.register_parametrization(cell, "weight_hh", Half())
    assert kernel_cell(cell) is cell
    inputs = torch.randn(B, T, IN)
    torch.testing.assert_close(unroll(cell, inputs)[0], unroll(halved, inputs)[0])


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(sorted(DENSE)),
    lengths=st.lists(st.integers(0, T), min_size=1, max_size=4),
    reverse=st.booleans(),
    seed=st.integers(0, 2**16),
)
@pytest.mark.parametrize("rung", [None, "adjoint", "reference"])
def test_a_ragged_batch_is_its_rows_one_by_one_whatever_lies_in_the_padding(rung, kind, lengths, reverse, seed):
    torch.manual_seed(seed)
    cell = DENSE[kind](IN, H, dtype=torch.float64)
    template = cell.initial_state(len(lengths))
    state = type(template)(*(torch.randn_like(field) for field in template))
    inputs = torch.randn(len(lengths), T, IN, dtype=torch.float64)
    for row, length in enumerate(lengths):
        inputs[row, length:] = torch.tensor([float("nan"), float("inf")])
    with use(rung or ("torch" if kind in ("elman", "lstm", "gru") else "reference")):
        outputs, final = unroll(cell, inputs, state, lengths, reverse)
        for row, length in enumerate(lengths):
            start = type(template)(*(field[row : row + 1] for field in state))
            assert torch.equal(outputs[row, length:], torch.zeros(T - length, H, dtype=torch.float64))
            if length == 0:
                alone = start
            else:
                cut, alone = unroll(cell, inputs[row : row + 1, :length], start, reverse=reverse)
                assert_agree(outputs[row : row + 1, :length], cut, OUTPUTS[torch.float64], "outputs")
            for mine, wanted in zip(final, alone, strict=True):
                assert_agree(mine[row : row + 1], wanted, OUTPUTS[torch.float64], "state")


@pytest.mark.parametrize("kind", ["elman", "lstm", "gru"])
@pytest.mark.parametrize(("batch", "steps", "hidden"), [(1, 1, 1), (1, 63, 17), (5, 63, 50), (4, 2, 1), (3, 1, 50)])
@pytest.mark.parametrize("reverse", [False, True])
def test_rungs_agree_on_outputs_and_all_gradients_at_awkward_sizes(kind, batch, steps, hidden, reverse):
    torch.manual_seed(13)
    cell = DENSE[kind](3, hidden)
    inputs = torch.randn(batch, steps, 3)
    lengths = torch.randint(1, steps + 1, (batch,))
    results = {}
    for rung in ("native", "torch", "adjoint", "reference"):
        leaves = [inputs.clone().requires_grad_()]
        template = cell.initial_state(batch)
        leaves += [torch.full_like(field, 0.3).requires_grad_() for field in template]
        with use(rung):
            outputs, final = unroll(cell, leaves[0], type(template)(*leaves[1:]), lengths, reverse)
        flat = torch.cat([value.flatten() for value in (outputs, *final)])
        gradients = torch.autograd.grad(flat @ torch.linspace(-1, 2, len(flat)), [*leaves, *cell.parameters()])
        results[rung] = (outputs, *final), gradients
    for rung in ("native", "adjoint", "reference"):
        for mine, wanted in zip(results[rung][0], results["torch"][0], strict=True):
            assert_agree(mine, wanted, OUTPUTS[torch.float32], f"value of {rung}")
        for mine, wanted in zip(results[rung][1], results["torch"][1], strict=True):
            assert_agree(mine, wanted, GRADIENTS[torch.float32], f"gradient of {rung}")


@pytest.mark.parametrize("rung", ["native", "torch", "adjoint", "reference"])
def test_the_layout_of_the_inputs_in_memory_does_not_matter(rung):
    torch.manual_seed(5)
    cell = LSTMCell(IN, H)
    plain = torch.randn(B, T, IN)
    strided = torch.randn(IN, T * 2, B).transpose(0, 2)[:, ::2]
    strided.copy_(plain)
    repeated = plain[:1, :1].expand(B, T, IN)
    with use(rung):
        assert_agree(unroll(cell, strided)[0], unroll(cell, plain)[0], OUTPUTS[torch.float32], "strided")
        assert_agree(
            unroll(cell, repeated)[0], unroll(cell, repeated.contiguous())[0], OUTPUTS[torch.float32], "expanded"
        )


def test_full_lengths_are_the_same_as_none():
    cell, inputs = LSTMCell(IN, H), torch.randn(B, T, IN)
    assert torch.equal(unroll(cell, inputs, lengths=[T] * B)[0], unroll(cell, inputs)[0])


def test_an_empty_batch_goes_through():
    for rung in ("native", "torch", "adjoint", "reference"):
        with use(rung):
            outputs, state = unroll(LSTMCell(IN, H), torch.randn(0, T, IN), lengths=[])
        assert outputs.shape == (0, T, H)
        assert state.cell.shape == (0, H)


def test_a_plain_tuple_will_do_as_a_state():
    cell, inputs = LSTMCell(IN, H), torch.randn(B, T, IN)
    pair = (torch.ones(B, H), torch.zeros(B, H))
    outputs, state = unroll(cell, inputs, pair)
    assert torch.equal(outputs, unroll(cell, inputs, LSTMState(*pair))[0])
    assert isinstance(state, LSTMState)


def test_a_state_may_have_fields_of_any_rank():
    class Matrix(NamedTuple):
        hidden: Tensor
        memory: Tensor

    class Outer(AbstractCell[Matrix]):
        def initial_state(self, batch):
            return Matrix(torch.zeros(batch, self.hidden_size), torch.zeros(batch, self.hidden_size, self.input_size))

        def step(self, x, state):
            memory = state.memory + torch.ones(self.hidden_size, 1) * x.unsqueeze(1)
            return Matrix(memory.sum(2), memory)

    inputs = torch.randn(B, T, IN)
    outputs, state = unroll(Outer(IN, H), inputs, lengths=[5, 0, 2])
    torch.testing.assert_close(state.memory[2, 0], inputs[2, :2].sum(0))
    assert torch.equal(state.memory[1], torch.zeros(H, IN))
    assert torch.equal(outputs[2, 2:], torch.zeros(3, H))


def test_half_precision_keeps_its_dtype_and_stays_close_to_single():
    torch.manual_seed(2)
    cell = LSTMCell(IN, H)
    inputs = torch.randn(B, T, IN)
    expected = unroll(cell, inputs)[0].to(torch.bfloat16)
    for rung in ("torch", "reference"):
        with use(rung):
            outputs, state = unroll(cell.to(torch.bfloat16), inputs.to(torch.bfloat16))
        assert state.cell.dtype == torch.bfloat16
        assert_agree(outputs, expected, OUTPUTS[torch.bfloat16], rung)


def test_autocast_takes_single_precision_through_bfloat16():
    cell, inputs = GRUCell(IN, H), torch.randn(B, T, IN)
    with use("reference"), torch.autocast("cpu", torch.bfloat16):
        outputs, _ = unroll(cell, inputs)
    assert torch.isfinite(outputs).all()


# torch's own forward-mode code compiles a helper with the deprecated torch.jit.script on first use.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_per_sample_gradients_and_forward_derivatives_work_on_the_reference():
    cell, inputs = LSTMCell(IN, H, dtype=torch.float64), torch.randn(B, T, IN, dtype=torch.float64)

    def loss(x: Tensor) -> Tensor:
        return unroll(cell, x.unsqueeze(0))[0].square().sum()

    with use("reference"):
        each = torch.func.vmap(torch.func.grad(loss))(inputs)
        whole = torch.func.grad(lambda x: unroll(cell, x)[0].square().sum())(inputs)
        torch.testing.assert_close(each, whole)
        _, slope = torch.func.jvp(loss, (inputs[0],), (torch.ones_like(inputs[0]),))
        torch.testing.assert_close(slope, whole[0].sum())


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (torch.ones(T, IN), r"Expected \(B, T, I\) with I=2; got \(5, 2\)"),
        (torch.ones(B, T, IN + 1), r"got \(3, 5, 3\)"),
        (torch.ones(B, 0, IN), "no time step"),
    ],
)
def test_inputs_of_the_wrong_shape_are_refused(inputs, message):
    with pytest.raises(ShapeError, match=message):
        unroll(LSTMCell(IN, H), inputs)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([[1.0]], "not a tensor"),
        (torch.ones(B, T, IN, dtype=torch.float64), r"Convert it with .to\(torch.float32\)"),
        (torch.ones(B, T, IN, dtype=torch.int64), "different dtypes"),
        (torch.ones(B, T, IN, device="meta"), "different devices"),
    ],
)
def test_inputs_of_the_wrong_kind_are_refused(inputs, message):
    with pytest.raises(NurtTypeError, match=message):
        unroll(LSTMCell(IN, H), inputs)


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([5, 6, 1], NurtValueError, "row 1 .*\nExpected 0 to T=5 steps; got 6"),
        ([5, 2, -1], NurtValueError, "row 2"),
        ([5, 2], ShapeError, r"Expected shape \(3,\); got \(2,\)"),
        (torch.ones(B, 1, dtype=torch.int64), ShapeError, "one length per row"),
        ([5.0, 2.0, 1.0], NurtTypeError, "not whole numbers"),
        (torch.tensor([True, False, True]), NurtTypeError, "not whole numbers"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths, error, message):
    with pytest.raises(error, match=message):
        unroll(LSTMCell(IN, H), torch.ones(B, T, IN), lengths=lengths)


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (torch.zeros(B, H), NurtTypeError, r"Expected LSTMState\(hidden, cell\); got Tensor"),
        ((torch.zeros(B, H),), NurtTypeError, "got tuple of 1"),
        ((torch.zeros(B, H), None), NurtTypeError, "field `cell`"),
        ((torch.zeros(B, H), torch.zeros(B, H).double()), NurtTypeError, "field `cell`"),
        ((torch.zeros(B, H), torch.zeros(B + 1, H)), ShapeError, r"Expected \(3, 4\); got \(4, 4\)"),
    ],
)
def test_states_that_do_not_fit_are_refused_by_field(state, error, message):
    with pytest.raises(error, match=message):
        unroll(LSTMCell(IN, H), torch.ones(B, T, IN), state)


def test_frozen_weights_get_no_gradient_and_the_others_do():
    for rung in ("native", "torch", "adjoint", "reference"):
        cell = LinearCell(IN, H) if rung != "torch" else GRUCell(IN, H)
        cell.weight_hh.requires_grad_(False)
        with use(rung):
            unroll(cell, torch.randn(B, T, IN))[0].sum().backward()
        assert cell.weight_hh.grad is None
        assert cell.weight_ih.grad.abs().sum() > 0
