"""nurt: recurrent networks you can see through.

``import nurt`` takes no time: every public name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nurt import (
        benchmarks,
        data,
        descent,
        diagnostics,
        environment,
        errors,
        evaluation,
        experiments,
        kernels,
        nn,
        plotting,
        reports,
        results,
        tasks,
        training,
    )
    from nurt.evaluation.forecasts.backtest import BacktestPlan
    from nurt.tasks.forecasting import Forecaster, ForecastPlan, run_forecast
    from nurt.training import TrainingSettings

__all__ = [
    "BacktestPlan",
    "ForecastPlan",
    "Forecaster",
    "TrainingSettings",
    "benchmarks",
    "data",
    "descent",
    "diagnostics",
    "environment",
    "errors",
    "evaluation",
    "experiments",
    "kernels",
    "nn",
    "plotting",
    "reports",
    "results",
    "run_forecast",
    "tasks",
    "training",
]

_HOME = {
    "BacktestPlan": "nurt.evaluation.forecasts.backtest",
    "ForecastPlan": "nurt.tasks.forecasting",
    "Forecaster": "nurt.tasks.forecasting",
    "TrainingSettings": "nurt.training",
    "run_forecast": "nurt.tasks.forecasting",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("nurt.environment").versions()["nurt"]
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in __all__:
        return importlib.import_module(f"nurt.{name}")
    raise AttributeError(f"module 'nurt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
