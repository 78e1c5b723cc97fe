"""The three audits of a forecasting run: reach of the inputs, copying, leakage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from nurt.data.series import Series
from nurt.data.windows import Origins
from nurt.evaluation.forecasts.audits.causality import (
    CausalityReport,
    Channels,
    Differentiable,
    audit_causality,
    structure_copy,
)
from nurt.evaluation.forecasts.audits.copying import CopyingReport, audit_copying
from nurt.evaluation.forecasts.audits.leakage import (
    CovariateFacts,
    FirstStepError,
    FittedStatistic,
    LeakageReport,
    PipelineFacts,
    SeriesFacts,
    lint_leakage,
)
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.evaluation.forecasts.scoring import compare_steps
from nurt.tasks.forecasting.forecaster import Forecaster
from nurt.tasks.forecasting.network import ForecastNetwork

__all__ = ["audit_copies", "audit_leaks", "audit_reach"]

# A two-sided p below this with the model ahead is a one-sided test at 5 %.
TWICE_FIVE_PERCENT = 0.10


def audit_reach(network: ForecastNetwork, look_back: int) -> CausalityReport:
    """Find out which inputs the structure of the network lets through to which forecast step, weights drawn anew."""
    copy = structure_copy(network)

    def forecast(inputs: Tensor) -> Tensor:
        return copy.forecast(inputs[..., 0], inputs[..., 1:])

    def learned(inputs: Tensor, reference: Tensor) -> Tensor:
        return copy.forecast(inputs[..., 0], inputs[..., 1:], copy.statistics(reference[..., 0]))

    channels = Channels(target=(0,), past=tuple(range(1, 1 + network.design.covariates)))
    return audit_causality(
        Differentiable(forecast, learned, channels), look_back=look_back, horizon=network.design.horizon
    )


def audit_copies(result: BacktestResult) -> CopyingReport:
    """Find the steps at which the model repeats the last value (or the last season) without skill."""
    tests = compare_steps(result.cells, "naive", step_size=result.step_size)
    beats = [
        None if np.isnan(test.p_value) else bool(test.statistic < 0 and test.p_value < TWICE_FIVE_PERCENT)
        for test in tests
    ]
    return audit_copying(result.cells, season=result.season, beats_naive=beats)


def audit_leaks(
    forecaster: Forecaster, series: Sequence[Series], known: Sequence[int], test: Origins, result: BacktestResult
) -> LeakageReport:
    """Hold what the run did against the rules of leak-free evaluation.

    Args:
        forecaster: fitted on the ``known`` rows.
        series: all series.
        known: rows of each that fitting and stopping may have seen.
        test: origins of the back-test.
        result: the back-test.
    """
    facts = []
    statistics = []
    for index, (one, rows) in enumerate(zip(series, known, strict=True)):
        split = forecaster.splits_[index]
        covariates = zip(one.covariate_names, one.covariates.T, strict=True)
        facts.append(
            SeriesFacts(
                name=one.name,
                length=len(one),
                train_end=split.train_end,
                validation_end=rows,
                values=one.values,
                stamps=one.time,
                train=split.origins("train"),
                validation=split.origins("validation"),
                # Steps beyond the data are masked, so only whole paths are windows in the linter's sense.
                test=_whole(test.position[test.series == index], len(one), forecaster.horizon),
                covariates=tuple(CovariateFacts(name, "past", column) for name, column in covariates),
            )
        )
        statistics.append(FittedStatistic("scaling and start of the head", split.train_end - 1, series=one.name))
    first = result.by_horizon[0]
    best = min(first.mae_of, key=lambda name: first.mae_of[name])
    return lint_leakage(
        PipelineFacts(
            look_back=forecaster.look_back,
            horizon=forecaster.training_steps,
            series=tuple(facts),
            statistics=tuple(statistics),
            transforms=(),
            static_covariates=(),
            split_at_random=False,
            decided_on=("validation",),
            test_evaluations=1,
            first_step=FirstStepError(first.mae, first.mae_of[best], best),
        )
    )


def _whole(positions: np.ndarray, length: int, horizon: int) -> np.ndarray:
    whole: np.ndarray = positions[positions + horizon < length]
    return whole
