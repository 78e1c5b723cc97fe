"""The runs behind the commands: on real quotations, on gaps, interrupted, and on data nobody can forecast."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from nurt.data import Selection, Series, select
from nurt.data.readers import read
from nurt.errors import DataError, ModelFileError, NurtValueError, OutputError
from nurt.evaluation.forecasts.backtest import BacktestPlan
from nurt.tasks.forecasting import (
    ForecastPlan,
    ForecastRun,
    run_backtest,
    run_demo,
    run_forecast,
    run_predict,
)
from nurt.tasks.running import TrainingInterrupted
from nurt.training import EpochEnded, Event, TrainingStarted
from nurt.training.events import NothingToResume

SMALL = ForecastPlan(recipe="plain", look_back=17, horizon=5, hidden=6, epochs=2)


def _selection(*values: np.ndarray, **told: object) -> Selection:
    return Selection(tuple(Series(one, name=f"s{i}", **told) for i, one in enumerate(values)))


@pytest.fixture(scope="module")
def dollar(request: pytest.FixtureRequest) -> Selection:
    shared = request.getfixturevalue("shared_data")
    return select(read(sorted(shared.glob("nbp/archiwum_tab_a_*.csv"))), "1USD")


@pytest.fixture(scope="module")
def dollar_run(dollar: Selection, tmp_path_factory: pytest.TempPathFactory) -> ForecastRun:
    return run_forecast(dollar, ForecastPlan(), out=tmp_path_factory.mktemp("dollar"))


def test_usd_pln_stays_at_naive_and_says_so(dollar_run: ForecastRun) -> None:
    steps = dollar_run.backtest.by_horizon
    assert steps[0].n == 190
    assert steps[0].mae_of["naive"] == pytest.approx(0.015937, abs=5e-6)
    assert steps[0].mae <= 1.02 * 0.01594
    assert max(step.mae / step.mae_of["naive"] for step in steps) <= 1.05
    assert 0.75 <= dollar_run.backtest.metrics.coverage_80 <= 0.86
    assert 0.91 <= dollar_run.backtest.metrics.coverage_95 <= 0.98
    assert not dollar_run.verdict.better_than_naive
    assert "the same forecasts as repeating the last value" in dollar_run.verdict.text


def test_every_input_reaches_every_step_of_the_default_model(dollar_run: ForecastRun) -> None:
    causality = dollar_run.audit.causality
    assert causality.verdict == "pass"
    assert causality.latest_input.tolist() == [60] * 30
    assert causality.earliest_input.tolist() == [1] * 30
    assert dollar_run.audit.leakage.verdict == "pass"


def test_the_json_holds_what_is_promised_and_nothing_but_numbers(dollar_run: ForecastRun) -> None:
    found = json.loads(json.dumps(dollar_run.to_dict(), allow_nan=False))
    promised = {
        "target", "observations", "first", "last", "model", "training", "backtest", "verdict", "audit", "forecast",
        "model_file", "report",
    }  # fmt: skip
    assert promised <= found.keys()
    assert {"cell", "layers", "hidden", "parameters"} <= found["model"].keys()
    assert {"epochs", "seconds", "stopped_by"} <= found["training"].keys()
    assert {"origins", "by_horizon", "metrics", "baselines"} <= found["backtest"].keys()
    assert {"h", "mae", "rmse", "naive_mae"} <= found["backtest"]["by_horizon"][0].keys()
    assert {"mae", "rmse", "mase", "wql", "coverage_80", "coverage_95"} <= found["backtest"]["metrics"].keys()
    assert {"text", "better_than_naive", "dm_p_value", "best"} <= found["verdict"].keys()
    assert {"causality", "latest_input", "earliest_input"} <= found["audit"].keys()
    assert {"h", "time", "median", "lo_80", "hi_80", "lo_95", "hi_95"} <= found["forecast"][0].keys()
    assert (found["observations"], found["first"], found["last"]) == (1009, "2021-01-04", "2024-12-31")
    assert len(found["forecast"]) == 30


def test_a_run_repeats_itself_to_the_last_bit(dollar: Selection, dollar_run: ForecastRun, tmp_path: Path) -> None:
    again = run_forecast(dollar, ForecastPlan(), out=tmp_path)
    assert again.forecast == dollar_run.forecast
    assert again.backtest.metrics == dollar_run.backtest.metrics


def test_the_model_file_gives_the_forecast_of_the_run(dollar: Selection, dollar_run: ForecastRun) -> None:
    alone = tuple(dataclasses.replace(step, free={}) for step in dollar_run.forecast)
    assert run_predict(Path(dollar_run.model_file), dollar).forecast == alone


def test_the_model_file_is_judged_on_the_rows_it_has_not_seen(dollar: Selection, dollar_run: ForecastRun) -> None:
    run = run_backtest(Path(dollar_run.model_file), dollar)
    assert run.backtest.origins == 190
    assert run.backtest.metrics.mae == dollar_run.backtest.metrics.mae
    thinned = run_backtest(Path(dollar_run.model_file), dollar, BacktestPlan(n_windows=7, step_size=11))
    assert thinned.backtest.origins == 7


@pytest.mark.slow
def test_the_course_recipe_is_twice_as_bad_as_repeating_and_says_so(dollar: Selection, tmp_path: Path) -> None:
    run = run_forecast(dollar, ForecastPlan(recipe="course"), out=tmp_path)
    first = run.backtest.by_horizon[0]
    # 51 400 weights of the three layers and the 51 of the linear unit.
    assert run.model.parameters == 51_451
    assert 1.5 < first.mae / first.mae_of["naive"] < 3.0
    assert "times" in run.verdict.text
    assert not run.verdict.better_than_naive


@pytest.mark.slow
def test_the_demonstration_reaches_the_noise_floor(tmp_path: Path) -> None:
    demo = run_demo(out=tmp_path)
    assert demo.noise_floor == pytest.approx(0.013333, abs=1e-6)
    assert demo.rows["persistence"] == pytest.approx(0.48736, rel=1e-4)
    assert demo.rows["linear AR(10)"] == pytest.approx(0.018701, rel=1e-4)
    assert demo.seeds.mean <= 0.0190
    assert demo.run.verdict.better_than_naive


def test_statistical_models_can_be_judged_against_too(tmp_path: Path, walk: np.ndarray) -> None:
    pytest.importorskip("statsforecast", reason="needs the extra nurt[statistical]")
    run = run_forecast(_selection(walk), dataclasses.replace(SMALL, baselines=("ets",)), out=tmp_path)
    assert "ets" in run.backtest.baselines
    assert any(comparison.baseline == "ets" for comparison in run.backtest.comparisons)


def test_several_seeds_become_part_of_the_run(tmp_path: Path, walk: np.ndarray) -> None:
    run = run_forecast(_selection(walk), dataclasses.replace(SMALL, seeds=3, seed=5), out=tmp_path)
    assert run.seeds.seeds == (5, 6, 7)
    assert len(set(run.seeds.values)) == 3
    # The average of the three forecasts errs no more than the three do on average, apart from single precision.
    assert run.backtest.metrics.mae <= run.seeds.mean * (1 + 1e-6)
    assert run.choices.members == 3


def test_series_too_short_or_constant_are_left_out_with_a_note(tmp_path: Path, walk: np.ndarray) -> None:
    run = run_forecast(_selection(walk, walk[:9], np.full(99, 2.5), 3 * walk), SMALL, out=tmp_path)
    assert run.series == 2
    assert [note for note in run.notes if "s1" in note and "too short" in note]
    assert [note for note in run.notes if "s2" in note and "constant" in note]
    assert {step.series for step in run.forecast} == {"s0", "s1", "s2", "s3"}
    assert {step.median for step in run.forecast if step.series == "s2"} == {2.5}
    short = [step for step in run.forecast if step.series == "s1"]
    assert {step.median for step in short} == {walk[8]}
    assert all(step.lo_80 is None for step in short)


def test_gaps_are_counted_and_survived(tmp_path: Path, walk: np.ndarray) -> None:
    gappy = walk.copy()
    gappy[[5, 90, 91, 240, 256]] = np.nan
    run = run_forecast(_selection(gappy), SMALL, out=tmp_path)
    assert run.missing == 5
    assert np.isfinite(run.backtest.metrics.mae)
    assert all(np.isfinite(step.median) for step in run.forecast)


def test_a_regular_grid_labels_the_future(tmp_path: Path, walk: np.ndarray) -> None:
    time = np.datetime64("2024-02-27T22", "s") + np.arange(len(walk)) * np.timedelta64(1, "h")
    run = run_forecast(_selection(walk, time=time, grid="1h"), SMALL, out=tmp_path)
    assert run.forecast[0].time == str(time[-1] + np.timedelta64(1, "h"))
    gap = np.where(np.arange(len(walk)) < 9, time, time + np.timedelta64(1, "h"))
    on_observations = run_forecast(_selection(walk, time=gap), SMALL, out=tmp_path)
    assert on_observations.forecast[0].time is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full(200, 3.0), "constant"),
        (np.arange(21.0), r"17 \+ 5 = 22"),
        (np.full(200, np.nan), "no observed value"),
        (np.sin(np.arange(23.0)), "No training window"),
    ],
)
def test_hopeless_data_are_refused_before_training(values: np.ndarray, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        run_forecast(_selection(values), SMALL, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_said_before_training(tmp_path: Path, walk: np.ndarray) -> None:
    (tmp_path / "file").write_text("in the way")
    heard: list[Event] = []
    with pytest.raises(OutputError, match="cannot be written to"):
        run_forecast(_selection(walk), SMALL, out=tmp_path / "file" / "out", listener=heard.append)
    assert not heard


def test_an_unknown_recipe_is_refused(tmp_path: Path, walk: np.ndarray) -> None:
    with pytest.raises(NurtValueError, match="unknown `recipe`"):
        run_forecast(_selection(walk), ForecastPlan(recipe="secret"), out=tmp_path)


def test_an_interrupted_run_keeps_its_best_model_and_goes_on_bit_for_bit(tmp_path: Path, walk: np.ndarray) -> None:
    plan = dataclasses.replace(SMALL, epochs=6, dropout=0.2)
    whole = run_forecast(_selection(walk), plan, out=tmp_path / "whole")

    def pull_the_plug(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted, match="best model so far") as caught:
        run_forecast(_selection(walk), plan, out=tmp_path / "cut", listener=pull_the_plug)
    assert caught.value.model_file.exists()
    run_predict(caught.value.model_file, _selection(walk))
    resumed = run_forecast(_selection(walk), plan, out=tmp_path / "cut", resume=True)
    assert resumed.forecast == whole.forecast
    assert not (tmp_path / "cut" / "checkpoint.safetensors").exists()
    events: list[Event] = []
    anew = run_forecast(_selection(walk), plan, out=tmp_path / "cut", resume=True, listener=events.append)
    assert events[0] == NothingToResume(str(tmp_path / "cut"))
    assert anew.forecast == whole.forecast


def test_an_interrupt_in_a_later_initialisation_loses_nothing(tmp_path: Path, walk: np.ndarray) -> None:
    plan = dataclasses.replace(SMALL, seeds=3, epochs=3)
    whole = run_forecast(_selection(walk), plan, out=tmp_path / "whole")
    starts = 0

    def pull_the_plug(event: Event) -> None:
        nonlocal starts
        starts += isinstance(event, TrainingStarted)
        if starts == 2 and isinstance(event, EpochEnded) and event.epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted):
        run_forecast(_selection(walk), plan, out=tmp_path / "cut", listener=pull_the_plug)
    run_predict(tmp_path / "cut" / "model.safetensors", _selection(walk))
    resumed = run_forecast(_selection(walk), plan, out=tmp_path / "cut", resume=True)
    assert resumed.seeds == whole.seeds
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["model.safetensors"]


def test_an_interrupted_demonstration_stops(tmp_path: Path) -> None:
    def pull_the_plug(event: Event) -> None:
        if isinstance(event, EpochEnded):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_demo(out=tmp_path, listener=pull_the_plug)


def test_a_model_refuses_data_with_other_covariates(tmp_path: Path, walk: np.ndarray) -> None:
    run = run_forecast(_selection(walk), SMALL, out=tmp_path)
    other = _selection(walk, covariates=np.ones((len(walk), 1)), covariate_names=("wind",))
    with pytest.raises(ModelFileError, match="wind"):
        run_predict(Path(run.model_file), other)


def test_another_target_is_used_and_said(tmp_path: Path, walk: np.ndarray) -> None:
    run = run_forecast(_selection(walk, target="load"), SMALL, out=tmp_path)
    predicted = run_predict(Path(run.model_file), _selection(2 * walk, target="price"))
    assert [note for note in predicted.notes if "'load'" in note and "'price'" in note]
