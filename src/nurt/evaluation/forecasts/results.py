"""The results of a back-test: frozen, printable, JSON-ready."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nurt.evaluation.forecasts.cells import Cells
from nurt.results import Result, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["BacktestResult", "Comparison", "Coverage", "HorizonScore", "Scores"]


@dataclass(frozen=True)
class Scores(Result):
    """Errors of one forecaster over all scored cells, in the units of the target unless said otherwise.

    ``mase`` is unit-free (1 = the in-sample error of the seasonal repeat); ``wql`` and coverages exist only for
    the model under test when it gives quantiles or intervals; NaN means undefined, with the reason in ``notes``.
    """

    mae: float
    rmse: float
    mase: float
    smape: float
    wql: float | None = None
    coverage_80: float | None = None
    coverage_95: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class HorizonScore(Result):
    """Errors at forecast step ``h`` (1 = next observation) over ``n`` cells; ``mae_of`` holds every baseline's MAE.

    ``mase`` and ``mase_of`` are filled where the series differ in scale, so that an MAE over all of them means little.
    """

    h: int
    n: int
    mae: float
    rmse: float
    mae_of: Mapping[str, float]
    coverage_80: float | None = None
    coverage_95: float | None = None
    mase: float | None = None
    mase_of: Mapping[str, float] = field(default_factory=dict)

    def error(self, name: str | None = None) -> float | None:
        """Return the headline error of a baseline, or of the model under test: MASE where it is given, else MAE."""
        if name is None:
            return self.mae if self.mase is None else self.mase
        return (self.mase_of if self.mase is not None else self.mae_of).get(name)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values with one ``<baseline>_mae`` key per baseline (``naive_mae`` always)."""
        named = {f"{name}_mae": plain(value) for name, value in self.mae_of.items()}
        own = {"h": self.h, "n": self.n, "mae": self.mae, "rmse": self.rmse}
        if self.mase is not None:
            own["mase"] = self.mase
            named |= {f"{name}_mase": plain(value) for name, value in self.mase_of.items()}
        coverage = {"coverage_80": self.coverage_80, "coverage_95": self.coverage_95}
        values: dict[str, Any] = plain(own | named | coverage)
        return values


@dataclass(frozen=True)
class Comparison(Result):
    """The model against one baseline over whole paths.

    Args:
        baseline: its name.
        skill: 1 - error(model)/error(baseline), of the headline error (MAE or MASE); above 0 the model is better.
        skill_low, skill_high: 95 % block-bootstrap interval of the skill, or None with ``reason``.
        statistic: Diebold-Mariano statistic with the Harvey-Leybourne-Newbold correction (negative: model better).
        p_value: its two-sided p, None where undefined.
        p_holm: p adjusted by Holm over all comparisons of the back-test.
        reason: why a number is missing, or why the weights were changed.
        origins: origins in the test, those with every step scored.
        weights: weights of the autocovariances, "rectangular" or "bartlett".
    """

    baseline: str
    skill: float
    skill_low: float | None
    skill_high: float | None
    statistic: float | None
    p_value: float | None
    p_holm: float | None
    reason: str | None = None
    origins: int = 0
    weights: str = "rectangular"


@dataclass(frozen=True)
class Coverage(Result):
    """How often the intervals of the model under test held the truth.

    Args:
        level: nominal level in per cent.
        share: share of cells inside, 0..1; NaN without any interval.
        low, high: 95 % block-bootstrap interval of the share, or None with ``reason``.
        cells: scored cells that have an interval.
        reason: why a number is missing.
    """

    level: int
    share: float
    low: float | None
    high: float | None
    cells: int
    reason: str | None = None


@dataclass(frozen=True)
class BacktestResult(Result):
    """A rolling-origin back-test: scores of the model and of every baseline on identical cells.

    ``headline`` names the error that everything is compared by: "mae", or "mase" where the series differ in scale.
    ``origins`` counts forecast origins; ``dropped_cells`` the cells left out because some forecaster had none.
    ``notes`` says in plain sentences what was left out and why. It prints as a table, best forecaster first.
    """

    origins: int
    horizon: int
    step_size: int
    dropped_cells: int
    by_horizon: tuple[HorizonScore, ...]
    metrics: Scores
    baselines: Mapping[str, Scores]
    comparisons: tuple[Comparison, ...]
    season: int
    cells: Cells = field(repr=False, metadata={"json": False})
    coverage: tuple[Coverage, ...] = ()
    notes: tuple[str, ...] = ()
    headline: Literal["mae", "mase"] = "mae"

    @property
    def errors(self) -> dict[str, float]:
        """The headline error of every forecaster by name, that of the model under test first."""
        scores = {self.cells.model: self.metrics, **self.baselines}
        return {name: getattr(one, self.headline) for name, one in scores.items()}

    @property
    def best_baseline(self) -> str:
        """The baseline with the lowest headline error; repeating the last value among equals, or if there is none."""
        errors = {name: error for name, error in self.errors.items() if name in self.baselines and error == error}
        return min(errors, key=lambda name: (errors[name], name != "naive"), default="naive")

    def __str__(self) -> str:
        scores = {self.cells.model: self.metrics, **self.baselines}
        tests = {comparison.baseline: comparison for comparison in self.comparisons}
        lines = [
            f"{self.origins} origins, {self.horizon} step(s) ahead, {self.step_size} observation(s) apart",
            f"{'':<16}{'MAE':>12}{'RMSE':>12}{'MASE':>9}{'skill':>9}{'p (Holm)':>10}",
        ]
        errors = self.errors
        for name, score in sorted(scores.items(), key=lambda item: (math.isnan(errors[item[0]]), errors[item[0]])):
            test = tests.get(name)
            skill, p_value = (None, None) if test is None else (test.skill, test.p_holm)
            lines.append(
                f"{name:<16}{score.mae:>12.5g}{score.rmse:>12.5g}{score.mase:>9.3f}"
                f"{'' if skill is None else format(skill, '.3f'):>9}"
                f"{'' if p_value is None else format(p_value, '.3f'):>10}"
            )
        lines.append(f"skill: of {self.cells.model} against each baseline; above 0 it is better")
        return "\n".join((*lines, *self.notes))

    def plot(self) -> go.Figure:
        """Draw MAE by forecast step, the model beside every baseline."""
        from nurt import plotting

        figure = plotting.new_figure("Error by forecast step", "forecast step", "mean absolute error")
        steps = [score.h for score in self.by_horizon]
        for name in self.baselines:
            figure.add_scatter(
                x=steps,
                y=[score.mae_of[name] for score in self.by_horizon],
                name=name,
                line={"width": 1.5, "dash": "dot"},
            )
        figure.add_scatter(
            x=steps,
            y=[score.mae for score in self.by_horizon],
            name=self.cells.model,
            line={"width": 3, "color": plotting.MODEL},
        )
        return figure
