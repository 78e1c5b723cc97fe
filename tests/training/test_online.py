"""Training on a stream: the same as Adam by hand, counted clipping, and an end that is told."""

from __future__ import annotations

import signal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nurt.errors import NurtValueError
from nurt.training import OnlineSettings, train_online


class Stream:
    """Fresh batches of a linear problem, steeper and steeper."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.generator, self.drawn = model, torch.Generator().manual_seed(3), 0

    def __call__(self) -> Tensor:
        self.drawn += 1
        inputs = torch.randn(5, 3, generator=self.generator)
        return self.drawn * (self.model(inputs) - inputs.sum(dim=1, keepdim=True)).square().mean()


def _model() -> nn.Module:
    model = nn.Linear(3, 1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.9, 1.2, 0.8]]))
        model.bias.zero_()
    return model


def test_an_update_is_a_clipped_gradient_and_a_step_of_adam() -> None:
    model, twin = _model(), _model()
    settings = OnlineSettings(updates=25, learning_rate=0.01, clip_norm=0.7)
    record = train_online(model, Stream(model), settings)
    optimizer, stream = torch.optim.Adam(twin.parameters(), lr=0.01), Stream(twin)
    losses, norms = [], []
    for _ in range(25):
        optimizer.zero_grad()
        loss = stream()
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(twin.parameters(), 0.7)))
        losses.append(float(loss.detach()))
        optimizer.step()
    np.testing.assert_allclose(record.losses, losses, rtol=1e-4)
    np.testing.assert_allclose(record.norms, norms, rtol=1e-4)
    assert 0.0 < record.clipped_share == np.mean(np.array(norms) > 0.7) < 1.0
    assert record.clipping.trace.norms == tuple(record.norms)
    assert (record.updates, record.stopped_by) == (25, "updates")
    assert "25 updates" in str(record)
    assert not model.training


def test_a_stream_that_stops_being_finite_ends_the_training_before_the_weights_are_lost() -> None:
    model = _model()
    stream = Stream(model)
    kept: list[Tensor] = []

    def next_loss() -> Tensor:
        loss = stream()
        if stream.drawn == 4:
            kept.append(model.weight.detach().clone())
            return loss * float("nan")
        return loss

    record = train_online(model, next_loss, OnlineSettings(updates=10))
    assert (record.updates, record.stopped_by) == (3, "non-finite")
    assert torch.equal(kept[0], model.weight)
    assert np.isfinite(record.losses).all()
    assert (record.clipping.nan, record.clipping.first_bad, record.clipping.first_bad_parameter) == (1, 4, "weight")


def test_an_interrupt_ends_after_the_update_in_hand() -> None:
    model = _model()
    told: list[int] = []

    def after(update: int) -> None:
        told.append(update)
        if update == 7:
            signal.raise_signal(signal.SIGINT)

    record = train_online(model, Stream(model), OnlineSettings(updates=50), after_update=after)
    assert (record.updates, record.stopped_by) == (7, "interrupt")
    assert told == list(range(1, 8))
    last = train_online(model, Stream(model), OnlineSettings(updates=7), after_update=after)
    assert (last.updates, last.stopped_by) == (7, "interrupt")


@pytest.mark.parametrize("wrong", [{"updates": 0}, {"learning_rate": -1.0}, {"clip_norm": float("inf")}])
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(NurtValueError, match=next(iter(wrong))):
        OnlineSettings(**wrong)
