"""Rules on how far back the gradient goes, one for each branch of the network.

Three answers: it vanishes, it holds or it explodes [pascanu2013difficulty]. What is judged is the median of the rows,
of the gradient of the whole state that a step reads or, where that of the inputs reaches further, of the inputs; the
sentence names which. Before earlier steps are said to contribute hardly, what they add to the gradient of the weights
is looked at too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nurt.diagnostics.examination.advice import Advice
from nurt.diagnostics.examination.layer_findings import LayerFindings
from nurt.diagnostics.examination.naming import in_words
from nurt.diagnostics.gradient.by_lag import Argument, GradientByLag
from nurt.results import Result
from nurt.standing import Standing
from nurt.wording import Text, counted, joined, percent_in_words, to_digits

__all__ = ["Branch", "disagreement", "growth", "one_step", "reach", "unreached"]

SOURCE = "pascanu2013difficulty"
# A gradient that reaches back less than this share of the steps does not train on most of the window; rows whose reach
# differs from that of the median by as much disagree.
SHORT = 0.5
# Growth of the gradient, from the step of the loss, that a clipped step no longer follows.
GROWTH = 10.0
# A part of the summed norms ‖K_s‖ that earlier steps must add at least to be said to contribute.
CONTRIBUTES = 0.05


@dataclass(frozen=True, eq=False)
class Branch(Result):
    """A stack of layers that run in one direction over the same steps.

    Args:
        layers: from the lowest to the highest.
        read_at: at which of its steps the gradient of the loss arrives at the highest layer: "first", "last" or
            "several"; "none" where it does not.
        gradient: by lag, by way of all layers of the branch where the loss reads the last step alone; otherwise that of
            the layer within which it reaches furthest. None where no gradient arrives.
        through_all: whether it is by way of all layers.
    """

    layers: tuple[LayerFindings, ...]
    read_at: str
    gradient: GradientByLag | None
    through_all: bool

    @property
    def name(self) -> Text:
        """The layers in words."""
        lowest, highest = in_words(self.layers[0].id), in_words(self.layers[-1].id)
        if len(self.layers) == 1:
            return lowest
        return Text("{lowest} to {highest}", "{lowest} – {highest}").filled(lowest=lowest, highest=highest)

    @property
    def steps(self) -> int:
        """T."""
        return self.layers[-1].steps

    def to_dict(self) -> dict[str, Any]:
        """Return the addresses of the layers, and the gradient."""
        ids = [one.id._asdict() for one in self.layers]
        gradient = None if self.gradient is None else self.gradient.to_dict()
        return {"layers": ids, "read_at": self.read_at, "through_all": self.through_all, "gradient": gradient}


def reach(branch: Branch, alone: bool) -> Advice | None:
    """Say whether the gradient vanishes, holds or explodes.

    Args:
        branch: of which it is said.
        alone: whether the network has no other, so that it needs no name.
    """
    gradient = branch.gradient
    if gradient is None or branch.read_at == "first":
        return None
    if gradient.course == "explodes":
        level, text = Standing.WARNING, _explodes(gradient)
    else:
        level, text = (_vanishes if gradient.course == "vanishes" else _holds)(branch, gradient)
    where = Text("", "") if alone else Text(" in {name}", " ({name})").filled(name=branch.name)
    return Advice("reach", level, Text(f"The gradient{where.en} {text.en}", f"Gradient{where.pl} {text.pl}"), SOURCE)


def growth(branch: Branch) -> Advice | None:
    """Warn of a gradient that grows backwards in time, further than a clipped step follows, and does not explode.

    A growth of at most the number of steps is no warning: that much comes of paths that add up, as through two layers
    that both hold.
    """
    gradient = branch.gradient
    if gradient is None or gradient.course == "explodes" or gradient.growth <= GROWTH:
        return None
    added_up = gradient.growth <= gradient.growth_steps
    cure = Text(
        "That is no more than the number of steps: paths add up, and nothing explodes.",
        "To nie więcej niż liczba kroków: drogi się sumują i nic nie eksploduje.",
    )
    if not added_up:
        cure = Text(
            "Clip its norm, or lower the learning rate.", "Obcinaj jego normę albo zmniejsz współczynnik uczenia."
        )
    text = Text(
        "In {name} the gradient of the state {state} grows backwards in time by a factor of {growth} over {steps}, "
        "{factor} per step. {cure}",
        "{name}: gradient stanu {state} rośnie wstecz w czasie {growth} razy, na przestrzeni: {steps}, z mnożnikiem "
        "{factor} na krok. {cure}",
    ).filled(
        cure=cure,
        name=branch.name,
        state=_state(gradient),
        growth=to_digits(gradient.growth),
        steps=_steps(gradient.growth_steps),
        factor=to_digits(gradient.growth ** (1.0 / max(1, gradient.growth_steps))),
    )
    return Advice("growth", Standing.NOTE if added_up else Standing.WARNING, text, SOURCE)


def disagreement(branch: Branch) -> Advice | None:
    """Say that some rows differ much from the median row, of which everything else is said; arithmetic."""
    gradient = branch.gradient
    if gradient is None or branch.read_at == "first":
        return None
    ends = gradient.last_lag[~np.isnan(gradient.last_lag)]
    middle = gradient.lags - 1 if gradient.horizon is None else gradient.horizon
    differ = int((np.abs(ends - middle) >= max(1.0, SHORT * branch.steps)).sum())
    if not differ:
        return None
    text = Text(
        "In {name} the rows disagree: in {differ} of {rows} the gradient reaches much further or much less far than in "
        "the median row, from {low} to {high} back.",
        "{name}: wiersze różnią się; w {differ} z {rows} gradient sięga znacznie dalej albo znacznie bliżej niż w "
        "wierszu medianowym, od {low} do {high} wstecz.",
    ).filled(name=branch.name, differ=differ, rows=len(ends), low=str(int(ends.min())), high=_steps(int(ends.max())))
    return Advice("rows", Standing.NOTE, text)


def unreached(layers: Sequence[LayerFindings]) -> Advice | None:
    """Warn of layers that the loss does not depend on, or that are cut off from it; arithmetic."""
    left_out = [one for one in layers if not one.reached]
    if not left_out:
        return None
    names = Text(*("; ".join(in_words(one.id)[language] for one in left_out) for language in ("en", "pl")))
    text = Text(
        "No gradient of the loss reaches {layers}: nothing is learnt there from this loss. The output may be unused, "
        "cut off by detach() or no_grad(), or multiplied by zero, as by a head that starts at zero.",
        "Żaden gradient funkcji straty nie dociera do: {layers}. Z tej funkcji straty nic się tam nie uczy: wyjście "
        "może być nieużyte, odcięte przez detach() albo no_grad() lub pomnożone przez zero, na przykład przez "
        "głowicę, która zaczyna od zera.",
    ).filled(layers=names)
    return Advice("unreached", Standing.WARNING, text)


def one_step(branch: Branch, both_ways: bool) -> Advice | None:
    """Warn of a layer whose output is read after its first step alone [schuster1997bidirectional].

    The classic case is the last output of a bidirectional layer: there the backward half has read one input.

    Args:
        branch: of which it is said.
        both_ways: whether the highest layer has another direction.
    """
    if branch.read_at != "first":
        return None
    text = Text(
        "The loss reads {layer} after its first step alone: of {steps} steps this {part} has seen one.",
        "Funkcja straty czyta warstwę po jej pierwszym kroku ({layer}): z {steps} kroków ta {part} widziała jeden.",
    ).filled(
        layer=in_words(branch.layers[-1].id),
        steps=branch.steps,
        part=Text("direction", "strona") if both_ways else Text("layer", "warstwa"),
    )
    cure = Text(
        "Take the last step that the layer takes, or pool over all steps.",
        "Weź ostatni krok, który warstwa wykonuje, albo uśrednij po wszystkich krokach.",
    )
    if both_ways:
        cure = Text(
            "Take the final states of both directions, h_n[-2] and h_n[-1], or pool over all steps, instead of one "
            "output such as out[:, -1].",
            "Weź stany końcowe obu kierunków, h_n[-2] i h_n[-1], albo uśrednij po wszystkich krokach, zamiast jednego "
            "wyjścia takiego jak out[:, -1].",
        )
    return Advice("one-step", Standing.WARNING, joined(text, cure), "schuster1997bidirectional")


def _explodes(gradient: GradientByLag) -> Text:
    cure = Text(
        "Clip its norm, use smaller or orthogonal recurrent weights, or truncate it.",
        "Obcinaj jego normę, użyj mniejszych lub ortogonalnych wag rekurencyjnych albo skracaj go w czasie.",
    )
    if gradient.overflow is not None:
        text = Text(
            "explodes: that of the state {state} is no finite number from {steps} before the loss on.",
            "jest eksplodujący: gradient stanu {state} nie jest skończoną liczbą od miejsca {steps} przed "
            "funkcją straty.",
        ).filled(state=_state(gradient), steps=_steps(gradient.overflow))
        return joined(text, cure)
    text = Text(
        "explodes: that of the state {state} grows backwards in time by a factor of {factor} per step, "
        "{growth} over {steps}, in the median row.",
        "jest eksplodujący: gradient stanu {state} rośnie wstecz w czasie z mnożnikiem {factor} na krok, łącznie "
        "{growth} razy, na przestrzeni: {steps}, w wierszu medianowym.",
    ).filled(
        state=_state(gradient),
        factor=to_digits(gradient.factor),
        growth=to_digits(gradient.growth),
        steps=_steps(gradient.growth_steps),
    )
    return joined(text, cure)


def _vanishes(branch: Branch, gradient: GradientByLag) -> tuple[Standing, Text]:
    lag = gradient.horizon
    assert lag is not None
    bound = percent_in_words(gradient.threshold, 0)
    text = Text(
        "vanishes: {what} falls below {bound} of its maximum after {lag}, of {steps} that are read",
        "jest zanikający: {what} spada poniżej {bound} swojego maksimum po {lag}, z {steps} czytanych",
    ).filled(what=_what(gradient), bound=bound, lag=_after(lag), steps=branch.steps)
    if 0.0 < gradient.factor < 1.0:
        rate = Text(", by a factor of {factor} per step", ", z mnożnikiem {factor} na krok").filled(
            factor=to_digits(gradient.factor)
        )
        text = Text(text.en + rate.en, text.pl + rate.pl)
    text = Text(text.en + ".", text.pl + ".")
    if lag + 1 >= SHORT * branch.steps:
        return Standing.NOTE, text
    earlier = _earlier(branch, lag)
    if earlier is not None and earlier[1] >= CONTRIBUTES:
        name, share = earlier
        use = Text(
            "Yet the uses of {name} at steps farther away hold {share} of the summed norms ‖K_s‖ of its gradient.",
            "Mimo to użycia {name} w dalszych krokach mają {share} sumy norm ‖K_s‖ jej gradientu.",
        ).filled(name=name, share=percent_in_words(share))
        return Standing.NOTE, joined(text, use)
    if branch.read_at != "last":
        advice = Text(
            "The loss reads several steps: each learns from what arrives at it, and hardly anything of that goes back "
            "farther. If what lies farther apart must be connected by the state, try {remedy}.",
            "Funkcja straty czyta wiele kroków: każdy uczy się z tego, co do niego dociera, i prawie nic z tego nie "
            "sięga dalej. Jeśli stan ma połączyć to, co leży dalej od siebie, spróbuj {remedy}.",
        ).filled(remedy=_remedy(branch))
        return Standing.WARNING, joined(text, advice)
    advice = Text(
        "Steps farther away hardly contribute to training. If they matter, try {remedy}; if they do not, a shorter "
        "window is enough.",
        "Dalsze kroki prawie nie wpływają na uczenie. Jeśli są ważne, spróbuj {remedy}; jeśli nie, wystarczy "
        "krótsze okno.",
    ).filled(remedy=_remedy(branch))
    return Standing.WARNING, joined(text, advice)


def _holds(branch: Branch, gradient: GradientByLag) -> tuple[Standing, Text]:
    bound = percent_in_words(gradient.threshold, 0)
    far = counted(gradient.lags, ("step", "steps"), ("krok", "kroki", "kroków"))
    over = (
        Text("all {far}", "wszystkie {far}")
        if gradient.lags >= branch.steps
        else Text("the {far} that it was followed", "śledzone {far}")
    )
    if gradient.least >= gradient.threshold:
        words = Text(
            "holds: {what} stays above {bound} of its maximum over {over}.",
            "się utrzymuje: {what} pozostaje powyżej {bound} swojego maksimum przez {over}.",
        )
    else:
        words = Text(
            "holds: {what} reaches back over {over}, where it is not below {bound} of its maximum, though "
            "it is in between.",
            "się utrzymuje: {what} sięga wstecz przez {over}, gdzie nie jest poniżej {bound} swojego "
            "maksimum, choć pomiędzy bywa.",
        )
    text = words.filled(what=_what(gradient), bound=bound, over=over.filled(far=far))
    return Standing.GOOD, text if (other := _other(branch, gradient)) is None else joined(text, other)


def _other(branch: Branch, gradient: GradientByLag) -> Text | None:
    """Return how far the other quantity reaches, where that is much less."""
    quantity: Argument = "state" if gradient.furthest == "inputs" else "inputs"
    last = gradient.last(quantity)
    if last is None or gradient.lags - 1 - last < SHORT * branch.steps:
        return None
    return Text("That of {which} falls below it after {lag}.", "Gradient {which} spada poniżej niego po {lag}.").filled(
        which=Text("the inputs x", "wejść x")
        if quantity == "inputs"
        else Text("the whole state {state}", "całego stanu {state}").filled(state=_state(gradient)),
        lag=_after(last),
    )


def _what(gradient: GradientByLag) -> Text:
    """Return which gradient a sentence is about."""
    if gradient.furthest == "inputs":
        return Text("that of the inputs x, ‖∂L/∂x‖,", "gradient wejść x, ‖∂L/∂x‖,")
    state = _state(gradient)
    return Text("that of the whole state, ‖∂L/∂{state}‖,", "gradient całego stanu, ‖∂L/∂{state}‖,").filled(state=state)


def _state(gradient: GradientByLag) -> str:
    """Return the fields of the state in symbols: h, (h, c), or s for a state that the output is computed from."""
    symbols = {"hidden": "h", "cell": "c"}
    if not set(gradient.fields) <= set(symbols):
        return "s"
    names = [symbols[one] for one in gradient.fields]
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def _earlier(branch: Branch, lag: int) -> tuple[str, float] | None:
    """Return the weight whose uses before ``lag`` steps hold most of its gradient, and their part; None if unknown."""
    parts = branch.layers[0].contributions
    if parts is None or branch.read_at != "last":
        return None
    shares = {name: 1.0 - parts.share(name, lag + 1) for name in parts.norms}
    known = {name: share for name, share in shares.items() if not np.isnan(share)}
    return max(known.items(), key=lambda one: one[1]) if known else None


def _remedy(branch: Branch) -> Text:
    if branch.layers[0].gated:
        return Text("chrono initialisation of the gates", "inicjalizacji chrono bramek")
    if branch.layers[0].recurrence:
        return Text(
            "orthogonal recurrent weights or a gated recurrence", "ortogonalnych wag rekurencyjnych albo bramek"
        )
    return Text("an initialisation that forgets more slowly", "inicjalizacji, która wolniej zapomina")


def _steps(count: int) -> Text:
    return counted(count, ("step", "steps"), ("krok", "kroki", "kroków"))


def _after(count: int) -> Text:
    return counted(count, ("step", "steps"), ("kroku", "krokach", "krokach"))
