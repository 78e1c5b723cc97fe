r"""Check a gradient against differences of the loss.

    numeric = (ℓ(θ + ε) - ℓ(θ - ε)) / 2ε        error = |a - b| / max(|a|, |b|, 10⁻⁸)

in float64 with ε = 10⁻⁶·max(1, |θ|), one weight at a time. A good training curve proves nothing about a gradient: a
wrong one often descends too, only worse. Differences have a limit of their own: the loss is rounded, so that they
give a derivative no more exactly than about 10⁻¹⁶·|ℓ|/ε. Derivatives below that are counted apart and are no failure.

The gradient is autograd's, or one that a person derived and wrote: of a module or of plain arrays, of torch or NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from nurt.diagnostics.gradient.own_parameters import Arrays, Holder, ParameterForm, gradients_given, scalar_of
from nurt.diagnostics.surface.plane import named_weights
from nurt.diagnostics.surface.visiting import Counter, LossFunction, OnProgress, check_repeats, scalar, undisturbed
from nurt.errors import NurtTypeError, NurtValueError
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["CheckedParameter", "CheckedWeight", "GradientCheck", "check_gradient"]

STEP = 1e-6
ALLOWED = 1e-6
SMALLEST = 1e-8
MOST = 1000
# Each of the two losses is off by a few units of rounding; sums over many steps by some more.
ROUNDINGS = 8.0
# Ratios of a wrong gradient to the right one that differ by less than this are one factor.
ALIKE = 1e-4


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
class CheckedParameter(Result):
    """One parameter.

    Args:
        name: of the parameter.
        checked: how many of its weights were checked.
        wrong: how many of them have a wrong gradient.
        worst: largest relative error of those that differences can tell.
        factor: by which the gradient is too large throughout, negative for a wrong sign; None where it is right or
            wrong in another way.
        transposed: whether it is right, but for rows and columns that are exchanged.
    """

    name: str
    checked: int
    wrong: int
    worst: float
    factor: float | None
    transposed: bool

    def __str__(self) -> str:
        if not self.wrong:
            return f"{self.name}: right, {self.checked} checked, worst relative error {self.worst:.1e}"
        told = f"{self.name}: {self.wrong} of {self.checked} wrong, worst relative error {self.worst:.1e}"
        if self.transposed:
            return f"{told}: transposed"
        if self.factor is None:
            return told
        return f"{told}: {'zero throughout' if self.factor == 0 else f'{self.factor:.6g} times what it should be'}"


@dataclass(frozen=True)
class GradientCheck(Result):
    """How a gradient compares with differences.

    Args:
        weights: those that were checked, the largest error first.
        parameters: how many weights the model has.
        names: of its parameters, in order.
        allowed: largest error that passes.
        complete: False where it was stopped.
    """

    weights: tuple[CheckedWeight, ...]
    parameters: int
    names: tuple[str, ...]
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

    @property
    def by_parameter(self) -> tuple[CheckedParameter, ...]:
        """The result for every parameter, in the order of the model."""
        groups: dict[str, list[CheckedWeight]] = {}
        for one in sorted(self.weights, key=lambda one: one.index):
            groups.setdefault(one.name, []).append(one)
        names = [name for name in self.names if name in groups]
        return tuple(_summed(name, groups[name]) for name in names)

    def to_dict(self) -> dict[str, Any]:
        """Return all weights, and what they say parameter by parameter."""
        return {**super().to_dict(), "by_parameter": [one.to_dict() for one in self.by_parameter]}

    def __str__(self) -> str:
        checked = f"{len(self.weights)} of {self.parameters} weights"
        told = f"The gradient {'agrees' if self.passed else 'does NOT agree'} with differences: {checked} checked, "
        told += f"{len(self.failed)} wrong. Worst relative error {self.worst.error:.2e} at {self.worst}."
        if self.unresolved:
            told += f" {len(self.unresolved)} derivatives are too small for differences to tell to {self.allowed:g}."
        if not self.complete:
            told += " It was stopped before the end."
        return "\n".join([told, *(f"  {one}" for one in self.by_parameter)])

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
    model: nn.Module | Arrays,
    loss: Callable[[Any], Any],
    gradient: Any = None,
    *,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> GradientCheck:
    """Compare the gradient of a loss with central differences, weight by weight.

    Every weight of up to 1000, else 1000 of them, drawn at random but at least one of each parameter. A model is in
    evaluation mode meanwhile and comes back with the same bits; arrays are copied.

    Args:
        model: a module in float64, of which parameters without ``requires_grad`` are passed over; or the parameters
            themselves: arrays of NumPy or torch in float64, a dict by name, a list or tuple, or a single one.
        loss: takes the model or the parameters, in the form they have here, and returns a single number; the same one
            at the same weights.
        gradient: to be checked, in the form of the parameters (of a module a dict by name), or a function that takes
            what ``loss`` takes and returns it; None for what autograd finds, of a module alone.
        seed: of the draw.
        progress: called with the weights done and all of them; where it returns False, the check ends there.

    Raises:
        NurtTypeError: neither module nor arrays, no weights that learn, weights in another precision than float64, or
            arrays without a gradient.
        ShapeError: the loss is no scalar, or a gradient has not the shape of its parameter.
        NurtValueError: the loss is not the same twice or does not depend on what it is given, or names differ.

    Example:
        >>> model, inputs = torch.nn.Linear(2, 1).double(), torch.ones(1, 2).double()
        >>> check = check_gradient(model, lambda m: m(inputs).square().sum())
        >>> check.passed, len(check.weights)
        (True, 3)
        >>> weights, x = {"w": np.array([0.5, -1.0])}, np.array([3.0, 4.0])
        >>> check = check_gradient(weights, lambda p: (p["w"] @ x) ** 2 / 2, {"w": 2 * (weights["w"] @ x) * x})
        >>> print(check.by_parameter[0])
        w: 2 of 2 wrong, worst relative error 5.0e-01: 2 times what it should be
    """
    if not isinstance(model, nn.Module):
        return _check_arrays(model, loss, gradient, seed, progress)
    weights = _learning(model)
    with undisturbed(model):
        check_repeats(model, loss)
        if gradient is None:
            gradients = _gradients(model, loss, weights)
        else:
            given = gradient(model) if callable(gradient) else gradient
            gradients = gradients_given(given, {name: tuple(one.shape) for name, one in weights.items()})
        return _checked(model, loss, weights, gradients, seed, progress)


def _checked(
    model: nn.Module,
    loss: LossFunction,
    weights: Mapping[str, nn.Parameter],
    gradients: Mapping[str, Tensor],
    seed: int,
    progress: OnProgress | None,
) -> GradientCheck:
    chosen = _chosen(weights, seed)
    counter = Counter(progress, len(chosen))
    checked = []
    for name, place in chosen:
        checked.append(_compared(model, loss, weights[name], name, place, float(gradients[name].flatten()[place])))
        if not counter.count():
            break
    checked.sort(key=lambda one: -one.error if np.isfinite(one.error) else -np.inf)
    return GradientCheck(
        tuple(checked),
        sum(weight.numel() for weight in weights.values()),
        tuple(weights),
        complete=len(checked) == len(chosen),
    )


def _check_arrays(
    parameters: Arrays, loss: Callable[[Any], Any], gradient: Any, seed: int, progress: OnProgress | None
) -> GradientCheck:
    """Check parameters that are no module, as those of a module that holds them and hands them out."""
    form = ParameterForm.of(parameters)
    if gradient is None:
        raise NurtTypeError(
            "check_gradient: of arrays the gradient is needed too.",
            expected="gradient: arrays of the same shapes, or a function of the parameters",
            got="None",
            cure="Only of a module can autograd find one.",
        )
    holder = Holder(form)
    weights = dict(zip(form.names, holder.weights, strict=True))

    def value(held: Any) -> Tensor:
        return scalar_of(loss(form.filled(held.values())))

    with torch.no_grad():
        check_repeats(holder, value)
        given = gradient(form.filled(holder.values())) if callable(gradient) else gradient
        gradients = gradients_given(form.named(given), {name: tuple(one.shape) for name, one in weights.items()})
        check = _checked(holder, value, weights, gradients, seed, progress)
    if not any(one.numeric for one in check.weights) and any(one.gradient for one in check.weights):
        raise NurtValueError(
            "check_gradient: the loss does not depend on the parameters that it is given.",
            expected="a function that computes with its argument",
            got="the same number wherever the parameters are moved",
            cure="Use the argument of the loss, not the arrays of the same names outside of it.",
        )
    return check


def _summed(name: str, weights: Sequence[CheckedWeight]) -> CheckedParameter:
    """Return what the weights of one parameter say together."""
    wrong = [one for one in weights if one.resolved and not one.agrees]
    told = [one.error for one in weights if one.resolved]
    worst = max((one if math.isfinite(one) else math.inf for one in told), default=0.0)
    factor = None
    if wrong:
        # Of derivatives that are zero no ratio is known.
        clear = [one for one in weights if abs(one.numeric) > one.resolution and one.resolved]
        ratios = np.array([one.gradient / one.numeric for one in clear])
        middle = float(np.median(ratios)) if len(ratios) else math.nan
        if len(ratios) == len(wrong) and np.all(np.abs(ratios - middle) <= ALIKE * max(abs(middle), ALIKE)):
            factor = middle
    return CheckedParameter(name, len(weights), len(wrong), worst, factor, bool(wrong) and _transposed(weights))


def _transposed(weights: Sequence[CheckedWeight]) -> bool:
    """Return whether the gradient of a square matrix, all of it checked, agrees with differences once it is turned."""
    numeric = {one.index: one for one in weights}
    if any(len(index) != 2 for index in numeric):
        return False
    turned = [(one.gradient, numeric.get(one.index[::-1])) for one in weights]
    return all(
        other is not None
        and abs(gradient - other.numeric) <= max(ALLOWED * max(abs(gradient), abs(other.numeric)), other.resolution)
        for gradient, other in turned
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


def _chosen(weights: Mapping[str, nn.Parameter], seed: int) -> list[tuple[str, int]]:
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
