"""Look into a recurrent network: what its gradients, states and weights do over time.

Nothing here trains or changes a model. Names are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nurt.diagnostics.batch import BatchCurve
    from nurt.diagnostics.blocks import GateBlock, recurrent_blocks
    from nurt.diagnostics.connectivity import Connectivity, input_connectivity
    from nurt.diagnostics.contribution_map import ContributionMatrix, contribution_matrix
    from nurt.diagnostics.finding import FoundCell, FoundModule, LayerId, cells_of, modules_of
    from nurt.diagnostics.jacobian import StepJacobians, step_jacobians
    from nurt.diagnostics.lyapunov import LyapunovExponents, lyapunov_exponents
    from nurt.diagnostics.products import JacobianProducts, jacobian_products
    from nurt.diagnostics.spectrum import Spectrum, weight_spectrum
    from nurt.diagnostics.spectrum_history import SpectrumHistory, SpectrumObserver
    from nurt.diagnostics.truncation import Bias, TruncationLedger, truncation_ledger
    from nurt.diagnostics.watching import Passage, observe, passage

# One line per name: the module it lives in. Sorted, so that additions do not meet.
_HOME = {
    "BatchCurve": "batch",
    "Bias": "truncation",
    "Connectivity": "connectivity",
    "ContributionMatrix": "contribution_map",
    "FoundCell": "finding",
    "FoundModule": "finding",
    "GateBlock": "blocks",
    "JacobianProducts": "products",
    "LayerId": "finding",
    "LyapunovExponents": "lyapunov",
    "Passage": "watching",
    "Spectrum": "spectrum",
    "SpectrumHistory": "spectrum_history",
    "SpectrumObserver": "spectrum_history",
    "StepJacobians": "jacobian",
    "TruncationLedger": "truncation",
    "cells_of": "finding",
    "contribution_matrix": "contribution_map",
    "input_connectivity": "connectivity",
    "jacobian_products": "products",
    "lyapunov_exponents": "lyapunov",
    "modules_of": "finding",
    "observe": "watching",
    "passage": "watching",
    "recurrent_blocks": "blocks",
    "step_jacobians": "jacobian",
    "truncation_ledger": "truncation",
    "weight_spectrum": "spectrum",
}

__all__ = [
    "BatchCurve",
    "Bias",
    "Connectivity",
    "ContributionMatrix",
    "FoundCell",
    "FoundModule",
    "GateBlock",
    "JacobianProducts",
    "LayerId",
    "LyapunovExponents",
    "Passage",
    "Spectrum",
    "SpectrumHistory",
    "SpectrumObserver",
    "StepJacobians",
    "TruncationLedger",
    "cells_of",
    "contribution_matrix",
    "input_connectivity",
    "jacobian_products",
    "lyapunov_exponents",
    "modules_of",
    "observe",
    "passage",
    "recurrent_blocks",
    "step_jacobians",
    "truncation_ledger",
    "weight_spectrum",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nurt.diagnostics' has no attribute {name!r}")
    return getattr(importlib.import_module(f"nurt.diagnostics.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
