"""What an examination looks at in one layer and direction, and what it finds: the single diagnostics side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from nurt.diagnostics.dynamics.jacobian import JacobianProducts, StepJacobians, jacobian_products, step_jacobians
from nurt.diagnostics.dynamics.lyapunov import LyapunovExponents, lyapunov_exponents
from nurt.diagnostics.dynamics.spectrum import Spectrum
from nurt.diagnostics.gradient.by_lag import GradientByLag, gradient_by_lag
from nurt.diagnostics.gradient.over_time import StepContributions, step_contributions
from nurt.diagnostics.gradient.paths import LSTMS, CellPaths, cell_paths
from nurt.diagnostics.gradient.truncation import TruncationLedger, last_step_ledger, reads_last_step
from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.layer_record import LayerRecord
from nurt.diagnostics.look.passage import Passage
from nurt.diagnostics.units.connectivity import Connectivity, input_connectivity
from nurt.diagnostics.units.gates import GateStatistics, UnitMemory, carry_of, gate_statistics, unit_memory
from nurt.diagnostics.units.maps import StateMaps, state_maps
from nurt.errors import NurtValueError
from nurt.results import Result

__all__ = ["PARTS", "LayerFindings", "Scope", "look_at"]

PARTS: Final = (
    "reach", "gradient", "contributions", "paths", "truncation", "maps", "gates", "memory", "spectra", "jacobians",
    "lyapunov", "connectivity",
)  # fmt: skip
# Parts that take single steps again.
_STEPWISE = ("jacobians", "lyapunov", "connectivity")
# Of exponents one step in so many is discarded, the first: until then the state has not settled.
_TRANSIENT = 4
# Distances at which products of Jacobians are kept: their singular values are expensive.
_DISTANCES = (1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Scope:
    """What is examined.

    Args:
        parts: names among :data:`PARTS`.
        rows: of the batch, the first so many; the result reports if there were more.
        steps: for Jacobians, exponents and connectivity, whose cost grows with the length or its square: a sequence
            with more steps is left out of these parts, and the result reports it.
        lags: the longest lag that the gradient is followed.
        exponents: how many Lyapunov exponents, the largest.
        tolerance: relative error of a truncated gradient that is still small.
        threshold: share of its maximum below which a gradient counts as gone.

    Raises:
        NurtValueError: an unknown part, or a number out of range.
    """

    parts: tuple[str, ...] = PARTS
    rows: int = 8
    steps: int = 128
    lags: int = 256
    exponents: int = 8
    tolerance: float = 0.05
    threshold: float = 0.01

    def __post_init__(self) -> None:
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown or not self.parts:
            raise NurtValueError(
                "Scope: unknown or no parts.", expected=f"some of {', '.join(PARTS)}", got=", ".join(unknown) or "none"
            )
        if min(self.rows, self.steps, self.lags, self.exponents) < 1 or not 0 < self.tolerance < 1 > self.threshold > 0:
            raise NurtValueError(
                "Scope: a number is out of range.",
                expected="whole numbers of at least 1; tolerance and threshold between 0 and 1",
                got=repr(self),
            )

    def wants(self, part: str) -> bool:
        """Return whether ``part`` is looked at."""
        return part in self.parts


@dataclass(frozen=True, eq=False)
class LayerFindings(Result):
    """One layer in one direction. A part is None where it was not asked for or has no meaning for the layer.

    Args:
        id: which layer and direction.
        recurrence: its name; empty for a step of its own.
        steps: T.
        reached: whether a gradient of the loss arrives.
        gradient: how far back the gradient of the loss reaches; None too where no gradient arrives.
        contributions: what each step adds to the gradient of the weights.
        paths: by which path the gradient reaches the cell state, of an LSTM.
        truncation: the bias of a truncated gradient, of a layer that the loss reads at its last step alone.
        maps: states, gates and their gradients, unit by unit and step by step, of the median row.
        gates: saturation of gates and units.
        memory: half-lives by the forget or update gate.
        spectra: of the recurrent weights of each gate.
        jacobians: of the steps.
        products: of the step Jacobians.
        lyapunov: the largest exponents.
        connectivity: on which inputs of the layer its first unit depends.
    """

    id: LayerId
    recurrence: str
    steps: int
    reached: bool = True
    gradient: GradientByLag | None = None
    contributions: StepContributions | None = None
    paths: CellPaths | None = None
    truncation: TruncationLedger | None = None
    maps: StateMaps | None = None
    gates: GateStatistics | None = None
    memory: UnitMemory | None = None
    spectra: tuple[Spectrum, ...] = ()
    jacobians: StepJacobians | None = None
    products: JacobianProducts | None = None
    lyapunov: LyapunovExponents | None = None
    connectivity: Connectivity | None = None

    @property
    def gated(self) -> bool:
        """Whether a gate carries its state on."""
        # By its name too: neither memory nor gates may have been looked at.
        return self.memory is not None or self.recurrence.endswith(("lstm", "gru"))

    def parts(self) -> Iterator[tuple[str, Any]]:
        """Yield the names and results of the parts that there are; each spectrum by itself."""
        for field in dataclasses.fields(self)[4:]:
            value = getattr(self, field.name)
            for one in value if isinstance(value, tuple) else (value,):
                if one is not None:
                    yield field.name, one

    def __str__(self) -> str:
        lines = [f"{self.id}: {self.recurrence or 'a step of its own'}"]
        for name, part in self.parts():
            told = str(part).removeprefix(f"{self.id}").removeprefix(":").splitlines()
            words = "; ".join(line.strip() for line in told)
            lines.append(f"  {name}: {words}")
        return "\n".join(lines)


def look_at(record: LayerRecord, spectra: tuple[Spectrum, ...], scope: Scope) -> LayerFindings:
    """Examine one layer in one direction.

    Args:
        record: what it did, with the gradients.
        spectra: of its recurrent weights.
        scope: which parts.
    """
    found: dict[str, Any] = {"spectra": spectra}
    steps, reached = record.steps.steps, record.reached_by_loss
    if scope.wants("gradient") and reached:
        found["gradient"] = gradient_by_lag(record, threshold=scope.threshold, most_lags=scope.lags)
    if scope.wants("contributions") and reached:
        found["contributions"] = step_contributions(record)
    if scope.wants("truncation") and reached and reads_last_step(record):
        found["truncation"] = last_step_ledger(record, scope.tolerance)
    if scope.wants("paths") and reached and record.recurrence in LSTMS:
        found["paths"] = cell_paths(record)
    if scope.wants("maps") and bool(record.within.any()):
        found["maps"] = state_maps(record, sort=True)
    if scope.wants("gates") and bool(record.within.any()):
        found["gates"] = gate_statistics(record)
    if scope.wants("memory") and carry_of(record) is not None:
        found["memory"] = unit_memory(record)
    if steps <= scope.steps and any(scope.wants(part) for part in _STEPWISE):
        found |= _dynamics(record.passage(), scope)
    return LayerFindings(record.id, record.recurrence, steps, reached, **found)


def _dynamics(run: Passage, scope: Scope) -> dict[str, Any]:
    """Return the parts that look at single steps."""
    found: dict[str, Any] = {}
    longest = int(run.lengths.max()) if len(run.lengths) else 0
    if longest and (scope.wants("jacobians") or scope.wants("lyapunov")):
        jacobians = step_jacobians(run)
        if scope.wants("jacobians"):
            lags = sorted({*(lag for lag in _DISTANCES if lag <= longest), longest})
            found |= {"jacobians": jacobians, "products": jacobian_products(jacobians, lags)}
        if scope.wants("lyapunov"):
            count = min(scope.exponents, sum(jacobians.sizes))
            found["lyapunov"] = lyapunov_exponents(jacobians, count=count, discard=longest // _TRANSIENT)
    if longest and scope.wants("connectivity"):
        found["connectivity"] = input_connectivity(run)
    return found
