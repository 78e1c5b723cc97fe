"""Advice from measurements, by stated rules: one function each, with its threshold and its source.

A rule covers only what was measured, at these weights and on these rows; what it proposes is something to try.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt.results import Result
from nurt.standing import Standing
from nurt.wording import percent_in_words, plural

if TYPE_CHECKING:
    from nurt.diagnostics.examination.layer_findings import LayerFindings
    from nurt.diagnostics.gradient.over_time import GradientByLag

__all__ = ["Advice", "advise"]

# A gradient that reaches back less than this share of the steps does not train on most of the window.
SHORT = 0.5
# Growth of the gradient, from the step of the loss, that a clipped step no longer follows.
GROWTH = 10.0
# What is left of a state after all steps, below which it counts as forgotten.
FORGOTTEN = 0.01
# A gate that stands at one end of its range in more than this share of all places.
STANDING = 0.9
# Standard errors by which an exponent must lie above zero.
SURE = 2.0
# Growth of the powers of a contracting matrix above which it is reported.
HUMP = 2.0


@dataclass(frozen=True)
class Advice(Result):
    """One finding.

    Args:
        rule: its name.
        level: GOOD, NOTE or WARNING.
        text: the finding and, where there is one, what to try.
        source: citation key of where the rule comes from; empty where it is arithmetic.
    """

    rule: str
    level: Standing
    text: str
    source: str = ""


def advise(layers: Sequence[LayerFindings], whole: GradientByLag | None = None) -> tuple[Advice, ...]:
    """Return what the rules say: those on the gradient by way of all layers first, then those on single layers.

    Args:
        layers: lowest first.
        whole: the gradient by way of all layers, where the loss reads the last step alone; without it that of the
            highest layer is judged.
    """
    top = ([one for one in layers if one.id.direction == "forward"] or list(layers))[-1]
    if top.steps < 2:
        return (Advice("length", Standing.NOTE, "The sequence has one step: there is no time to look through."),)
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
        told = f"all {plural(far, 'step')}" if far >= layer.steps else f"the {plural(far, 'step')} that it was followed"
        text = f"The gradient stays above {percent_in_words(share, 0)} of its maximum over {told}."
        return Advice("reach", Standing.GOOD, text, "pascanu2013difficulty")
    text = f"The gradient of a step falls below {percent_in_words(share, 0)} of its maximum after {plural(lag, 'step')}"
    if lag + 1 >= SHORT * layer.steps:
        return Advice("reach", Standing.NOTE, f"{text}, of {layer.steps} that are read.", "pascanu2013difficulty")
    text += (
        f": of the {layer.steps} steps read, earlier ones hardly contribute to training. If they matter, try "
        f"{_remedy(layer)}; if they do not, a shorter window is enough."
    )
    return Advice("reach", Standing.WARNING, text, "pascanu2013difficulty")


def growth(gradient: GradientByLag | None) -> Advice | None:
    """Warn of a gradient that grows backwards in time [pascanu2013difficulty]."""
    if gradient is None:
        return None
    mean = gradient.norms.mean
    lag = int(np.nanargmax(mean))
    if not mean[0] > 0 or mean[lag] <= GROWTH * mean[0]:
        return None
    text = (
        f"Backwards in time the gradient grows by a factor of {mean[lag] / mean[0]:.3g} over {plural(lag, 'step')}: "
        "clip its norm, or lower the learning rate."
    )
    return Advice("growth", Standing.WARNING, text, "pascanu2013difficulty")


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
        return Advice("memory", Standing.NOTE, f"{text}, of {steps} that are read.", "tallec2018can")
    kept = "less than 0.01 %" if left < 1e-4 else percent_in_words(left, 2)
    text += f": over {steps} steps these keep {kept}. A longer memory needs another path."
    return Advice("memory", Standing.WARNING, text, "tallec2018can")


def window(layer: LayerFindings) -> Advice | None:
    """Recommend the least window of truncated back-propagation [williams1990efficient]."""
    ledger = layer.truncation
    if ledger is None:
        return None
    least = ledger.recommended("sliding")
    if least is None or least >= layer.steps:
        return None
    text = (
        f"A gradient cut off after {plural(least, 'step')} differs from the whole one by at most "
        f"{percent_in_words(ledger.tolerance, 0)}, for the recurrent weights of {layer.id}."
    )
    return Advice("window", Standing.NOTE, text, "williams1990efficient")


def saturation(layer: LayerFindings) -> Advice | None:
    """Warn of gates that hardly ever move; the shares are those of [karpathy2015visualizing]."""
    if layer.gates is None:
        return None
    told = []
    for name, one in layer.gates.gates.items():
        for side, share in (("closed", float(one.left.mean())), ("open", float(one.right.mean()))):
            if share > STANDING:
                told.append(f"the {name} gate is {side} {percent_in_words(share, 0)} of the time")
    if not told:
        return None
    text = f"In {layer.id} {' and '.join(told)}: through a saturated gate hardly any gradient passes."
    return Advice("saturation", Standing.WARNING, text, "karpathy2015visualizing")


def idle(layer: LayerFindings) -> Advice | None:
    """Warn of units that are dead or saturated at every step; arithmetic."""
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
    return Advice("idle", Standing.WARNING, text)


def chaos(layer: LayerFindings) -> Advice | None:
    """Warn of chaos, where neighbouring states diverge: a largest exponent above zero [vogt2022lyapunov]."""
    found = layer.lyapunov
    if found is None or math.isnan(found.largest):
        return None
    known = found.exponents[:, 0]
    rows = int((~known.isnan()).sum())
    if rows < 2 or found.largest <= SURE * float(found.spread[0]) / math.sqrt(rows):
        return None
    text = (
        f"In {layer.id} neighbouring states diverge by {found.largest:+.3f} nats per step: over "
        f"{plural(layer.steps, 'step')} small changes grow, and gradients with them."
    )
    return Advice("chaos", Standing.WARNING, text, "vogt2022lyapunov")


def hump(layer: LayerFindings) -> Advice | None:
    """Say where eigenvalues alone mislead: powers that grow before they decay [henrici1962bounds]."""
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
    return Advice("hump", Standing.NOTE, text, "henrici1962bounds")


def _remedy(layer: LayerFindings) -> str:
    if layer.memory is not None:
        return "chrono initialisation of the gates"
    return "orthogonal recurrent weights or a gated recurrence"
