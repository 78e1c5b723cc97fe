"""A pipeline without fault, to be spoilt in one place at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nurt.evaluation.forecasts.audits.leakage import (
    CovariateFacts,
    FirstStepError,
    FittedStatistic,
    PipelineFacts,
    SeriesFacts,
    TransformFacts,
)

LENGTH, TRAIN_END, VALIDATION_END, LOOK_BACK, HORIZON = 200, 120, 160, 9, 5


@pytest.fixture
def clean_series() -> SeriesFacts:
    """A random walk cut in time, with a lagging past covariate and the hour of the day."""
    rng = np.random.default_rng(11)
    values = rng.standard_normal(LENGTH).cumsum()
    return SeriesFacts(
        name="y",
        length=LENGTH,
        train_end=TRAIN_END,
        validation_end=VALIDATION_END,
        values=values,
        stamps=np.arange(LENGTH),
        train=np.arange(LOOK_BACK - 1, TRAIN_END - HORIZON),
        validation=np.arange(TRAIN_END - 1, VALIDATION_END - HORIZON),
        test=np.arange(VALIDATION_END - 1, LENGTH - HORIZON),
        covariates=(
            CovariateFacts("wind", "past", rng.standard_normal(LENGTH)),
            CovariateFacts("hour", "future", np.sin(np.arange(LENGTH + HORIZON)), "calendar"),
        ),
    )


@pytest.fixture
def clean(clean_series: SeriesFacts) -> PipelineFacts:
    return PipelineFacts(
        look_back=LOOK_BACK,
        horizon=HORIZON,
        series=(clean_series,),
        statistics=(FittedStatistic("scaling", TRAIN_END - 1),),
        transforms=(TransformFacts("logarithm", "causal"), TransformFacts("running sum", apply=np.cumsum)),
        static_covariates=(FittedStatistic("level", TRAIN_END - 1),),
        split_at_random=False,
        decided_on=("validation",),
        test_evaluations=1,
        first_step=FirstStepError(0.9, 1.0, "naive"),
    )


@pytest.fixture
def spoilt(clean: PipelineFacts, clean_series: SeriesFacts) -> Callable[..., PipelineFacts]:
    """Return the clean pipeline with some facts replaced, those in ``series`` within its series."""

    def build(series: dict[str, Any] | None = None, **facts: Any) -> PipelineFacts:
        if series is not None:
            facts["series"] = (replace(clean_series, **series),)
        return replace(clean, **facts)

    return build
