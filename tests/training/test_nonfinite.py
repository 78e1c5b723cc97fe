from __future__ import annotations

import json
import math
import pickle

import pytest
import torch
from torch import nn

from nurt.errors import NonFiniteError
from nurt.training import TrainingSettings, train
from nurt.training.nonfinite import replay

pytestmark = pytest.mark.usefixtures("one_thread")


def failure(tiny, network, task, **changes):
    """Train until it fails; return the error and its record, which is plain JSON."""
    with pytest.raises(NonFiniteError) as caught:
        train(network, task, TrainingSettings(**{**tiny.SETTINGS, **changes}))
    assert not network.training
    return caught.value, json.loads(json.dumps(caught.value.record, allow_nan=False))


class Chain(nn.Module):
    """Apply functions and modules one after the other, then a linear head on the last step."""

    def __init__(self, *parts, inputs=2):
        super().__init__()
        self.parts = [part if isinstance(part, nn.Module) else None for part in parts]
        self.functions = parts
        for number, part in enumerate(parts):
            if isinstance(part, nn.Module):
                setattr(self, f"part{number}", part)
        self.head = nn.Linear(inputs, 3)

    def forward(self, inputs):
        for function in self.functions:
            inputs = function(inputs)
        return self.head(inputs[:, -1])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_bad_input_is_named_by_column_window_and_time_step(tiny, bad):
    task = tiny.Task()
    task._inputs[17, 4, 1] = bad
    error, record = failure(tiny, tiny.Network(), task)
    assert (record["cause"], record["column"], record["time_step"], record["windows"]) == ("input", "volume", 4, [17])
    assert (record["series"], record["first"], record["last"]) == (["s1"], 170, 178)
    assert record["epoch"] == 1
    assert task.seen[record["step"] - 1].count(17) == 1
    for word in ("column volume", "time step 4", "windows 17", "series s1", "170 to 178", "Fill or drop"):
        assert word in str(error)


def test_a_column_without_a_name_is_named_by_number(tiny):
    task = tiny.Task()
    task.columns = None
    task._inputs[3, 0, 1] = math.nan
    assert failure(tiny, tiny.Network(), task)[1]["column"] == "1"


def test_many_bad_windows_are_counted_and_the_first_ten_listed(tiny):
    task = tiny.Task()
    task._inputs[: task.examples, 2] = math.nan
    error, record = failure(tiny, tiny.Network(), task, batch_size=15)
    assert (record["windows_total"], len(record["windows"]), record["time_step"]) == (15, 10, 2)
    assert record["windows"] == task.seen[0][:10]
    assert "and 5 more" in str(error)


def test_an_infinite_weight_is_named_with_the_module_that_feels_it(tiny):
    network = tiny.Network()
    with torch.no_grad():
        network.head.weight[1, 2] = math.inf
    error, record = failure(tiny, network, tiny.Task(validation=0))
    assert (record["cause"], record["parameter"], record["module"]) == ("weight", "head.weight", "head")
    assert (record["module_type"], record["side"], record["step"]) == ("Linear", "output", 1)
    assert "`head.weight` holds NaN or an infinity" in str(error)
    assert "initialise or load the model anew" in str(error)


def test_a_bad_weight_is_found_by_validation_before_training(tiny):
    network = tiny.Network()
    with torch.no_grad():
        network.lstm.bias_hh_l1[0] = math.nan
    _, record = failure(tiny, network, tiny.Task())
    assert (record["cause"], record["parameter"], record["epoch"]) == ("weight", "lstm.bias_hh_l1", 0)


@pytest.mark.parametrize("rate", [1e6, 1e30])
def test_a_learning_rate_that_blows_up_is_blamed(tiny, rate):
    class LinearRecurrence(nn.RNN):
        """h ← W·x + U·h, without the tanh that would bound it."""

        def forward(self, inputs):
            hidden, outputs = torch.zeros(len(inputs), self.hidden_size), []
            for step in inputs.unbind(1):
                hidden = step @ self.weight_ih_l0.T + hidden @ self.weight_hh_l0.T
                outputs.append(hidden)
            return torch.stack(outputs, 1)

    torch.manual_seed(0)
    network = Chain(LinearRecurrence(2, 2, batch_first=True))
    error, record = failure(tiny, network, tiny.Task(), learning_rate=rate, epochs=20, clip_norm=None)
    assert (record["cause"], record["module"], record["module_type"]) == ("forward", "part0", "LinearRecurrence")
    assert record["time_step"] > 0
    assert record["learning_rate"] == rate
    assert 1 <= len(record["gradient_norms"]) <= 20
    assert all(norm > 0 for norm in record["gradient_norms"])
    assert "lower the learning rate" in str(error)


def test_at_most_twenty_norms_are_kept_across_epochs(tiny):
    def poison(step):
        if step == 30:
            task._inputs[:] = math.nan

    task = tiny.Task(before_loss=poison)
    _, record = failure(tiny, tiny.Network(), task, epochs=20)
    assert len(record["gradient_norms"]) == 20
    assert (record["epoch"], record["step"]) == (8, 2)


def test_outputs_whose_square_overflows_are_blamed_on_the_learning_rate(tiny):
    network = Chain()
    error, record = failure(tiny, network, tiny.Task(validation=0), learning_rate=1e30, clip_norm=None)
    assert record["cause"] == "loss"
    assert record["largest"] > 1e19
    assert "lower the learning rate (now 1e+30)" in str(error)


def test_a_logarithm_of_a_target_of_zero_is_found_in_its_window(tiny):
    task = tiny.Task(loss=lambda given, wanted: (given - wanted.abs().log()).square().mean(), validation=0)
    task._targets[9] = 0.0
    error, record = failure(tiny, tiny.Network(), task)
    assert (record["cause"], record["windows"], record["loss"]) == ("loss", [9], "inf")
    assert record["module"] is None
    assert "logarithm of 0" in str(error)


def test_a_slope_without_bound_inside_a_module_is_found_going_backward(tiny):
    class Root(nn.Module):
        def forward(self, inputs):
            return inputs.clamp(min=0).sqrt()

    torch.manual_seed(0)
    network = Chain(nn.Linear(2, 2), Root())
    with torch.no_grad():
        network.part0.weight.zero_()
        network.part0.bias.zero_()
    error, record = failure(tiny, network, tiny.Task(validation=0))
    assert (record["cause"], record["module"], record["side"]) == ("backward", "part1", "input")
    assert record["module_type"] == "Root"
    assert record["time_step"] == 8
    assert record["loss"] is None
    assert "on its way back through module `part1` (Root), at time step 8" in str(error)
    assert "square root at 0" in str(error)


def test_a_slope_without_bound_in_the_loss_is_told_from_one_in_the_model(tiny):
    task = tiny.Task(loss=lambda given, wanted: (given - given.detach() + 0 * wanted).abs().sqrt().mean(), validation=0)
    error, record = failure(tiny, tiny.Network(dropout=0.0), task)
    assert (record["cause"], record["module"], record["side"]) == ("backward", "head", "output")
    assert record["parameter"] is not None
    assert "reaches the output of module `head`" in str(error)


def test_a_value_made_between_modules_is_found_where_it_enters_the_next(tiny):
    torch.manual_seed(0)
    network = Chain(nn.Linear(2, 2), lambda hidden: hidden.index_fill(1, torch.tensor([3, 8]), -1.0).log())
    error, record = failure(tiny, network, tiny.Task(validation=0))
    assert (record["cause"], record["module"], record["side"]) == ("forward", "head", "input")
    assert "before module `head` (Linear), outside of any module" in str(error)


def test_a_value_made_at_the_end_of_the_model_is_found_in_the_model_itself(tiny):
    class Final(tiny.Network):
        def forward(self, inputs):
            return super().forward(inputs) / 0.0

    error, record = failure(tiny, Final(), tiny.Task(validation=0))
    assert (record["cause"], record["module"], record["side"]) == ("forward", "", "output")
    assert "the model itself" in str(error)


def test_the_replay_meets_the_same_dropout(tiny):
    class Unlucky(nn.Module):
        """Bad only where dropout lets one particular value through."""

        def __init__(self):
            super().__init__()
            self.dropout = nn.Dropout(0.9)
            self.head = nn.Linear(2, 3)

        def forward(self, inputs):
            kept = self.dropout(torch.ones(1))
            return self.head(inputs[:, -1]) / (kept == 0)

    _, record = failure(tiny, Unlucky(), tiny.Task(validation=0), epochs=50, batch_size=100)
    assert (record["cause"], record["module"]) == ("forward", "")
    assert record["epoch"] > 1


def test_a_bad_value_that_does_not_come_back_is_admitted(tiny):
    task = tiny.Task(validation=0)
    task.loss_function = lambda given, wanted: (given - wanted).square().mean() / (0 if task.steps == 3 else 1)
    _, record = failure(tiny, tiny.Network(), task)
    assert (record["cause"], record["step"]) == ("unknown", 3)


def test_an_update_that_ruins_the_weights_in_the_last_step_is_found(tiny):
    network = Chain()
    _, record = failure(tiny, network, tiny.Task(validation=0), learning_rate=1e39, epochs=1, batch_size=23)
    assert (record["cause"], record["step"], record["epoch"]) == ("weight", None, 1)


def test_a_validation_loss_that_is_no_number_stops_training(tiny):
    task = tiny.Task()
    task._targets[-1] = math.nan
    error, record = failure(tiny, tiny.Network(), task)
    assert (record["cause"], record["epoch"], record["loss"]) == ("validation", 0, "nan")
    assert "validation part" in str(error)


def test_the_model_carries_its_best_weights_after_a_failure(tiny):
    def poison(step):
        if step == 10:
            task._inputs[: task.examples] = math.nan

    task, network = tiny.Task(before_loss=poison), tiny.Network()
    losses = []
    with pytest.raises(NonFiniteError):
        train(
            network,
            task,
            TrainingSettings(**tiny.SETTINGS),
            listener=lambda event: losses.append(getattr(event, "validation_loss", math.inf)),
        )
    assert task.validate(network) == min(losses)


def test_the_error_survives_the_way_home_from_a_worker(tiny):
    task = tiny.Task()
    task._inputs[0] = math.nan
    error, _ = failure(tiny, tiny.Network(), task)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.record) == (str(error), error.record)


def test_a_mask_of_infinities_among_the_buffers_is_no_fault(tiny):
    network = tiny.Network()
    network.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    record = train(network, tiny.Task(), TrainingSettings(**{**tiny.SETTINGS, "epochs": 1}))
    assert record.epochs == 1


@pytest.mark.parametrize(("bad", "kind"), [(math.nan, "nan"), (math.inf, "inf")])
def test_the_kind_of_a_bad_gradient_is_said(tiny, bad, kind):
    class Scale(nn.Module):
        """x + a, with a gradient of a that is not finite in one place."""

        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.ones(2))
            self.factor.register_hook(lambda gradient: gradient * torch.tensor([bad, 1.0]))

        def forward(self, inputs):
            return inputs + self.factor

    _, record = failure(tiny, Chain(Scale()), tiny.Task())
    assert (record["cause"], record["gradient"], record["loss"]) == ("backward", kind, None)


def test_a_finite_gradient_has_no_kind(tiny):
    network = tiny.Network()
    with torch.no_grad():
        network.head.bias[0] = math.nan
    assert failure(tiny, network, tiny.Task())[1]["gradient"] is None


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
