"""A task of its own trains, is interrupted, resumes bit for bit, is saved, loaded, examined and explained."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch
from tests.tasks.classifier import Classifier
from torch import Tensor

from nurt.diagnostics import Scope
from nurt.errors import ModelFileError, NotFittedError, NurtValueError, OutputError
from nurt.tasks.estimator import Estimator
from nurt.tasks.forecasting import Forecaster
from nurt.tasks.running import OutputFolder, TrainingInterrupted, TrainingSession, trained
from nurt.tasks.summary import ModelSummary, summarise
from nurt.training import Checkpoint, CheckpointFailed, EpochEnded, Event, StepEnded, TrainingSettings

Sample = tuple[list[Tensor], Tensor]


@pytest.fixture
def sample() -> Sample:
    """Rising and falling sequences of 2 to 9 steps."""
    random = torch.Generator().manual_seed(5)
    lengths = torch.randint(2, 10, (23,), generator=random).tolist()
    classes = torch.arange(23) % 2
    steps = [
        torch.randn(length, 2, generator=random) + (1 - 2 * one) for length, one in zip(lengths, classes, strict=True)
    ]
    return [one.cumsum(0) for one in steps], classes


def same_weights(one: Classifier, other: Classifier) -> bool:
    return all(map(torch.equal, one.network_.state_dict().values(), other.network_.state_dict().values()))


def interrupt_at(epoch: int, training: int = 1):
    """Return a listener that interrupts one of several trainings at the end of an epoch."""
    seen = 0

    def listen(event: Event) -> None:
        nonlocal seen
        if isinstance(event, EpochEnded):
            seen += event.epoch == 1
            if (seen, event.epoch) == (training, epoch):
                raise KeyboardInterrupt

    return listen


def test_it_learns(sample: Sample) -> None:
    model = Classifier(training=TrainingSettings(epochs=20, batch_size=4, learning_rate=0.02)).fit(*sample)
    assert (model.predict(sample[0]) == sample[1]).float().mean() > 0.9


@pytest.mark.parametrize("training", [1, 2])
def test_an_interrupted_run_continues_bit_for_bit(sample: Sample, tmp_path: Path, training: int) -> None:
    def fit(seed: int, session: TrainingSession) -> Classifier:
        return Classifier(random_state=seed).fit(*sample, session)

    with trained(fit, (3, 4), tmp_path / "whole") as whole:
        pass
    interrupted = trained(fit, (3, 4), tmp_path / "cut", listener=interrupt_at(2, training))
    with pytest.raises(TrainingInterrupted, match="after 2 epochs") as caught, interrupted:
        raise AssertionError("nothing to conclude")
    assert Classifier.load(caught.value.model_file).random_state == 3
    assert caught.value.checkpoint.exists()
    with trained(fit, (3, 4), tmp_path / "cut", resume=True) as resumed:
        assert caught.value.checkpoint.exists()
    assert all(map(same_weights, whole, resumed))
    assert not same_weights(*whole)
    assert [path.name for path in (tmp_path / "cut").iterdir()] == ["model.safetensors"]


def test_checkpoints_stay_when_the_conclusion_fails(sample: Sample, tmp_path: Path) -> None:
    run = trained(lambda seed, session: Classifier(random_state=seed).fit(*sample, session), (0,), tmp_path)
    with pytest.raises(ZeroDivisionError), run:
        raise ZeroDivisionError
    assert (tmp_path / "checkpoint.safetensors").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    run = trained(lambda *_: pytest.fail("trained"), (0,), tmp_path / "file" / "out")
    with pytest.raises(OutputError, match="cannot be written to"), run:
        pass


def test_it_is_saved_and_loaded_and_other_kinds_are_refused(sample: Sample, tmp_path: Path) -> None:
    model = Classifier(hidden=3, cell="elman").fit(*sample)
    model.save(tmp_path / "m")
    loaded = Classifier.load(tmp_path / "m")
    assert repr(loaded) == repr(model) == "Classifier(cell='elman', hidden=3)"
    assert same_weights(loaded, model)
    assert torch.equal(loaded.predict(sample[0]), model.predict(sample[0]))
    assert loaded.training_record_ == model.training_record_
    assert type(Estimator.load(tmp_path / "m")) is Classifier
    with pytest.raises(ModelFileError, match="Expected a model of kind 'forecaster'; got 'toy classifier'"):
        Forecaster.load(tmp_path / "m")


def test_it_is_examined_explained_and_summed_up(sample: Sample) -> None:
    model = Classifier().fit(*sample)
    found = model.examine(*sample, scope=Scope(("reach",), rows=7))
    assert found.rows == 7
    assert found.loss > 0
    assert [part.rung for part in model.explain().parts.values()] == ["native"]
    model.name = "GRU"
    model.layers = 1
    assert summarise(model, ModelSummary) == ModelSummary("GRU", "gru", 1, 5, model.parameter_count, "native")


def test_parameters_are_checked_before_any_work(sample: Sample) -> None:
    with pytest.raises(NurtValueError, match="Classifier: unusable `hidden`"):
        Classifier(hidden=65).fit(*sample)
    with pytest.raises(NurtValueError, match="Classifier: unknown `cell`"):
        Classifier(cell="transformer").fit(*sample)
    with pytest.raises(NurtValueError, match="Classifier has no parameter 'width'"):
        Classifier().set_params(width=3)
    with pytest.raises(NotFittedError, match="This Classifier has not learnt anything yet"):
        Classifier().predict(sample[0])


def kept(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_checkpoints_live_as_long_as_the_open_folder(sample: Sample, tmp_path: Path) -> None:
    def fit(seed: int, session: TrainingSession) -> Classifier:
        return Classifier(random_state=seed).fit(*sample, session)

    with OutputFolder(tmp_path / "out") as folder:
        assert not (tmp_path / "out").exists()
        with trained(fit, (3, 4), folder):
            pass
        folder.keep("table.csv", lambda path: path.write_text("x"))
        assert kept(tmp_path / "out") == [
            ".nurt-lock", "checkpoint-seed-4.safetensors", "checkpoint.safetensors", "model.safetensors", "table.csv",
        ]  # fmt: skip
    assert kept(tmp_path / "out") == ["model.safetensors", "table.csv"]


def test_a_file_that_cannot_be_written_keeps_the_checkpoints_and_is_named(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise OutputError(f"Cannot write {path}: the disk is full.")

    with OutputFolder(tmp_path) as folder:
        folder.begin()
        folder.checkpoint(3, first=True).touch()
        assert folder.keep("a", refuse) is None
        assert folder.keep("b", refuse) is None
        assert folder.keep("b", lambda path: path.touch()) == tmp_path / "b"
    assert kept(tmp_path) == ["b", "checkpoint.safetensors"]
    message = str(folder.failure())
    assert "Not written: a. Cannot write" in message
    assert "the disk is full" in message
    assert "--resume" in message
    assert str(tmp_path) in message


def test_a_new_run_forgets_older_checkpoints_and_a_resumed_one_does_not(tmp_path: Path) -> None:
    names = ["checkpoint-seed-12.safetensors", "checkpoint.safetensors"]
    others = ["checkpoint-mine.safetensors", "checkpoint.txt", "model.safetensors"]
    for name in (*names, *others, ".0123456789abcdef.part"):
        (tmp_path / name).touch()
    with pytest.raises(ZeroDivisionError), OutputFolder(tmp_path, resume=True) as folder:
        folder.begin()
        folder.begin()
        raise ZeroDivisionError
    assert kept(tmp_path) == sorted([*names, *others])
    with pytest.raises(ZeroDivisionError), OutputFolder(tmp_path) as folder:
        folder.begin()
        raise ZeroDivisionError
    assert kept(tmp_path) == others


def test_a_second_run_into_the_folder_is_refused_and_harms_nothing(sample: Sample, tmp_path: Path) -> None:
    def fit(seed: int, session: TrainingSession) -> Classifier:
        return Classifier(random_state=seed).fit(*sample, session)

    with trained(fit, (3,), tmp_path):
        with pytest.raises(OutputError, match="is writing into"), trained(fit, (3,), tmp_path):
            raise AssertionError("two runs in one folder")
        assert (tmp_path / "checkpoint.safetensors").exists()


def test_a_last_checkpoint_that_cannot_be_written_does_not_undo_the_training(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = False
    flush = os.fsync

    def flush_if_room(descriptor: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(descriptor)

    def fill(event: Event) -> None:
        nonlocal full
        full = full or isinstance(event, StepEnded)

    monkeypatch.setattr(os, "fsync", flush_if_room)
    alone = Classifier().fit(*sample)
    checkpoint = Checkpoint(tmp_path / "c.safetensors")
    told: list[Event] = []

    def listen(event: Event) -> None:
        told.append(event)
        fill(event)

    assert same_weights(Classifier().fit(*sample, TrainingSession(listen, checkpoint)), alone)
    assert any(isinstance(event, CheckpointFailed) for event in told)
    full = False

    monkeypatch.setattr("nurt.training.checkpoint.CheckpointWriter.begin", lambda _: None)
    full = True
    with pytest.warns(RuntimeWarning, match="the disk is full.*Training itself is done"):
        assert same_weights(Classifier().fit(*sample, TrainingSession(None, checkpoint)), alone)
