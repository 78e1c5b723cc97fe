"""Rules on gates and units: what a gate that hardly moves does to the state, in which direction, and what to try.

A gate near 0 or 1 learns slowly itself, because the slope of its sigmoid is near 0. What that means for the layer
depends on the gate and on the side. A forget gate near 1 is the very path on which state and gradient survive; a forget
gate near 0 destroys both. An update gate means one or the other by the convention of the cell: z_t multiplies h_{t-1}
in torch's GRU and the candidate in a minGRU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import numpy as np

from nurt.diagnostics.examination.advice import Advice
from nurt.diagnostics.examination.naming import GATES_IN_WORDS, in_words
from nurt.standing import Standing
from nurt.wording import Text, joined, percent_in_words, to_digits

if TYPE_CHECKING:
    from nurt.diagnostics.examination.layer_findings import LayerFindings
    from nurt.diagnostics.examination.on_reach import Branch
    from nurt.diagnostics.units.gates import GateStatistics

__all__ = ["idle", "memory", "saturation"]

# A gate that stands at one end of its range in more than this share of all places.
STANDING = 0.9
# What is left of a state after all steps, below which it counts as forgotten.
FORGOTTEN = 0.01
# What comes into a state in all steps, below which the layer counts as deaf.
TAKEN_IN = 0.01

Side: TypeAlias = Literal["closed", "open"]

_SIDES: Final[dict[Side, Text]] = {"closed": Text("closed", "zamknięta"), "open": Text("open", "otwarta")}
_OWN_WEIGHTS = Text("Only the weights of this gate itself learn slowly.", "Wolno uczą się tylko wagi samej tej bramki.")


class _Effect(NamedTuple):
    """What a gate at one end of its range does, and what to try if it does harm."""

    level: Standing
    words: Text


_KEEPS = _Effect(
    Standing.NOTE,
    joined(
        Text(
            "the state is kept from step to step, and its gradient passes.",
            "stan jest zachowywany z kroku na krok, a jego gradient przechodzi.",
        ),
        _OWN_WEIGHTS,
    ),
)
_KEEPS_AND_CLOSES = _Effect(
    Standing.NOTE,
    joined(
        Text(
            "the state is kept from step to step, and its gradient passes, while little of each new input enters.",
            "stan jest zachowywany z kroku na krok, a jego gradient przechodzi, natomiast z nowych wejść wchodzi "
            "niewiele.",
        ),
        Text(
            "The weights of this gate and of the candidate learn slowly.",
            "Wolno uczą się wagi tej bramki i kandydata.",
        ),
    ),
)
_DEAF = _Effect(
    Standing.WARNING,
    Text(
        "the state is kept from step to step, and over all steps less than 1 % of it is replaced: the layer hardly "
        "reads its inputs, and the weights of gate and candidate hardly learn. Try a {direction} bias of this gate.",
        "stan jest zachowywany z kroku na krok, a przez wszystkie kroki wymienia się mniej niż 1 % stanu: warstwa "
        "prawie nie czyta wejść, a wagi bramki i kandydata prawie się nie uczą. Spróbuj {direction} przesunięcia "
        "(bias) tej bramki.",
    ),
)
_FORGETS = _Effect(
    Standing.WARNING,
    Text(
        "the state is forgotten at every step, and no gradient passes along it. If earlier steps matter, try a "
        "{direction} bias of this gate, or chrono initialisation.",
        "stan jest zapominany w każdym kroku i gradient wzdłuż niego nie przechodzi. Jeśli wcześniejsze kroki są "
        "ważne, spróbuj {direction} przesunięcia (bias) tej bramki albo inicjalizacji chrono.",
    ),
)
_LARGER, _SMALLER = Text("larger", "większego"), Text("smaller", "mniejszego")

_EFFECTS: Final[dict[tuple[str, Side], _Effect]] = {
    ("forget", "open"): _KEEPS,
    ("forget", "closed"): _FORGETS,
    ("input", "closed"): _Effect(
        Standing.WARNING,
        Text(
            "hardly anything new is taken into the state, and the weights of gate and candidate hardly learn. Try a "
            "larger bias of this gate, or inputs of unit scale.",
            "do stanu nie wchodzi prawie nic nowego, a wagi bramki i kandydata prawie się nie uczą. Spróbuj większego "
            "przesunięcia (bias) tej bramki albo wejść o skali jednostkowej.",
        ),
    ),
    ("input", "open"): _Effect(
        Standing.NOTE,
        joined(Text("every candidate is taken in whole.", "każdy kandydat wchodzi w całości."), _OWN_WEIGHTS),
    ),
    ("output", "closed"): _Effect(
        Standing.WARNING,
        Text(
            "the state is hidden from the outside: its output is near 0, and hardly any gradient of the loss enters by "
            "it. Try a larger bias of this gate.",
            "stan jest ukryty na zewnątrz: wyjście jest bliskie 0 i prawie żaden gradient funkcji straty tędy nie "
            "wchodzi. Spróbuj większego przesunięcia (bias) tej bramki.",
        ),
    ),
    ("output", "open"): _Effect(
        Standing.NOTE,
        joined(Text("the state is shown as it is.", "stan jest pokazywany taki, jaki jest."), _OWN_WEIGHTS),
    ),
    ("reset", "closed"): _Effect(
        Standing.NOTE,
        Text(
            "the candidate does not see the previous state, which counts by the update gate alone.",
            "kandydat nie widzi poprzedniego stanu, który liczy się tylko przez bramkę aktualizującą.",
        ),
    ),
    ("reset", "open"): _Effect(
        Standing.NOTE,
        joined(
            Text("the candidate sees the whole previous state.", "kandydat widzi cały poprzedni stan."), _OWN_WEIGHTS
        ),
    ),
}


def memory(layers: Sequence[LayerFindings], branches: Sequence[Branch] = ()) -> Advice | None:
    """Compare half-lives with the length; chrono initialisation is made for this [tallec2018can].

    No warning where the gradient of the layer, or of its branch, reaches back all the same: then it has another path.
    """
    known = [(one, one.memory) for one in layers if one.memory is not None]
    if not known:
        return None
    layer, longest = max(known, key=lambda one: float(np.quantile(one[1].half_life, 0.95)))
    median, high = (float(value) for value in np.quantile(longest.half_life, [0.5, 0.95]))
    left = 0.5 ** (layer.steps / high) if high > 0 else 0.0
    text = Text(
        "By the {gate} of {layer}, half of a state is left after {median} steps in the median unit and after {high} or "
        "more in 5 % of the units",
        "{layer}: przez {gate} połowa stanu zostaje po {median} kroku w jednostce medianowej, a po co najmniej "
        "{high} w 5 % jednostek",
    ).filled(
        gate=Text(GATES_IN_WORDS[longest.gate].en, _ACCUSATIVE[longest.gate]),
        layer=in_words(longest.id),
        median=to_digits(median),
        high=to_digits(high),
    )
    if left >= FORGOTTEN:
        rest = Text(", of {steps} that are read.", ", z {steps} czytanych.").filled(steps=layer.steps)
        return Advice("memory", Standing.NOTE, _run_on(text, rest), "tallec2018can")
    kept = Text("less than 0.01 %", "mniej niż 0,01 %") if left < 1e-4 else _percent(left, 2)
    gradients = [layer.gradient, *(one.gradient for one in branches if any(layer is part for part in one.layers))]
    if any(one is not None and one.course != "vanishes" for one in gradients):
        level, ending = Standing.NOTE, _BY_OTHER_PATHS
    else:
        level, ending = Standing.WARNING, _NEEDS_ANOTHER
    rest = Text(
        ": over {steps} steps these keep {kept}. {ending}", ": przez {steps} kroków zachowują {kept}. {ending}"
    ).filled(steps=layer.steps, kept=kept, ending=ending)
    return Advice("memory", level, _run_on(text, rest), "tallec2018can")


def saturation(layer: LayerFindings) -> list[Advice]:
    """Say which gates hardly ever move and what that does; the shares are those of [karpathy2015visualizing].

    Harm and no harm are two findings, so that a warning holds nothing that is none.
    """
    if layer.gates is None:
        return []
    told: dict[Standing, list[Text]] = {Standing.WARNING: [], Standing.NOTE: []}
    for name, one in layer.gates.gates.items():
        shares: dict[Side, float] = {"closed": float(one.left.mean()), "open": float(one.right.mean())}
        for side, share in shares.items():
            if share > STANDING:
                level, words = _effect(layer, layer.gates, name, side)
                told[level].append(_sentence(layer, GATES_IN_WORDS[name], _SIDES[side], share, words))
    units = float(layer.gates.units.saturated.mean())
    if layer.recurrence in _ACTIVATED and units > STANDING:
        state = Text("at an end of their range", "na końcach swojego zakresu")
        told[Standing.WARNING].append(_units(layer, state, units))
    candidate = layer.gates.candidate
    if candidate is not None and candidate.mean() > STANDING:
        state = Text("saturated", "nasycony")
        told[Standing.WARNING].append(
            _sentence(layer, GATES_IN_WORDS["candidate"], state, float(candidate.mean()), _CANDIDATE)
        )
    return [
        Advice("saturation", level, joined(*sentences), "karpathy2015visualizing")
        for level, sentences in told.items()
        if sentences
    ]


def idle(layer: LayerFindings) -> Advice | None:
    """Warn of units that are dead or saturated at every step; arithmetic."""
    if layer.gates is None:
        return None
    units = layer.gates.units
    dead, stuck = int(units.dead.sum()), int(units.stuck.sum())
    if not dead + stuck:
        return None
    text = Text(
        "In {layer} {dead} of {all} units are zero and {stuck} saturated at every step.",
        "{layer}: z {all} jednostek {dead} ma w każdym kroku wartość zero, a {stuck} jest w każdym kroku nasyconych.",
    ).filled(layer=in_words(layer.id), dead=dead, stuck=stuck, all=len(units.dead))
    return Advice("idle", Standing.WARNING, text)


_CANDIDATE = Text(
    "there the slope of tanh is near 0, and hardly any gradient reaches inputs and weights by it. Try inputs of unit "
    "scale, or smaller weights.",
    "tam nachylenie tanh jest bliskie 0 i prawie żaden gradient nie dociera tędy do wejść i wag. Spróbuj wejść o skali "
    "jednostkowej albo mniejszych wag.",
)
# Recurrences whose hidden state is what comes out of a bounded activation.
_ACTIVATED = ("elman_tanh", "elman_sigmoid")
_BY_OTHER_PATHS = Text(
    "Yet the gradient reaches back: the layer remembers by other paths.",
    "Mimo to gradient sięga wstecz: warstwa pamięta innymi drogami.",
)
_NEEDS_ANOTHER = Text("A longer memory needs another path.", "Dłuższa pamięć wymaga innej drogi.")
_ACCUSATIVE: Final = {"forget": "bramkę zapominania", "update": "bramkę aktualizującą"}


def _effect(layer: LayerFindings, gates: GateStatistics, name: str, side: Side) -> _Effect:
    """Return what a gate does at one side, by the convention of the cell."""
    carry = gates.carry
    if carry is None or name != carry.gate:
        return _EFFECTS[name, side]
    if side == carry.keeps_when:
        if not carry.coupled:
            return _KEEPS
        return _towards(_DEAF, "closed" if side == "open" else "open") if _deaf(layer) else _KEEPS_AND_CLOSES
    return _towards(_FORGETS, carry.keeps_when)


def _towards(effect: _Effect, side: Side) -> _Effect:
    """Return an effect with the direction of the bias that moves the gate to a side."""
    return effect._replace(words=effect.words.filled(direction=_LARGER if side == "open" else _SMALLER))


def _deaf(layer: LayerFindings) -> bool:
    """Return whether all but a few units keep so much of their state that next to nothing comes in."""
    if layer.memory is None:
        return False
    shortest = float(np.quantile(layer.memory.half_life, 0.05))
    return 1.0 - 0.5 ** (layer.steps / shortest) < TAKEN_IN if shortest > 0 else False


def _sentence(layer: LayerFindings, gate: Text, state: Text, share: float, words: Text) -> Text:
    return Text(
        "In {layer} the {gate} is {state} {share} of the time: {words}",
        "{layer}: {gate}, przez {share} czasu: {state}; {words}",
    ).filled(layer=in_words(layer.id), gate=gate, state=state, share=percent_in_words(share, 0), words=words)


def _units(layer: LayerFindings, state: Text, share: float) -> Text:
    return Text(
        "In {layer} the units are {state} {share} of the time, where the slope of their activation is near 0: every "
        "step shrinks the gradient. Try inputs of unit scale, or smaller weights.",
        "{layer}: jednostki są {share} czasu {state}, gdzie nachylenie ich funkcji aktywacji jest bliskie 0: każdy "
        "krok zmniejsza gradient. Spróbuj wejść o skali jednostkowej albo mniejszych wag.",
    ).filled(layer=in_words(layer.id), state=state, share=percent_in_words(share, 0))


def _percent(share: float, decimals: int) -> Text:
    words = percent_in_words(share, decimals)
    return Text(words, words.replace(".", ","))


def _run_on(first: Text, rest: Text) -> Text:
    return Text(first.en + rest.en, first.pl + rest.pl)
