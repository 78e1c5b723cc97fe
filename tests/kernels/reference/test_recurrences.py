"""The equations, each against numbers worked out by other means, and the reference loop against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from tests.kernels.reference.problems import Size, problem
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from nurt.errors import NurtTypeError
from nurt.kernels import Weights, run
from nurt.kernels.reference import RECURRENCES, loop
from nurt.kernels.reference.elman import ELMAN_RELU, ELMAN_TANH, ElmanState
from nurt.kernels.reference.gru import GRU, GRUState
from nurt.kernels.reference.linear import LINEAR, LinearState
from nurt.kernels.reference.lstm import LSTM, LSTMState
from nurt.kernels.reference.projected_lstm import PROJECTED_LSTM

B, T, IN, H, P = 3, 4, 2, 3, 2


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


def row(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


def test_linear_step_is_the_sum_by_hand():
    weights = Weights(column(2.0), column(-0.5), column(0.25)[0], column(0.125)[0])
    state = LINEAR.step(row(3.0), LinearState(row(4.0)), weights)
    assert state.hidden.item() == 2.0 * 3.0 + 0.25 - 0.5 * 4.0 + 0.125


@pytest.mark.parametrize(
    ("recurrence", "x", "expected"),
    [
        (ELMAN_TANH, 0.3, math.tanh(2.0 * 0.3 + 0.25 - 0.5 * 0.7 + 0.125)),
        (ELMAN_RELU, 0.3, 2.0 * 0.3 + 0.25 - 0.5 * 0.7 + 0.125),
        (ELMAN_RELU, -3.0, 0.0),
    ],
)
def test_elman_step_is_the_equation_by_hand(recurrence, x, expected):
    weights = Weights(column(2.0), column(-0.5), column(0.25)[0], column(0.125)[0])
    state = recurrence.step(row(x), ElmanState(row(0.7)), weights)
    assert state.hidden.item() == pytest.approx(expected, rel=1e-15)


def lstm_by_hand(x: float, h: float, c: float) -> tuple[float, float]:
    """One unit with W_ih = (.1, .2, .3, .4), W_hh = (.5, -.6, .7, -.8), b_ih = (.01, .02, .03, .04), b_hh = 0."""
    i = sigmoid(0.1 * x + 0.5 * h + 0.01)
    f = sigmoid(0.2 * x - 0.6 * h + 0.02)
    g = math.tanh(0.3 * x + 0.7 * h + 0.03)
    o = sigmoid(0.4 * x - 0.8 * h + 0.04)
    memory = f * c + i * g
    return o * math.tanh(memory), memory


LSTM_WEIGHTS = Weights(
    column(0.1, 0.2, 0.3, 0.4),
    column(0.5, -0.6, 0.7, -0.8),
    torch.tensor([0.01, 0.02, 0.03, 0.04], dtype=torch.float64),
    torch.zeros(4, dtype=torch.float64),
)


def test_lstm_step_has_the_gates_in_the_order_i_f_g_o():
    state = LSTM.step(row(1.5), LSTMState(row(0.6), row(-0.9)), LSTM_WEIGHTS)
    assert (state.hidden.item(), state.cell.item()) == pytest.approx(lstm_by_hand(1.5, 0.6, -0.9), rel=1e-14)


def test_projected_lstm_step_projects_what_the_lstm_puts_out_and_leaves_the_memory_alone():
    weights = LSTM_WEIGHTS._replace(weight_hr=column(-3.0))
    state = PROJECTED_LSTM.step(row(1.5), LSTMState(row(0.6), row(-0.9)), weights)
    hidden, memory = lstm_by_hand(1.5, 0.6, -0.9)
    assert (state.hidden.item(), state.cell.item()) == pytest.approx((-3.0 * hidden, memory), rel=1e-14)


def test_gru_step_resets_after_the_product_and_keeps_the_old_state_where_the_update_gate_is_open():
    weights = Weights(
        column(0.1, 0.2, 0.3),
        column(0.5, -0.6, 0.7),
        torch.tensor([0.01, 0.02, 0.03], dtype=torch.float64),
        torch.tensor([0.04, 0.05, 0.06], dtype=torch.float64),
    )
    x, h = 1.5, 0.6
    r = sigmoid(0.1 * x + 0.01 + 0.5 * h + 0.04)
    z = sigmoid(0.2 * x + 0.02 - 0.6 * h + 0.05)
    n = math.tanh(0.3 * x + 0.03 + r * (0.7 * h + 0.06))
    state = GRU.step(row(x), GRUState(row(h)), weights)
    assert state.hidden.item() == pytest.approx((1 - z) * n + z * h, rel=1e-14)


WAYS = [{}, {"reverse": True}, {"lengths": (4, 1, 0)}, {"lengths": (4, 1, 0), "reverse": True}]
SIZE = Size(batch=B, time=T, inputs=IN, hidden=H, projection=P)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", RECURRENCES)
def test_reference_gradients_agree_with_finite_differences(name, way):
    one = problem(name, SIZE, **way)
    assert gradcheck(one.function(loop.run), one.differentiable())


@pytest.mark.parametrize("name", RECURRENCES)
def test_reference_gradients_without_biases_agree_with_finite_differences(name):
    one = problem(name, SIZE, bias=False)
    assert gradcheck(one.function(loop.run), one.differentiable())


@pytest.mark.parametrize("name", RECURRENCES)
def test_reference_can_be_differentiated_twice(name):
    one = problem(name, SIZE)
    assert gradgradcheck(one.function(loop.run), one.differentiable(), fast_mode=True)


def test_the_linear_recurrence_has_the_power_of_the_matrix_as_its_gradient_through_time():
    generator = torch.Generator().manual_seed(3)
    matrix = torch.randn(H, H, generator=generator, dtype=torch.float64)
    weights = Weights(torch.eye(H, dtype=torch.float64), matrix)
    start = torch.randn(1, H, generator=generator, dtype=torch.float64)

    def last(start: Tensor) -> Tensor:
        inputs = torch.zeros(1, 6, H, dtype=torch.float64)
        return run(LINEAR, inputs, LinearState(start), weights)[1].hidden[0]

    jacobian = torch.autograd.functional.jacobian(last, start)[:, 0]
    torch.testing.assert_close(jacobian, torch.linalg.matrix_power(matrix, 6))


@pytest.mark.parametrize(
    ("name", "missing"), [("projected_lstm", "weight_hr"), ("peephole_lstm", "weight_ch"), ("layer_norm_lstm", "norm_")]
)
def test_a_recurrence_without_a_weight_it_needs_is_refused(name, missing):
    with pytest.raises(NurtTypeError, match=missing):
        RECURRENCES[name].step(row(1.0), LSTMState(row(0.0), row(0.0)), LSTM_WEIGHTS)


@pytest.mark.parametrize("name", RECURRENCES)
def test_huge_inputs_give_finite_bounded_gates_or_the_infinity_that_the_equation_gives(name):
    one = problem(name, SIZE)
    outputs, *_ = one.run(loop.run, inputs=one.tensors["inputs"] * 1e30)
    if name in ("linear", "elman_relu"):
        assert outputs.abs().max() > 1e29
        assert not outputs.isnan().any()
    else:
        assert torch.isfinite(outputs).all()
