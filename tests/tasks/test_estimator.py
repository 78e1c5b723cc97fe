"""A saved forecaster comes back to the last bit and is examined; anything else is refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from nurt.data import Selection, Series
from nurt.data.scaling import WindowScaling
from nurt.diagnostics import Scope
from nurt.errors import DataError, ModelFileError, NonFiniteError, NotFittedError, NurtTypeError, OutputError
from nurt.tasks.estimator import Estimator
from nurt.tasks.forecasting import Forecaster, run_examine
from nurt.tasks.forecasting.forecaster import QUICK
from nurt.tasks.modelfile import load_model, save_model
from nurt.training import CosineDecay, ReduceOnPlateau, TrainingSettings

Make = Callable[..., Forecaster]


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"cell": "gru", "scaling": "minmax", "loss": "squared"},
        {"scaling": WindowScaling("mean", "train"), "levels": (50, 90)},
        {"strategy": "recursive", "rollout": 2, "cell": "elman", "scaling": "standard"},
        {"training": TrainingSettings(epochs=1, decay=ReduceOnPlateau()), "cell": "linear"},
        {"training": TrainingSettings(epochs=1, decay=CosineDecay()), "layers": 2},
    ],
)
def test_what_is_loaded_is_what_was_saved(
    told: dict[str, object], walk: np.ndarray, quick: Make, tmp_path: Path
) -> None:
    model = quick(**told).fit(walk)
    model.save(tmp_path / "model.safetensors")
    loaded = Forecaster.load(tmp_path / "model.safetensors")
    assert loaded.get_params() == model.get_params()
    assert type(Estimator.load(tmp_path / "model.safetensors")) is Forecaster
    level = model.levels
    for before, after in zip(
        model.predict(walk, level=level).values(), loaded.predict(walk, level=level).values(), strict=True
    ):
        assert np.array_equal(before, after)
    assert loaded.training_record_.to_dict() == model.training_record_.to_dict()
    assert loaded.backtest(np.append(walk, walk[-1])).origins == 1


def test_a_model_from_before_the_ledger_is_loaded(walk: np.ndarray, quick: Make, tmp_path: Path) -> None:
    model = quick(training=TrainingSettings(epochs=1)).fit(walk)
    model.save(tmp_path / "new")
    tensors, metadata = load_model(tmp_path / "new")
    settings = dict(metadata.settings)
    settings["training"] = {key: value for key, value in settings["training"].items() if key != "clip_value"}
    training = {key: value for key, value in metadata.training.items() if key != "clipping"}
    save_model(tmp_path / "old", tensors, metadata.model_copy(update={"settings": settings, "training": training}))
    loaded = Forecaster.load(tmp_path / "old")
    assert loaded.training_record_.clipping is None
    assert loaded.get_params() == model.get_params()
    assert Forecaster.load(tmp_path / "new").training_record_ == model.training_record_


def test_a_loaded_model_asks_for_the_history(walk: np.ndarray, quick: Make, tmp_path: Path) -> None:
    quick().fit(walk).save(tmp_path / "m")
    with pytest.raises(NotFittedError, match="does not carry its training data"):
        Forecaster.load(tmp_path / "m").predict()


def test_saving_before_fitting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        Forecaster().save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_an_unwritable_place_is_an_output_error(walk: np.ndarray, quick: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        quick().fit(walk).save(tmp_path / "file" / "model.safetensors")


@pytest.mark.parametrize("part", ["architecture", "settings", "data", "training"])
def test_a_description_with_a_hole_is_refused(part: str, walk: np.ndarray, quick: Make, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    quick().fit(walk).save(path)
    tensors, metadata = load_model(path)
    hole = json.loads(metadata.model_dump_json())
    hole[part].pop(sorted(hole[part])[0])
    hole[part]["surprise"] = 1
    save_model(path, tensors, type(metadata).model_validate(hole))
    with pytest.raises(ModelFileError):
        Forecaster.load(path)


@pytest.mark.parametrize(
    "told", [{}, {"cell": "gru", "layers": 2}, {"cell": "elman", "loss": "squared"}, {"strategy": "recursive"}]
)
def test_windows_of_the_data_are_examined(walk: np.ndarray, quick: Make, told: dict[str, object]) -> None:
    forecaster = quick(**told).fit(walk)
    found = forecaster.examine([Series(walk)], scope=Scope(rows=5))
    assert (found.rows, found.steps) == (5, 17)
    assert len(found.layers) == told.get("layers", 1)
    assert found.whole is not None
    assert len(found.whole.norms.mean) == 17
    assert np.isfinite(found.loss)


def test_the_quick_scope_leaves_the_expensive_parts_out(walk: np.ndarray, quick: Make) -> None:
    found = quick().fit(walk).examine([Series(walk)], scope=QUICK)
    assert {name for name, _ in found.top.parts()} == {"truncation", "gates", "memory"}


def test_gaps_are_passed_over(walk: np.ndarray, quick: Make) -> None:
    forecaster = quick().fit(walk)
    walk[60:] = np.nan
    assert np.isfinite(forecaster.examine([Series(walk)], scope=QUICK).loss)


def test_a_model_file_is_examined_and_never_changed(walk: np.ndarray, quick: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    quick().fit(walk).save(path)
    before = path.read_bytes()
    first, second = (run_examine(path, Selection((Series(walk),)), QUICK) for _ in range(2))
    assert first.to_dict() == second.to_dict()
    assert first.observations == len(walk)
    assert path.read_bytes() == before


def test_what_cannot_be_examined(walk: np.ndarray, quick: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    forecaster = quick().fit(walk)
    forecaster.save(path)
    with pytest.raises(DataError, match="No window"):
        run_examine(path, Selection((Series(walk[:20]),)))
    wider = Series(walk, covariates=np.zeros((len(walk), 1)), covariate_names=("other",))
    with pytest.raises(ModelFileError, match="columns"):
        run_examine(path, Selection((wider,)))
    (tmp_path / "foreign").write_bytes(b"something else")
    with pytest.raises(ModelFileError):
        run_examine(tmp_path / "foreign", Selection((Series(walk),)))
    with pytest.raises(NurtTypeError, match="half precision"):
        forecaster.network_.half()
        forecaster.examine([Series(walk)], scope=QUICK)
    forecaster.network_.float()
    with torch.no_grad():
        next(forecaster.network_.first.encoder.parameters()).fill_(float("nan"))
    with pytest.raises(NonFiniteError):
        forecaster.examine([Series(walk)], scope=QUICK)
