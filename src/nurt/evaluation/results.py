"""What a back-test and its verdict look like: frozen, printable, JSON-ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nurt.evaluation.cells import Cells
from nurt.results import Result, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["BacktestResult", "Comparison", "HorizonScore", "Scores", "Verdict"]


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
    """Errors at forecast step ``h`` (1 = next observation) over ``n`` cells; ``mae_of`` holds every baseline's MAE."""

    h: int
    n: int
    mae: float
    rmse: float
    mae_of: Mapping[str, float]
    coverage_80: float | None = None
    coverage_95: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values with one ``<baseline>_mae`` key per baseline (``naive_mae`` always)."""
        named = {f"{name}_mae": plain(value) for name, value in self.mae_of.items()}
        own = {"h": self.h, "n": self.n, "mae": self.mae, "rmse": self.rmse}
        coverage = {"coverage_80": self.coverage_80, "coverage_95": self.coverage_95}
        return plain(own | named | coverage)


@dataclass(frozen=True)
class Comparison(Result):
    """The model against one baseline over whole paths.

    Args:
        baseline: its name.
        skill: 1 - MAE(model)/MAE(baseline); above 0 the model is better.
        skill_low, skill_high: 95 % block-bootstrap interval of the skill, or None with ``reason``.
        statistic: Diebold-Mariano statistic with the Harvey-Leybourne-Newbold correction (negative: model better).
        p_value: its two-sided p, None where undefined.
        p_holm: p adjusted by Holm over all comparisons of the back-test.
        reason: why a number is missing.
    """

    baseline: str
    skill: float
    skill_low: float | None
    skill_high: float | None
    statistic: float | None
    p_value: float | None
    p_holm: float | None
    reason: str | None = None


@dataclass(frozen=True)
class BacktestResult(Result):
    """A rolling-origin back-test: scores of the model and of every baseline on identical cells.

    ``origins`` counts forecast origins; ``dropped_cells`` the cells left out because some forecaster had none.
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


@dataclass(frozen=True)
class Verdict(Result):
    """One sentence for people, four fields for programs.

    Args:
        text: the sentence; the same in terminal, JSON and report.
        better_than_naive: True only when the error is lower *and* the test supports it at 5 %.
        dm_p_value: two-sided p against repeating the last value, whole path; None where undefined.
        best: name of the forecaster with the lowest back-test MAE (the model under test included).
        warnings: further sentences (copying, coverage, seed noise, "check the pipeline").
    """

    text: str
    better_than_naive: bool
    dm_p_value: float | None
    best: str
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join((self.text, *self.warnings))
