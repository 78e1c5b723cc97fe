"""The exact gradient of a linear recurrence, split by use and by loss, and the part that truncation keeps.

With s_t = x_t w_x + s_{t-1} w_rec, ℓ = Σ_t mean_i (s_{i,t} - τ_{i,t})² and τ the prefix sums of x, the use of w_rec at
step s reaches the loss at step t ≥ s by

    G[s, t] = mean_i 2 (s_{i,t} - τ_{i,t}) w_rec^(t-s) s_{i,s-1}

and the gradient is the sum of all G[s, t]. Truncated back-propagation [williams1990efficient] drops some of them. That
bounds the product of Jacobians, and it biases the gradient. The table and the figures show by how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.results import Figure, ResultTable
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "chunked_gradient",
    "contributions",
    "gradient_table",
    "lag_figure",
    "sliding_gradient",
    "window_figure",
]

WINDOW = Text("window K, steps", "okno K, kroki")
GRADIENT = Text("gradient ∂ℓ/∂w<sub>rec</sub>", "gradient ∂ℓ/∂w<sub>rec</sub>")
SLIDING, CHUNKED = Text("sliding window", "okno przesuwne"), Text("chunks, detached state", "kawałki, stan odcięty")


def contributions(inputs: np.ndarray, weight_in: float, weight_rec: float) -> np.ndarray:
    """Return G, (T, T), zero where the use comes after the loss.

    Args:
        inputs: (B, T).
        weight_in: w_x.
        weight_rec: w_rec.
    """
    steps = inputs.shape[1]
    states = np.zeros((len(inputs), steps + 1))
    for step in range(steps):
        states[:, step + 1] = inputs[:, step] * weight_in + states[:, step] * weight_rec
    errors = 2.0 * (states[:, 1:] - np.cumsum(inputs, axis=1))
    lags = np.arange(steps)[None, :] - np.arange(steps)[:, None]
    powers = np.where(lags >= 0, float(weight_rec) ** np.maximum(lags, 0), 0.0)
    return np.asarray(powers * (states[:, :-1].T @ errors) / len(inputs))


def sliding_gradient(parts: np.ndarray, window: int) -> float:
    """Return the gradient when every loss looks back over ``window`` steps: the sum over t - s < K."""
    lags = np.arange(len(parts))[None, :] - np.arange(len(parts))[:, None]
    return float(parts[lags < window].sum())


def chunked_gradient(parts: np.ndarray, window: int) -> float:
    """Return the gradient when the state is detached every ``window`` steps: the sum over s and t of one chunk."""
    chunks = np.arange(len(parts)) // window
    return float(parts[chunks[None, :] == chunks[:, None]].sum())


def gradient_table(windows: Sequence[int], sliding: np.ndarray, chunked: np.ndarray, full: float) -> ResultTable:
    """Return the gradient that each window keeps, and its relative bias."""
    rows = [
        (window, s, abs(s - full) / abs(full), c, abs(c - full) / abs(full))
        for window, s, c in zip(windows, sliding.tolist(), chunked.tolist(), strict=True)
    ]
    bias = Text("relative bias", "względne obciążenie")
    return ResultTable(
        caption=Text("Truncated gradients of the linear recurrence", "Skrócone gradienty rekurencji liniowej"),
        columns=(WINDOW, SLIDING, bias, CHUNKED, bias),
        rows=tuple(rows),
        note=Text("The full gradient is {full}.", "Pełny gradient to {full}.").filled(full=full),
        significant=7,
    )


def window_figure(windows: Sequence[int], sliding: np.ndarray, chunked: np.ndarray, full: float) -> Figure:
    """Return the gradient by window, and the full one as a line."""

    def draw(language: Language) -> go.Figure:
        curves = [(SLIDING[language], sliding), (CHUNKED[language], chunked)]
        figure = drawing.lines(windows, curves, WINDOW[language], GRADIENT[language])
        figure.add_hline(y=full, line={"color": plotting.REFERENCE, "width": 2, "dash": "dot"})
        return figure

    return Figure(
        Text("The gradient by window", "Gradient w zależności od okna"),
        Text(
            "The dotted line is the full gradient. Truncation does not cure explosion, it shortens the product: the "
            "missing part is a bias, and it does not average out.",
            "Linia kropkowana to pełny gradient. Skracanie (truncation) nie leczy eksplozji, tylko skraca iloczyn: "
            "brakująca część to obciążenie, które się nie uśrednia.",
        ),
        draw,
    )


def lag_figure(parts: np.ndarray) -> Figure:
    """Return the part of the gradient that travels back over each lag."""

    def draw(language: Language) -> go.Figure:
        lags = np.arange(len(parts))
        figure = plotting.new_figure("", Text("lag, steps", "odstęp, kroki")[language], GRADIENT[language])
        figure.add_bar(
            x=lags,
            y=[float(np.trace(parts, offset=int(lag))) for lag in lags],
            marker={"color": plotting.PALETTE[0]},
            showlegend=False,
        )
        return figure

    return Figure(
        Text("Gradient by lag", "Gradient w zależności od odstępu"),
        Text(
            "Each bar is the part of the gradient that passes back over so many steps. A window of K keeps the first "
            "K bars.",
            "Każdy słupek to część gradientu, która cofa się o tyle kroków. Okno K zachowuje pierwsze K słupków.",
        ),
        draw,
        320,
    )
