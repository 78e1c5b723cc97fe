"""The estimator: what goes in comes out, nothing is learnt from the future, an untrained model is naive."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from nurt.data import Series
from nurt.data.windows import Origins
from nurt.errors import DataError, NotFittedError, NurtTypeError, NurtValueError
from nurt.evaluation.forecasts.audits.leakage import future_scramble
from nurt.evaluation.forecasts.backtest import BacktestPlan
from nurt.tasks.forecasting import Forecaster
from nurt.training import TrainingSettings

Make = Callable[..., Forecaster]


def _all_origins(series: list[Series], look_back: int) -> Origins:
    return Origins.of_series([np.arange(look_back - 1, len(one)) for one in series])


@pytest.mark.parametrize("cell", ["linear", "elman", "lstm", "gru"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_untrained_forecast_repeats_the_last_value_bit_for_bit(
    walk: np.ndarray, quick: Make, cell: str, strategy: str
) -> None:
    model = quick(cell=cell, strategy=strategy, epochs=0).fit(walk)
    series = [Series(walk)]
    origins = _all_origins(series, 17)
    said = model.quantiles_at(series, origins)[..., model.quantile_levels().index(0.5)]
    last = walk[origins.position].astype(np.float32)
    assert np.array_equal(said.astype(np.float32), np.repeat(last[:, None], 5, axis=1))


def test_one_array_gives_one_path(walk: np.ndarray, quick: Make) -> None:
    assert quick().fit(walk).predict().shape == (5,)


def test_channels_are_series_that_share_one_model(walk: np.ndarray, quick: Make) -> None:
    both = np.column_stack([walk, 2.0 * walk])
    forecast = quick().fit(both).predict()
    assert forecast.shape == (5, 2)
    # The window scaling makes the model indifferent to units: twice the series, twice the forecast.
    np.testing.assert_allclose(forecast[:, 1], 2.0 * forecast[:, 0], rtol=1e-5)


def test_ragged_series_give_a_list(walk: np.ndarray, quick: Make) -> None:
    forecast = quick().fit([walk, walk[:101]]).predict()
    assert [path.shape for path in forecast] == [(5,), (5,)]


def test_levels_come_as_bounds_that_hold_the_forecast(walk: np.ndarray, quick: Make) -> None:
    parts = quick().fit(walk).predict(level=(80, 95))
    assert set(parts) == {"forecast", "lo-80", "hi-80", "lo-95", "hi-95"}
    ordered = np.stack([parts[name] for name in ("lo-95", "lo-80", "forecast", "hi-80", "hi-95")])
    assert (np.diff(ordered, axis=0) >= 0).all()


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_frames_give_the_same_kind_of_frame_with_names_honoured(walk: np.ndarray, quick: Make, kind: str) -> None:
    columns = {
        "station": ["a"] * len(walk) + ["b"] * len(walk),
        "day": list(range(len(walk))) * 2,
        "rate": np.concatenate([walk, walk[::-1]]).tolist(),
    }
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}[kind](columns)
    out = quick(alias="mine").fit(frame, target="rate", time="day", series="station").predict()
    assert type(out) is type(frame)
    names = list(out.column_names if kind == "arrow" else out.columns)
    assert names == ["station", "day", "step", "mine", "mine-lo-80", "mine-hi-80", "mine-lo-95", "mine-hi-95"]
    assert len(out) == 10


@pytest.mark.parametrize("regular", [True, False])
def test_dates_that_follow_keep_the_type_of_the_known_ones(walk: np.ndarray, quick: Make, regular: bool) -> None:
    days = np.datetime64("2024-01-01") + np.arange(len(walk)) ** (1 if regular else 2)
    frame = pl.DataFrame({"ds": days, "y": walk})
    out = quick().fit(frame).predict()
    assert out["ds"].dtype == frame["ds"].dtype
    if regular:
        assert out["ds"].to_numpy().tolist() == (days[-1] + np.arange(1, 6)).tolist()
    else:
        assert out["ds"].null_count() == 5


def test_scikit_learn_clones_it_and_keeps_every_parameter() -> None:
    model = Forecaster("gru", 9, 3, hidden=5, training=TrainingSettings(epochs=1), alias="x")
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    assert repr(copy) == repr(model)
    assert copy.set_params(hidden=7).hidden == 7
    with pytest.raises(NurtValueError, match="no parameter 'hiden'"):
        copy.set_params(hiden=7)


def test_scikit_learn_searches_over_it_and_puts_it_at_the_end_of_a_pipeline(walk: np.ndarray, quick: Make) -> None:
    search = GridSearchCV(quick(), {"hidden": [3, 5]}, cv=TimeSeriesSplit(2), error_score="raise").fit(walk)
    assert search.best_params_["hidden"] in (3, 5)
    assert search.best_score_ < 0
    steps = Pipeline([("standard", StandardScaler()), ("forecast", quick())]).fit(walk[:, None])
    assert steps.predict(walk[:, None]).shape == (5, 1)
    with pytest.raises(NurtTypeError, match="from its own past"):
        quick().fit(walk, walk)


def test_fit_leaves_the_generators_of_the_caller_alone(walk: np.ndarray, quick: Make) -> None:
    torch.manual_seed(11)
    np.random.seed(11)
    before, numbers = torch.get_rng_state(), np.random.get_state()[1].copy()
    quick(dropout=0.3).fit(walk)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numbers)


def test_the_seed_decides_everything(walk: np.ndarray, quick: Make) -> None:
    first, again, other = (quick(dropout=0.2, random_state=seed).fit(walk).predict() for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("scaling", ["window", "minmax", "standard", "none"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_the_future_does_not_reach_a_forecast(walk: np.ndarray, quick: Make, scaling: str, strategy: str) -> None:
    cutoff = 199

    def pipeline(values: np.ndarray) -> np.ndarray:
        return quick(scaling=scaling, strategy=strategy).fit(values[: cutoff + 1]).predict()

    assert future_scramble(pipeline, walk, cutoff).verdict == "pass"


def test_backtest_cells_do_not_depend_on_later_values(walk: np.ndarray, quick: Make) -> None:
    """The whole back-test pipeline, calibration included: scrambling what follows an origin changes nothing there."""
    plan = BacktestPlan(n_windows=8, step_size=3)
    cutoff = int(plan.origins(len(walk), 17, 5)[3])
    scrambled = walk.copy()
    scrambled[cutoff + 1 :] = 1e3 * np.random.default_rng(0).normal(size=len(walk) - cutoff - 1)
    cells = [quick().backtest(values, plan).cells for values in (walk, scrambled)]
    for name in cells[0].forecasts:
        assert np.array_equal(cells[0].forecasts[name][:4], cells[1].forecasts[name][:4]), name
    assert np.array_equal(cells[0].intervals.lower[:4], cells[1].intervals.lower[:4])
    assert not np.array_equal(cells[0].forecasts["naive"][4:], cells[1].forecasts["naive"][4:])


def test_missing_values_are_masked_and_never_invented(walk: np.ndarray, quick: Make) -> None:
    gappy = walk.copy()
    gappy[[20, 21, 22, 100, 256]] = np.nan
    model = quick().fit(gappy)
    assert model.network_.design.mask
    forecast = model.predict()
    assert np.isfinite(forecast).all()
    # The anchor is the last observed value, not the missing one.
    assert np.abs(forecast - gappy[255]).max() < 1.0


def test_a_window_without_any_observation_gives_no_forecast(walk: np.ndarray, quick: Make) -> None:
    gappy = walk.copy()
    gappy[150:180] = np.nan
    model = quick().fit(gappy)
    said = model.quantiles_at([Series(gappy)], Origins(np.array([0, 0]), np.array([170, 200])))
    assert np.isnan(said[0]).all()
    assert np.isfinite(said[1]).all()


def test_past_covariates_enter_and_must_be_the_same_at_prediction(walk: np.ndarray, quick: Make) -> None:
    extra = np.random.default_rng(5).normal(size=(len(walk), 2))
    model = quick(epochs=4).fit(walk, past_covariates=extra)
    assert model.network_.design.covariates == 2
    assert not np.array_equal(
        model.predict(walk, past_covariates=extra), model.predict(walk, past_covariates=extra[::-1])
    )
    with pytest.raises(DataError, match="covariates do not match"):
        model.predict(walk)
    with pytest.raises(NurtValueError, match="covariates' own future"):
        quick(strategy="recursive").fit(walk, past_covariates=extra)


def test_a_recursive_forecast_feeds_its_own_median_back(walk: np.ndarray, quick: Make) -> None:
    model = quick(strategy="recursive", rollout=1, loss="squared", scaling="none").fit(walk)
    network = model.network_.first.double()
    window = torch.from_numpy(walk[-17:]).unsqueeze(0)
    nothing = torch.empty(1, 17, 0, dtype=torch.float64)
    path = network.forecast(window, nothing)[0, :, 0]
    grown = torch.cat([window, path[:4].detach().unsqueeze(0)], dim=1)
    # Feeding back step by step equals reading the longer window at once: the state carries all there is.
    last = network.forecast(grown, torch.empty(1, 21, 0, dtype=torch.float64))[0, 0, 0]
    torch.testing.assert_close(path[4], last)


def test_refitting_uses_what_each_window_may_know(walk: np.ndarray, quick: Make) -> None:
    once = quick().backtest(walk, BacktestPlan(n_windows=6, step_size=4))
    often = quick().backtest(walk, BacktestPlan(n_windows=6, step_size=4, refit=3))
    assert np.array_equal(once.cells.forecasts["LSTM"][:3], often.cells.forecasts["LSTM"][:3])
    assert not np.array_equal(once.cells.forecasts["LSTM"][3:], often.cells.forecasts["LSTM"][3:])
    assert np.array_equal(once.cells.actual, often.cells.actual)


def test_without_a_plan_the_rows_after_the_fit_judge(walk: np.ndarray, quick: Make) -> None:
    model = quick().fit(walk[:200])
    result = model.backtest(walk)
    assert result.origins == len(walk) - 200
    assert result.by_horizon[0].n == len(walk) - 200
    assert result.by_horizon[4].n == len(walk) - 204
    with pytest.raises(DataError, match="left to judge"):
        model.backtest(walk[:200])
    with pytest.raises(DataError, match="not fitted on"):
        model.backtest(walk[::-1])


def test_score_is_minus_the_mean_absolute_error(walk: np.ndarray, quick: Make) -> None:
    model = quick(epochs=0).fit(walk)
    errors = [abs(walk[t + k] - walk[t]) for t in range(16, 252) for k in range(1, 6)]
    assert model.score(walk) == pytest.approx(-np.mean(errors), rel=1e-6)


def test_asking_before_fit_says_so() -> None:
    with pytest.raises(NotFittedError, match=r"Call fit\(y\) first"):
        Forecaster().predict(np.arange(100.0))


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"cell": "transformer"}, "cell"),
        ({"strategy": "both"}, "strategy"),
        ({"loss": "huber"}, "loss"),
        ({"scaling": "robust"}, "scaling"),
        ({"look_back": 0}, "look_back"),
        ({"horizon": 2.5}, "horizon"),
        ({"hidden": True}, "hidden"),
        ({"dropout": 1.0}, "dropout"),
        ({"validation": -0.1}, "validation"),
        ({"levels": (80, 100)}, "levels"),
        ({"levels": [80]}, "levels"),
        ({"rollout": 0, "strategy": "recursive"}, "rollout"),
        ({"rollout": 2}, "rollout"),
    ],
)
def test_an_unusable_argument_is_named_before_any_work(told: dict[str, object], word: str, walk: np.ndarray) -> None:
    with pytest.raises(NurtValueError, match=f"`{word}`"):
        Forecaster(**told).fit(walk)


def test_too_little_data_is_said_with_the_numbers(quick: Make) -> None:
    with pytest.raises(DataError, match="17 \\+ 5 = 22"):
        quick().fit(np.arange(20.0))


def test_a_level_not_learnt_is_refused(walk: np.ndarray, quick: Make) -> None:
    with pytest.raises(NurtValueError, match="level was not learnt"):
        quick().fit(walk).predict(level=(50,))


def test_other_levels_can_be_learnt(walk: np.ndarray, quick: Make) -> None:
    parts = quick(levels=(50, 90)).fit(walk).predict(level=(50, 90))
    assert (parts["hi-90"] >= parts["hi-50"]).all()
