"""The structures of a task, each with what it is for and which input may reach which output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nurt.wording import Text

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True)
class Kind:
    """One structure.

    Args:
        id: name.
        name: in words.
        lengths: T_x and T_y in words.
        task: what it is used for in nurt.
        example: of it.
        equation: of its state and output.
        reach: from steps in and steps out to which input may reach which output, (T_y, T_x).
    """

    id: str
    name: Text
    lengths: str
    task: Text
    example: Text
    equation: str
    reach: Callable[[int, int], np.ndarray]


def _all(given: int, wanted: int) -> np.ndarray:
    return np.ones((wanted, given), dtype=bool)


def _past(given: int, wanted: int) -> np.ndarray:
    return np.tril(_all(given, wanted))


KINDS = (
    Kind(
        "one-to-one",
        Text("one-to-one", "jeden do jednego"),
        "1, 1",
        Text("regression, classification without time", "regresja, klasyfikacja bez czasu"),
        Text("ordinary classifier", "zwykły klasyfikator"),
        "h = tanh(W x + b), y = V h + c",
        _all,
    ),
    Kind(
        "one-to-many",
        Text("one-to-many", "jeden do wielu"),
        "1, >1",
        Text("generation from a seed", "generowanie z zarodka"),
        Text("melody, text", "melodia, tekst"),
        "h_t = tanh(W y′ + U h′ + b), y_0 = x, y_t = V h_t + c",
        _all,
    ),
    Kind(
        "many-to-one",
        Text("many-to-one", "wiele do jednego"),
        ">1, 1",
        Text("classification, one-step forecast", "klasyfikacja, prognoza o krok"),
        Text("sentiment", "wydźwięk opinii"),
        "h_t = tanh(W x_t + U h′ + b), y = V h_T + c",
        _all,
    ),
    Kind(
        "synchronous",
        Text("many-to-many, synchronous", "wiele do wielu, synchronicznie"),
        "T_x = T_y",
        Text("tagging", "znakowanie"),
        Text("part of speech", "część mowy"),
        "h_t = tanh(W x_t + U h′ + b), y_t = V h_t + c",
        _past,
    ),
    Kind(
        "encoder-decoder",
        Text("many-to-many, encoder–decoder", "wiele do wielu, koder–dekoder"),
        "T_x ≠ T_y",
        Text("translation, multi-step forecast", "tłumaczenie, prognoza wielokrokowa"),
        Text("Polish to English", "z polskiego na angielski"),
        "h_t = tanh(W x_t + U h′ + b), s_0 = h_T, s_t = tanh(A y′ + B s′ + d), y_t = V s_t + c",
        _all,
    ),
    Kind(
        "stacked",
        Text("stacked, two layers", "stos dwóch warstw"),
        "T_x = T_y",
        Text("any of the above", "każde z powyższych"),
        Text("deep recurrent network", "głęboka sieć rekurencyjna"),
        "g_t = tanh(W x_t + U g′ + b), h_t = tanh(A g_t + B h′ + d), y_t = V h_t + c",
        _past,
    ),
    Kind(
        "bidirectional",
        Text("bidirectional", "dwukierunkowa"),
        "T_x = T_y",
        Text("tagging of whole sequences", "znakowanie całych ciągów"),
        Text("named entities", "nazwy własne"),
        "h→_t = tanh(W x_t + U h→′ + b), h←_t = tanh(A x_t + B h←″ + d), y_t = V [h→_t, h←_t] + c",
        _all,
    ),
)
