r"""Gates over time: how often each stands at an end of its range, and how long a unit remembers by them.

A unit remembers by the gate that carries its state on: the forget gate, f_t in c_t = f_t ⊙ c_{t-1} + …; the update
gate of a GRU, z_t in h_t = z_t ⊙ h_{t-1} + …; that of a minGRU, which has the opposite sense, by 1 - z_t. With the
share f_t that is carried on, in steps,

    half-life  ln ½ / λ,      time constant  -1 / λ,      λ = mean of ln f_t over a row, median of the rows.

The mean is of ln f, not of f: what is left after k steps is the product of the f. It is the share that the direct path
keeps; what returns through other gates is not in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.layer_record import LayerRecord
from nurt.errors import NurtValueError
from nurt.nn import AbstractCell, MinGRUCell, MinLSTMCell
from nurt.nn.cells.diagonal import GatedDiagonalCell
from nurt.results import Result
from nurt.wording import percent_in_words

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "Carry",
    "GateStatistics",
    "Saturation",
    "UnitMemory",
    "UnitStatistics",
    "carry_of",
    "gate_statistics",
    "unit_memory",
]


@dataclass(frozen=True)
class Carry:
    """The gate that carries the state of a cell on.

    Args:
        gate: "forget" or "update".
        keeps_when: at which end of its range the state is kept.
        coupled: whether what is kept is not replaced, the input gate being one minus the share that is carried on.
    """

    gate: Literal["forget", "update"]
    keeps_when: Literal["closed", "open"]
    coupled: bool


# By the name of the recurrence, and by the kind of a cell that the kernels do not know by name.
_KNOWN = {
    **dict.fromkeys(("lstm", "peephole_lstm", "layer_norm_lstm", "projected_lstm"), Carry("forget", "open", False)),
    "cifg_lstm": Carry("forget", "open", True),
    **dict.fromkeys(("gru", "reset_before_gru"), Carry("update", "open", True)),
}
# Those whose hidden state is or follows a tanh.
_BOUNDED = {
    "elman_tanh", "leaky_elman", "lstm", "peephole_lstm", "cifg_lstm", "layer_norm_lstm", "gru", "reset_before_gru",
}  # fmt: skip
_OWN: dict[type[AbstractCell[Any]], Carry] = {
    MinGRUCell: Carry("update", "closed", True),
    MinLSTMCell: Carry("forget", "open", True),
}


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
        candidate: share of candidates with a size above ``bound``, per unit, (H,); None without a tanh candidate.
        carry: which gate carries the state on; None without such a gate.
    """

    id: LayerId
    low: float
    high: float
    bound: float
    gates: Mapping[str, Saturation]
    units: UnitStatistics
    values: Mapping[str, Tensor] = field(repr=False, metadata={"json": False})
    candidate: np.ndarray | None = None
    carry: Carry | None = None

    def __str__(self) -> str:
        units = self.units
        lines = [
            f"{self.id}: {len(units.dead)} units, {int(units.dead.sum())} dead, {int(units.stuck.sum())} stuck at "
            f"|h| > {self.bound:g}; saturated {percent_in_words(units.saturated.mean(), 0)} of the time"
        ]
        lines += [
            f"  {name} gate: below {self.low:g} {percent_in_words(one.left.mean(), 0)}, "
            f"above {self.high:g} {percent_in_words(one.right.mean(), 0)} of the time, mean {one.mean.mean():.3f}"
            for name, one in self.gates.items()
        ]
        if self.candidate is not None:
            share = percent_in_words(self.candidate.mean(), 0)
            lines.append(f"  candidate: size above {self.bound:g} {share} of the time")
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
    carry, values = carry_of(record), _gates(record)
    gates = {
        name: _saturation(one[record.within].double(), low, high) for name, one in values.items() if name != "candidate"
    }
    candidate = None
    if "candidate" in values:
        candidate = (values["candidate"][record.within].abs() > bound).double().mean(0).cpu().numpy()
    return GateStatistics(record.id, low, high, bound, gates, _units(record, bound), values, candidate, carry)


@dataclass(frozen=True, eq=False)
class UnitMemory(Result):
    """The memory of each unit of one layer and direction.

    Args:
        id: which layer and direction.
        gate: "forget" or "update".
        rate: mean of ln f over the steps of a row, median of the rows, per unit, (H,); nats per step.
        log_kept: ln f_t, (B, T, H); zero past the end of a row.
        taken: how many steps each row has taken after the one at each place, (B, T); 0 past its end.
    """

    id: LayerId
    gate: str
    rate: np.ndarray
    log_kept: Tensor = field(repr=False, metadata={"json": False})
    taken: Tensor = field(repr=False, metadata={"json": False})

    @property
    def half_life(self) -> np.ndarray:
        """Steps after which half is left, per unit, (H,)."""
        with np.errstate(divide="ignore"):
            return np.asarray(math.log(0.5) / self.rate)

    @property
    def time_constant(self) -> np.ndarray:
        """Steps after which 1/e is left, per unit, (H,)."""
        with np.errstate(divide="ignore"):
            return np.asarray(-1 / self.rate)

    def retained(self, lag: int) -> Tensor:
        """Return the share of the memory of ``lag`` steps before that is left at each step.

        Returns:
            ∏ of the last ``lag`` f up to each step, in the order in which the layer takes them, (B, T, H); NaN where
            the row does not reach so far back, and past its end.

        Raises:
            NurtValueError: a lag below 1 or beyond the sequence.
        """
        steps = self.log_kept.shape[1]
        if not 1 <= lag <= steps:
            raise NurtValueError("UnitMemory.retained: impossible lag.", expected=f"1 … {steps}", got=str(lag))
        reverse = self.id.direction == "backward"
        kept = self.log_kept.flip(1) if reverse else self.log_kept
        logs = F.pad(kept, (0, 0, lag - 1, 0)).unfold(1, lag, 1).sum(-1)
        share = (logs.flip(1) if reverse else logs).exp()
        return torch.where((self.taken >= lag).unsqueeze(-1), share, torch.nan)

    def to_dict(self) -> dict[str, Any]:
        """Return rates, half-lives and time constants."""
        extra = {"half_life": self.half_life.tolist(), "time_constant": self.time_constant.tolist()}
        return {**super().to_dict(), **extra}

    def __str__(self) -> str:
        low, median, high = np.quantile(self.half_life, [0.05, 0.5, 0.95])
        return (
            f"{self.id}: half-life by the {self.gate} gate: median {median:.3g} steps, "
            f"5 % of the units below {low:.3g}, 5 % above {high:.3g}"
        )

    def plot(self) -> go.Figure:
        """Draw the half-lives of the units, sorted."""
        from nurt import plotting

        figure = plotting.new_figure(f"Half-lives: {self.id}", "units, sorted", "half-life (steps)")
        figure.add_scatter(x=np.arange(len(self.rate)), y=np.sort(self.half_life), mode="lines+markers")
        figure.update_yaxes(type="log")
        return figure


def unit_memory(record: LayerRecord) -> UnitMemory:
    """Return how long each unit of a recorded layer remembers.

    Args:
        record: of a layer with a gate that carries its state on, see :func:`carry_of`; no ``backward`` is needed.

    Raises:
        NurtValueError: a recurrence without such a gate.

    Example:
        >>> with nurt.diagnostics.record(layer := LSTM(3, 5, batch_first=True)) as seen:
        ...     outputs = layer(torch.randn(2, 7, 3))
        >>> memory = unit_memory(seen.layer())
        >>> memory.half_life.shape, memory.retained(3).shape
        ((5,), torch.Size([2, 7, 5]))
    """
    carry = carry_of(record)
    if carry is None:
        raise NurtValueError(
            f"unit_memory: {record.id} has no gate that keeps its memory.",
            expected="an LSTM, a GRU, or a variant of these",
            got=record.recurrence or "a step of its own",
        )
    log_kept = _log_kept(record, carry)
    inside = torch.where(record.within.unsqueeze(-1), log_kept, 0.0)
    places = torch.arange(record.steps.steps, device=inside.device)
    taken = record.steps.lengths.unsqueeze(1) - places if record.steps.reverse else places.expand(len(inside), -1) + 1
    taken = torch.where(record.within, taken, 0)
    counts = record.within.sum(dim=1, keepdim=True)
    by_row = torch.where(counts > 0, inside.sum(dim=1) / counts, torch.nan).cpu().numpy()
    rate = np.median(by_row[~np.isnan(by_row[:, 0])], axis=0) if bool((counts > 0).any()) else np.nan * by_row[0]
    return UnitMemory(record.id, carry.gate, rate, inside, taken)


def carry_of(record: LayerRecord) -> Carry | None:
    """Return which gate of a layer carries its state on, and at which end of its range; None without such a gate."""
    if record.recurrence:
        return _KNOWN.get(record.recurrence)
    return None if record.cell_type is None else _OWN.get(record.cell_type)


def _log_kept(record: LayerRecord, carry: Carry) -> Tensor:
    """Return the logarithm of the share of the state that each step carries on, (B, T, H)."""
    # By its logarithm: a gate that rounds to 1 still forgets.
    if record.recurrence:
        return F.logsigmoid(record.pre_activations[carry.gate].double())
    return _diagonal_share(record).log()


def _gates(record: LayerRecord) -> Mapping[str, Tensor]:
    """Return the activated gates, (B, T, H) by name; of a diagonal cell the one gate that all follow from."""
    carry = carry_of(record)
    if record.recurrence or carry is None:
        return record.gates
    share = _diagonal_share(record)
    values = share if carry.keeps_when == "open" else 1.0 - share
    return {carry.gate: torch.where(record.within.unsqueeze(-1), values, 0.0)}


def _diagonal_share(record: LayerRecord) -> Tensor:
    """Return a_t of a cell with h_t = a_t ⊙ h_{t-1} + b_t, (B, T, H), float64."""
    cell, weights = record.passage().cell, record.steps.weights
    assert isinstance(cell, GatedDiagonalCell)
    bias = weights.get("bias_ih")
    projected = F.linear(record.inputs.double(), weights["weight_ih"].double(), None if bias is None else bias.double())
    share, _ = cell.coefficients(projected)
    return share.detach()


def _units(record: LayerRecord, bound: float) -> UnitStatistics:
    """Return how the hidden units behave; what has no bound, as a ReLU or a linear unit, is not saturated by size."""
    hidden = record.hidden[record.within]
    saturated = torch.zeros_like(hidden, dtype=torch.bool)
    if record.recurrence == "elman_sigmoid":
        saturated = (hidden - 0.5).abs() > bound / 2
    elif record.recurrence in _BOUNDED:
        saturated = hidden.abs() > bound
    return UnitStatistics(
        saturated.double().mean(0).cpu().numpy(),
        saturated.all(0).cpu().numpy(),
        (hidden == 0).all(0).cpu().numpy(),
    )


def _saturation(values: Tensor, low: float, high: float) -> Saturation:
    """Return the statistics of ``values`` (N, H)."""
    left, right = (values < low).double().mean(0), (values > high).double().mean(0)
    return Saturation(left.cpu().numpy(), right.cpu().numpy(), torch.mean(values, dim=0).cpu().numpy())
