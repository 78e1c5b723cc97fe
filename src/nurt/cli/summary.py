"""Results on a terminal of 80 columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nurt.cli import console
from nurt.evaluation.forecasts.baselines import label_of
from nurt.reports.sections.network import stopped_because
from nurt.wording import (
    MISSING,
    count,
    decimals_for,
    fixed,
    interval,
    percent,
    seconds,
    spanned,
)

if TYPE_CHECKING:
    from nurt.evaluation.forecasts.results import BacktestResult
    from nurt.evaluation.forecasts.verdict import ForecastVerdict
    from nurt.tasks.forecasting.choosing import Choices
    from nurt.tasks.forecasting.demo import DemoRun
    from nurt.tasks.forecasting.results import Audit, ForecasterSummary, ForecastRun, ForecastStep
    from nurt.tasks.forecasting.reuse import BacktestRun, PredictRun

__all__ = ["show_backtest", "show_demo", "show_forecast", "show_prediction"]

_STAMP = re.compile(r"([0-9-]+)T([0-9]{2}:[0-9]{2})(?::00)?((?::[0-9.]+)?(?:[+-][0-9:]+)?)")

STEPS_SHOWN = (1, 5, 10, 20, 30)
NOTES_SHOWN = 4
ROWS_SHOWN = 60
SERIES_SHOWN = 3


def show_forecast(run: ForecastRun, out: Path, *, missing: Collection[str] = ()) -> None:
    """Print the result of `nurt forecast`, and its files apart from those ``missing``, which were not written."""
    record = run.training
    training = (
        f"{_plural(record.epochs, 'epoch')} in {seconds(record.seconds)} ({stopped_because(record)}); "
        f"weights of epoch {record.best_epoch}"
    )
    clipped = [] if record.clipping is None else [("clipping", record.clipping.verdict)]
    console.line(run.target, strong=True)
    console.facts([("data", _extent(run)), ("model", _model(run.model)), ("training", training), *clipped])
    _notes(run.notes)
    _choices(run.choices)
    _scores(run.backtest)
    _audit(run.audit)
    _verdict(run.verdict)
    _forecast(run.forecast, (1, 2, 3))
    if run.examination is not None and run.examination.advice:
        console.gap()
        console.facts([("network", run.examination.headline.en)])
    _written(out, [run.report, run.model_file, *({"forecast.csv"} - set(missing))])


def show_prediction(run: PredictRun, csv: Path | None) -> None:
    """Print the result of `nurt predict`: every step, as long as that is a page."""
    console.line(run.target, strong=True)
    extent = f"{_plural(run.observations, 'observation')}, the last at {run.last}"
    console.facts([("data", extent), ("model", _model(run.model))])
    _notes(run.notes)
    _forecast(run.forecast, None if len(run.forecast) <= ROWS_SHOWN else (1, 2, 3))
    console.gap()
    console.line(f"Written to {csv}" if csv is not None else "--csv FILE writes every step into a table.")


def show_backtest(run: BacktestRun, report: Path | None) -> None:
    """Print the result of `nurt backtest`."""
    console.line(run.target, strong=True)
    extent = f"{_plural(run.observations, 'observation')}{spanned(run.first, run.last)}"
    console.facts([("data", extent), ("model", _model(run.model))])
    _notes(run.notes)
    _scores(run.backtest)
    _verdict(run.verdict)
    if report is not None:
        console.gap()
        console.line(f"Written to {report}")


def show_demo(demo: DemoRun, out: Path) -> None:
    """Print the result of `nurt demo`."""
    console.line("A noisy sine wave: the best possible error is known.", strong=True)
    console.facts([("model", _model(demo.run.model))])
    console.gap()
    decimals = decimals_for([demo.noise_floor], 3)
    rows = [["noise floor", fixed(demo.noise_floor, decimals), "1.00"]]
    for name, value in demo.rows.items():
        mean, spread = (value[0], f" ± {fixed(value[1], decimals)}") if isinstance(value, tuple) else (value, "")
        rows.append([name, fixed(mean, decimals) + spread, fixed(mean / demo.noise_floor, 2)])
    console.table(["one step ahead", "test MSE", "times the floor"], rows, words=(0,), strong_rows=(len(rows) - 1,))
    _verdict(demo.run.verdict)
    _written(out, [demo.run.report, demo.run.model_file])


def _written(out: Path, files: Sequence[str | None]) -> None:
    names = [Path(path).name for path in files if path is not None]
    if names:
        console.gap()
        console.line(f"Written to {out}: {', '.join(names)}")


def _plural(number: int, noun: str) -> str:
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}s"


def _extent(run: ForecastRun) -> str:
    many = "" if run.series == 1 else f" in {run.series} series"
    missing = "none missing" if run.missing == 0 else f"{count(run.missing)} missing"
    return f"{_plural(run.observations, 'observation')}{many}{spanned(run.first, run.last)}, {missing}"


def _model(model: ForecasterSummary) -> str:
    shape = f"{_plural(model.layers, 'layer')} of {model.hidden}, {_plural(model.parameters, 'parameter')}"
    return (
        f"{model.name}, {shape}; reads {model.look_back}, forecasts {model.horizon} ({model.strategy}); "
        f"{model.loss} loss; runs on {model.rung}"
    )


def _notes(notes: Sequence[str]) -> None:
    left_out = len(notes) - NOTES_SHOWN
    more = [f"and {_plural(left_out, 'more remark')}, in the report and in --json"] if left_out > 0 else []
    if notes:
        console.gap()
        console.facts([("·", sentence) for sentence in (*notes[:NOTES_SHOWN], *more)])


def _choices(choices: Choices) -> None:
    if choices.sentences():
        console.gap()
        console.facts([("chosen", sentence) for sentence in choices.sentences()])


def _scores(result: BacktestResult) -> None:
    """Print errors at a few steps: the model, the best baseline, and the naive forecast."""
    errors_of = result.errors
    best = result.best_baseline
    named = [best, *(["naive"] if best != "naive" else [])]
    wanted = [score for score in result.by_horizon if score.h in STEPS_SHOWN or score.h == result.horizon]
    decimals = decimals_for([errors_of[result.cells.model], *(score.error() for score in wanted)])
    bands = result.metrics.coverage_80 is not None
    rows = []
    for score in wanted:
        errors = [score.error(), *(score.error(name) for name in named)]
        covered = [percent(score.coverage_80, 0), percent(score.coverage_95, 0)] if bands else []
        rows.append([f"+{score.h}", *(fixed(error, decimals) for error in errors), *covered])
    scores = result.metrics
    errors = [errors_of[result.cells.model], *(errors_of.get(name) for name in named)]
    covered = [percent(scores.coverage_80, 0), percent(scores.coverage_95, 0)] if bands else []
    rows.append(["all", *(fixed(error, decimals) for error in errors), *covered])
    columns = ["step", result.cells.model, *(label_of(name).short for name in named)]
    console.gap()
    measure = "Mean absolute error" if result.headline == "mae" else "MASE, mean over the series,"
    console.line(
        f"{measure} from {_plural(result.origins, 'origin')} of held-out rows; best baseline: {label_of(best).short}"
    )
    console.table([*columns, *(["in 80 %", "in 95 %"] if bands else [])], rows, strong_rows=(len(rows) - 1,))


def _audit(audit: Audit) -> None:
    console.gap()
    console.facts([("sight", audit.causality.text), ("copying", audit.copying.text), ("leakage", audit.leakage.text)])


def _verdict(verdict: ForecastVerdict) -> None:
    console.gap()
    title = f"{verdict.standing.sign} {verdict.headline}"
    console.panel(title, verdict.text, verdict.standing.tone, verdict.warnings)


def _forecast(steps: Sequence[ForecastStep], first: Sequence[int] | None) -> None:
    """Print forecasts: of each series the steps ``first`` and the last one, or all; of many series the first few."""
    names = list(dict.fromkeys(step.series for step in steps))
    shown = names if first is None else names[:SERIES_SHOWN]
    for name in shown:
        own = [step for step in steps if step.series == name]
        console.gap()
        if len(names) > 1:
            console.line(name, strong=True)
        _forecast_table(own if first is None else [step for step in own if step.h in {*first, own[-1].h}])
    if len(shown) < len(names):
        console.line(f"and {len(names) - len(shown)} more series, in the table of all steps")


def _forecast_table(steps: Sequence[ForecastStep]) -> None:
    widths = [step.hi_80 - step.lo_80 for step in steps if step.hi_80 is not None and step.lo_80 is not None]
    decimals = decimals_for(widths) if any(widths) else decimals_for([step.median for step in steps], 5)
    dated = any(step.time for step in steps)
    rows = [
        [
            f"+{step.h}",
            *([_moment(step.time)] if dated else []),
            fixed(step.median, decimals),
            interval(step.lo_80, step.hi_80, decimals),
            interval(step.lo_95, step.hi_95, decimals),
        ]
        for step in steps
    ]
    console.table(["step", *(["time"] if dated else []), "forecast", "80 % band", "95 % band"], rows)


def _moment(label: str | None) -> str:
    """Return a label without its T and without seconds that are zero; an offset from UTC stays."""
    found = None if label is None else _STAMP.fullmatch(label)
    if found is None:
        return MISSING if label is None else label
    return f"{found[1]} {found[2]}{found[3]}"
