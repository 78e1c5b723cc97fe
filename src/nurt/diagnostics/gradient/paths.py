r"""The paths by which the gradient reaches the cell state of an LSTM.

With γ_t = dℓ/dc_t, e_t the direct and δ_t the total gradient of h_t, and s_t = o_t ⊙ (1 - tanh² c_t),

    γ_t = f_{t+1} ⊙ γ_{t+1}        the cell highway, from state to state
        + s_t ⊙ e_t                the step's own output
        + s_t ⊙ (δ_t - e_t)        through the gates of the next step

and at a row's last step ∂ℓ/∂c_T besides, where the loss reads the final cell itself [hochreiter1997long]. The
product ∏ f, which the highway alone keeps, is compared with the exact norm ‖∂c_T/∂c_t‖.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.look.batch import BatchCurve, add_curve, over_batch
from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.layer_record import LayerRecord
from nurt.errors import NurtValueError
from nurt.results import Result
from nurt.wording import percent_in_words

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["LSTMS", "CellPaths", "HighwayReach", "cell_paths", "highway_reach"]

# Those in which h_t = o_t ⊙ tanh(c_t), and nothing else in the step reads c_t.
LSTMS = ("lstm", "cifg_lstm")


@dataclass(frozen=True, eq=False)
class CellPaths(Result):
    """The gradient of the cell states of one layer and direction, by path.

    Args:
        id: which layer and direction.
        highway: f_{t+1} ⊙ γ_{t+1}, (B, T, H).
        own_output: s_t ⊙ e_t.
        gates: s_t ⊙ (δ_t - e_t).
        final: ∂ℓ/∂c_T at the last step of each row, zero elsewhere.
        total: γ_t.
        within: which positions lie before the end of their row, (B, T).
    """

    id: LayerId
    highway: Tensor = field(repr=False, metadata={"json": False})
    own_output: Tensor = field(repr=False, metadata={"json": False})
    gates: Tensor = field(repr=False, metadata={"json": False})
    final: Tensor = field(repr=False, metadata={"json": False})
    total: Tensor = field(repr=False, metadata={"json": False})
    within: Tensor = field(repr=False, metadata={"json": False})

    @property
    def parts(self) -> dict[str, Tensor]:
        """The paths by name."""
        return {
            "cell highway": self.highway,
            "own output": self.own_output,
            "through the gates": self.gates,
            "final cell": self.final,
        }

    @property
    def residual(self) -> float:
        """Largest difference between the sum of the parts and the total, relative to the largest total."""
        off = (sum(self.parts.values()) - self.total).abs().max()
        return float(off / self.total.abs().max().clamp(min=torch.finfo(self.total.dtype).tiny))

    def share(self, name: str) -> float:
        """Return the norm of one part over all steps, relative to the summed norms of all parts; NaN when all are 0."""
        norms = {part: float(torch.linalg.vector_norm(value)) for part, value in self.parts.items()}
        return norms[name] / sum(norms.values()) if any(norms.values()) else float("nan")

    def curve(self, name: str) -> BatchCurve:
        """Return the norm of one part per step over the batch."""
        norms = torch.linalg.vector_norm(self.parts[name], dim=-1).double()
        return over_batch(torch.where(self.within, norms, torch.nan))

    def to_dict(self) -> dict[str, Any]:
        """Return the shares and the median norms per step."""
        return {
            "id": self.id._asdict(),
            "shares": {name: self.share(name) for name in self.parts},
            "residual": self.residual,
            "norms": {name: self.curve(name).median.tolist() for name in self.parts},
        }

    def __str__(self) -> str:
        shares = ", ".join(f"{name} {percent_in_words(self.share(name), 0)}" for name in self.parts)
        return f"{self.id}: paths of the gradient to the cell state: {shares}; they add up within {self.residual:.0e}"

    def plot(self) -> go.Figure:
        """Draw the norms of the parts over time."""
        from nurt import plotting

        figure = plotting.new_figure(f"Paths of the gradient: {self.id}", "step t", "norm")
        steps = np.arange(self.total.shape[1])
        for colour, name in zip(plotting.PALETTE, self.parts, strict=False):
            add_curve(figure, steps, self.curve(name), name, colour)
        figure.update_yaxes(type="log", exponentformat="power")
        return figure


def cell_paths(record: LayerRecord) -> CellPaths:
    """Split the gradient of the cell states by path.

    Args:
        record: of an LSTM layer, plain or with coupled gates, that a ``backward`` has reached.

    Raises:
        NurtValueError: no gradient, another recurrence, or options that act between the steps.

    Example:
        >>> layer = LSTM(3, 5, batch_first=True)
        >>> with nurt.diagnostics.record(layer) as seen:
        ...     layer(torch.randn(2, 7, 3))[0][:, -1].sum().backward()
        >>> cell_paths(seen.layer()).residual < 1e-5
        True
    """
    cell = _lstm_cell("cell_paths", record)
    direct, total = record.gradients()
    gamma = record.total_cell
    assert gamma is not None
    slope = record.gates["output"] * (1 - torch.tanh(cell) ** 2)
    highway = record.steps.after(record.gates["forget"] * gamma)
    final = torch.zeros_like(gamma)
    if record.final_cell is not None:
        rows = torch.arange(len(record.lengths))
        final[rows, record.steps.last] = torch.where((record.steps.lengths > 0).unsqueeze(1), record.final_cell, 0.0)
    return CellPaths(record.id, highway, slope * direct, slope * (total - direct), final, gamma, record.within)


@dataclass(frozen=True, eq=False)
class HighwayReach(Result):
    """How much of a change of c_t is left in the last cell state of a row: by the highway alone, and exactly.

    Args:
        id: which layer and direction.
        row: of the batch.
        product: the largest ∏_{s>t} f_s over the units, (T,) up to the end of the row; 1 at the last step.
        jacobian: ‖∂c_T/∂c_t‖₂ over all paths, (T,).
    """

    id: LayerId
    row: int
    product: np.ndarray
    jacobian: np.ndarray

    def __str__(self) -> str:
        far = -1 if self.id.direction == "backward" else 0
        return (
            f"{self.id}, row {self.row}: over {len(self.product)} steps the forget gates keep at most "
            f"{self.product[far]:.3g} of a cell state, the Jacobian over all paths has norm {self.jacobian[far]:.3g}"
        )

    def plot(self) -> go.Figure:
        """Draw both curves."""
        from nurt import plotting

        figure = plotting.new_figure(f"Reach of the cell state: {self.id}", "step t", "left at the last step")
        steps = np.arange(len(self.product))
        figure.add_scatter(x=steps, y=self.product, name="largest ∏ f", line={"color": plotting.MODEL})
        figure.add_scatter(
            x=steps, y=self.jacobian, name="‖∂c_T/∂c_t‖₂", line={"color": plotting.WARNING, "dash": "dash"}
        )
        figure.update_yaxes(type="log", exponentformat="power")
        return figure


def highway_reach(record: LayerRecord, row: int = 0) -> HighwayReach:
    """Compare the product of the forget gates with the exact Jacobian of the cell state.

    H backward passes over one row.

    Args:
        record: of an LSTM layer, plain or with coupled gates; no ``backward`` is needed.
        row: of the batch.

    Raises:
        NurtValueError: another recurrence, options that act between the steps, or no such row, or one without steps.
    """
    cell = _lstm_cell("highway_reach", record)
    if not 0 <= row < len(cell) or not int(record.lengths[row]):
        raise NurtValueError(
            "highway_reach: there is nothing in this row.",
            expected=f"a row with steps, 0 … {len(cell) - 1}",
            got=str(row),
        )
    places = [place for place in record.steps.order if place < int(record.lengths[row])]
    forget, before = record.gates["forget"][row], record.steps.states_before()
    slope = (record.gates["output"] * (1 - torch.tanh(cell) ** 2))[row]
    units = cell.shape[-1]
    rows = torch.full((units,), row)
    hidden, carried = cell.new_zeros(units, record.hidden.shape[-1]), torch.eye(units).to(cell)
    kept = torch.ones_like(carried[0])
    product, jacobian = np.zeros(len(places)), np.zeros(len(places))
    for place in reversed(places):
        # Row u of the Jacobian: the state's own field, and by way of h_t what the later steps sent back.
        whole = carried + hidden * slope[place]
        product[place], jacobian[place] = float(kept.max()), float(torch.linalg.matrix_norm(whole.double(), 2))
        kept = kept * forget[place]
        state = type(before)(*(field[rows, place] for field in before))
        grad = type(before)(hidden=hidden, cell=carried)
        (hidden, carried), _ = record.steps.pulled(rows, torch.full_like(rows, place), state, grad, {})
    return HighwayReach(record.id, row, product, jacobian)


def _lstm_cell(where: str, record: LayerRecord) -> Tensor:
    if record.recurrence not in LSTMS or record.cell is None:
        raise NurtValueError(
            f"{where}: {record.id} is no LSTM with h = o ⊙ tanh(c).",
            expected=" or ".join(LSTMS),
            got=record.recurrence or "a step of its own",
        )
    if record.steps.options.names:
        raise NurtValueError(
            f"{where}: options act between the steps of {record.id}, which the split does not know.",
            expected="an LSTM without them",
            got=", ".join(sorted(record.steps.options.names)),
            cure="Record in evaluation mode, without a bound on the gradient between steps.",
        )
    return record.cell
