"""Gates and saturation: how often each unit stands at an end of its range, and which units never move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.finding import LayerId
from nurt.diagnostics.layer_record import LayerRecord
from nurt.errors import NurtValueError
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["GateStatistics", "Saturation", "UnitStatistics", "gate_statistics"]


@dataclass(frozen=True, eq=False)
class Saturation(Result):
    """Where the values of one gate lie, per unit, over all steps of all rows.

    Args:
        left: share of the values below ``low``, (H,).
        right: share above ``high``, (H,).
        mean: of the values, (H,).
    """

    left: np.ndarray
    right: np.ndarray
    mean: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """Share between the thresholds, (H,)."""
        return np.asarray(1 - self.left - self.right)


@dataclass(frozen=True, eq=False)
class UnitStatistics(Result):
    """How the hidden units behave, over all steps of all rows.

    Args:
        saturated: share of |h| above the bound, per unit, (H,).
        stuck: whether a unit is saturated at every step, (H,).
        dead: whether a unit is exactly zero at every step, as a ReLU that never opens is, (H,).
    """

    saturated: np.ndarray
    stuck: np.ndarray
    dead: np.ndarray


@dataclass(frozen=True, eq=False)
class GateStatistics(Result):
    """Gates and units of one layer and direction.

    Left- and right-saturated gates are defined as in [karpathy2015visualizing].

    Args:
        id: which layer and direction.
        low: a gate below it counts as closed.
        high: a gate above it counts as open.
        bound: |h| above it counts as saturated.
        gates: by name; without the candidate, which is no gate.
        units: of the hidden state.
        values: the gates, (B, T, H) by name, the candidate too.
    """

    id: LayerId
    low: float
    high: float
    bound: float
    gates: Mapping[str, Saturation]
    units: UnitStatistics
    values: Mapping[str, Tensor] = field(repr=False, metadata={"json": False})

    def __str__(self) -> str:
        units = self.units
        lines = [
            f"{self.id}: {len(units.dead)} units, {int(units.dead.sum())} dead, {int(units.stuck.sum())} stuck at "
            f"|h| > {self.bound:g}; saturated {units.saturated.mean():.0%} of the time"
        ]
        lines += [
            f"  {name} gate: below {self.low:g} {one.left.mean():.0%}, above {self.high:g} {one.right.mean():.0%} "
            f"of the time, mean {one.mean.mean():.3f}"
            for name, one in self.gates.items()
        ]
        return "\n".join(lines)

    def plot(self) -> go.Figure:
        """Draw each unit of each gate as a point: how often closed, how often open."""
        from nurt import plotting

        title = f"Saturation of gates: {self.id}"
        figure = plotting.new_figure(title, f"share of steps below {self.low:g}", f"share above {self.high:g}")
        for name, one in self.gates.items():
            figure.add_scatter(x=one.left, y=one.right, mode="markers", name=name, text=np.arange(len(one.left)))
        # Shares, and a little room for the points at the ends.
        figure.update_xaxes(range=[-0.03, 1.03])
        figure.update_yaxes(range=[-0.03, 1.03])
        figure.update_layout(hovermode="closest")
        return figure


def gate_statistics(record: LayerRecord, *, low: float = 0.1, high: float = 0.9, bound: float = 0.9) -> GateStatistics:
    """Tell how often gates and units stand at the ends of their ranges; positions past the ends are not counted.

    Args:
        record: of a layer; no ``backward`` is needed.
        low: a gate below it counts as closed.
        high: a gate above it counts as open.
        bound: a unit with |h| above it counts as saturated.

    Raises:
        NurtValueError: thresholds that cross or lie outside 0..1.

    Example:
        >>> with nurt.diagnostics.record(layer := GRU(3, 5, batch_first=True)) as seen:
        ...     outputs = layer(torch.randn(2, 7, 3))
        >>> sorted(gate_statistics(seen.layer()).gates)
        ['reset', 'update']
    """
    if not 0 <= low < high <= 1 or not 0 <= bound < 1:
        raise NurtValueError(
            "gate_statistics: impossible thresholds.",
            expected="0 <= low < high <= 1 and 0 <= bound < 1",
            got=f"low={low}, high={high}, bound={bound}",
        )
    gates = {
        name: _saturation(values[record.within].double(), low, high)
        for name, values in record.gates.items()
        if name != "candidate"
    }
    hidden = record.hidden[record.within]
    saturated = hidden.abs() > bound
    units = UnitStatistics(saturated.double().mean(0).numpy(), saturated.all(0).numpy(), (hidden == 0).all(0).numpy())
    return GateStatistics(record.id, low, high, bound, gates, units, record.gates)


def _saturation(values: Tensor, low: float, high: float) -> Saturation:
    """Return the statistics of ``values`` (N, H)."""
    left, right = (values < low).double().mean(0), (values > high).double().mean(0)
    return Saturation(left.cpu().numpy(), right.cpu().numpy(), torch.mean(values, dim=0).cpu().numpy())
