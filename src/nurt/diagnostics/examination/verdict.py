"""Advice from measurements, by stated rules: one function each, with its threshold and its source.

A rule covers only what was measured, at these weights and on these rows; what it proposes is something to try.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nurt.diagnostics.examination import on_dynamics, on_gates, on_reach
from nurt.diagnostics.examination.advice import Advice
from nurt.diagnostics.examination.naming import in_words
from nurt.standing import Standing
from nurt.wording import Text, counted, percent_in_words

if TYPE_CHECKING:
    from nurt.diagnostics.examination.layer_findings import LayerFindings
    from nurt.diagnostics.examination.on_reach import Branch

__all__ = ["advise", "window"]

ONE_STEP = Text(
    "The sequence has one step: there is no time to look through.",
    "Ciąg ma jeden krok: nie ma czasu, przez który można patrzeć.",
)
# The worst first.
_ORDER = (Standing.WARNING, Standing.NOTE, Standing.GOOD)


def advise(layers: Sequence[LayerFindings], branches: Sequence[Branch] = ()) -> tuple[Advice, ...]:
    """Return what the rules say: on the reach of each branch, the worst first, then on single layers.

    A warning of another kind leads where the reach gives none: nobody should read good news under the word warning.

    Args:
        layers: lowest first.
        branches: of the network.
    """
    if max((one.steps for one in layers), default=0) < 2:
        return (Advice("length", Standing.NOTE, ONE_STEP),)
    long = [one for one in branches if one.steps > 1]
    reaches = [on_reach.reach(one, alone=len(branches) == 1) for one in long]
    found = sorted((one for one in reaches if one is not None), key=lambda one: _ORDER.index(one.level))
    both = {(one.id.module, one.id.layer) for one in layers if one.id.direction == "backward"}
    others: list[Advice | None] = [on_reach.unreached(layers)]
    for branch in long:
        highest = branch.layers[-1]
        both_ways = (highest.id.module, highest.id.layer) in both
        others += [on_reach.one_step(branch, both_ways), on_reach.growth(branch), on_reach.disagreement(branch)]
    others.append(on_gates.memory(layers, branches))
    others += [window(one.layers[-1]) for one in long]
    for layer in layers:
        others += [*on_gates.saturation(layer), on_gates.idle(layer), on_dynamics.chaos(layer), on_dynamics.hump(layer)]
    return _led((*found, *(one for one in others if one is not None)))


def _led(advice: tuple[Advice, ...]) -> tuple[Advice, ...]:
    """Return findings with the first warning in front, where the first finding is none."""
    first = next((at for at, one in enumerate(advice) if one.level is Standing.WARNING), 0)
    return (advice[first], *advice[:first], *advice[first + 1 :]) if first else advice


def window(layer: LayerFindings) -> Advice | None:
    """Recommend the least window of truncated back-propagation [williams1990efficient]."""
    ledger = layer.truncation
    if ledger is None:
        return None
    least = ledger.recommended("sliding")
    if least is None or least >= layer.steps:
        return None
    text = Text(
        "A gradient cut off after {least} differs from the whole one by at most {tolerance}, for the recurrent weights "
        "of {layer}.",
        "Gradient skrócony po {least} różni się od całego co najwyżej o {tolerance}, dla wag rekurencyjnych: {layer}.",
    ).filled(
        least=counted(least, ("step", "steps"), ("kroku", "krokach", "krokach")),
        tolerance=percent_in_words(ledger.tolerance, 0),
        layer=in_words(layer.id),
    )
    return Advice("window", Standing.NOTE, text, "williams1990efficient")
