from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nurt.training import ClipByNorm, ClipByValue, ClippingRecorder


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
