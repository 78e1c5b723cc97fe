from __future__ import annotations

import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from nurt.training import ClipByNorm, ClipByValue, ClippingRecorder
from nurt.training.clipping import clip_gradients


def parameters_with(*gradients):
    """Parameters that carry these gradients; None is a parameter without one."""
    found = []
    for gradient in gradients:
        entries = None if gradient is None else torch.as_tensor(gradient)
        parameter = nn.Parameter(torch.zeros(1) if entries is None else torch.zeros_like(entries))
        parameter.grad = entries
        found.append(parameter)
    return found


def _length(parameters):
    """The Euclidean norm of all gradients together, by torch."""
    return float(torch.nn.utils.get_total_norm([parameter.grad for parameter in parameters]))


def clipped(gradients, clipping):
    """What clipping made of these gradients, and what it said."""
    parameters = parameters_with(*gradients)
    step, _ = clip_gradients(parameters, clipping)
    return [parameter.grad for parameter in parameters if parameter.grad is not None], step


def test_the_norm_is_that_of_all_gradients_as_one_vector():
    assert clipped([[3.0, 0.0], None, [-4.0]], None)[1].norm == 5.0
    assert clipped([None], None)[1].norm == 0.0


def test_a_norm_below_the_limit_leaves_every_bit():
    gradients = [torch.tensor([0.3, -0.1]), torch.tensor([0.7])]
    before = [gradient.clone() for gradient in gradients]
    after, step = clipped(gradients, ClipByNorm(10.0))
    assert not step.clipped
    assert all(torch.equal(one, old) for one, old in zip(after, before, strict=True))


def test_a_norm_above_the_limit_becomes_the_limit_and_keeps_its_direction():
    (first, second), step = clipped([[3.0, 0.0], None, [-4.0]], ClipByNorm(2.0))
    assert step.clipped
    assert first.tolist() == pytest.approx([1.2, 0.0])
    assert second.tolist() == pytest.approx([-1.6])


@given(st.lists(st.floats(-(2.0**126), 2.0**126, width=32), min_size=1, max_size=9))
def test_finite_gradients_have_a_finite_norm_however_large(values):
    assert clipped([values], None)[1].norm == pytest.approx(math.hypot(*values), rel=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_bad_gradient_is_not_hidden(bad):
    assert not math.isfinite(clipped([[1.0, bad], [0.0]], None)[1].norm)


def test_a_norm_beyond_the_range_of_float32_can_be_clipped():
    after, step = clipped([[3e30, 0.0], [-4e30]], ClipByNorm(1.0))
    assert step.norm == pytest.approx(5e30)
    assert [gradient.tolist() for gradient in after] == [pytest.approx([0.6, 0.0]), pytest.approx([-0.8])]


def test_by_norm_three_and_four_become_just_below_one():
    gradients, step = clipped([torch.tensor([3.0, 4.0], dtype=torch.float64)], ClipByNorm(1.0, epsilon=1e-6))
    assert step.norm == 5.0
    assert step.norm_after == pytest.approx(0.99999980000004, abs=1e-15)
    assert step.norm_after == float(torch.linalg.vector_norm(gradients[0]))
    assert step.coefficient == pytest.approx(1.0 / (5.0 + 1e-6), rel=1e-15)
    assert step.removed == pytest.approx(5.0 - step.norm_after)
    assert (step.clipped, step.cosine, step.kind, step.parameter) == (True, 1.0, None, None)


def test_by_value_the_gradient_turns():
    gradients, step = clipped([[10.0, 1.0]], ClipByValue(1.0))
    assert gradients[0].tolist() == [1.0, 1.0]
    assert step.cosine == pytest.approx(11.0 / math.sqrt(101.0 * 2.0), rel=1e-7)
    assert (step.norm_after, step.removed) == pytest.approx((math.sqrt(2.0), 9.0))


def test_measuring_alone_changes_nothing():
    gradients, step = clipped([[30.0, 40.0]], None)
    assert gradients[0].tolist() == [30.0, 40.0]
    assert (step.norm, step.norm_after, step.clipped, step.coefficient) == (50.0, 50.0, False, 1.0)


@pytest.mark.parametrize("clipping", [None, ClipByNorm(1.0), ClipByValue(1.0)])
def test_a_gradient_of_zeros_or_none_at_all_has_no_direction(clipping):
    for gradients in ([[0.0, 0.0]], [None], []):
        _, step = clipped(gradients, clipping)
        assert (step.norm, step.norm_after, step.coefficient, step.clipped) == (0.0, 0.0, 1.0, False)
        assert step.is_finite
        assert math.isnan(step.cosine)


@pytest.mark.parametrize("clipping", [None, ClipByNorm(1.0), ClipByValue(1.0)])
@pytest.mark.parametrize(
    ("gradients", "kind", "parameter"),
    [
        ([[1.0], [math.nan, 2.0]], "nan", "1"),
        ([[1.0], [2.0, -math.inf]], "inf", "1"),
        ([[math.inf], [math.nan]], "nan", "0"),
        ([[1.0], None, [math.inf]], "inf", "2"),
    ],
)
def test_nan_and_infinity_are_told_apart_and_left_alone(clipping, gradients, kind, parameter):
    before = [torch.tensor(values) for values in gradients if values is not None]
    after, step = clipped(gradients, clipping)
    assert (step.kind, step.parameter, step.is_finite, step.clipped) == (kind, parameter, False, False)
    assert all(torch.equal(old.nan_to_num(7.0), new.nan_to_num(7.0)) for old, new in zip(before, after, strict=True))


FINITE = st.lists(
    st.lists(st.floats(-(2.0**20), 2.0**20, width=32, allow_subnormal=False), min_size=1, max_size=5),
    min_size=1,
    max_size=4,
)


@given(FINITE, st.floats(1e-3, 1e3))
def test_by_norm_it_is_what_torch_does(values, limit):
    ours, step = clipped([torch.tensor(part, dtype=torch.float64) for part in values], ClipByNorm(limit, 1e-6))
    theirs = parameters_with(*[torch.tensor(part, dtype=torch.float64) for part in values])
    norm = torch.nn.utils.clip_grad_norm_(theirs, limit)
    assert step.norm == float(norm)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other.grad, rtol=1e-14, atol=0.0)
    assert step.norm_after <= limit
    assert step.norm_after == pytest.approx(_length(theirs), rel=1e-12)


@given(FINITE, st.floats(1e-3, 1e3))
def test_by_value_it_is_what_torch_does(values, limit):
    ours, step = clipped([torch.tensor(part, dtype=torch.float64) for part in values], ClipByValue(limit))
    theirs = parameters_with(*[torch.tensor(part, dtype=torch.float64) for part in values])
    torch.nn.utils.clip_grad_value_(theirs, limit)
    assert all(torch.equal(one, other.grad) for one, other in zip(ours, theirs, strict=True))
    assert step.norm_after == pytest.approx(_length(theirs), rel=1e-12)
    assert step.clipped == any(abs(entry) > limit for part in values for entry in part)
    if step.norm:
        flat, cut = (torch.cat(parts) for parts in ([torch.tensor(v, dtype=torch.float64) for v in values], ours))
        expected = float(torch.nn.functional.cosine_similarity(flat, cut, dim=0, eps=0.0))
        assert step.cosine == pytest.approx(expected, rel=1e-12)
        assert step.removed == pytest.approx(float(torch.linalg.vector_norm(flat - cut)), rel=1e-12)


@given(FINITE)
@example([[0.0], [2.0**-126]])  # its square is below all numbers
def test_shares_add_up_to_one(values):
    _, step = clipped(values, None)
    squares = [math.fsum(entry * entry for entry in part) for part in values]
    assert math.fsum(step.shares.values()) == pytest.approx(1.0 if step.norm else 0.0, abs=1e-12)
    if step.norm > 1e-6:
        expected = [square / math.fsum(squares) for square in squares]
        assert list(step.shares.values()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("clipping", [ClipByNorm(1.0), ClipByValue(1.0)])
def test_a_gradient_whose_square_overflows_is_measured_and_clipped(clipping):
    gradients, step = clipped([[3e30, 0.0], [-4e30]], clipping)
    assert step.is_finite
    assert step.norm == pytest.approx(5e30)
    assert list(step.shares.values()) == pytest.approx([0.36, 0.64])
    assert step.norm_after == pytest.approx(float(torch.cat(gradients).norm()))
    assert step.cosine == pytest.approx(1.0 if isinstance(clipping, ClipByNorm) else 7.0 / (5.0 * math.sqrt(2.0)))


def test_the_loss_comes_along_and_names_are_kept():
    layer = nn.Linear(2, 1)
    loss = layer(torch.ones(1, 2)).sum()
    loss.backward()
    step, value = clip_gradients(layer.named_parameters(), None, loss)
    assert value == loss.item()
    assert list(step.shares) == ["weight", "bias"]
    assert math.isnan(clip_gradients(layer.parameters(), None)[1])


@pytest.fixture
def parameters():
    return [("first", nn.Parameter(torch.zeros(2))), ("second", nn.Parameter(torch.zeros(1)))]


def recorded(parameters, clipping, gradients, learning_rate=1.0):
    recorder = ClippingRecorder(clipping)
    for first, second, last in gradients:
        parameters[0][1].grad = torch.tensor([first, second])
        parameters[1][1].grad = torch.tensor([last])
        recorder.step(parameters, learning_rate)
    return recorder.ledger()


SHORT, LONG, NAN, INF = (0.3, 0.4, 0.0), (3.0, 0.0, 4.0), (1.0, math.nan, 1.0), (1.0, 1.0, math.inf)


def test_what_was_clipped_is_counted(parameters):
    ledger = recorded(parameters, ClipByNorm(1.0), [LONG, SHORT, LONG, LONG, SHORT], learning_rate=0.1)
    assert (ledger.updates, ledger.clipped, ledger.longest_run, ledger.clipped_share) == (5, 3, 2, 0.6)
    assert ledger.removed_length == pytest.approx(3 * 0.1 * 4.0)
    assert (ledger.largest_norm, ledger.mean_cosine, ledger.least_cosine) == (5.0, 1.0, 1.0)
    assert ledger.trace.norms == pytest.approx((5.0, 0.5, 5.0, 5.0, 0.5))
    assert ledger.trace.coefficients == pytest.approx((0.2, 1.0, 0.2, 0.2, 1.0))
    assert ledger.shares == pytest.approx({"first": (3 * 0.36 + 2) / 5, "second": 3 * 0.64 / 5})


def test_bad_gradients_are_counted_apart_and_end_a_run(parameters):
    ledger = recorded(parameters, ClipByNorm(1.0), [LONG, INF, LONG, NAN, NAN, LONG, LONG])
    assert (ledger.updates, ledger.nan, ledger.inf) == (7, 2, 1)
    assert (ledger.first_bad, ledger.first_bad_parameter) == (2, "second")
    assert (ledger.clipped, ledger.clipped_share, ledger.longest_run) == (4, 1.0, 2)
    assert sum(ledger.trace.steps) == 4
    assert "3 gradients were not finite (2 with NaN, 1 infinite), the first in step 2, in `second`." in ledger.verdict


def test_clipping_by_value_says_that_the_gradient_turned(parameters):
    ledger = recorded(parameters, ClipByValue(1.0), [(10.0, 1.0, 0.0), SHORT])
    cosine = 11.0 / math.sqrt(202.0)
    assert ledger.least_cosine == pytest.approx(cosine)
    assert ledger.mean_cosine == pytest.approx((1.0 + cosine) / 2)
    assert "fell to 0.774" in ledger.verdict


def test_a_loop_with_the_recorder_is_the_loop_with_torch():
    torch.manual_seed(0)
    inputs, models = torch.randn(20, 6, 3), [nn.LSTM(3, 4), nn.LSTM(3, 4)]
    models[1].load_state_dict(models[0].state_dict())
    recorder, shortened = ClippingRecorder(ClipByNorm(0.05, epsilon=1e-6)), 0
    optimizers = [torch.optim.SGD(model.parameters(), lr=1.0) for model in models]
    for batch in inputs:
        for model, optimizer in zip(models, optimizers, strict=True):
            optimizer.zero_grad()
            model(batch)[0].square().mean().backward()
        recorder.step(models[0].parameters())
        shortened += bool(nn.utils.clip_grad_norm_(models[1].parameters(), 0.05) > 0.05)
        for optimizer in optimizers:
            optimizer.step()
    assert 0 < shortened < 20
    assert recorder.ledger().clipped == shortened
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
