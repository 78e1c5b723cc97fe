"""Forecasting of series: the estimator, the runs behind the commands, and their results.

Names are imported when they are first used, so that the options can be had without torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nurt.tasks.forecasting.demo import DemoRun, run_demo
    from nurt.tasks.forecasting.forecaster import Forecaster
    from nurt.tasks.forecasting.options import RECIPES, ForecastPlan
    from nurt.tasks.forecasting.results import Audit, ForecasterSummary, ForecastRun, ForecastStep, SeedStudy
    from nurt.tasks.forecasting.reuse import BacktestRun, ExamineRun, PredictRun, run_backtest, run_examine, run_predict
    from nurt.tasks.forecasting.run import run_forecast

__all__ = [
    "RECIPES",
    "Audit",
    "BacktestRun",
    "DemoRun",
    "ExamineRun",
    "ForecastPlan",
    "ForecastRun",
    "ForecastStep",
    "Forecaster",
    "ForecasterSummary",
    "PredictRun",
    "SeedStudy",
    "run_backtest",
    "run_demo",
    "run_examine",
    "run_forecast",
    "run_predict",
]

_HOME = {
    "demo": ("DemoRun", "run_demo"),
    "forecaster": ("Forecaster",),
    "options": ("RECIPES", "ForecastPlan"),
    "results": ("Audit", "ForecastRun", "ForecastStep", "ForecasterSummary", "SeedStudy"),
    "reuse": ("BacktestRun", "ExamineRun", "PredictRun", "run_backtest", "run_examine", "run_predict"),
    "run": ("run_forecast",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
