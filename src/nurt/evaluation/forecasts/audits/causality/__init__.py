"""Can every forecast step see the newest input, and does none see the future?"""

from nurt.evaluation.forecasts.audits.causality.audit import ProbeSettings, audit_causality
from nurt.evaluation.forecasts.audits.causality.copies import fitted_copy, structure_copy
from nurt.evaluation.forecasts.audits.causality.forecasters import (
    AbstractForecaster,
    BlackBox,
    Channels,
    Differentiable,
)
from nurt.evaluation.forecasts.audits.causality.reach import DECAYED, REACHED, UNREACHABLE, Reach
from nurt.evaluation.forecasts.audits.causality.report import CausalityReport

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
