"""Data at the edges of single precision are refused in words, and what cannot be forecast is missing, not NaN."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from nurt.cli.main import app
from nurt.data import Series
from nurt.errors import DataError
from nurt.tasks.forecasting import Forecaster
from nurt.tasks.forecasting.precision import require_single_precision, require_size
from nurt.training import TrainingSettings

SMALL = ["--look-back", "5", "--horizon", "2", "--hidden", "3", "--epochs", "2"]
WALK = np.random.default_rng(3).standard_normal(60).cumsum()


def forecast(values, out: Path, *more: str) -> Result:
    file = out.parent / "values.csv"
    rows = [f"{number},{'' if np.isnan(value) else repr(float(value))}" for number, value in enumerate(values)]
    file.write_text("\n".join(["n,y", *rows]) + "\n")
    more = ("--target", "y", *more)
    return CliRunner().invoke(app, ["forecast", str(file), *SMALL, "--out", str(out), *more])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (WALK * 1e20, "too large.*\n.*values below 1e[+]17.*\n.*Divide the column by 1e"),
        (WALK * 1e300, "too large"),
        (WALK * 1e-31, "so small a change counts as none.*\n.*\n.*Divide the column by 1e-31"),
        (WALK * 1e-3 + 1e9, "nearly the same number.*\n.*\n.*Subtract a constant from the column, such as 1e[+]09"),
        (WALK - 1e13, "nearly the same number"),
    ],
    ids=["large", "huge", "tiny", "on a plateau", "far below zero"],
)
def test_the_edges_of_single_precision_are_refused_with_a_cure_that_works(values, words, tmp_path):
    result = forecast(values, tmp_path / "out")
    assert result.exit_code == 1
    assert re.search(words, result.stderr), result.stderr
    assert "fault of nurt" not in result.stderr
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError):
        Forecaster(look_back=5, horizon=2).fit(values)
    divide, subtract = re.search(r"by (1e\S+)\.$", result.stderr, re.M), re.search(r"as (\S+)\.$", result.stderr, re.M)
    require_single_precision(Series(values / float(divide[1]) if divide else values - float(subtract[1])))


@pytest.mark.parametrize("values", [WALK, WALK * 1e12, WALK * 1e-5, WALK + 1e4, np.full(60, 3.0), np.full(60, np.nan)])
def test_ordinary_series_pass(values):
    require_single_precision(Series(values))


def test_a_covariate_is_looked_at_too():
    series = Series(WALK, covariates=np.full((60, 1), 1e18), covariate_names=("load",))
    with pytest.raises(DataError, match="Column 'load'"):
        require_size(series)


def test_large_values_are_refused_where_a_model_is_used():
    model = Forecaster(look_back=5, horizon=2, hidden=3, training=TrainingSettings(epochs=1)).fit(WALK)
    with pytest.raises(DataError, match="too large"):
        model.predict(WALK * 1e25)


def test_a_series_that_ends_in_a_gap_is_forecast_after_its_last_value(tmp_path):
    values = np.append(WALK, np.full(6, np.nan))
    result = forecast(values, tmp_path / "out", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    whole = forecast(WALK, tmp_path / "whole", "--json")
    assert found["forecast"] == json.loads(whole.stdout)["forecast"]
    assert found["observations"] == len(WALK)
    assert any("after the last value" in note for note in found["notes"])
    assert not any("after the last value" in note for note in json.loads(whole.stdout)["notes"])
    shown = forecast(values, tmp_path / "shown")
    assert shown.exit_code == 0, shown.stderr


@pytest.mark.parametrize("values", [np.arange(30.0), 5 - 0.1 * np.arange(30), np.arange(30) % 2, np.arange(30) ** 2.0])
def test_series_without_any_noise_are_forecast(values, tmp_path):
    result = forecast(values, tmp_path / "out", "--json")
    assert result.exit_code == 0, result.stderr
    assert all(np.isfinite(step["median"]) for step in json.loads(result.stdout)["forecast"])
    assert "nan" not in (tmp_path / "out" / "forecast.csv").read_text().lower()
    assert forecast(values, tmp_path / "again").exit_code == 0
