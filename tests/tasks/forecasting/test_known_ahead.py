"""What is known of the steps ahead: read where it helps, and demanded for every step."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from nurt.data import Selection, Series
from nurt.errors import DataError
from nurt.tasks.forecasting import ForecastPlan, run_forecast

PLAN = ForecastPlan(look_back=8, horizon=4, hidden=4, epochs=2, members=1, season=1, calendar="no", transform="none")


def _with_promotions(rows: int = 900, ahead: int = 4) -> Series:
    random = np.random.default_rng(2)
    promo = (random.random(rows + ahead) < 0.3).astype(float)
    values = 10 + 8 * promo[:rows] + random.normal(0, 0.3, rows)
    return Series(
        values, covariates=promo[:rows, None], covariate_names=("promo",), ahead=promo[rows:, None],
        ahead_names=("promo",),
    )  # fmt: skip


def test_a_covariate_known_ahead_decides_the_forecast(tmp_path: Path) -> None:
    series = _with_promotions()
    run = run_forecast(Selection((series,)), PLAN, out=tmp_path)
    found = np.array([step.median for step in run.forecast])
    np.testing.assert_allclose(found, 10 + 8 * series.ahead[:, 0], atol=1.5)
    assert run.backtest.metrics.mae < 0.35 * run.backtest.baselines["naive"].mae
    other = dataclasses.replace(series, ahead=1 - series.ahead)
    turned = run_forecast(Selection((other,)), PLAN, out=tmp_path / "other")
    assert not np.allclose(found, [step.median for step in turned.forecast], atol=1.5)


def test_it_must_be_known_for_every_step_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'promo'.*step 4 of 4"):
        run_forecast(Selection((_with_promotions(ahead=3),)), PLAN, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
