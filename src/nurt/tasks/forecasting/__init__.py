"""Forecast series: the estimator, the runs behind the commands, and what they give back."""

from nurt.tasks.forecasting.demo import DemoRun, run_demo
from nurt.tasks.forecasting.examining import examine_forecaster
from nurt.tasks.forecasting.fitting import Sitting
from nurt.tasks.forecasting.forecaster import Forecaster
from nurt.tasks.forecasting.recipes import RECIPES, ForecastPlan
from nurt.tasks.forecasting.results import Audit, ForecastRun, ForecastStep, ModelSummary, SeedStudy
from nurt.tasks.forecasting.reuse import BacktestRun, ExamineRun, PredictRun, run_backtest, run_examine, run_predict
from nurt.tasks.forecasting.run import ForecastInterrupted, run_forecast

__all__ = [
    "RECIPES",
    "Audit",
    "BacktestRun",
    "DemoRun",
    "ExamineRun",
    "ForecastInterrupted",
    "ForecastPlan",
    "ForecastRun",
    "ForecastStep",
    "Forecaster",
    "ModelSummary",
    "PredictRun",
    "SeedStudy",
    "Sitting",
    "examine_forecaster",
    "run_backtest",
    "run_demo",
    "run_examine",
    "run_forecast",
    "run_predict",
]
