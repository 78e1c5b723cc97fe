from __future__ import annotations

import math

import torch
from torch import nn

from nurt.training.replay import replay


class TimeFirst(nn.Module):
    """An LSTM that takes (T, B, I) and goes bad at one step of one row."""

    def __init__(self, row, step):
        super().__init__()
        self.lstm = nn.LSTM(2, 4)
        self.spoil = Spoil(row, step)

    def forward(self, inputs):
        return self.spoil(self.lstm(inputs))


class Spoil(nn.Module):
    def __init__(self, row, step):
        super().__init__()
        self.row, self.step = row, step

    def forward(self, result):
        outputs, state = result
        bad = torch.zeros_like(outputs)
        bad[self.step :, self.row, 1] = math.nan
        return {"outputs": outputs + bad, "state": state}


def test_row_and_time_step_are_found_where_time_comes_first_and_outputs_are_nested():
    model = TimeFirst(row=2, step=5)
    seen = replay(model, lambda: model(torch.ones(7, 3, 2))["outputs"].mean(), batch=3)
    assert (seen.first.module, seen.first.side, seen.first.direction) == ("spoil", "output", "forward")
    assert (seen.first.rows, seen.first.time_step) == ((2,), 5)
    assert not seen.loss_is_finite


def test_a_sound_pass_shows_nothing_and_leaves_no_trace():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    seen = replay(model, lambda: model(torch.ones(4, 2)).sum(), batch=4)
    assert seen.first is None
    assert seen.loss_is_finite
    assert seen.gradients == []
    assert 0 < seen.largest < 10
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_batch_of_one_and_a_shape_that_tells_nothing_are_no_obstacle():
    class Scalar(nn.Module):
        def forward(self, inputs):
            return inputs.sum() * math.nan

    model = Scalar()
    seen = replay(model, lambda: model(torch.ones(1, 1, requires_grad=True)), batch=1)
    assert (seen.first.module, seen.first.rows, seen.first.time_step) == ("", (), None)
