r"""The dependence of an output on each input: c[t, s] = ‖∂y_t/∂x_s‖, position against position.

A diagonal band is a network that uses the last few inputs; a column is an input that is remembered for long; what
lies above the diagonal is the future, which only a backward layer may see. A norm says how much an output would change
with a small change of the input, not how much the input contributed to its value: a saturated unit changes little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.look.passage import Passage
from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.nn import unroll
from nurt.results import Result
from nurt.wording import plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Connectivity", "input_connectivity"]

MOST_STEPS = 256


@dataclass(frozen=True, eq=False)
class Connectivity(Result):
    """How strongly one output at each position depends on the inputs of every other.

    Args:
        output: which feature k of the outputs.
        norms: ‖∂(y_t)_k/∂x_s‖₂, (B, T, T), axis 1 the output position t, axis 2 the input position s; exactly 0 where
            no path leads.
        first: the position of row and column 0 in the sequence; above 0 where only the last steps were looked at.
        total: steps of the whole sequence.
    """

    output: int
    norms: Tensor = field(metadata={"json": False}, repr=False)
    first: int
    total: int

    @property
    def median(self) -> np.ndarray:
        """Median of the norms over the rows, (T, T): no single row decides."""
        return np.asarray(np.median(self.norms.numpy(), axis=0))

    @property
    def by_lag(self) -> np.ndarray:
        """Mean norm of a row over its pairs with t - s = 0, 1, … T-1, the median of the rows, (T,)."""
        steps = self.norms.shape[1]
        rows = self.norms.numpy()
        return np.array([np.median(rows.diagonal(-lag, axis1=1, axis2=2).mean(axis=1)) for lag in range(steps)])

    def to_dict(self) -> dict[str, Any]:
        """Return the median map of the rows, and their median per lag."""
        return {**super().to_dict(), "median": self.median.tolist(), "by_lag": self.by_lag.tolist()}

    def __str__(self) -> str:
        lags = self.by_lag
        part = "" if self.first == 0 else f" (the last {len(lags)} of {self.total} steps)"
        if not lags.any():
            return f"output {self.output}{part}: no input at or before an output reaches it"
        half = int(np.searchsorted(lags.cumsum(), lags.sum() / 2))
        return (
            f"output {self.output}{part}: half of its dependence on past inputs lies within lag {half}; the norm "
            f"is {lags[0]:.4g} at lag 0 and {lags[-1]:.4g} at lag {len(lags) - 1}, "
            f"median of {plural(len(self.norms), 'row')}"
        )

    def plot(self) -> go.Figure:
        """Draw the map of the median row, inputs to the right, outputs downwards."""
        from nurt import plotting

        title = f"Inputs that output {self.output} depends on"
        figure = plotting.new_figure(title, "input step s", "output step t")
        steps = np.arange(self.first, self.first + self.norms.shape[1])
        plotting.add_log_map(figure, self.median, "log₁₀ ‖∂y_t/∂x_s‖", steps)
        return figure


def input_connectivity(
    function: Passage | Callable[[Tensor], Any],
    inputs: Tensor | None = None,
    *,
    output: int = 0,
    most_steps: int = MOST_STEPS,
) -> Connectivity:
    """Differentiate one output at every position by the inputs at every position.

    One backward pass per output position, for all rows of the batch at once; rows must not depend on each other.

    Args:
        function: takes inputs (B, T, I) to outputs (B, T, O), or to a tuple that begins with them; or what one layer
            was taken through, whose outputs are then its hidden states.
        inputs: (B, T, I); None with a passage, which has its own.
        output: k, which feature of the outputs.
        most_steps: a longer sequence is cut to the pairs among its last so many positions, and the result reports it.

    Raises:
        NurtTypeError: no inputs for a function, or inputs for a passage.
        ShapeError: inputs or outputs of another shape.
        NurtValueError: no such output, or ``most_steps`` below 1.

    Example:
        >>> layer = RNN(3, 5, batch_first=True)
        >>> found = input_connectivity(layer, torch.randn(2, 7, 3), output=4)
        >>> bool((found.norms.triu(1) == 0).all())
        True
    """
    call, given = _prepared(function, inputs)
    steps = given.shape[1]
    if most_steps < 1:
        raise NurtValueError("input_connectivity: `most_steps` is too small.", expected=">= 1", got=str(most_steps))
    first = max(0, steps - most_steps)
    with torch.enable_grad():
        leaf = given.detach().clone().requires_grad_()
        outputs = _checked_outputs(call(leaf), given, output)
        rows = [
            torch.autograd.grad(
                outputs[:, place, output].sum(), leaf, retain_graph=True, allow_unused=True, materialize_grads=True
            )[0]
            for place in range(first, steps)
        ]
    norms = torch.stack([torch.linalg.vector_norm(one[:, first:], dim=-1) for one in rows], dim=1)
    return Connectivity(output, norms.double().cpu(), first, steps)


def _prepared(
    function: Passage | Callable[[Tensor], Any], inputs: Tensor | None
) -> tuple[Callable[[Tensor], Any], Tensor]:
    if isinstance(function, Passage):
        if inputs is not None:
            raise NurtTypeError(
                "input_connectivity: inputs beside a passage, which has its own.",
                expected="inputs=None",
                got=type(inputs).__name__,
            )
        run = function
        return lambda x: unroll(run.cell, x, run.state, run.lengths, run.reverse), run.inputs
    if inputs is None:
        raise NurtTypeError("input_connectivity: `inputs` are missing.", expected="a tensor (B, T, I)", got="None")
    if inputs.dim() != 3 or not inputs.shape[1]:
        raise ShapeError("input_connectivity: the inputs have no (B, T, I).", got=str(tuple(inputs.shape)))
    if getattr(function, "batch_first", True) is False:
        raise ShapeError(
            "input_connectivity: this layer takes time before the batch.",
            expected="a layer with batch_first=True",
            got="batch_first=False",
            cure="Wrap it: lambda x: layer(x.transpose(0, 1))[0].transpose(0, 1).",
        )
    return function, inputs


def _checked_outputs(given: Any, inputs: Tensor, output: int) -> Tensor:
    outputs = given[0] if isinstance(given, tuple) else given
    if not isinstance(outputs, Tensor) or outputs.dim() != 3 or outputs.shape[:2] != inputs.shape[:2]:
        raise ShapeError(
            "input_connectivity: the function gives no output per input step.",
            expected=f"({inputs.shape[0]}, {inputs.shape[1]}, O)",
            got=str(tuple(outputs.shape)) if isinstance(outputs, Tensor) else type(outputs).__name__,
        )
    if not 0 <= output < outputs.shape[2]:
        raise NurtValueError(
            "input_connectivity: there is no such output.", expected=f"0 … {outputs.shape[2] - 1}", got=str(output)
        )
    if not outputs.requires_grad:
        raise NurtValueError(
            "input_connectivity: the outputs cannot be differentiated by the inputs.",
            expected="outputs that autograd can follow back",
            got="outputs without a gradient",
            cure="Leave out torch.no_grad() and detach() inside the function.",
        )
    return outputs
