"""Results of a forecasting run: behind the terminal summary, ``--json`` and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nurt.evaluation.forecasts.audits.causality import CausalityReport
from nurt.evaluation.forecasts.audits.copying import CopyingReport
from nurt.evaluation.forecasts.audits.leakage import LeakageReport
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.evaluation.forecasts.verdict import ForecastVerdict
from nurt.results import Result, plain
from nurt.tasks.forecasting.choosing import Choices
from nurt.tasks.summary import ModelSummary
from nurt.training.events import TrainingRecord

if TYPE_CHECKING:
    from nurt.diagnostics.examination.examining import Examination

__all__ = ["Audit", "ForecastRun", "ForecastStep", "ForecasterSummary", "SeedStudy"]


@dataclass(frozen=True)
class ForecasterSummary(ModelSummary):
    """The forecaster in one line."""

    look_back: int
    horizon: int
    strategy: str
    scaling: str
    loss: str
    dropout: float


@dataclass(frozen=True)
class Audit(Result):
    """Audits of the pipeline."""

    causality: CausalityReport
    copying: CopyingReport
    leakage: LeakageReport

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict of each audit, and the reach of the inputs per forecast step."""
        return {
            "causality": self.causality.verdict,
            "latest_input": plain(self.causality.latest_input),
            "earliest_input": plain(self.causality.earliest_input),
            "copying": self.copying.to_dict(),
            "leakage": self.leakage.to_dict(),
        }


@dataclass(frozen=True)
class ForecastStep(Result):
    """One future value of one series.

    ``time`` is None where the axis is the order of observations and the next label is not known; ``median`` is None
    where the last window holds no observation, interval bounds also where no interval could be calibrated. ``free``
    holds what the free forecasts say, by name, fitted on all rows; the one that a run recommends is among them.
    """

    h: int
    time: str | None
    median: float | None
    lo_80: float | None
    hi_80: float | None
    lo_95: float | None
    hi_95: float | None
    series: str = "y"
    free: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class SeedStudy(Result):
    """Scores of one model trained from several initialisations.

    ``values`` holds one ``metric`` per seed, on the test part.
    """

    metric: str
    seeds: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return float(np.mean(self.values))

    @property
    def sd(self) -> float:
        """Sample standard deviation over the seeds; NaN for a single seed."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return seeds, values, and their mean, sd and range."""
        spread = {"mean": self.mean, "sd": self.sd, "low": min(self.values), "high": max(self.values)}
        return {**super().to_dict(), **plain(spread)}


@dataclass(frozen=True)
class ForecastRun(Result):
    """Result of `nurt forecast`."""

    target: str
    observations: int
    series: int
    first: str
    last: str
    missing: int
    model: ForecasterSummary
    training: TrainingRecord
    backtest: BacktestResult
    verdict: ForecastVerdict
    audit: Audit
    forecast: tuple[ForecastStep, ...]
    seed: int
    seeds: SeedStudy | None
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    choices: Choices
    recommended: str
    """Name of the forecast with the lowest error of the back-test: the model's, or one of the free ones."""
    model_file: str | None = None
    report: str | None = None
    examination: Examination | None = None
    """How far gradients and memory of the network reach, on windows of the data."""
    recent: Mapping[str, tuple[tuple[str, ...], np.ndarray]] = field(
        default_factory=dict, repr=False, metadata={"json": False}
    )
    """Last observations of each series, name → (labels, values), for the fan chart."""
