r"""Check a gradient against differences of the loss.

    numeric = (ℓ(θ + ε) - ℓ(θ - ε)) / 2ε        error = |a - b| / max(|a|, |b|, 10⁻⁸)

in float64 with ε = 10⁻⁶·max(1, |θ|), one weight at a time. A good training curve proves nothing about a gradient: a
wrong one often descends too, only worse. Differences have a limit of their own: the loss is rounded, so that they
give a derivative no more exactly than about 10⁻¹⁶·|ℓ|/ε. Derivatives below that are counted apart and are no failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from nurt.diagnostics.surface.plane import named_weights
from nurt.diagnostics.surface.visiting import Counter, LossFunction, OnProgress, check_repeats, scalar, undisturbed
from nurt.errors import NurtTypeError
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["CheckedWeight", "GradientCheck", "check_gradient"]

STEP = 1e-6
ALLOWED = 1e-6
SMALLEST = 1e-8
MOST = 1000
# Each of the two losses is off by a few units of rounding; sums over many steps by some more.
ROUNDINGS = 8.0


@dataclass(frozen=True)
class CheckedWeight(Result):
    """One weight.

    Args:
        name: of the parameter.
        index: in it.
        gradient: by back-propagation.
        numeric: by differences.
        error: relative.
        resolution: how exactly differences can tell this derivative.
    """

    name: str
    index: tuple[int, ...]
    gradient: float
    numeric: float
    error: float
    resolution: float

    @property
    def agrees(self) -> bool:
        """Whether the error is at most 10⁻⁶."""
        return self.error <= ALLOWED

    @property
    def resolved(self) -> bool:
        """Whether the two are further apart than rounding explains, or agree."""
        return self.agrees or not abs(self.gradient - self.numeric) <= self.resolution

    def __str__(self) -> str:
        where = f"{self.name}[{', '.join(map(str, self.index))}]" if self.index else self.name
        return f"{where}: {self.gradient:.9g} by back-propagation, {self.numeric:.9g} by differences"


@dataclass(frozen=True)
class GradientCheck(Result):
    """How a gradient compares with differences.

    Args:
        weights: those that were checked, the largest error first.
        parameters: how many the model has.
        allowed: largest error that passes.
        complete: False where it was stopped.
    """

    weights: tuple[CheckedWeight, ...]
    parameters: int
    allowed: float = ALLOWED
    complete: bool = True

    @property
    def worst(self) -> CheckedWeight:
        """The weight with the largest error among those that differences can tell."""
        return next((one for one in self.weights if one.resolved), self.weights[0])

    @property
    def failed(self) -> tuple[CheckedWeight, ...]:
        """Weights whose gradient is wrong."""
        return tuple(one for one in self.weights if one.resolved and not one.agrees)

    @property
    def unresolved(self) -> tuple[CheckedWeight, ...]:
        """Weights whose derivative is too small for differences to tell."""
        return tuple(one for one in self.weights if not one.resolved)

    @property
    def passed(self) -> bool:
        """Whether no gradient is wrong."""
        return not self.failed

    def __str__(self) -> str:
        checked = f"{len(self.weights)} of {self.parameters} weights"
        told = f"The gradient {'agrees' if self.passed else 'does NOT agree'} with differences: {checked} checked, "
        told += f"{len(self.failed)} wrong. Worst relative error {self.worst.error:.2e} at {self.worst}."
        if self.unresolved:
            told += f" {len(self.unresolved)} derivatives are too small for differences to tell to {self.allowed:g}."
        return told if self.complete else f"{told} It was stopped before the end."

    def plot(self) -> go.Figure:
        """Draw the relative error of every weight over the size of its derivative."""
        from nurt import plotting

        figure = plotting.new_figure("Gradient against differences", "size of the derivative", "relative error")
        groups = {
            "agrees": ([one for one in self.weights if one.agrees], plotting.MODEL, "circle"),
            "too small to tell": (list(self.unresolved), plotting.REFERENCE, "circle-open"),
            "wrong": (list(self.failed), plotting.WARNING, "x"),
        }
        for name, (some, colour, symbol) in groups.items():
            if some:
                figure.add_scatter(
                    x=[max(abs(one.numeric), abs(one.gradient), 1e-16) for one in some],
                    y=[max(one.error, 1e-16) for one in some],
                    text=[str(one) for one in some], name=name, mode="markers", hoverinfo="text",
                    marker={"color": colour, "symbol": symbol, "size": 7},
                )  # fmt: skip
        figure.add_hline(y=self.allowed, line={"color": plotting.ACTUAL, "dash": "dash", "width": 1})
        figure.update_xaxes(type="log", exponentformat="power")
        figure.update_yaxes(type="log", exponentformat="power")
        figure.update_layout(hovermode="closest")
        return figure


def check_gradient(
    model: nn.Module, loss: LossFunction, *, seed: int = 0, progress: OnProgress | None = None
) -> GradientCheck:
    """Compare the gradient of a loss with central differences, weight by weight.

    Every weight of a model of up to 1000, else 1000 of them, drawn at random but at least one of each parameter. The
    model is in evaluation mode meanwhile and comes back with the same bits.

    Args:
        model: in float64; parameters without ``requires_grad`` are passed over.
        loss: takes the model, returns its loss, a scalar; the same one at the same weights.
        seed: of the draw.
        progress: called with the weights done and all of them; where it returns False, the check ends there.

    Raises:
        NurtTypeError: not a module, no weights that learn, or weights in another precision than float64.
        ShapeError: the loss is no scalar.
        NurtValueError: the loss is not the same twice.

    Example:
        >>> model, inputs = torch.nn.Linear(2, 1).double(), torch.ones(1, 2).double()
        >>> check = check_gradient(model, lambda m: m(inputs).square().sum())
        >>> check.passed, len(check.weights)
        (True, 3)
    """
    weights = _learning(model)
    chosen = _chosen(weights, seed)
    counter = Counter(progress, len(chosen))
    checked = []
    with undisturbed(model):
        check_repeats(model, loss)
        gradients = _gradients(model, loss, weights)
        for name, place in chosen:
            checked.append(_compared(model, loss, weights[name], name, place, float(gradients[name].flatten()[place])))
            if not counter.count():
                break
    checked.sort(key=lambda one: -one.error if np.isfinite(one.error) else -np.inf)
    return GradientCheck(
        tuple(checked), sum(weight.numel() for weight in weights.values()), complete=len(checked) == len(chosen)
    )


def _learning(model: nn.Module) -> dict[str, nn.Parameter]:
    weights = {name: weight for name, weight in named_weights(model).items() if weight.requires_grad}
    other = [f"{name} in {weight.dtype}" for name, weight in weights.items() if weight.dtype != torch.float64]
    if other or not weights:
        raise NurtTypeError(
            "check_gradient: differences need float64.",
            expected="parameters with requires_grad in torch.float64",
            got=other[0] if other else "none that learns",
            cure="Check a copy, copy.deepcopy(model).double(), with data in float64." if other else None,
        )
    return weights


def _chosen(weights: dict[str, nn.Parameter], seed: int) -> list[tuple[str, int]]:
    """Return names and places of the weights to check, in the order of the model."""
    every = [(name, place) for name, weight in weights.items() for place in range(weight.numel())]
    if len(every) <= MOST:
        return every
    stream = np.random.default_rng(seed)
    first: dict[str, int] = {}
    for number in stream.permutation(len(every)):
        first.setdefault(every[number][0], int(number))
    others = [int(number) for number in stream.permutation(len(every)) if int(number) not in set(first.values())]
    return [every[number] for number in sorted([*first.values(), *others[: max(0, MOST - len(first))]])]


def _gradients(model: nn.Module, loss: LossFunction, weights: dict[str, nn.Parameter]) -> dict[str, Tensor]:
    # cuDNN has no backward pass for recurrent layers in evaluation mode.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        gradients = torch.autograd.grad(scalar(loss(model)), list(weights.values()), allow_unused=True)
    pairs = zip(weights.items(), gradients, strict=True)
    return {name: torch.zeros_like(weight) if one is None else one for (name, weight), one in pairs}


def _compared(
    model: nn.Module, loss: LossFunction, weight: nn.Parameter, name: str, place: int, gradient: float
) -> CheckedWeight:
    """Move one weight both ways and put it back."""
    index = tuple(int(one) for one in np.unravel_index(place, weight.shape))
    with torch.no_grad():
        here = float(weight[index])
        step = STEP * max(1.0, abs(here))
        losses = []
        for there in (here + step, here - step):
            weight[index] = there
            losses.append(float(scalar(loss(model)).detach()))
        weight[index] = here
    # What was added is what is left after rounding.
    width = (here + step) - (here - step)
    numeric = (losses[0] - losses[1]) / width
    error = abs(gradient - numeric) / max(abs(gradient), abs(numeric), SMALLEST)
    resolution = ROUNDINGS * float(np.finfo(np.float64).eps) * max(map(abs, losses)) / width
    return CheckedWeight(name, index, gradient, numeric, error, resolution)
