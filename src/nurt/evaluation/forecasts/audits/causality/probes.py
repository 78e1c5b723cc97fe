"""Three probes of which inputs a forecast depends on.

* The *gradient* probe is exact where the forecaster is differentiable: an input that cannot be reached has the
  gradient 0.0 bit for bit, however small the others are. It is blind to rounding, argmax and ``detach``.
* The *perturbation* probe sees everything that changes the answer by more than rounding, and so loses influences
  that have faded below about 1e-14.
* The *swap* probe exchanges neighbouring inputs before the last one. Mean, standard deviation, median, extremes and
  last value of the window stay as they are, so what changes has passed through more than window statistics. It
  cannot judge the last input, and cannot tell which of the two neighbours was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.audits.causality.forecasters import AbstractForecaster, Differentiable

__all__ = ["Effects", "Layout", "gradient_probe", "perturbation_probe", "random_windows", "swap_probe"]

# In units of the window's standard deviation: small shifts for smooth forecasters, large ones for those that round.
SHIFTS = (1.0, -1.0, 10.0, -10.0)
# Rows per call: enough for the matrix products to run at full speed, few enough to hold their activations.
GRADIENT_ROWS = 128
ROWS = 1024


@dataclass(frozen=True)
class Layout:
    """What one audit looks at.

    Args:
        look_back: number of inputs up to the origin.
        horizon: F.
        steps: the forecast steps audited, 1-based.
    """

    look_back: int
    horizon: int
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Effects:
    """Largest change of each audited step by each input, and whether it is more than rounding; both (steps, T)."""

    size: np.ndarray
    found: np.ndarray


def random_windows(count: int, steps: int, channels: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``count`` random walks with Gaussian steps of size 1, float64, shape (count, steps, channels)."""
    return rng.standard_normal((count, steps, channels)).cumsum(axis=1)


def gradient_probe(
    forecaster: Differentiable, windows: np.ndarray, layout: Layout, rng: np.random.Generator, *, learned: bool
) -> np.ndarray:
    """Return max over windows of |∂ŷ_k/∂x_i|, exactly 0.0 where no path leads from the input to the step.

    Each audited step gets its own copy of the windows, so one backward pass serves many steps and any forecaster,
    also one whose backward pass cannot be batched.

    Args:
        forecaster: what to ask.
        windows: shape (B, T, C).
        layout: look-back, horizon, and the steps to audit.
        rng: draws the weights that join several quantiles of a step into one number.
        learned: hold window statistics fixed.

    Returns:
        shape (steps, T, C).
    """
    import torch

    base = torch.tensor(windows)
    count = len(base)
    per_call = max(1, GRADIENT_ROWS // count)
    found = []
    for start in range(0, len(layout.steps), per_call):
        part = torch.tensor(layout.steps[start : start + per_call]) - 1
        inputs = base.repeat(len(part), 1, 1).requires_grad_()
        outputs = forecaster.trace(inputs, inputs.detach().clone() if learned else None)
        _check(outputs.detach().numpy(), len(inputs), layout)
        chosen = outputs[torch.arange(len(inputs)), part.repeat_interleave(count)]
        if not chosen.requires_grad:
            found.append(np.zeros((len(part), *windows.shape[1:])))
            continue
        weights = torch.tensor(rng.uniform(0.5, 1.5, size=tuple(chosen.shape)))
        (gradient,) = torch.autograd.grad((chosen * weights).sum(), inputs, materialize_grads=True)
        found.append(gradient.abs().view(len(part), *base.shape).amax(dim=1).numpy())
    gradients = np.concatenate(found)
    if np.isnan(gradients).any():
        step, place, _ = np.argwhere(np.isnan(gradients))[0]
        raise NurtValueError(
            f"audit_causality: the gradient of forecast step {layout.steps[step]} by input {place + 1} is NaN.",
            cure="Look for a square root or a division that meets 0, or audit the forecaster as a BlackBox.",
        )
    return gradients


def perturbation_probe(
    forecaster: AbstractForecaster,
    windows: np.ndarray,
    channels: Sequence[int],
    layout: Layout,
    rng: np.random.Generator,
    *,
    learned: bool,
) -> Effects:
    """Shift each input by ±1 and ±10 standard deviations of its window and see which steps move.

    Args:
        forecaster: what to ask.
        windows: windows to start from, shape (B, T, C).
        channels: the channels shifted together, each by an amount of its own so that they cannot cancel.
        layout: look-back, horizon, and the steps to audit.
        rng: draws those amounts.
        learned: hold window statistics fixed.
    """
    length = windows.shape[1]
    found = []
    for window in windows:
        spread = window[:, channels].std(axis=0)
        size = np.where(spread > 0.0, spread, 1.0) * rng.uniform(0.5, 1.5, len(channels)) * _signs(rng, len(channels))
        changed = np.repeat(window[None], length * len(SHIFTS), axis=0).reshape(length, len(SHIFTS), length, -1)
        places = np.arange(length)
        for index, shift in enumerate(SHIFTS):
            changed[places[:, None], index, places[:, None], channels] += shift * size
        rows = changed.reshape(-1, length, window.shape[1])
        changes, cutoff = _changes(forecaster, window, rows, layout, swap=False, learned=learned)
        by_input = changes.reshape(length, len(SHIFTS), -1).max(axis=1).T
        found.append(Effects(by_input, by_input > cutoff[:, None]))
    return _strongest(found)


def swap_probe(
    forecaster: AbstractForecaster, windows: np.ndarray, channels: Sequence[int], layout: Layout
) -> tuple[Effects, np.ndarray]:
    """Exchange inputs i and i+1 for i = 1..look_back-2 and see which steps move.

    Args:
        forecaster: what to ask.
        windows: windows to start from, shape (B, T, C).
        channels: the channels exchanged together.
        layout: look-back, horizon, and the steps to audit.

    Returns:
        effects of each pair, (steps, look_back - 2), and the smallest change that would have counted, (steps,).
    """
    pairs = layout.look_back - 2
    found, cutoffs = [], []
    for window in windows:
        rows = np.repeat(window[None], pairs, axis=0)
        first = np.arange(pairs)[:, None]
        rows[first, first, channels], rows[first, first + 1, channels] = (
            window[first + 1, channels],
            window[first, channels],
        )
        changes, cutoff = _changes(forecaster, window, rows, layout, swap=True, learned=False)
        by_pair = changes.T
        found.append(Effects(by_pair, by_pair > cutoff[:, None]))
        cutoffs.append(cutoff)
    return _strongest(found), np.max(cutoffs, axis=0)


def _changes(
    forecaster: AbstractForecaster, window: np.ndarray, rows: np.ndarray, layout: Layout, *, swap: bool, learned: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return max |Δŷ_k| of each row against the unchanged window, (rows, steps), and the cut-off per step.

    The unchanged window stands first and last in every batch: what these two differ by is the noise of the batch.
    """
    steps = np.asarray(layout.steps) - 1
    changes = np.empty((len(rows), len(steps)))
    cutoff = np.zeros(len(steps))
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        batch = np.concatenate([window[None], part, window[None]])
        reference = np.repeat(window[None], len(batch), axis=0) if learned else None
        outputs = forecaster.evaluate(batch, reference)
        _check(outputs, len(batch), layout)
        tolerance = _tolerance(outputs, swap=swap)
        chosen = outputs.astype(np.float64).reshape(len(batch), layout.horizon, -1)[:, steps]
        scale = np.maximum(1.0, np.abs(chosen[0]).max(axis=-1))
        noise = np.abs(chosen[-1] - chosen[0]).max(axis=-1)
        _check_repeatable(noise / scale)
        changes[start : start + ROWS] = np.abs(chosen[1:-1] - chosen[0]).max(axis=-1)
        cutoff = np.maximum(cutoff, np.maximum(tolerance * scale, 8.0 * noise))
    return changes, cutoff


def _tolerance(outputs: np.ndarray, *, swap: bool) -> float:
    """Return the relative change that is more than rounding.

    Swapped inputs are summed in another order by every window statistic, which costs more digits than one shift.
    """
    rounding = 64.0 * float(np.finfo(outputs.dtype).eps) if np.issubdtype(outputs.dtype, np.floating) else 0.0
    return max(rounding, 1e-10) if swap else rounding


def _check(outputs: np.ndarray, rows: int, layout: Layout) -> None:
    if outputs.ndim not in (2, 3) or outputs.shape[:2] != (rows, layout.horizon):
        raise ShapeError(
            "audit_causality: the forecast has the wrong shape.",
            expected=f"({rows}, {layout.horizon}) or ({rows}, {layout.horizon}, quantiles), "
            f"because {rows} windows were given and horizon={layout.horizon}",
            got=str(tuple(outputs.shape)),
            cure="Return one value (or one set of quantiles) per window and forecast step.",
        )
    if not np.isfinite(outputs).all():
        step = int(np.argwhere(~np.isfinite(outputs))[0, 1]) + 1
        raise NurtValueError(
            f"audit_causality: the forecast of step {step} is not finite for a window of finite numbers.",
            cure="Audit a model with finite weights; windows of your own (`windows=`) may suit it better.",
        )


def _check_repeatable(noise: np.ndarray) -> None:
    if noise.max() > 1e-6:
        raise NurtValueError(
            "audit_causality: the forecaster gives two answers to the same window in one batch.",
            got=f"a relative difference of {noise.max():.3g}",
            cure="Switch dropout off; of a probabilistic model audit quantiles or distribution parameters, "
            "or fix its generator so that every row sees the same noise.",
        )


def _signs(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.choice([-1.0, 1.0], count)


def _strongest(found: Sequence[Effects]) -> Effects:
    return Effects(np.max([one.size for one in found], axis=0), np.any([one.found for one in found], axis=0))
