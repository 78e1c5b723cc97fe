r"""The gradient of a recorded layer over time: how far back it reaches, and what each step adds to that of the weights.

With e_t = ∂ℓ/∂h_t from above and J_t the Jacobian of step t,

    g_k(t) = J_{t-k+1}ᵀ ⋯ J_tᵀ e_t,      Σ_k g_k(t + k) = dℓ/dh_t,

the gradient that the output of step t sends to the state k steps earlier. Of a loss at the last step alone g_k is the
total gradient k steps before the end; of any other loss the total gradient mixes lags, and g_k keeps them apart.

    K_s = ∂ℓ/∂W |_(use at step s),      Σ_s K_s = ∂ℓ/∂W,

the sum over the batch of dℓ/da_s ⊗ (what W was multiplied by), a_s the pre-activation: the terms that back-propagation
through time adds up [werbos1990backpropagation]. That the terms add up to the gradient is a check of the computation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

__all__ = ["GradientByLag", "StepContributions", "gradient_by_lag", "lag_curve", "step_contributions"]


@dataclass(frozen=True, eq=False)
class GradientByLag(Result):
    """Norms of the gradient of the hidden states by their distance to the step of the loss.

    Args:
        id: which layer and direction.
        norms: ‖g_k‖ for k = 0, 1, …, the mean over the steps of a row from which k steps back stay in the row.
        threshold: what counts as gone, relative to the largest mean.
        horizon: the lag after which the mean over the batch stays below the threshold; None where it does not get there
            within the sequence.
    """

    id: LayerId
    norms: BatchCurve
    threshold: float
    horizon: int | None

    def __str__(self) -> str:
        mean = self.norms.mean
        far = len(mean) - 1
        bound = f"{percent_in_words(self.threshold, 0)} of its maximum"
        if self.horizon is None:
            reach = f"stays above {bound} up to lag {far}, the longest there is"
        else:
            reach = f"stays below {bound} after lag {self.horizon}"
        return f"{self.id}: the gradient {reach}; its norm is {mean[0]:.4g} at lag 0 and {mean[-1]:.4g} at lag {far}"

    def plot(self) -> go.Figure:
        """Draw the norms against the lag."""
        from nurt import plotting

        figure = plotting.new_figure(f"Gradient by lag: {self.id}", "lag k (steps before the loss)", "‖g_k‖")
        add_curve(figure, np.arange(len(self.norms.mean)), self.norms, "median of the batch", plotting.MODEL)
        figure.add_hline(
            y=self.threshold * float(np.nanmax(self.norms.mean)), line={"color": plotting.REFERENCE, "dash": "dot"}
        )
        figure.update_yaxes(type="log", exponentformat="power")
        return figure


def gradient_by_lag(record: LayerRecord, *, threshold: float = 0.01, most_lags: int = 256) -> GradientByLag:
    """Follow the gradient of every step's loss back in time, lag by lag.

    Where a loss stands at one step the cost is that of one backward pass, where it stands at all T steps that of T.

    Args:
        record: of a layer that a ``backward`` has reached.
        threshold: relative to the maximum, between 0 and 1; below it a gradient counts as gone.
        most_lags: the longest lag that is followed.

    Raises:
        NurtValueError: no gradient, one that is zero everywhere, a threshold outside 0..1, or no lag to follow.

    Example:
        >>> layer = GRU(3, 5, batch_first=True)
        >>> with nurt.diagnostics.record(layer) as seen:
        ...     layer(torch.randn(2, 7, 3))[0][:, -1].sum().backward()
        >>> len(gradient_by_lag(seen.layer()).norms.mean)
        7
    """
    if not 0 < threshold < 1 or most_lags < 1:
        raise NurtValueError(
            "gradient_by_lag: an argument is out of range.",
            expected="a threshold between 0 and 1 and at least one lag",
            got=f"threshold={threshold}, most_lags={most_lags}",
        )
    direct, _ = record.gradients()
    norms = _norms(record, direct, most_lags)
    return lag_curve(record.id, norms, threshold)


def lag_curve(address: LayerId, norms: Tensor, threshold: float) -> GradientByLag:
    """Return what norms per row and lag, (B, K), say together; NaN where a row has no such lag."""
    curve = over_batch(norms)
    return GradientByLag(address, curve, threshold, _horizon(curve.mean, threshold))


@dataclass(frozen=True, eq=False)
class StepContributions(Result):
    """The gradient of the weights of one layer and direction, step by step.

    Args:
        id: which layer and direction.
        norms: ‖K_s‖ per weight, (T,), s in the order of the inputs.
        gradients: Σ_s K_s per weight.
        tensors: K_s of the weights that were asked for, (T, *shape).
    """

    id: LayerId
    norms: Mapping[str, Tensor] = field(repr=False, metadata={"json": False})
    gradients: Mapping[str, Tensor] = field(repr=False, metadata={"json": False})
    tensors: Mapping[str, Tensor] = field(repr=False, metadata={"json": False})

    def share(self, name: str, last: int) -> float:
        """Return which part of the summed norms of the weight ``name`` the ``last`` steps hold; NaN when all are 0.

        The steps are counted in the order in which the layer takes them.
        """
        norms = self.norms[name]
        norms = norms.flip(0) if self.id.direction == "backward" else norms
        return float(norms[len(norms) - min(last, len(norms)) :].sum() / norms.sum())

    def to_dict(self) -> dict[str, Any]:
        """Return the norms."""
        norms = {name: values.tolist() for name, values in self.norms.items()}
        return {**super().to_dict(), "norms": norms}

    def __str__(self) -> str:
        steps = len(next(iter(self.norms.values())))
        last = max(1, steps // 10)
        shares = ", ".join(f"{name} {percent_in_words(self.share(name, last), 0)}" for name in self.norms)
        return f"{self.id}: share of the last {last} of {steps} steps in the summed norms of the gradient: {shares}"

    def plot(self) -> go.Figure:
        """Draw the norms over the steps."""
        from nurt import plotting

        figure = plotting.new_figure(f"Contributions of the steps to the gradient: {self.id}", "step s", "‖K_s‖")
        for name, norms in self.norms.items():
            figure.add_scatter(x=np.arange(len(norms)), y=norms.numpy(), name=name)
        figure.update_yaxes(type="log", exponentformat="power")
        return figure


def step_contributions(record: LayerRecord, *, keep: Sequence[str] = ()) -> StepContributions:
    """Take the gradient of one recorded layer apart by the step at which the weights were used.

    One backward pass over the T steps.

    Args:
        record: of a layer that a ``backward`` has reached.
        keep: names of weights, such as ["weight_hh"], whose K_s are kept; T times the memory of the weight.

    Raises:
        NurtValueError: no gradient, or the layer has no weight of that name.

    Example:
        >>> layer = LSTM(3, 5, batch_first=True)
        >>> with nurt.diagnostics.record(layer) as seen:
        ...     layer(torch.randn(2, 7, 3))[0][:, -1].sum().backward()
        >>> parts = step_contributions(seen.layer())
        >>> parts.norms["weight_hh"].shape
        torch.Size([7])
        >>> bool(torch.allclose(parts.gradients["weight_hh"], layer.weight_hh_l0.grad, atol=1e-6))
        True
    """
    direct, _ = record.gradients()
    unknown = sorted(set(keep) - set(record.steps.weights))
    if unknown:
        raise NurtValueError(
            "step_contributions: the layer has no such weight.",
            expected=f"some of {', '.join(record.steps.weights)}",
            got=", ".join(unknown),
        )
    weights = record.steps.weights
    norms = {name: torch.zeros(record.steps.steps, dtype=torch.float64) for name in weights}
    sums = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    tensors = {name: weights[name].new_zeros(record.steps.steps, *weights[name].shape) for name in keep}
    final = {} if record.final_cell is None else {"cell": record.final_cell}
    for step in record.steps.back(direct, final):
        for name, use in step.weights.items():
            norms[name][step.place] = float(torch.linalg.vector_norm(use))
            sums[name] += use
            if name in tensors:
                tensors[name][step.place] = use
    return StepContributions(record.id, norms, sums, tensors)


def _norms(record: LayerRecord, direct: Tensor, most_lags: int) -> Tensor:
    """Return the mean norm per row and lag, (B, K), NaN where a row has no such lag."""
    steps, before = record.steps, record.steps.states_before()
    grad = type(before)(*(torch.zeros_like(field) for field in before))._replace(hidden=direct)
    if record.final_cell is not None:
        rows = torch.arange(len(steps.lengths), device=direct.device)
        there = torch.where((steps.lengths > 0).unsqueeze(1), record.final_cell, 0.0)
        grad = grad._replace(cell=grad.cell.index_put((rows, steps.last), there, accumulate=True))
    rows, places = sum((field != 0).any(dim=-1) for field in grad).nonzero(as_tuple=True)
    if not len(rows):
        raise NurtValueError(
            f"gradient_by_lag: no gradient arrives at {record.id} from above.", expected="a loss of it", got="zero"
        )
    grad = type(grad)(*(field[rows, places] for field in grad))
    back, found = 1 if steps.reverse else -1, []
    for _ in range(min(steps.steps, most_lags)):
        norms = torch.linalg.vector_norm(grad.hidden, dim=-1).double()
        sums = norms.new_zeros(len(steps.lengths)).index_add(0, rows, norms)
        count = norms.new_zeros(len(steps.lengths)).index_add(0, rows, torch.ones_like(norms))
        found.append(sums / count)
        state = type(before)(*(field[rows, places] for field in before))
        grad, _ = steps.pulled(rows, places, state, grad, {})
        places = places + back
        inside = (places >= 0) & (places < steps.lengths[rows])
        rows, places = rows[inside], places[inside]
        grad = type(grad)(*(field[inside] for field in grad))
        if not len(rows):
            break
    return torch.stack(found, dim=1)


def _horizon(mean: np.ndarray, threshold: float) -> int | None:
    """Return the last lag that is not below the threshold, unless it is the last of all."""
    last = int(np.flatnonzero(mean >= threshold * np.nanmax(mean))[-1])
    return last if last + 1 < len(mean) else None
