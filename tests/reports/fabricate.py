"""Made-up but lifelike results: what reports and commands are shown, without training anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from nurt.evaluation.forecasts.audits.causality import CausalityReport, Reach
from nurt.evaluation.forecasts.audits.copying import CopyingReport, StepCopying
from nurt.evaluation.forecasts.audits.leakage import Finding, LeakageReport
from nurt.evaluation.forecasts.cells import Cells, Intervals
from nurt.evaluation.forecasts.results import BacktestResult, Comparison, Coverage, HorizonScore, Scores
from nurt.evaluation.forecasts.verdict import ForecastVerdict
from nurt.standing import Standing
from nurt.tasks.forecasting.choosing import Choices, Tried
from nurt.tasks.forecasting.results import Audit, ForecasterSummary, ForecastRun, ForecastStep, SeedStudy
from nurt.training import ClipByNorm, ClippedStep
from nurt.training.events import EpochEnded, TrainingRecord
from nurt.training.ledger import LedgerBuilder

LOOK_BACK = 60


def make_cells(*, horizon: int = 30, origins: int = 190, series: tuple[str, ...] = ("y",), seed: int = 1) -> Cells:
    """Return a back-test on random walks: the model is the last value and a little drift, some truths are missing."""
    rng = np.random.default_rng(seed)
    total = origins + horizon
    walks = 4.0 + 0.02 * rng.standard_normal((len(series), total)).cumsum(axis=1)
    index = np.arange(origins)[:, None] + np.arange(1, horizon + 1)
    actual = np.concatenate([walk[index] for walk in walks])
    last = np.concatenate([walk[:origins] for walk in walks])[:, None]
    steps = np.arange(1, horizon + 1)
    forecasts = {
        "LSTM": last + 0.0004 * steps + 0.004 * rng.standard_normal(actual.shape),
        "naive": np.repeat(last, horizon, axis=1),
        "drift": last + 0.02 * steps / LOOK_BACK * rng.standard_normal((len(last), 1)),
        "mean": np.full_like(actual, walks.mean()),
        "window_mean": last + 0.03 * rng.standard_normal((len(last), 1)) + 0.0 * steps,
        "linear": last + 0.006 * rng.standard_normal(actual.shape),
        "nlinear": last + 0.005 * rng.standard_normal(actual.shape),
    }
    actual[3 % len(actual), 0] = np.nan
    width = 0.02 * np.sqrt(steps) * np.array([[1.2816], [1.96]])
    centre = forecasts["LSTM"][:, :, None]
    intervals = Intervals((80, 95), centre - width.T, centre + width.T)
    labels = np.datetime64("2024-03-28") + np.tile(np.arange(origins), len(series))
    return Cells(
        series=np.repeat(np.arange(len(series)), origins),
        origin=np.tile(np.arange(origins), len(series)) + 800,
        actual=actual,
        forecasts=forecasts,
        intervals=intervals,
        origin_labels=labels,
        series_names=series,
    )


def _scores(cells: Cells, name: str) -> Scores:
    error = np.abs(cells.actual - cells.forecasts[name])
    mae, rmse = float(np.nanmean(error)), float(np.sqrt(np.nanmean(error**2)))
    return Scores(mae=mae, rmse=rmse, mase=mae / 0.0161, smape=100 * mae / 4.0)


def _coverage(cells: Cells, level: int, steps: slice | int = slice(None)) -> float | None:
    if cells.intervals is None:
        return None
    at = cells.intervals.levels.index(level)
    actual = cells.actual[:, steps]
    inside = (cells.intervals.lower[:, steps, at] <= actual) & (actual <= cells.intervals.upper[:, steps, at])
    known = np.isfinite(actual)
    return float(inside[known].mean()) if known.any() else None


def make_backtest(cells: Cells | None = None) -> BacktestResult:
    """Return the scores of ``cells``, computed plainly."""
    cells = make_cells() if cells is None else cells
    baselines = [name for name in cells.forecasts if name != cells.model]
    by_horizon = []
    for k in range(cells.horizon):
        errors = {
            name: float(np.nanmean(np.abs(cells.actual[:, k] - cells.forecasts[name][:, k])))
            for name in cells.forecasts
        }
        mae = errors.pop(cells.model)
        by_horizon.append(
            HorizonScore(
                k + 1, len(cells.actual), mae, 1.2 * mae, errors, _coverage(cells, 80, k), _coverage(cells, 95, k)
            )
        )
    own = _scores(cells, cells.model)
    own = dataclasses.replace(own, wql=0.0121, coverage_80=_coverage(cells, 80), coverage_95=_coverage(cells, 95))
    others = {name: _scores(cells, name) for name in baselines}
    comparisons = tuple(
        Comparison(name, 1 - own.mae / others[name].mae, *_around(1 - own.mae / others[name].mae), 1.02, 0.312, 0.93)
        for name in baselines
    )
    return BacktestResult(
        origins=len(cells.origin),
        horizon=cells.horizon,
        step_size=1,
        dropped_cells=1,
        by_horizon=tuple(by_horizon),
        metrics=own,
        baselines=others,
        comparisons=comparisons,
        season=1,
        cells=cells,
        coverage=() if cells.intervals is None else tuple(_overall(cells, level) for level in cells.intervals.levels),
    )


def _overall(cells: Cells, level: int) -> Coverage:
    share = _coverage(cells, level) or 0.0
    return Coverage(level, share, share - 0.04, share + 0.03, int(np.isfinite(cells.actual).sum()))


def _around(skill: float) -> tuple[float, float]:
    return skill - 0.045, skill + 0.052


def make_verdict(**changes: object) -> ForecastVerdict:
    """Return the verdict of a model that is level with the repeat of the last value."""
    verdict = ForecastVerdict(
        standing=Standing.LEVEL,
        text="LSTM is 1.3 % worse than repeating the last value (p = 0.31, 190 origins): use naive.",
        better_than_naive=False,
        dm_p_value=0.312,
        best="naive",
        warnings=("The 80 % band covers 74 % of the truths: a little too narrow.",),
    )
    return dataclasses.replace(verdict, **changes)


def make_audit(horizon: int = 30, *, verdict: str = "pass", findings: tuple[Finding, ...] = ()) -> Audit:
    """Return audits of a forecaster that sees its whole window."""
    learned = np.full((horizon, LOOK_BACK), 2, dtype=np.int8)
    learned[:, :9] = 1
    reach = (Reach("target", LOOK_BACK, learned, learned),)
    steps = tuple(range(1, horizon + 1))
    causality = CausalityReport(
        verdict, f"Every forecast step sees all {LOOK_BACK} inputs, the newest included, and nothing beyond them.",
        LOOK_BACK, horizon, steps, reach, "gradient and perturbation",
    )  # fmt: skip
    copying = CopyingReport(
        "LSTM",
        1,
        tuple(StepCopying(h, 0.97 - 0.01 * h, h, float("nan"), None, "copy" if h < 8 else "none") for h in steps),
        "LSTM repeats the last value at steps 1-7.",
    )
    return Audit(causality, copying, LeakageReport(findings, ("L01", "L02", "L03"), ("L07",)))


def make_training(epochs: int = 23) -> TrainingRecord:
    """Return a record that stopped by patience ten epochs after its best."""
    best = max(0, epochs - 10)
    history = [EpochEnded(0, None, 0.912, 1e-3, None, None, 0.11, is_best=best == 0)]
    history += [
        EpochEnded(
            epoch,
            0.9 * float(np.exp(-0.06 * epoch)) + 0.1,
            0.75 + 0.0006 * (epoch - best) ** 2,
            1e-3,
            2.0 * float(np.exp(-0.1 * epoch)) + 0.3,
            max(0.0, 0.6 - 0.04 * epoch),
            0.52,
            is_best=epoch <= best,
        )
        for epoch in range(1, epochs + 1)
    ]
    book = LedgerBuilder()
    for number in range(100):
        long = number < 30
        book.note(
            ClippedStep(4.0 if long else 0.5, 1.0 if long else 0.5, long, 1.0, 3.0 * long, {"head.weight": 1.0}), 1e-3
        )
    ledger = book.ledger(ClipByNorm(1.0))
    return TrainingRecord(epochs, 0.52 * epochs, "patience", best, tuple(history), ledger)


def make_steps(
    names: tuple[str, ...], horizon: int, *, bands: bool = True, dated: bool = False
) -> tuple[ForecastStep, ...]:
    """Return the forecast of each series."""
    steps = []
    for number, name in enumerate(names):
        for h in range(1, horizon + 1):
            median, width = 4.1 + number + 0.0004 * h, 0.02 * float(np.sqrt(h))
            low, high = (median - 1.28 * width, median + 1.28 * width) if bands else (None, None)
            lowest, highest = (median - 1.96 * width, median + 1.96 * width) if bands else (None, None)
            time = str(np.datetime64("2025-01-01T00", "s") + np.timedelta64(h, "h")) if dated else None
            steps.append(ForecastStep(h, time, median, low, high, lowest, highest, name))
    return tuple(steps)


def make_recent(names: tuple[str, ...], count: int = 120) -> Mapping[str, tuple[tuple[str, ...], np.ndarray]]:
    """Return the last observations of each series, one of them missing."""
    rng = np.random.default_rng(5)
    labels = tuple(str(day) for day in np.datetime64("2024-12-31") - np.arange(count)[::-1])
    recent = {}
    for number, name in enumerate(names):
        values = 4.1 + number + 0.02 * np.cumsum(rng.standard_normal(count)[::-1])[::-1]
        values[count // 3 : count // 3 + 2] = np.nan
        recent[name] = (labels, values)
    return recent


def make_choices(*, network: bool = True) -> Choices:
    """Return choices in which a network beats its start in three of four blocks, or does not."""
    start = Tried("repeat last value", 0.31, (0.3, 0.31, 0.32, 0.31))
    own = Tried("network", 0.30, (0.29, 0.30, 0.31, 0.32)) if network else Tried("network", 0.33, (0.33,) * 4)
    return Choices(
        start="repeat last value",
        transform="none",
        scaling="anchor=last, scale=window",
        calendar=False,
        epoch=9 if network else 0,
        refit="train+validation",
        updates=170 if network else 0,
        members=3 if network else 1,
        network=network,
        starts=(start, Tried("drift", 0.36, (0.35, 0.36, 0.37, 0.36))),
        tried=(own, start),
    )


def make_run(
    *, target: str = "1USD", series: tuple[str, ...] = ("1USD",), horizon: int = 30, **changes: object
) -> ForecastRun:
    """Return a whole run; ``changes`` replace its fields."""
    backtest = make_backtest(make_cells(horizon=horizon, series=series))
    run = ForecastRun(
        target=target,
        observations=1009 * len(series),
        series=len(series),
        first="2021-01-04",
        last="2024-12-31",
        missing=0,
        model=ForecasterSummary(
            "LSTM", "lstm", 1, 32, 5534, "native CPU (avx2)", LOOK_BACK, horizon, "direct", "window", "quantile", 0.0
        ),
        training=make_training(),
        backtest=backtest,
        verdict=make_verdict(),
        audit=make_audit(horizon),
        forecast=make_steps(series, horizon),
        seed=0,
        seeds=SeedStudy("mae", (0, 1, 2, 3, 4), (0.0712, 0.0703, 0.0721, 0.0709, 0.0716)),
        settings={"recipe": "default", "look_back": LOOK_BACK, "horizon": horizon, "test": 0.2, "validation": 0.2},
        versions={"nurt": "0.1.0", "torch": "2.13.0", "numpy": "2.4.1", "python": "3.11.2"},
        sources=("Narodowy Bank Polski, table A: archiwum_tab_a_2021.csv",),
        choices=make_choices(),
        recommended="naive",
        notes=("Joined 4 files of NBP table A, 1009 business days.", "No duplicates; gaps up to 5 calendar days."),
        model_file="nurt-out/model.safetensors",
        recent=make_recent(series),
    )
    return dataclasses.replace(run, **changes)


def make_finding(severity: str = "error") -> Finding:
    """Return a breach of a rule against leakage."""
    return Finding("L01", severity, "The scaler was fitted on rows after the end of training.", "Why.", "Cure.")
