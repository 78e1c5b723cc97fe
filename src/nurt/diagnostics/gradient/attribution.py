r"""Attribution of an output to its inputs: gradient times input, and integrated gradients.

    gradient × input         (x - x⁰) ⊙ ∇F(x)
    integrated gradients     (x - x⁰) ⊙ ∫₀¹ ∇F(x⁰ + α(x - x⁰)) dα        [sundararajan2017axiomatic]

F is one number for a sequence x, x⁰ a baseline that stands for "nothing". The first takes the slope at x, so an input
for which the output is saturated gets nothing. The second follows the output from x⁰ to x and is complete: its parts
add up to F(x) - F(x⁰). The integral is computed by Gauss-Legendre quadrature; the error of the sum is reported, and
more points reduce it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from nurt.diagnostics.look.batch import add_curve, over_batch
from nurt.diagnostics.look.capture import evaluating
from nurt.errors import NonFiniteError, NurtTypeError, NurtValueError, ShapeError
from nurt.results import Result
from nurt.wording import plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Attribution", "attribute"]

Target = Callable[[Any], Tensor]


@dataclass(frozen=True, eq=False)
class Attribution(Result):
    """The part of each input of each row in F(x) - F(x⁰), in units of F.

    Args:
        integrated: integrated gradients, (B, T, I), float64.
        slope: gradient × input, (B, T, I), float64.
        values: F(x), (B,).
        baseline_values: F(x⁰), (B,).
        points: of the quadrature.
    """

    integrated: Tensor = field(metadata={"json": False}, repr=False)
    slope: Tensor = field(metadata={"json": False}, repr=False)
    values: Tensor = field(metadata={"json": False}, repr=False)
    baseline_values: Tensor = field(metadata={"json": False}, repr=False)
    points: int

    @property
    def gap(self) -> Tensor:
        """What the integrated gradients miss of F(x) - F(x⁰), (B,); the quadrature is exact where it is 0."""
        return self.integrated.sum(dim=(1, 2)) - (self.values - self.baseline_values)

    @property
    def relative_gap(self) -> float:
        """The largest |gap| of a row, as a share of the largest |F(x) - F(x⁰)|; NaN where nothing changed."""
        change = float((self.values - self.baseline_values).abs().max())
        return float(self.gap.abs().max()) / change if change else float("nan")

    @property
    def by_step(self) -> Tensor:
        """Integrated gradients of each step, summed over its features, (B, T)."""
        return self.integrated.sum(dim=2)

    def to_dict(self) -> dict[str, Any]:
        """Return values, gaps, and the parts of each step and feature, in the mean of the batch."""
        return {
            **super().to_dict(),
            "values": self.values.tolist(),
            "baseline_values": self.baseline_values.tolist(),
            "gap": self.gap.tolist(),
            "relative_gap": None if np.isnan(self.relative_gap) else self.relative_gap,
            "by_step": over_batch(self.by_step).to_dict(),
            "mean_integrated": self.integrated.mean(dim=0).tolist(),
            "mean_slope": self.slope.mean(dim=0).tolist(),
        }

    def __str__(self) -> str:
        rows, steps, _ = self.integrated.shape
        strength = self.integrated.abs().mean(dim=0)
        if not bool(strength.any()):
            return f"{rows} x {steps} steps: no input moves the output away from that of the baseline"
        step, feature = divmod(int(strength.argmax()), strength.shape[1])
        reach = int((strength.sum(dim=1).flip(0).cumsum(0) < strength.sum() / 2).sum()) + 1
        return (
            f"{rows} x {steps} steps: half of what moves the output lies in the last {plural(reach, 'step')}, most of "
            f"it in feature {feature} of step {step}; integrated gradients ({self.points} points) add up to the change "
            f"of the output within {100 * self.relative_gap:.2g} %"
        )

    def plot(self) -> go.Figure:
        """Draw the part of each step, by both methods, with the quantiles of the batch."""
        from nurt import plotting

        figure = plotting.new_figure("Attribution of the output", "time step", "share of F(x) - F(x⁰), in units of F")
        steps = np.arange(self.integrated.shape[1])
        shown = {"integrated gradients": self.by_step, "gradient × input": self.slope.sum(dim=2)}
        for colour, (name, values) in zip(plotting.PALETTE, shown.items(), strict=False):
            add_curve(figure, steps, over_batch(values), name, colour)
        return figure


def attribute(
    model: Callable[[Tensor], Any],
    inputs: Tensor,
    *,
    target: int | Target = 0,
    baseline: Tensor | None = None,
    points: int = 32,
) -> Attribution:
    """Attribute the output of a model to its inputs.

    A module is in evaluation mode meanwhile and is left as it was, the gradients of its weights too. On a GPU the
    layers of torch.nn run without cuDNN, which has no backward pass in evaluation mode.

    Args:
        model: a module, or a function, from inputs to an output per row. Rows must not depend on each other.
        inputs: x, (B, T, I), floating-point; of words take their embeddings.
        target: which number of the output: k of an output (B, K), 0 of an output (B,); or a function from what the
            model returns to one number per row, (B,).
        baseline: x⁰, anything that can be expanded to the shape of the inputs; None for zeros.
        points: of the Gauss-Legendre rule, each a forward and a backward pass; one is exact for a linear model.

    Raises:
        NurtTypeError: inputs that are not floating-point.
        ShapeError: inputs, baseline or output of another shape.
        NurtValueError: no such output, ``points`` below 1, or an output that the inputs do not reach.
        NonFiniteError: the output or its gradient is NaN or infinite.

    Example:
        >>> layer = LSTM(3, 5, batch_first=True)
        >>> found = attribute(layer, torch.randn(2, 7, 3), target=lambda said: said[0][:, -1, 4])
        >>> found.integrated.shape, bool(found.relative_gap < 1e-5)
        (torch.Size([2, 7, 3]), True)
    """
    _check(inputs, points)
    start = _expanded(inputs, baseline)
    path = (inputs.detach() - start).double()
    nodes, shares = np.polynomial.legendre.leggauss(points)
    with _undisturbed(model, inputs):
        values, slope = _gradient(model, inputs.detach(), target)
        baseline_values, _ = _gradient(model, start, target)
        mean = torch.zeros_like(path)
        for node, share in zip((nodes + 1) / 2, shares / 2, strict=True):
            between = (start.double() + node * path).to(inputs.dtype)
            mean += share * _gradient(model, between, target)[1]
    found = [path * mean, path * slope, values, baseline_values]
    if not all(bool(torch.isfinite(one).all()) for one in found):
        raise NonFiniteError(
            "attribute: the output or its gradient is not finite.",
            expected="a finite output at the inputs, the baseline and in between",
            got="NaN or infinity",
            cure="Look for values that are not finite in the inputs and the weights.",
        )
    integrated, times_input, values, baseline_values = (one.cpu() for one in found)
    return Attribution(integrated, times_input, values, baseline_values, points)


def _check(inputs: Tensor, points: int) -> None:
    if not inputs.is_floating_point():
        raise NurtTypeError(
            "attribute: the inputs are no continuous numbers.",
            expected="a floating-point tensor (B, T, I)",
            got=str(inputs.dtype),
            cure="Attribute to the embeddings: pass them, and a function that takes them to the output.",
        )
    if inputs.dim() != 3 or not inputs.numel():
        raise ShapeError("attribute: the inputs have no (B, T, I).", got=str(tuple(inputs.shape)))
    if points < 1:
        raise NurtValueError("attribute: `points` is too small.", expected="at least 1", got=str(points))


def _expanded(inputs: Tensor, baseline: Tensor | None) -> Tensor:
    if baseline is None:
        return torch.zeros_like(inputs, requires_grad=False)
    try:
        return baseline.detach().to(inputs).expand_as(inputs)
    except RuntimeError as error:
        raise ShapeError(
            "attribute: the baseline does not fit the inputs.",
            expected=f"what can be expanded to {tuple(inputs.shape)}",
            got=str(tuple(baseline.shape)),
        ) from error


@contextmanager
def _undisturbed(model: Any, inputs: Tensor) -> Iterator[None]:
    """Call the model in evaluation mode, with gradients that a GPU can give there."""
    with ExitStack() as stack:
        if isinstance(model, nn.Module):
            stack.enter_context(evaluating(model))
        if inputs.is_cuda:
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        stack.enter_context(torch.enable_grad())
        yield


def _gradient(model: Callable[[Tensor], Any], inputs: Tensor, target: int | Target) -> tuple[Tensor, Tensor]:
    """Return F of each row, (B,), and its gradient, (B, T, I), in float64."""
    leaf = inputs.clone().requires_grad_()
    output = _chosen(model(leaf), target, len(inputs))
    if not output.requires_grad:
        raise NurtValueError(
            "attribute: the output cannot be differentiated by the inputs.",
            expected="an output with a gradient function",
            got="one without a gradient",
            cure="Leave out torch.no_grad() and detach() inside the model.",
        )
    (gradient,) = torch.autograd.grad(output.sum(), leaf, allow_unused=True, materialize_grads=True)
    return output.detach().double(), gradient.double()


def _chosen(said: Any, target: int | Target, rows: int) -> Tensor:
    """Return the target number of each row, (B,)."""
    output = target(said) if callable(target) else _entry(said, target)
    if isinstance(output, Tensor) and output.shape == (rows,):
        return output
    raise ShapeError(
        "attribute: the output is not one number per row.",
        expected=f"({rows},) from a function `target`, or an output ({rows}, K) of which `target` names one",
        got=str(tuple(output.shape)) if isinstance(output, Tensor) else type(output).__name__,
        cure="Pass target=lambda said: ..., such as said[0][:, -1, 0] for a layer that returns (outputs, state).",
    )


def _entry(said: Any, number: int) -> Any:
    """Return one number of each row of an output (B, K) or (B,); anything else as it is."""
    if not isinstance(said, Tensor) or said.dim() not in (1, 2):
        return said
    table = said if said.dim() == 2 else said.unsqueeze(1)
    if not 0 <= number < table.shape[1]:
        raise NurtValueError(
            "attribute: there is no such output.", expected=f"0 … {table.shape[1] - 1}", got=str(number)
        )
    return table[:, number]
