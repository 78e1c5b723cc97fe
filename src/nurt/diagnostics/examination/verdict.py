"""Advice from numbers, by rules that are stated: one function each, with its threshold and its source.

A rule speaks only of what was measured, at these weights and on these rows; what it proposes is something to try.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from nurt.results import Result

if TYPE_CHECKING:
    from nurt.diagnostics.examination.layer_findings import LayerFindings
    from nurt.diagnostics.gradient.lag import GradientByLag

__all__ = ["Advice", "advise"]

# A gradient that reaches back less than this share of the steps leaves most of the window untaught.
SHORT = 0.5
# Growth of the gradient, from the step of the loss, that a clipped step no longer follows.
GROWTH = 10.0
# What is left of a state after all steps, below which it counts as forgotten.
FORGOTTEN = 0.01
# A gate that stands at one end of its range in more than this share of all places.
STANDING = 0.9
# Standard errors by which an exponent must lie above zero.
SURE = 2.0
# Growth of the powers of a contracting matrix that is worth a word.
HUMP = 2.0

Level = Literal["good", "note", "warning"]


@dataclass(frozen=True)
class Advice(Result):
    """One finding.

    Args:
        rule: its name.
        level: "good", "note" or "warning".
        text: the finding and, where there is one, what to try.
        source: citation key of where the rule comes from; empty where it is arithmetic.
    """

    rule: str
    level: Level
    text: str
    source: str = ""


def advise(layers: Sequence[LayerFindings], whole: GradientByLag | None = None) -> tuple[Advice, ...]:
    """Return what the rules say: those of the way back first, then those of single layers.

    Args:
        layers: lowest first.
        whole: the gradient by way of all layers, where the loss reads the last step alone; without it the highest layer
            speaks for itself.
    """
    top = ([one for one in layers if one.id.direction == "forward"] or list(layers))[-1]
    if top.steps < 2:
        return (Advice("length", "note", "The sequence has one step: there is no time to look through."),)
    gradient = whole or top.gradient
    found = [reach(gradient, top), growth(gradient), memory(layers), window(top)]
    for layer in layers:
        found += [saturation(layer), idle(layer), chaos(layer), hump(layer)]
    return tuple(one for one in found if one is not None)


def reach(gradient: GradientByLag | None, layer: LayerFindings) -> Advice | None:
    """Say how far back the gradient goes; vanishing as in [pascanu2013difficulty]."""
    if gradient is None:
        return None
    lag, share = gradient.horizon, gradient.threshold
    if lag is None:
        far = len(gradient.norms.mean)
        told = f"all {_steps(far)}" if far >= layer.steps else f"the {_steps(far)} that it was followed"
        text = f"The gradient stays above {share:.0%} of its maximum over {told}."
        return Advice("reach", "good", text, "pascanu2013difficulty")
    text = f"The gradient of a step falls below {share:.0%} of its maximum after {_steps(lag)}"
    if lag + 1 >= SHORT * layer.steps:
        return Advice("reach", "note", f"{text}, of {layer.steps} that are read.", "pascanu2013difficulty")
    text += (
        f": of the {layer.steps} steps read, those further back hardly teach the network. If they matter, try "
        f"{_remedy(layer)}; if they do not, a shorter window says the same."
    )
    return Advice("reach", "warning", text, "pascanu2013difficulty")


def growth(gradient: GradientByLag | None) -> Advice | None:
    """Warn of a gradient that grows on its way back [pascanu2013difficulty]."""
    if gradient is None:
        return None
    mean = gradient.norms.mean
    lag = int(np.nanargmax(mean))
    if not mean[0] > 0 or mean[lag] <= GROWTH * mean[0]:
        return None
    text = (
        f"On its way back the gradient grows by a factor of {mean[lag] / mean[0]:.3g} over {_steps(lag)}: clip its "
        "norm, or lower the learning rate."
    )
    return Advice("growth", "warning", text, "pascanu2013difficulty")


def memory(layers: Sequence[LayerFindings]) -> Advice | None:
    """Compare half-lives with the length; chrono initialisation is made for this [tallec2018can]."""
    known = [one.memory for one in layers if one.memory is not None]
    if not known:
        return None
    longest = max(known, key=lambda one: float(np.quantile(one.half_life, 0.95)))
    median, high = (float(value) for value in np.quantile(longest.half_life, [0.5, 0.95]))
    steps = layers[-1].steps
    left = 0.5 ** (steps / high) if high > 0 else 0.0
    text = (
        f"By the {longest.gate} gates of {longest.id}, half of a state is left after {median:.3g} steps in the median "
        f"unit and after {high:.3g} or more in 5 % of the units"
    )
    if left >= FORGOTTEN:
        return Advice("memory", "note", f"{text}, of {steps} that are read.", "tallec2018can")
    text += f": over {steps} steps these keep {_share(left)}. A longer memory has to come by other ways."
    return Advice("memory", "warning", text, "tallec2018can")


def window(layer: LayerFindings) -> Advice | None:
    """Recommend the least window of truncated back-propagation [williams1990efficient]."""
    ledger = layer.truncation
    if ledger is None:
        return None
    least = ledger.recommended("sliding")
    if least is None or least >= layer.steps:
        return None
    text = (
        f"A gradient cut off after {_steps(least)} differs from the whole one by at most "
        f"{ledger.tolerance:.0%}, for the recurrent weights of {layer.id}."
    )
    return Advice("window", "note", text, "williams1990efficient")


def saturation(layer: LayerFindings) -> Advice | None:
    """Name gates that hardly ever move; the shares are those of [karpathy2015visualizing]."""
    if layer.gates is None:
        return None
    told = []
    for name, one in layer.gates.gates.items():
        for side, share in (("closed", float(one.left.mean())), ("open", float(one.right.mean()))):
            if share > STANDING:
                told.append(f"the {name} gate is {side} {share:.0%} of the time")
    if not told:
        return None
    text = f"In {layer.id} {' and '.join(told)}: through a saturated gate hardly any gradient passes."
    return Advice("saturation", "warning", text, "karpathy2015visualizing")


def idle(layer: LayerFindings) -> Advice | None:
    """Count units that carry nothing; arithmetic."""
    if layer.gates is None:
        return None
    dead, stuck, all_units = (
        int(layer.gates.units.dead.sum()),
        int(layer.gates.units.stuck.sum()),
        len(layer.gates.units.dead),
    )
    if not dead + stuck:
        return None
    text = f"In {layer.id} {dead} of {all_units} units are zero and {stuck} saturated at every step."
    return Advice("idle", "warning", text)


def chaos(layer: LayerFindings) -> Advice | None:
    """Say when neighbouring states part: a largest exponent above zero [vogt2022lyapunov]."""
    found = layer.lyapunov
    if found is None or math.isnan(found.largest):
        return None
    known = found.exponents[:, 0]
    rows = int((~known.isnan()).sum())
    if rows < 2 or found.largest <= SURE * float(found.spread[0]) / math.sqrt(rows):
        return None
    text = (
        f"In {layer.id} neighbouring states part by {found.largest:+.3f} nats per step: over {_steps(layer.steps)} "
        "small changes grow, and gradients with them."
    )
    return Advice("chaos", "warning", text, "vogt2022lyapunov")


def hump(layer: LayerFindings) -> Advice | None:
    """Say when eigenvalues alone mislead: powers that grow before they decay [henrici1962bounds]."""
    if len(layer.spectra) != 1 or layer.spectra[0].radius >= 1:
        return None
    spectrum = layer.spectra[0]
    peak = int(spectrum.log_envelope.argmax())
    if spectrum.envelope[peak] <= HUMP:
        return None
    text = (
        f"The eigenvalues of {spectrum.name} lie within {spectrum.radius:.3g}, yet its powers grow to "
        f"{spectrum.envelope[peak]:.3g} at {peak} before they decay: the matrix is far from normal."
    )
    return Advice("hump", "note", text, "henrici1962bounds")


def _remedy(layer: LayerFindings) -> str:
    if layer.memory is not None:
        return "chrono initialisation of the gates"
    return "orthogonal recurrent weights or a gated recurrence"


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count} steps"


def _share(value: float) -> str:
    return "less than 0.01 %" if value < 1e-4 else f"{100 * value:.2g} %"
