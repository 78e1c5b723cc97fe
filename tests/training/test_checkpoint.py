from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from nurt.errors import DataError, NurtTypeError, NurtValueError, OutputError
from nurt.training import (
    Checkpoint,
    CheckpointError,
    CheckpointFailed,
    CosineDecay,
    EpochEnded,
    ReduceOnPlateau,
    TrainingEnded,
    TrainingSettings,
    TrainingStarted,
    train,
)
from nurt.training.tensorfile import read_tensor_file, write_tensor_file

pytestmark = pytest.mark.usefixtures("one_thread")


def settings_of(tiny, **changes):
    return TrainingSettings(**{**tiny.SETTINGS, "decay": ReduceOnPlateau(0.5, 1), **changes})


@pytest.fixture
def whole(tiny):
    """Network and record of a run that nothing disturbed."""
    network = tiny.Network()
    return network, train(network, tiny.Task(), settings_of(tiny))


def stopped(tiny, path, step=6, **changes):
    """A run stopped by Ctrl-C in the given step, its checkpoint at ``path``."""

    def press(number):
        if number == step:
            signal.raise_signal(signal.SIGINT)

    network = tiny.Network()
    checkpoint = Checkpoint(path)
    record = train(network, tiny.Task(before_loss=press), settings_of(tiny, **changes), checkpoint=checkpoint)
    assert record.stopped_by == "interrupt"
    return checkpoint


def test_a_killed_run_resumed_ends_with_the_bits_of_one_that_was_not(tiny, whole, tmp_path):
    steps = random.sample(range(2, 17), 5)
    places = [("step", step) for step in steps] + [("write", 3), ("write", random.randint(5, 10))]
    paths = [tmp_path / f"{place}-{number}.safetensors" for place, number in places]
    arguments = [f"{place}:{number}:{path}" for (place, number), path in zip(places, paths, strict=True)]
    subprocess.run([sys.executable, Path(__file__).with_name("killed.py"), *arguments], check=True)
    network, record = whole
    for path in paths:
        # Other initial weights and another state of the generator: all must come from the file.
        resumed, task = tiny.Network(seed=99), tiny.Task()
        torch.manual_seed(random.randint(0, 1000))
        again = train(resumed, task, settings_of(tiny), checkpoint=Checkpoint(path), resume=True)
        assert tiny.same_bits(network.state_dict(), resumed.state_dict()), path
        assert tiny.without_seconds(again) == tiny.without_seconds(record), path
    assert task.steps < 16


@pytest.mark.parametrize("step", range(1, 17))
def test_a_run_interrupted_at_any_step_and_resumed_ends_with_the_same_bits(tiny, whole, tmp_path, step):
    checkpoint = stopped(tiny, tmp_path / "run.safetensors", step)
    resumed, task = tiny.Network(seed=99), tiny.Task()
    again = train(resumed, task, settings_of(tiny), checkpoint=checkpoint, resume=True)
    assert task.steps == 16 - step
    network, record = whole
    assert tiny.same_bits(network.state_dict(), resumed.state_dict())
    assert tiny.without_seconds(again) == tiny.without_seconds(record)
    last = read_tensor_file(checkpoint.path, kind="nurt-checkpoint", version=1)[0]
    assert last["adam/head.bias/step"] == 16


def test_without_a_validation_part_a_resumed_run_ends_with_the_same_bits(tiny, tmp_path):
    whole = tiny.Network()
    train(whole, tiny.Task(validation=0), settings_of(tiny))

    def press(number):
        if number == 3:
            signal.raise_signal(signal.SIGINT)

    checkpoint, resumed = Checkpoint(tmp_path / "run.safetensors"), tiny.Network()
    train(resumed, tiny.Task(validation=0, before_loss=press), settings_of(tiny), checkpoint=checkpoint)
    train(resumed, tiny.Task(validation=0), settings_of(tiny), checkpoint=checkpoint, resume=True)
    assert tiny.same_bits(whole.state_dict(), resumed.state_dict())


def test_a_checkpoint_does_not_change_the_run(tiny, whole, tmp_path):
    network = tiny.Network()
    checkpoint = Checkpoint(tmp_path / "run.safetensors", every_seconds=None, every_steps=1, every_epochs=1)
    train(network, tiny.Task(), settings_of(tiny), checkpoint=checkpoint)
    assert tiny.same_bits(whole[0].state_dict(), network.state_dict())
    assert [path.name for path in tmp_path.iterdir()] == ["run.safetensors"]


def test_resuming_a_finished_run_returns_it(tiny, whole, tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.safetensors")
    train(tiny.Network(), tiny.Task(), settings_of(tiny), checkpoint=checkpoint)
    network, task = tiny.Network(seed=99), tiny.Task()
    record = train(network, task, settings_of(tiny), checkpoint=checkpoint, resume=True)
    assert task.steps == 0
    assert tiny.without_seconds(record) == tiny.without_seconds(whole[1])
    assert tiny.same_bits(whole[0].state_dict(), network.state_dict())


def test_a_finished_run_goes_on_when_more_epochs_are_asked_for(tiny, whole, tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.safetensors")
    network = tiny.Network()
    train(network, tiny.Task(), settings_of(tiny, epochs=2, patience=50), checkpoint=checkpoint)
    train(network, tiny.Task(), settings_of(tiny), checkpoint=checkpoint, resume=True)
    assert tiny.same_bits(whole[0].state_dict(), network.state_dict())


def test_seconds_add_up_over_sessions(tiny, tmp_path):
    checkpoint = stopped(tiny, tmp_path / "run.safetensors")
    tensors, document = read_tensor_file(checkpoint.path, kind="nurt-checkpoint", version=1)
    document["progress"]["seconds"] += 1000.0
    write_tensor_file(checkpoint.path, tensors, document)
    record = train(tiny.Network(), tiny.Task(), settings_of(tiny), checkpoint=checkpoint, resume=True)
    assert 1000.0 < record.seconds < 1100.0
    assert record.history[2].seconds > 1000.0


@pytest.mark.parametrize(
    ("cadence", "writes"),
    [
        ({"every_steps": 5}, 1 + 3 + 1),
        ({"every_epochs": 2}, 1 + 2 + 1),
        ({"every_seconds": 1e-9}, 1 + 16 + 1),
        ({}, 1 + 1),
    ],
)
def test_a_checkpoint_is_written_at_the_start_when_due_and_at_the_end(tiny, tmp_path, monkeypatch, cadence, writes):
    written = []
    monkeypatch.setattr("nurt.training.checkpoint.write_tensor_file", lambda *parts: written.append(parts))
    checkpoint = Checkpoint(tmp_path / "run", **{"every_seconds": None, **cadence})
    train(tiny.Network(), tiny.Task(), settings_of(tiny), checkpoint=checkpoint)
    assert len(written) == writes


@pytest.mark.parametrize("name", ["every_seconds", "every_steps", "every_epochs"])
def test_an_interval_that_is_none_is_refused(name):
    with pytest.raises(NurtValueError, match=name):
        Checkpoint("run", **{name: 0})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 8}, r"setting `batch_size` \(7 then, 8 now\)"),
        ({"seed": 6, "clip_norm": None}, r"`clip_norm` \(0.4 then, None now\); setting `seed` \(5 then, 6 now\)"),
        ({"decay": CosineDecay()}, "setting `decay`"),
    ],
)
def test_other_settings_are_refused_by_name(tiny, tmp_path, changes, words):
    checkpoint = stopped(tiny, tmp_path / "run.safetensors")
    with pytest.raises(DataError, match=words):
        train(tiny.Network(), tiny.Task(), settings_of(tiny, **changes), checkpoint=checkpoint, resume=True)


def test_a_checkpoint_from_before_the_ledger_is_resumed(tiny, whole, tmp_path):
    checkpoint = stopped(tiny, tmp_path / "run.safetensors")
    tensors, document = read_tensor_file(checkpoint.path, kind="nurt-checkpoint", version=1)
    del document["progress"]["ledger"], document["binding"]["settings"]["clip_value"]
    write_tensor_file(checkpoint.path, tensors, document)
    network = tiny.Network(seed=99)
    record = train(network, tiny.Task(), settings_of(tiny), checkpoint=checkpoint, resume=True)
    assert tiny.same_bits(whole[0].state_dict(), network.state_dict())
    assert record.clipping.updates == 16 - 6


def test_another_number_of_epochs_is_refused_when_the_decay_depends_on_it(tiny, tmp_path):
    checkpoint = stopped(tiny, tmp_path / "run.safetensors", decay=CosineDecay())
    with pytest.raises(DataError, match=r"setting `epochs` \(4 then, 5 now\)"):
        settings = settings_of(tiny, decay=CosineDecay(), epochs=5)
        train(tiny.Network(), tiny.Task(), settings, checkpoint=checkpoint, resume=True)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({"hidden": 6}, r"`head.weight` \(float32 \(3, 5\) then, float32 \(3, 6\) now\)"),
        ({"dropout": 0.1}, "the structure of the model"),
    ],
)
def test_another_model_is_refused_and_left_alone(tiny, tmp_path, network, words):
    checkpoint = stopped(tiny, tmp_path / "run.safetensors")
    other = tiny.Network(**network)
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with pytest.raises(DataError, match=words):
        train(other, tiny.Task(), settings_of(tiny), checkpoint=checkpoint, resume=True)
    assert tiny.same_bits(before, other.state_dict())


@pytest.mark.parametrize(
    ("task", "words"),
    [({"data_seed": 2}, "their fingerprint has changed"), ({"examples": 22}, r"training examples \(23 then, 22 now\)")],
)
def test_other_data_are_refused(tiny, tmp_path, task, words):
    checkpoint = stopped(tiny, tmp_path / "run.safetensors")
    with pytest.raises(DataError, match=words):
        train(tiny.Network(), tiny.Task(**task), settings_of(tiny), checkpoint=checkpoint, resume=True)


def test_another_number_of_threads_is_said_not_hidden(tiny, tmp_path):
    checkpoint = stopped(tiny, tmp_path / "run.safetensors")
    torch.set_num_threads(2)
    events = []
    train(tiny.Network(), tiny.Task(), settings_of(tiny), checkpoint=checkpoint, resume=True, listener=events.append)
    started = next(event for event in events if isinstance(event, TrainingStarted))
    assert started.first_epoch == 2
    assert len(started.notes) == 1
    assert "threads 2 instead of 1" in started.notes[0]


def test_no_checkpoint_at_all_is_an_error_with_a_cure(tiny, tmp_path):
    with pytest.raises(DataError, match=r"none\.safetensors does not exist.*\n.*start over without `resume`"):
        train(
            tiny.Network(),
            tiny.Task(),
            settings_of(tiny),
            checkpoint=Checkpoint(tmp_path / "none.safetensors"),
            resume=True,
        )


def test_a_damaged_checkpoint_is_refused_by_name_with_a_cure(tiny, tmp_path):
    checkpoint = stopped(tiny, tmp_path / "run.safetensors")
    content = checkpoint.path.read_bytes()
    flipped = bytearray(content)
    flipped[-100] ^= 4
    for damaged in (content[:-1], content[: len(content) // 2], content[:5], b"", bytes(flipped), b"x" * 9999):
        checkpoint.path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"run\.safetensors is .*\n.*start over without `resume`"):
            train(tiny.Network(), tiny.Task(), settings_of(tiny), checkpoint=checkpoint, resume=True)


def test_a_model_with_state_that_is_no_tensor_is_refused_before_training(tiny, tmp_path):
    class Odd(tiny.Network):
        def get_extra_state(self):
            return {"mood": "odd"}

        def set_extra_state(self, state):
            pass

    task = tiny.Task()
    with pytest.raises(NurtTypeError, match="_extra_state"):
        train(Odd(), task, settings_of(tiny), checkpoint=Checkpoint(tmp_path / "run.safetensors"))
    assert task.steps == 0


def test_tied_weights_survive(tiny, tmp_path):
    class Tied(tiny.Network):
        def __init__(self):
            super().__init__(hidden=3)
            self.again = nn.Linear(3, 3, bias=False)
            self.again.weight = self.head.weight

        def forward(self, inputs):
            return self.again(super().forward(inputs))

    whole = Tied()
    train(whole, tiny.Task(), settings_of(tiny))

    def press(number):
        if number == 6:
            signal.raise_signal(signal.SIGINT)

    checkpoint, resumed = Checkpoint(tmp_path / "run.safetensors"), Tied()
    train(resumed, tiny.Task(before_loss=press), settings_of(tiny), checkpoint=checkpoint)
    train(resumed, tiny.Task(), settings_of(tiny), checkpoint=checkpoint, resume=True)
    assert tiny.same_bits(whole.state_dict(), resumed.state_dict())


def test_a_place_that_cannot_be_written_is_refused_before_the_first_step(tiny, tmp_path):
    (tmp_path / "file").write_text("in the way")
    task = tiny.Task()
    with pytest.raises(OutputError, match=r"Cannot write .*run"):
        train(tiny.Network(), task, settings_of(tiny), checkpoint=Checkpoint(tmp_path / "file" / "run"))
    assert task.steps == 0


@pytest.fixture
def disk(monkeypatch):
    """A disk that is full when told so: a list of the writes it refused, and a switch."""

    class Disk:
        full = False

    flush = os.fsync

    def flush_if_room(descriptor):
        if Disk.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", flush_if_room)
    return Disk


def test_a_disk_that_fills_up_does_not_cost_the_training(tiny, whole, tmp_path, disk):
    def fill(step):
        disk.full = step >= 5

    network, events = tiny.Network(), []
    checkpoint = Checkpoint(tmp_path / "run.safetensors", every_steps=1)
    with pytest.raises(
        CheckpointError, match=r"the disk is full.*Training itself is done.*\n.*Save the model"
    ) as caught:
        train(network, tiny.Task(before_loss=fill), settings_of(tiny), checkpoint=checkpoint, listener=events.append)
    assert tiny.same_bits(whole[0].state_dict(), network.state_dict())
    assert tiny.without_seconds(caught.value.record) == tiny.without_seconds(whole[1])
    assert sum(isinstance(event, CheckpointFailed) for event in events) == 12 + 1
    assert isinstance(events[-1], TrainingEnded)
    assert [path.name for path in tmp_path.iterdir()] == ["run.safetensors"]
    disk.full = False
    again, task = tiny.Network(), tiny.Task()
    train(again, task, settings_of(tiny), checkpoint=checkpoint, resume=True)
    assert task.steps == 16 - 4
    assert tiny.same_bits(whole[0].state_dict(), again.state_dict())


def test_a_disk_that_was_full_for_a_while_is_forgiven(tiny, tmp_path, disk):
    def fill(step):
        disk.full = 5 <= step < 8

    events = []
    checkpoint = Checkpoint(tmp_path / "run.safetensors", every_steps=1)
    train(tiny.Network(), tiny.Task(before_loss=fill), settings_of(tiny), checkpoint=checkpoint, listener=events.append)
    assert sum(isinstance(event, CheckpointFailed) for event in events) == 3


def test_a_resumed_run_names_the_parameters_in_the_same_order(tiny, whole, tmp_path):
    def cut(event):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            raise ZeroDivisionError

    checkpoint = Checkpoint(tmp_path / "run.safetensors", every_epochs=1, every_seconds=None)
    with pytest.raises(ZeroDivisionError):
        train(tiny.Network(), tiny.Task(), settings_of(tiny), checkpoint=checkpoint, listener=cut)
    record = train(tiny.Network(), tiny.Task(), settings_of(tiny), checkpoint=checkpoint, resume=True)
    assert repr(tiny.without_seconds(record)) == repr(tiny.without_seconds(whole[1]))
    assert list(record.clipping.shares) != sorted(record.clipping.shares)
    assert list(record.clipping.shares) == list(whole[1].clipping.shares)


def test_a_half_written_checkpoint_of_a_killed_run_is_removed(tiny, tmp_path):
    (tmp_path / ".0123456789abcdef.part").write_text("half")
    train(tiny.Network(), tiny.Task(), settings_of(tiny), checkpoint=Checkpoint(tmp_path / "run.safetensors"))
    assert [one.name for one in tmp_path.iterdir()] == ["run.safetensors"]
