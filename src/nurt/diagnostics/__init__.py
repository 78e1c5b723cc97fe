"""Look into a recurrent network: what its gradients, states and weights do over time.

Nothing here trains or changes a model. Names are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nurt.diagnostics.attribution import Attribution, attribute
    from nurt.diagnostics.batch import BatchCurve
    from nurt.diagnostics.blocks import GateBlock, recurrent_blocks
    from nurt.diagnostics.connectivity import Connectivity, input_connectivity
    from nurt.diagnostics.contribution_map import ContributionMatrix, contribution_matrix
    from nurt.diagnostics.contributions import StepContributions, step_contributions
    from nurt.diagnostics.examining import Examination, examine
    from nurt.diagnostics.finding import FoundCell, FoundModule, LayerId, cells_of, modules_of
    from nurt.diagnostics.gates import GateStatistics, Saturation, UnitStatistics, gate_statistics
    from nurt.diagnostics.gradient_check import CheckedWeight, GradientCheck, check_gradient
    from nurt.diagnostics.health import BlockNorm, BlockNorms, block_norms
    from nurt.diagnostics.jacobian import StepJacobians, step_jacobians
    from nurt.diagnostics.lag import GradientByLag, gradient_by_lag
    from nurt.diagnostics.layer_findings import LayerFindings
    from nurt.diagnostics.layer_record import LayerRecord
    from nurt.diagnostics.lyapunov import LyapunovExponents, lyapunov_exponents
    from nurt.diagnostics.memory import UnitMemory, unit_memory
    from nurt.diagnostics.paths import CellPaths, HighwayReach, cell_paths, highway_reach
    from nurt.diagnostics.pattern import Place, StatePattern, state_pattern
    from nurt.diagnostics.products import JacobianProducts, jacobian_products
    from nurt.diagnostics.recording import Record, record
    from nurt.diagnostics.scope import PARTS, Scope
    from nurt.diagnostics.spectrum import Spectrum, weight_spectrum
    from nurt.diagnostics.spectrum_history import SpectrumHistory, SpectrumObserver
    from nurt.diagnostics.stationary import StationaryPoints, fixed_points
    from nurt.diagnostics.surface.directions import path_plane, random_plane, snapshot
    from nurt.diagnostics.surface.plane import Direction, Plane, weight_plane
    from nurt.diagnostics.surface.result import Marker, Overlay, Steepest, Surface, loss_surface
    from nurt.diagnostics.surface.sampling import Adaptive, Grid
    from nurt.diagnostics.surface.trajectory import Trajectory, projected_path, trajectories
    from nurt.diagnostics.truncation import Bias, TruncationLedger, truncation_ledger
    from nurt.diagnostics.verdict import Advice
    from nurt.diagnostics.watching import Passage, observe, passage

# One line per name: the module it lives in. Sorted, so that additions do not meet.
_HOME = {
    "PARTS": "scope",
    "Adaptive": "surface.sampling",
    "Advice": "verdict",
    "Attribution": "attribution",
    "BatchCurve": "batch",
    "Bias": "truncation",
    "BlockNorm": "health",
    "BlockNorms": "health",
    "CellPaths": "paths",
    "CheckedWeight": "gradient_check",
    "Connectivity": "connectivity",
    "ContributionMatrix": "contribution_map",
    "Direction": "surface.plane",
    "Examination": "examining",
    "FoundCell": "finding",
    "FoundModule": "finding",
    "GateBlock": "blocks",
    "GateStatistics": "gates",
    "GradientByLag": "lag",
    "GradientCheck": "gradient_check",
    "Grid": "surface.sampling",
    "HighwayReach": "paths",
    "JacobianProducts": "products",
    "LayerFindings": "layer_findings",
    "LayerId": "finding",
    "LayerRecord": "layer_record",
    "LyapunovExponents": "lyapunov",
    "Marker": "surface.result",
    "Overlay": "surface.result",
    "Passage": "watching",
    "Place": "pattern",
    "Plane": "surface.plane",
    "Record": "recording",
    "Saturation": "gates",
    "Scope": "scope",
    "Spectrum": "spectrum",
    "SpectrumHistory": "spectrum_history",
    "SpectrumObserver": "spectrum_history",
    "StatePattern": "pattern",
    "StationaryPoints": "stationary",
    "Steepest": "surface.result",
    "StepContributions": "contributions",
    "StepJacobians": "jacobian",
    "Surface": "surface.result",
    "Trajectory": "surface.trajectory",
    "TruncationLedger": "truncation",
    "UnitMemory": "memory",
    "UnitStatistics": "gates",
    "attribute": "attribution",
    "block_norms": "health",
    "cell_paths": "paths",
    "cells_of": "finding",
    "check_gradient": "gradient_check",
    "contribution_matrix": "contribution_map",
    "examine": "examining",
    "fixed_points": "stationary",
    "gate_statistics": "gates",
    "gradient_by_lag": "lag",
    "highway_reach": "paths",
    "input_connectivity": "connectivity",
    "jacobian_products": "products",
    "loss_surface": "surface.result",
    "lyapunov_exponents": "lyapunov",
    "modules_of": "finding",
    "observe": "watching",
    "passage": "watching",
    "path_plane": "surface.directions",
    "projected_path": "surface.trajectory",
    "random_plane": "surface.directions",
    "record": "recording",
    "recurrent_blocks": "blocks",
    "snapshot": "surface.directions",
    "state_pattern": "pattern",
    "step_contributions": "contributions",
    "step_jacobians": "jacobian",
    "trajectories": "surface.trajectory",
    "truncation_ledger": "truncation",
    "unit_memory": "memory",
    "weight_plane": "surface.plane",
    "weight_spectrum": "spectrum",
}

__all__ = [
    "PARTS",
    "Adaptive",
    "Advice",
    "Attribution",
    "BatchCurve",
    "Bias",
    "BlockNorm",
    "BlockNorms",
    "CellPaths",
    "CheckedWeight",
    "Connectivity",
    "ContributionMatrix",
    "Direction",
    "Examination",
    "FoundCell",
    "FoundModule",
    "GateBlock",
    "GateStatistics",
    "GradientByLag",
    "GradientCheck",
    "Grid",
    "HighwayReach",
    "JacobianProducts",
    "LayerFindings",
    "LayerId",
    "LayerRecord",
    "LyapunovExponents",
    "Marker",
    "Overlay",
    "Passage",
    "Place",
    "Plane",
    "Record",
    "Saturation",
    "Scope",
    "Spectrum",
    "SpectrumHistory",
    "SpectrumObserver",
    "StatePattern",
    "StationaryPoints",
    "Steepest",
    "StepContributions",
    "StepJacobians",
    "Surface",
    "Trajectory",
    "TruncationLedger",
    "UnitMemory",
    "UnitStatistics",
    "attribute",
    "block_norms",
    "cell_paths",
    "cells_of",
    "check_gradient",
    "contribution_matrix",
    "examine",
    "fixed_points",
    "gate_statistics",
    "gradient_by_lag",
    "highway_reach",
    "input_connectivity",
    "jacobian_products",
    "loss_surface",
    "lyapunov_exponents",
    "modules_of",
    "observe",
    "passage",
    "path_plane",
    "projected_path",
    "random_plane",
    "record",
    "recurrent_blocks",
    "snapshot",
    "state_pattern",
    "step_contributions",
    "step_jacobians",
    "trajectories",
    "truncation_ledger",
    "unit_memory",
    "weight_plane",
    "weight_spectrum",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nurt.diagnostics' has no attribute {name!r}")
    return getattr(importlib.import_module(f"nurt.diagnostics.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
