"""A forecaster looked into: on windows of the data, with its own loss, small and large."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from nurt.data import Selection, Series
from nurt.diagnostics import Scope
from nurt.errors import DataError, ModelFileError, NonFiniteError, NurtTypeError
from nurt.tasks.forecasting import Forecaster, run_examine
from nurt.tasks.forecasting.forecaster import QUICK

Maker = Callable[..., Forecaster]


@pytest.mark.parametrize(
    "told", [{}, {"cell": "gru", "layers": 2}, {"cell": "elman", "loss": "squared"}, {"strategy": "recursive"}]
)
def test_windows_of_the_data_are_examined(walk: np.ndarray, quick: Maker, told: dict[str, object]) -> None:
    forecaster = quick(**told).fit(walk)
    found = forecaster.examine([Series(walk)], scope=Scope(rows=5))
    assert (found.rows, found.steps) == (5, 17)
    assert len(found.layers) == told.get("layers", 1)
    assert found.whole is not None
    assert len(found.whole.norms.mean) == 17
    assert np.isfinite(found.loss)


def test_the_quick_scope_leaves_the_expensive_parts_out(walk: np.ndarray, quick: Maker) -> None:
    found = quick().fit(walk).examine([Series(walk)], scope=QUICK)
    assert {name for name, _ in found.top.parts()} == {"truncation", "gates", "memory"}


def test_gaps_are_passed_over(walk: np.ndarray, quick: Maker) -> None:
    forecaster = quick().fit(walk)
    walk[60:] = np.nan
    assert np.isfinite(forecaster.examine([Series(walk)], scope=QUICK).loss)


def test_a_model_file_is_examined_and_never_changed(walk: np.ndarray, quick: Maker, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    quick().fit(walk).save(path)
    before = path.read_bytes()
    first, second = (run_examine(path, Selection((Series(walk),)), QUICK) for _ in range(2))
    assert first.to_dict() == second.to_dict()
    assert first.observations == len(walk)
    assert path.read_bytes() == before


def test_what_cannot_be_examined(walk: np.ndarray, quick: Maker, tmp_path: Path) -> None:
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
        next(forecaster.network_.encoder.parameters()).fill_(float("nan"))
    with pytest.raises(NonFiniteError):
        forecaster.examine([Series(walk)], scope=QUICK)
