"""Audit of causality: every forecast step can see the newest input, and none sees the future."""

from nurt.evaluation.forecasts.audits.causality.audit import ProbeSettings, audit_causality
from nurt.evaluation.forecasts.audits.causality.forecasters import (
    AbstractForecaster,
    BlackBox,
    Channels,
    Differentiable,
    fitted_copy,
    structure_copy,
)
from nurt.evaluation.forecasts.audits.causality.report import DECAYED, REACHED, UNREACHABLE, CausalityReport, Reach

__all__ = [
    "DECAYED",
    "REACHED",
    "UNREACHABLE",
    "AbstractForecaster",
    "BlackBox",
    "CausalityReport",
    "Channels",
    "Differentiable",
    "ProbeSettings",
    "Reach",
    "audit_causality",
    "fitted_copy",
    "structure_copy",
]
