"""Accuracy: error by step, forecasts over the truth, skill against every baseline, and a table of all metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.evaluation.forecasts.baselines import label_of
from nurt.reports.page.document import Picture, Section, axis_unit, numbers, plain_text, tick_label
from nurt.reports.page.html import Column, Markup, element, items, join, table
from nurt.wording import decimals_for, fixed, interval, p_value, percent, plural

if TYPE_CHECKING:
    from nurt.evaluation.forecasts.cells import Cells
    from nurt.evaluation.forecasts.results import BacktestResult, Comparison, Scores

__all__ = ["accuracy_pictures", "accuracy_section", "paths_picture"]

FEWEST_STEPS = 4
MOST_PATHS = 12


def accuracy_pictures(target: str, backtest: BacktestResult) -> list[Picture]:
    """Return what shows the accuracy, the most telling first: error by step, forecasts over the truth, skill."""
    pictures = [_error_by_step(target, backtest)] if backtest.horizon > 1 else []
    if len(backtest.cells.series):
        pictures.append(paths_picture(target, backtest.cells))
    if backtest.comparisons:
        pictures.append(_skill(backtest))
    return pictures


def accuracy_section(target: str, backtest: BacktestResult, pictures: Sequence[Picture]) -> Section:
    """Return the section on accuracy.

    Args:
        target: name of what is forecast.
        backtest: its scores.
        pictures: those of :func:`accuracy_pictures` that belong here.
    """
    model = backtest.cells.model
    intro = (
        f"{model} and every baseline forecast the same {plural(backtest.origins, 'origin')}, "
        f"{plural(backtest.horizon, 'step')} ahead, on held-out rows."
    )
    if backtest.dropped_cells:
        cells = plural(backtest.dropped_cells, "cell")
        intro += f" {cells} without a truth or a forecast are left out for every forecaster."
    parts = [element("p", intro), *(picture.to_html() for picture in pictures)]
    if backtest.comparisons:
        parts.append(_comparison_table(backtest))
    parts.append(_metric_table(target, backtest))
    notes = list(dict.fromkeys((*backtest.metrics.notes, *_baseline_notes(backtest))))
    if notes:
        parts.append(items(notes))
    return Section("accuracy", "Accuracy", join(parts))


def _baseline_notes(backtest: BacktestResult) -> list[str]:
    return [f"{label_of(name).short}: {note}" for name, score in backtest.baselines.items() for note in score.notes]


def _error_by_step(target: str, backtest: BacktestResult) -> Picture:
    figure = plotting.new_figure("", "forecast step", f"MAE, {axis_unit(target)}")
    steps = [score.h for score in backtest.by_horizon]
    mode = "lines+markers" if len(steps) < 8 else "lines"
    near = _near(backtest)
    for name in sorted(backtest.baselines, key=lambda name: name == "naive"):
        figure.add_scatter(
            x=steps,
            y=numbers([score.mae_of.get(name) for score in backtest.by_horizon]),
            name=plain_text(label_of(name).short),
            mode=mode,
            line=label_of(name).line.to_plotly(),
            visible=None if name in near else "legendonly",
        )
    figure.add_scatter(
        x=steps,
        y=numbers([score.mae for score in backtest.by_horizon]),
        name=plain_text(backtest.cells.model),
        mode=mode,
        line=plotting.MODEL_LINE.to_plotly(),
    )
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(tickformat="d")
    figure.update_traces(hovertemplate="%{y:.4g}")
    return Picture(
        title="Error by forecast step",
        description="Mean absolute error of the model and of every baseline at each forecast step.",
        how_to_read=(
            "Lower is better. The black line repeats the last value: where the thick blue line is "
            "not below it, the network adds nothing at that step. A click on a name hides or shows its line"
            + ("." if len(near) == len(backtest.baselines) else "; names in grey are far above the others.")
        ),
        figures=[figure],
        height=430,
    )


def _near(backtest: BacktestResult) -> set[str]:
    """Return the baselines worth the height of the chart: one that errs many times as much would flatten the rest."""
    errors = {name: _finite(scores.mae, 0.0) for name, scores in backtest.baselines.items()}
    limit = 2.0 * max(_finite(backtest.metrics.mae, 0.0), errors.get("naive", 0.0))
    return {name for name, error in errors.items() if error <= limit}


def paths_picture(target: str, cells: Cells) -> Picture:
    """Return the truth of the first series with forecast paths over it.

    Paths start one horizon apart, so that they do not hide each other; a horizon too short to be seen as a path is
    drawn as one line of one-step forecasts.
    """
    rows = np.flatnonzero(cells.series == cells.series[0])
    origins = cells.origin[rows]
    figure = plotting.new_figure("", "", axis_unit(target))
    places, truth = _truth(cells, rows)
    figure.add_scatter(
        x=places, y=truth, name="truth", mode="lines", line={"color": plotting.ACTUAL, "width": 1.8},
        hovertemplate="%{y:.5g}",
    )  # fmt: skip
    said = cells.forecasts[cells.model][rows]
    if cells.horizon < FEWEST_STEPS:
        x, y = origins + 1, said[:, 0]
        how = "The blue line is the forecast made one step earlier."
    else:
        apart = max(cells.horizon, -(-len(rows) // MOST_PATHS))
        chosen = range(0, len(rows), apart)
        steps = np.arange(1, cells.horizon + 1)
        gap = [np.nan]
        x = np.concatenate([part for i in chosen for part in (origins[i] + steps, gap)])
        y = np.concatenate([part for i in chosen for part in (said[i], gap)])
        how = f"Each blue line is one forecast, {cells.horizon} steps long, made where it begins."
    figure.add_scatter(
        x=x, y=y, name=plain_text(cells.model), mode="lines", line={"color": plotting.MODEL, "width": 2.5},
        hovertemplate="%{y:.5g}",
    )  # fmt: skip
    pad = 0.03 * len(places)
    positions, texts = _ticks(cells, rows)
    figure.update_xaxes(
        tickvals=positions, ticktext=texts, tickangle=0, showgrid=False, range=[places[0] - pad, places[-1] + pad]
    )
    several = len(cells.series_names) > 1
    return Picture(
        title="Forecasts over the truth" + (f": {cells.series_names[int(cells.series[0])]}" if several else ""),
        description=f"Forecasts of {cells.model} over the true values of the test part.",
        how_to_read=(
            f"{how} It uses nothing to the right of its start. A line that merely continues the last "
            "value, one step late, is no forecast."
        ),
        figures=[figure],
        height=400,
    )


def _truth(cells: Cells, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and true values; several origins know the same position, any of them will do."""
    places = cells.origin[rows][:, None] + np.arange(1, cells.horizon + 1)
    actual = cells.actual[rows]
    at = np.arange(places.min(), places.max() + 1)
    values = np.full(len(at), np.nan)
    known = np.isfinite(actual)
    values[places[known] - at[0]] = actual[known]
    return at, values


def _ticks(cells: Cells, rows: np.ndarray) -> tuple[list[int], list[str]]:
    chosen = np.unique(np.linspace(0, len(rows) - 1, 4).astype(int))
    positions = [int(cells.origin[rows[i]]) for i in chosen]
    if cells.labels is None:
        return positions, [f"observation {position + 1}" for position in positions]
    return positions, [tick_label(cells.labels[rows[i]]) for i in chosen]


def _skill(backtest: BacktestResult) -> Picture:
    figure = plotting.new_figure("", "error saved, per cent", "")
    shown = sorted(backtest.comparisons, key=lambda one: _finite(one.skill, math.inf), reverse=True)
    names = [plain_text(label_of(one.baseline).short) for one in shown]
    bounded = [one.skill_low is not None and one.skill_high is not None for one in shown]
    figure.add_scatter(
        x=[100.0 * one.skill for one in shown],
        y=names,
        mode="markers",
        marker={"size": 10, "color": plotting.MODEL, "symbol": ["circle" if ok else "circle-open" for ok in bounded]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [100.0 * (one.skill_high - one.skill) if one.skill_high is not None else 0.0 for one in shown],
            "arrayminus": [100.0 * (one.skill - one.skill_low) if one.skill_low is not None else 0.0 for one in shown],
            "thickness": 2,
            "width": 5,
            "color": plotting.MODEL,
        },
        customdata=[_skill_words(one) for one in shown],
        hovertemplate="%{y}: %{customdata}<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=0, line={"color": plotting.ACTUAL, "width": 1.5})
    figure.update_layout(hovermode="closest")
    figure.update_yaxes(type="category")
    return Picture(
        title="Skill against each baseline",
        description="Share of each baseline's error that the model saves, with bootstrap intervals.",
        how_to_read=(
            "A point to the right of the line: the model errs less than that baseline; to the left: more. The bar is "
            "the 95 % interval of a block bootstrap over whole origins; a bar that crosses the line says that the "
            "difference may be chance. An open point has no interval."
        ),
        figures=[figure],
        height=110 + 38 * len(shown),
    )


def _skill_words(one: Comparison) -> str:
    words = percent(one.skill, sign=True)
    if one.skill_low is not None and one.skill_high is not None:
        words += f" ({interval(100.0 * one.skill_low, 100.0 * one.skill_high, 1)} %)"
    return words


def _comparison_table(backtest: BacktestResult) -> Markup:
    columns = [Column("Baseline", numeric=False), Column("Error saved"), Column("95 % interval, %")]
    columns += [Column("Statistic"), Column("p"), Column("p, Holm")]
    explained = any(one.reason for one in backtest.comparisons)
    if explained:
        columns.append(Column("Remark", numeric=False))
    rows = []
    for one in backtest.comparisons:
        low, high = one.skill_low, one.skill_high
        bounds = interval(None if low is None else 100.0 * low, None if high is None else 100.0 * high, 1)
        row = [label_of(one.baseline).short, percent(one.skill, sign=True), bounds]
        row += [fixed(one.statistic, 2), p_value(one.p_value), p_value(one.p_holm)]
        rows.append(row + [one.reason or ""] * explained)
    note = (
        "Diebold–Mariano test with the Harvey–Leybourne–Newbold correction on whole forecast paths; a negative "
        "statistic favours the model. Holm’s p allows for testing several baselines."
    )
    return table(columns, rows, caption="Is the difference more than chance?", note=note)


def _metric_table(target: str, backtest: BacktestResult) -> Markup:
    entries: list[tuple[str, Scores]] = [(backtest.cells.model, backtest.metrics)]
    entries += sorted(backtest.baselines.items(), key=lambda pair: _finite(pair[1].mae, math.inf))
    columns = [Column("Forecaster", numeric=False)]
    cells: list[list[str]] = [[label_of(name).short for name, _ in entries]]
    for title, key in (("MAE", "mae"), ("RMSE", "rmse"), ("MASE", "mase"), ("sMAPE", "smape"), ("WQL", "wql")):
        values = [getattr(scores, key) for _, scores in entries]
        if all(value is None for value in values):
            continue
        columns.append(Column(title))
        cells.append(_best_bold(values, alone=key == "wql"))
    for title, key in (("80 % covers", "coverage_80"), ("95 % covers", "coverage_95")):
        shares = [getattr(scores, key) for _, scores in entries]
        if any(share is not None for share in shares):
            columns.append(Column(title))
            cells.append([percent(share) for share in shares])
    note = (
        f"Over all steps; MAE and RMSE in units of {target}, sMAPE in per cent. Bold: the best of a column. MASE 1 is "
        "the one-step error of repeating the last value (or season) on the training rows. WQL and coverage exist "
        "for the model alone."
    )
    return table(columns, list(zip(*cells, strict=True)), caption="All measures", note=note, highlight=0)


def _best_bold(values: list[float | None], *, alone: bool) -> list[str]:
    known = [value for value in values if value is not None and math.isfinite(value)]
    decimals = decimals_for(known, 4)
    best = min(known, default=None)
    written = [fixed(value, decimals) for value in values]
    if alone or best is None:
        return written
    winner = fixed(best, decimals)
    return [element("strong", text) if text == winner else text for text in written]


def _finite(value: float, otherwise: float) -> float:
    return value if math.isfinite(value) else otherwise
