"""Audit of leakage: rules over the facts of a pipeline, and the future-scramble test."""

from nurt.evaluation.forecasts.audits.leakage.facts import (
    CovariateFacts,
    Finding,
    FirstStepError,
    FittedStatistic,
    PipelineFacts,
    Rule,
    SeriesFacts,
    TransformFacts,
)
from nurt.evaluation.forecasts.audits.leakage.future import ScrambleReport, future_scramble, price_of_leak
from nurt.evaluation.forecasts.audits.leakage.linter import RULES, LeakageReport, lint_leakage

__all__ = [
    "RULES",
    "CovariateFacts",
    "Finding",
    "FirstStepError",
    "FittedStatistic",
    "LeakageReport",
    "PipelineFacts",
    "Rule",
    "ScrambleReport",
    "SeriesFacts",
    "TransformFacts",
    "future_scramble",
    "lint_leakage",
    "price_of_leak",
]
