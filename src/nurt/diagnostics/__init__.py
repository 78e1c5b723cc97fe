"""Look into a recurrent network: what its gradients, states and weights do over time.

Nothing here trains or changes a model. Names are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nurt.diagnostics.dynamics.jacobian import JacobianProducts, StepJacobians, jacobian_products, step_jacobians
    from nurt.diagnostics.dynamics.lyapunov import LyapunovExponents, lyapunov_exponents
    from nurt.diagnostics.dynamics.spectrum import Spectrum, SpectrumHistory, SpectrumObserver, weight_spectrum
    from nurt.diagnostics.dynamics.stationary import StationaryPoints, fixed_points
    from nurt.diagnostics.examination.advice import Advice
    from nurt.diagnostics.examination.examining import Examination, examine
    from nurt.diagnostics.examination.layer_findings import PARTS, LayerFindings, Scope
    from nurt.diagnostics.examination.on_reach import Branch
    from nurt.diagnostics.gradient.attribution import Attribution, attribute
    from nurt.diagnostics.gradient.by_lag import GradientByLag, gradient_by_lag
    from nurt.diagnostics.gradient.contribution_map import ContributionMatrix, contribution_matrix
    from nurt.diagnostics.gradient.gradient_check import CheckedParameter, CheckedWeight, GradientCheck, check_gradient
    from nurt.diagnostics.gradient.over_time import StepContributions, step_contributions
    from nurt.diagnostics.gradient.paths import CellPaths, HighwayReach, cell_paths, highway_reach
    from nurt.diagnostics.gradient.truncation import Bias, TruncationLedger, truncation_ledger
    from nurt.diagnostics.look.batch import BatchCurve
    from nurt.diagnostics.look.capture import Record, observe, record
    from nurt.diagnostics.look.collected import StateRecord, record_states
    from nurt.diagnostics.look.finding import FoundCell, FoundModule, LayerId, cells_of, modules_of
    from nurt.diagnostics.look.layer_record import LayerRecord
    from nurt.diagnostics.look.passage import Passage, passage
    from nurt.diagnostics.surface.plane import Plane, PlaneDirection, path_plane, random_plane, snapshot, weight_plane
    from nurt.diagnostics.surface.result import Steepest, Surface, loss_surface
    from nurt.diagnostics.surface.sampling import Adaptive, Grid
    from nurt.diagnostics.surface.scene import Marker, Overlay
    from nurt.diagnostics.surface.trajectory import Trajectory, projected_path, trajectories
    from nurt.diagnostics.units.blocks import BlockNorm, BlockNorms, GateBlock, block_norms, recurrent_blocks
    from nurt.diagnostics.units.connectivity import Connectivity, input_connectivity
    from nurt.diagnostics.units.gates import (
        GateStatistics,
        Saturation,
        UnitMemory,
        UnitStatistics,
        gate_statistics,
        unit_memory,
    )
    from nurt.diagnostics.units.maps import StateMaps, state_maps
    from nurt.diagnostics.units.pattern import Place, StatePattern, state_pattern

# Module by module, the names that it gives.
_MODULES = {
    "dynamics.jacobian": ("JacobianProducts", "StepJacobians", "jacobian_products", "step_jacobians"),
    "dynamics.lyapunov": ("LyapunovExponents", "lyapunov_exponents"),
    "dynamics.spectrum": ("Spectrum", "SpectrumHistory", "SpectrumObserver", "weight_spectrum"),
    "dynamics.stationary": ("StationaryPoints", "fixed_points"),
    "examination.advice": ("Advice",),
    "examination.examining": ("Examination", "examine"),
    "examination.layer_findings": ("PARTS", "LayerFindings", "Scope"),
    "examination.on_reach": ("Branch",),
    "gradient.attribution": ("Attribution", "attribute"),
    "gradient.by_lag": ("GradientByLag", "gradient_by_lag"),
    "gradient.contribution_map": ("ContributionMatrix", "contribution_matrix"),
    "gradient.gradient_check": ("CheckedParameter", "CheckedWeight", "GradientCheck", "check_gradient"),
    "gradient.over_time": ("StepContributions", "step_contributions"),
    "gradient.paths": ("CellPaths", "HighwayReach", "cell_paths", "highway_reach"),
    "gradient.truncation": ("Bias", "TruncationLedger", "truncation_ledger"),
    "look.batch": ("BatchCurve",),
    "look.capture": ("Record", "observe", "record"),
    "look.collected": ("StateRecord", "record_states"),
    "look.finding": ("FoundCell", "FoundModule", "LayerId", "cells_of", "modules_of"),
    "look.layer_record": ("LayerRecord",),
    "look.passage": ("Passage", "passage"),
    "surface.plane": ("Plane", "PlaneDirection", "path_plane", "random_plane", "snapshot", "weight_plane"),
    "surface.result": ("Steepest", "Surface", "loss_surface"),
    "surface.sampling": ("Adaptive", "Grid"),
    "surface.scene": ("Marker", "Overlay"),
    "surface.trajectory": ("Trajectory", "projected_path", "trajectories"),
    "units.blocks": ("BlockNorm", "BlockNorms", "GateBlock", "block_norms", "recurrent_blocks"),
    "units.connectivity": ("Connectivity", "input_connectivity"),
    "units.gates": ("GateStatistics", "Saturation", "UnitMemory", "UnitStatistics", "gate_statistics", "unit_memory"),
    "units.maps": ("StateMaps", "state_maps"),
    "units.pattern": ("Place", "StatePattern", "state_pattern"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "PARTS",
    "Adaptive",
    "Advice",
    "Attribution",
    "BatchCurve",
    "Bias",
    "BlockNorm",
    "BlockNorms",
    "Branch",
    "CellPaths",
    "CheckedParameter",
    "CheckedWeight",
    "Connectivity",
    "ContributionMatrix",
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
    "PlaneDirection",
    "Record",
    "Saturation",
    "Scope",
    "Spectrum",
    "SpectrumHistory",
    "SpectrumObserver",
    "StateMaps",
    "StatePattern",
    "StateRecord",
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
    "record_states",
    "recurrent_blocks",
    "snapshot",
    "state_maps",
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
