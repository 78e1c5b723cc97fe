"""Does anything leak from the future into training?"""

from nurt.evaluation.forecasts.audits.leakage.facts import (
    CovariateFacts,
    FirstStepError,
    FittedStatistic,
    PipelineFacts,
    SeriesFacts,
    TransformFacts,
)
from nurt.evaluation.forecasts.audits.leakage.report import RULES, LeakageReport, lint_leakage
from nurt.evaluation.forecasts.audits.leakage.rule import Finding, Rule
from nurt.evaluation.forecasts.audits.leakage.scramble import ScrambleReport, future_scramble, price_of_leak

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
