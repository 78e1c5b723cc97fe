r"""The gradient of the weights of a recorded layer over time: what each step adds to it.

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

from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.layer_record import LayerRecord
from nurt.errors import NurtValueError
from nurt.results import Result
from nurt.wording import percent_in_words

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["StepContributions", "step_contributions"]


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
