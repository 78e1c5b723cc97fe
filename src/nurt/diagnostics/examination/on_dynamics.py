"""Rules on the dynamics of a layer: whether neighbouring states diverge, and matrices that eigenvalues misdescribe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nurt.diagnostics.examination.advice import Advice
from nurt.diagnostics.examination.naming import in_words
from nurt.standing import Standing
from nurt.wording import Text, to_digits

if TYPE_CHECKING:
    from nurt.diagnostics.dynamics.lyapunov import LyapunovExponents
    from nurt.diagnostics.examination.layer_findings import LayerFindings

__all__ = ["chaos", "hump"]

# Growth of a difference over the counted steps, in nats, below which an exponent is none that could be told from zero.
DECIDED = 1.0
# Of the interval over the rows.
CONFIDENCE = 0.95
# Growth of the powers of a contracting matrix above which it is reported.
HUMP = 2.0


def chaos(layer: LayerFindings) -> Advice | None:
    """Warn of chaos, where neighbouring states diverge: a largest exponent above zero [vogt2022lyapunov].

    Finite-time exponents scatter about zero wherever the dynamics are neutral, and are positive while a state still
    moves away from an unstable point. A warning needs an interval over the rows above zero and a growth by the factor e
    at least, both over all steps that were counted and over their later half; with an interval below zero there is
    nothing to say, and what lies between is not decided.
    """
    found = layer.lyapunov
    if found is None:
        return None
    later = found.later_half()
    low, high = found.interval(CONFIDENCE)
    rows, steps = found.counted
    if rows == 1 and found.largest > 0.0:
        text = Text(
            "In {layer} it is not decided whether neighbouring states diverge: {size} nats per step in a single row "
            "over {steps} steps. More rows would tell.",
            "{layer}: nie rozstrzygnięto, czy sąsiednie stany się rozbiegają, {size} nata na krok w jedynym wierszu, "
            "kroków: {steps}. Rozstrzygnęłoby więcej wierszy.",
        ).filled(layer=in_words(layer.id), size=_signed(found.largest), steps=steps)
        return Advice("chaos", Standing.NOTE, text, "vogt2022lyapunov")
    if rows < 2 or not (high >= 0.0 and later.interval(CONFIDENCE)[1] >= 0.0):
        return None
    words = Text(
        "{size} nats per step in the median row (95 % interval over {rows} rows {low} to {high}, {steps} steps)",
        "{size} nata na krok w wierszu medianowym (95 % przedział po {rows} wierszach: od {low} do {high}, kroków: "
        "{steps})",
    ).filled(size=_signed(found.largest), rows=rows, low=_signed(low), high=_signed(high), steps=steps)
    if all(_diverges(one) for one in (found, later)):
        text = Text(
            "In {layer} neighbouring states diverge: {words}. Small changes grow, and gradients with them.",
            "{layer}: sąsiednie stany się rozbiegają, {words}. Małe zmiany rosną, a z nimi gradienty.",
        )
        return Advice("chaos", Standing.WARNING, text.filled(layer=in_words(layer.id), words=words), "vogt2022lyapunov")
    if max(abs(low), abs(high)) * steps < DECIDED:
        text = Text(
            "In {layer} neighbouring states neither part nor approach by a factor of e over the steps looked at: "
            "{words}. Whether they diverge in the long run is not decided.",
            "{layer}: sąsiednie stany w zbadanych krokach ani się nie oddalają, ani nie zbliżają e razy, {words}. "
            "Czy rozbiegają się na dłuższą metę, nie rozstrzygnięto.",
        )
        return Advice("chaos", Standing.NOTE, text.filled(layer=in_words(layer.id), words=words), "vogt2022lyapunov")
    text = Text(
        "In {layer} it is not decided whether neighbouring states diverge: {words}. More steps or rows would tell.",
        "{layer}: nie rozstrzygnięto, czy sąsiednie stany się rozbiegają, {words}. Rozstrzygnęłoby więcej kroków lub "
        "wierszy.",
    )
    return Advice("chaos", Standing.NOTE, text.filled(layer=in_words(layer.id), words=words), "vogt2022lyapunov")


def hump(layer: LayerFindings) -> Advice | None:
    """Say where eigenvalues alone mislead: powers that grow before they decay [henrici1962bounds]."""
    if len(layer.spectra) != 1 or layer.spectra[0].radius >= 1:
        return None
    spectrum = layer.spectra[0]
    peak = int(spectrum.log_envelope.argmax())
    if spectrum.envelope[peak] <= HUMP:
        return None
    text = Text(
        "The eigenvalues of {name} of {layer} lie within {radius}, yet its powers grow to {most} at {peak} before they "
        "decay: the matrix is far from normal.",
        "{layer}: wartości własne macierzy {name} leżą w promieniu {radius}, a mimo to jej potęgi rosną do {most} przy "
        "{peak}, zanim zmaleją: macierz jest daleka od normalnej.",
    ).filled(
        name=spectrum.name.partition(" of ")[0],
        layer=in_words(layer.id),
        radius=to_digits(spectrum.radius),
        most=to_digits(float(spectrum.envelope[peak])),
        peak=peak,
    )
    return Advice("hump", Standing.NOTE, text, "henrici1962bounds")


def _diverges(found: LyapunovExponents) -> bool:
    return found.interval(CONFIDENCE)[0] > 0.0 and found.largest * found.counted[1] >= DECIDED


def _signed(value: float) -> Text:
    words = f"{value:+.4f}".replace("-", "−")
    return Text(words, words.replace(".", ","))
