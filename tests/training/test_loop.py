from __future__ import annotations

import copy
import math
import signal
import statistics
import threading

import pytest
import torch
from torch import nn

from nurt.errors import DataError, NurtValueError, ShapeError
from nurt.training import (
    Checkpoint,
    ClipByNorm,
    CosineDecay,
    EpochEnded,
    ReduceOnPlateau,
    StepEnded,
    TrainingEnded,
    TrainingSettings,
    TrainingStarted,
    train,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def run(tiny, *, network=None, task=None, **changes):
    """Train the tiny network on the tiny task; return network, task, record and events."""
    network = network or tiny.Network()
    task = task or tiny.Task()
    events = []
    record = train(network, task, TrainingSettings(**{**tiny.SETTINGS, **changes}), listener=events.append)
    return network, task, record, events


def test_two_runs_give_the_same_bits_and_leave_the_callers_generator_alone(tiny):
    torch.manual_seed(1)
    first, _, record, _ = run(tiny)
    torch.manual_seed(99)
    expected = torch.rand(3)
    torch.manual_seed(99)
    second, _, again, _ = run(tiny)
    assert torch.equal(torch.rand(3), expected)
    assert tiny.same_bits(first.state_dict(), second.state_dict())
    assert tiny.without_seconds(record) == tiny.without_seconds(again)


def test_the_seed_changes_order_and_dropout(tiny):
    first, task, _, _ = run(tiny, shuffle=False)
    second, other, _, _ = run(tiny, shuffle=False, seed=6)
    assert task.seen == other.seen
    assert not tiny.same_bits(first.state_dict(), second.state_dict())


def test_training_learns(tiny):
    _, _, record, _ = run(tiny, epochs=25, clip_norm=None, weight_decay=0.0)
    assert record.history[record.best_epoch].validation_loss < 0.5 * record.history[0].validation_loss


def test_the_loop_takes_the_steps_of_a_plain_loop_with_adam(tiny):
    network, task, _, _ = run(tiny, network=tiny.Network(dropout=0.0), task=tiny.Task(validation=0), epochs=3)
    plain = tiny.Network(dropout=0.0)
    optimizer = torch.optim.AdamW(plain.parameters(), lr=0.02, weight_decay=0.01)
    for batch in task.seen:
        optimizer.zero_grad()
        tiny.Task(validation=0).loss(plain, torch.tensor(batch)).backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.4)
        optimizer.step()
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_every_epoch_visits_every_example_once_in_an_order_of_its_own(tiny):
    _, task, _, _ = run(tiny, epochs=3)
    assert [len(batch) for batch in task.seen] == [7, 7, 7, 2] * 3
    epochs = [[number for batch in task.seen[start : start + 4] for number in batch] for start in (0, 4, 8)]
    assert all(sorted(epoch) == list(range(23)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_without_shuffling_examples_come_in_their_own_order(tiny):
    _, task, _, _ = run(tiny, epochs=2, shuffle=False, batch_size=100)
    assert task.seen == [list(range(23))] * 2


def test_the_untrained_model_wins_when_training_only_does_harm(tiny):
    network = tiny.Network()
    before = copy.deepcopy(network.state_dict())
    _, _, record, _ = run(tiny, network=network, learning_rate=5.0, clip_norm=None, epochs=2)
    assert record.best_epoch == 0
    assert tiny.same_bits(before, network.state_dict())


def test_the_model_carries_the_weights_of_its_best_epoch_in_evaluation_mode(tiny):
    network, task, record, _ = run(tiny, epochs=12, learning_rate=0.3)
    losses = [entry.validation_loss for entry in record.history]
    assert record.best_epoch == losses.index(min(losses))
    assert 0 < record.best_epoch < 12
    assert not any(module.training for module in network.modules())
    assert task.validate(network) == min(losses)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_among_equals_the_first_epoch_wins(tiny):
    task, network = tiny.Task(), tiny.Network()
    task.validate = lambda _: 1.0
    before = copy.deepcopy(network.state_dict())
    _, _, record, _ = run(tiny, network=network, task=task, epochs=2)
    assert [entry.is_best for entry in record.history] == [True, False, False]
    assert record.best_epoch == 0
    assert tiny.same_bits(before, network.state_dict())


def test_validation_sees_an_evaluation_model_and_no_gradients(tiny):
    task, modes = tiny.Task(), []
    original = task.validate

    def validate(model):
        modes.append((model.training, torch.is_grad_enabled()))
        return original(model)

    task.validate = validate
    run(tiny, task=task, epochs=2)
    assert modes == [(False, False)] * 3


def test_patience_stops_training(tiny):
    _, _, record, _ = run(tiny, learning_rate=5.0, clip_norm=None, epochs=50, patience=3)
    assert (record.stopped_by, record.epochs, record.best_epoch) == ("patience", 3, 0)


def test_without_a_validation_part_the_training_loss_decides(tiny):
    _, _, record, _ = run(tiny, task=tiny.Task(validation=0), epochs=6)
    assert [entry.epoch for entry in record.history] == [1, 2, 3, 4, 5, 6]
    assert all(entry.validation_loss is None for entry in record.history)
    losses = [entry.train_loss for entry in record.history]
    assert record.best_epoch == losses.index(min(losses)) + 1


def test_events_tell_the_course_of_training_in_order(tiny):
    _, _, record, events = run(tiny, epochs=2)
    kinds = [type(event) for event in events]
    epoch = [StepEnded] * 4 + [EpochEnded]
    assert kinds == [TrainingStarted, EpochEnded, *epoch, *epoch, TrainingEnded]
    assert (events[0].epochs, events[0].first_epoch, events[0].examples, events[0].steps_per_epoch) == (2, 1, 23, 4)
    assert [event.step for event in events if isinstance(event, StepEnded)] == [1, 2, 3, 4] * 2
    assert tuple(event for event in events if isinstance(event, EpochEnded)) == record.history
    assert events[-1].record == record
    assert (record.stopped_by, record.epochs) == ("epochs", 2)


def test_an_epoch_reports_losses_norms_and_clipping_of_its_steps(tiny):
    network, task = tiny.Network(dropout=0.0), tiny.Task()
    plain = copy.deepcopy(network)
    _, _, record, events = run(tiny, network=network, task=task, epochs=1, clip_norm=1.1)
    losses = [event.loss for event in events if isinstance(event, StepEnded)]
    entry = record.history[1]
    assert entry.train_loss == pytest.approx(
        sum(loss * size for loss, size in zip(losses, [7, 7, 7, 2], strict=True)) / 23
    )
    optimizer = torch.optim.AdamW(plain.parameters(), lr=0.02, weight_decay=0.01)
    norms = []
    for batch in task.seen:
        optimizer.zero_grad()
        tiny.Task().loss(plain, torch.tensor(batch)).backward()
        norms.append(float(nn.utils.clip_grad_norm_(plain.parameters(), 1.1)))
        optimizer.step()
    assert entry.gradient_norm == pytest.approx(statistics.median(norms), rel=1e-4)
    assert entry.clipped_share == sum(norm > 1.1 for norm in norms) / 4
    assert entry.learning_rate == 0.02
    assert entry.seconds > 0


def test_the_ledger_of_a_training_is_made_of_its_steps(tiny):
    _, _, record, events = run(tiny, epochs=3, clip_norm=0.4)
    steps = [event.clipping for event in events if isinstance(event, StepEnded)]
    ledger = record.clipping
    assert ledger.clipping == ClipByNorm(0.4)
    assert ledger.updates == len(steps) == 12
    assert ledger.trace.norms == tuple(step.norm for step in steps)
    assert 0 < ledger.clipped == sum(step.clipped for step in steps) < 12
    assert ledger.removed_length == pytest.approx(0.02 * sum(max(0.0, step.norm - 0.4) for step in steps))
    assert list(ledger.shares) == [name for name, _ in tiny.Network().named_parameters()]
    assert sum(ledger.shares.values()) == pytest.approx(1.0)
    assert statistics.median(step.norm for step in steps[:4]) == record.history[1].gradient_norm


def test_clipping_by_value_bounds_what_the_optimiser_sees(tiny):
    network = tiny.Network()
    _, _, record, events = run(tiny, network=network, epochs=1, clip_norm=None, clip_value=0.01)
    steps = [event.clipping for event in events if isinstance(event, StepEnded)]
    entries = sum(parameter.numel() for parameter in network.parameters())
    assert all(step.norm_after <= 0.01 * math.sqrt(entries) for step in steps)
    assert record.history[1].clipped_share == record.clipping.clipped_share == 1.0
    assert record.clipping.least_cosine == min(step.cosine for step in steps) < 1.0


def test_without_clipping_there_is_no_clipped_share(tiny):
    _, _, record, _ = run(tiny, epochs=1, clip_norm=None)
    assert record.history[1].clipped_share is None


def test_the_learning_rate_follows_the_decay(tiny):
    _, _, record, _ = run(tiny, epochs=3, decay=CosineDecay())
    rates = [entry.learning_rate for entry in record.history]
    assert rates == pytest.approx([0.02, 0.02, 0.015, 0.005])
    _, _, record, _ = run(tiny, epochs=4, learning_rate=5.0, clip_norm=None, decay=ReduceOnPlateau(0.1, 1))
    assert [entry.learning_rate for entry in record.history] == pytest.approx([5.0, 5.0, 0.5, 0.05, 0.005])


def test_zero_epochs_only_validate(tiny):
    network = tiny.Network()
    before = copy.deepcopy(network.state_dict())
    _, _, record, _ = run(tiny, network=network, epochs=0)
    assert (record.epochs, record.best_epoch, len(record.history)) == (0, 0, 1)
    assert tiny.same_bits(before, network.state_dict())


def test_one_example_and_one_step_of_time_suffice(tiny):
    task = tiny.Task(examples=1, validation=1)
    task._inputs = task._inputs[:, :1]
    _, _, record, _ = run(tiny, task=task, epochs=2)
    assert record.epochs == 2


def test_frozen_parameters_stay_as_they_are(tiny):
    network = tiny.Network()
    network.head.requires_grad_(False)
    before = network.head.weight.clone()
    run(tiny, network=network, task=tiny.Task(validation=0))
    assert torch.equal(before, network.head.weight)


def test_nothing_to_learn_from_is_refused(tiny):
    with pytest.raises(DataError, match="no example"):
        run(tiny, task=tiny.Task(examples=0))


def test_nothing_to_learn_is_refused(tiny):
    with pytest.raises(NurtValueError, match="nothing to train"):
        run(tiny, network=tiny.Network().requires_grad_(False))


def test_a_loss_with_axes_is_refused(tiny):
    task = tiny.Task(loss=lambda given, wanted: (given - wanted).square().mean(1))
    with pytest.raises(ShapeError, match=r"no scalar.*\n.*shape \(7,\)"):
        run(tiny, task=task)


def test_resume_needs_a_checkpoint(tiny):
    with pytest.raises(NurtValueError, match="needs a checkpoint"):
        train(tiny.Network(), tiny.Task(), TrainingSettings(), resume=True)


def ctrl_c_at(step):
    """Press Ctrl-C while the given step is being taken."""

    def press(number):
        if number == step:
            signal.raise_signal(signal.SIGINT)

    return press


def test_ctrl_c_ends_training_after_the_current_step(tiny):
    network, task, record, _ = run(tiny, task=tiny.Task(before_loss=ctrl_c_at(6)))
    assert task.steps == 6
    assert (record.stopped_by, record.epochs) == ("interrupt", 1)
    assert task.validate(network) == min(entry.validation_loss for entry in record.history)
    assert not network.training
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_goes_through(tiny):
    def press_twice(number):
        if number == 2:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tiny, task=tiny.Task(before_loss=press_twice))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("validation", [0, 11])
def test_an_interrupt_where_no_handler_can_be_set_ends_training_too(tiny, validation):
    def raise_it(number):
        if number == 2:
            raise KeyboardInterrupt

    found = []
    task = tiny.Task(before_loss=raise_it, validation=validation)
    thread = threading.Thread(target=lambda: found.append(run(tiny, task=task)[2]))
    thread.start()
    thread.join()
    assert found[0].stopped_by == "interrupt"
    assert found[0].epochs == 0
    assert found[0].best_epoch == (0 if validation else 1)


def test_someone_elses_handler_is_left_in_place(tiny):
    pressed = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        _, _, record, _ = run(tiny, task=tiny.Task(before_loss=ctrl_c_at(2)), epochs=1)
        assert signal.getsignal(signal.SIGINT) is not before
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed == [signal.SIGINT]
    assert record.stopped_by == "epochs"


def test_an_error_of_the_listener_goes_through_and_leaves_everything_in_order(tiny):
    def listener(event):
        if isinstance(event, StepEnded):
            raise RuntimeError("listener fell asleep")

    network = tiny.Network()
    state = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="fell asleep"):
        train(network, tiny.Task(), TrainingSettings(**tiny.SETTINGS), listener=listener)
    assert not network.training
    assert torch.equal(state, torch.get_rng_state())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_nothing_is_written_without_a_checkpoint(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run(tiny, epochs=1)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_gradients_beyond_the_range_of_a_square_are_clipped_not_fatal(tiny):
    task = tiny.Task(loss=lambda given, wanted: 1e25 * (given - wanted).abs().mean())
    _, _, record, _ = run(tiny, task=task, epochs=1)
    assert record.history[-1].clipped_share == 1.0
    assert math.isfinite(record.history[-1].gradient_norm)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_two_runs_and_a_resumed_one_give_the_same_bits(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

    def task(**parts):
        made = tiny.Task(**parts)
        made._inputs, made._targets = made._inputs.cuda(), made._targets.cuda()
        type(made).fingerprint = "on the GPU"
        return made

    settings = TrainingSettings(**tiny.SETTINGS)
    whole = tiny.Network().cuda()
    train(whole, task(), settings)
    checkpoint = Checkpoint(tmp_path / "run.safetensors")
    resumed = tiny.Network().cuda()
    train(resumed, task(before_loss=ctrl_c_at(6)), settings, checkpoint=checkpoint)
    train(resumed, task(), settings, checkpoint=checkpoint, resume=True)
    assert tiny.same_bits(whole.state_dict(), resumed.state_dict())
