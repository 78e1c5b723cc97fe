"""A task of its own trains, is interrupted, resumes bit for bit, is saved, loaded, examined and explained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.tasks.classifier import Classifier
from torch import Tensor

from nurt.diagnostics import Scope
from nurt.errors import ModelFileError, NotFittedError, NurtValueError, OutputError
from nurt.tasks.estimator import Estimator
from nurt.tasks.forecasting import Forecaster
from nurt.tasks.running import TrainingInterrupted, TrainingSession, trained
from nurt.tasks.summary import ModelSummary, summarise
from nurt.training import EpochEnded, Event, TrainingSettings

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
