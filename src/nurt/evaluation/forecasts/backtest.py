"""Rolling-origin back-tests: where the origins lie, and what every forecaster scored on identical cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nurt.errors import DataError, NurtValueError
from nurt.evaluation.forecasts.cells import Cells, OriginAxis
from nurt.evaluation.forecasts.metrics import training_scale
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.evaluation.forecasts.scoring import (
    compare,
    point_scores,
    quantile_loss,
    scale_units,
    score_intervals,
    score_steps,
)

__all__ = ["BacktestPlan", "score"]

# A baseline with fewer cells than this share would decide alone which cells everybody is scored on.
FEWEST_CELLS = 0.5


SCALED = "The series differ in scale, so forecasters are compared by MASE, averaged over series."

_LARGEST_COUNT = 1_000_000_000


@dataclass(frozen=True)
class BacktestPlan:
    """Where a rolling-origin back-test forecasts from.

    Args:
        n_windows: number of origins per series; None takes every one that leaves a training window before it.
        step_size: observations between neighbouring origins.
        refit: False judges a fitted model as it is, and fits one that is not fitted once, before the first origin; True
            fits copies before every origin; an integer r before every r-th.
        partial: also forecast from origins so late that only the first steps can be scored yet.

    Raises:
        NurtValueError: a count is below 1.
    """

    n_windows: int | None = None
    step_size: int = 1
    refit: bool | int = False
    partial: bool = False

    def __post_init__(self) -> None:
        counts = {"n_windows": self.n_windows, "step_size": self.step_size}
        if not isinstance(self.refit, bool):
            counts["refit"] = self.refit
        for name, value in counts.items():
            if value is not None and not 1 <= value <= _LARGEST_COUNT:
                expected = "at least 1" if value < 1 else f"at most {_LARGEST_COUNT}"
                raise NurtValueError(f"BacktestPlan: `{name}` is a count.", expected=expected, got=str(value))

    def origins(self, length: int, look_back: int, horizon: int) -> np.ndarray:
        """Return the positions of the last observation used, ascending, shape (n_windows,).

        The last path ends with the series (with ``partial``, its first step does), and before the first origin
        there is room for one training window.

        Args:
            length: n, observations of the series.
            look_back: L.
            horizon: F.

        Raises:
            DataError: the series is too short for a single window.
            NurtValueError: it is too short for ``n_windows``; the message states how many there can be.
        """
        last = length - (1 if self.partial else horizon)
        most = (last - look_back - horizon) // self.step_size + 1
        if most < 1:
            raise DataError(
                "BacktestPlan: the series is too short for a back-test.",
                expected=f"at least {look_back + horizon + length - last} observations, for one training window of "
                f"{look_back} + {horizon} and one path to score",
                got=str(length),
                cure="Shorten look_back or horizon, or give more data.",
            )
        if self.n_windows is not None and self.n_windows > most:
            raise NurtValueError(
                f"BacktestPlan: {self.n_windows} windows do not fit into {length} observations.",
                expected=f"n_windows <= {most}, with look_back={look_back}, horizon={horizon} and "
                f"step_size={self.step_size}",
                got=str(self.n_windows),
                cure="Ask for fewer windows, a smaller step_size, or shorten look_back or horizon.",
            )
        windows = most if self.n_windows is None else self.n_windows
        positions: np.ndarray = last - 1 - self.step_size * np.arange(windows - 1, -1, -1, dtype=np.int64)
        return positions

    def refits(self, windows: int) -> np.ndarray:
        """Return for each window whether the model is fitted anew before it, bool (windows,); the first always is."""
        once = self.refit is False
        every = max(windows, 1) if once else int(self.refit)
        due: np.ndarray = np.arange(windows) % every == 0
        return due


def score(
    cells: Cells, training: Sequence[np.ndarray], *, season: int = 1, step_size: int = 1, seed: int = 0
) -> BacktestResult:
    """Score every forecaster on the cells where the truth and all forecasts are known.

    A baseline that has fewer than half of the cells is left out with a note, rather than all the cells it lacks.
    Errors are pooled over cells; MASE is averaged over series, and where these differ in scale by more than a factor
    of 3 it is the headline: comparisons and tests are then of scaled errors. Each baseline is
    compared with the model by its skill with a block-bootstrap interval, and by a Diebold-Mariano test of the mean
    absolute error over the path, on origins with every step scored and averaged over series, adjusted by Holm over all
    baselines.

    Args:
        cells: the back-test; its first forecast is the model under test, "naive" is among the others.
        training: rows before the first cutoff of every series, each (n,), for the scale of MASE.
        season: m of that scale, in observations.
        step_size: observations between neighbouring origins of a series.
        seed: of the bootstrap.

    Raises:
        NurtValueError: "naive" is missing, a series has no training rows, or the origins do not fit ``step_size``.
    """
    _check(cells, training)
    cells, left_out = _without_sparse(cells)
    axis = OriginAxis.of(cells, step_size)
    known = np.isfinite(cells.actual)
    scored = cells.scored
    scales = [training_scale(np.asarray(values, dtype=np.float64), season) for values in training]
    coverage = score_intervals(cells, scored, axis, seed)
    shares = {entry.level: entry.share for entry in coverage}
    baselines = {name: point_scores(cells, name, scored, scales) for name in cells.forecasts}
    model_scores = baselines.pop(cells.model)
    units = scale_units(cells, scored, scales)
    weighted_loss, loss_notes = quantile_loss(cells, scored)
    return BacktestResult(
        origins=len(cells.origin),
        horizon=cells.horizon,
        step_size=step_size,
        dropped_cells=int((known & ~scored).sum()),
        by_horizon=score_steps(cells, scored, units),
        metrics=dataclasses.replace(
            model_scores,
            wql=weighted_loss,
            coverage_80=shares.get(80),
            coverage_95=shares.get(95),
            notes=model_scores.notes + loss_notes,
        ),
        baselines=baselines,
        comparisons=compare(cells, scored, axis, seed, units),
        season=season,
        cells=cells,
        coverage=coverage,
        notes=left_out + _notes_on_cells(cells, known) + (() if units is None else (SCALED,)),
        headline="mae" if units is None else "mase",
    )


def _check(cells: Cells, training: Sequence[np.ndarray]) -> None:
    if "naive" not in list(cells.forecasts)[1:]:
        raise NurtValueError(
            "score: every model is judged against repeating the last value.",
            expected="a forecast named 'naive' after that of the model",
            got=", ".join(map(repr, cells.forecasts)),
        )
    if len(cells.series) and int(cells.series.max()) >= len(training):
        raise NurtValueError(
            "score: a series of the back-test has no training rows.",
            expected=f"training rows of {int(cells.series.max()) + 1} series",
            got=str(len(training)),
        )


def _without_sparse(cells: Cells) -> tuple[Cells, tuple[str, ...]]:
    """Return the cells without baselines that could forecast fewer than half of them, and a note for each."""
    wanted = np.isfinite(cells.actual)
    for name in (cells.model, "naive"):
        wanted = wanted & np.isfinite(cells.forecasts[name])
    if not wanted.any():
        return cells, ()
    kept, notes = {}, []
    for name, forecast in cells.forecasts.items():
        share = float(np.isfinite(forecast[wanted]).mean())
        if share >= FEWEST_CELLS:
            kept[name] = forecast
        else:
            notes.append(
                f"{name} could forecast only {100 * share:.0f} % of the cells, mostly because its input has missing "
                "values or too short a past, and is left out."
            )
    return dataclasses.replace(cells, forecasts=kept), tuple(notes)


def _notes_on_cells(cells: Cells, known: np.ndarray) -> tuple[str, ...]:
    notes = []
    unknown = int((~known).sum())
    if unknown:
        notes.append(f"{unknown} of {known.size} cells have no known truth and are not scored.")
    for name, forecast in cells.forecasts.items():
        lacking = int((known & ~np.isfinite(forecast)).sum())
        if lacking:
            notes.append(f"{name} has no forecast for {lacking} cells; they are left out for everyone.")
    return tuple(notes)
