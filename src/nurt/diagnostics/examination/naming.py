"""The names of layers and gates within sentences, in both languages."""

from __future__ import annotations

from typing import Final

from nurt.diagnostics.look.finding import LayerId
from nurt.wording import Text

__all__ = ["GATES_IN_WORDS", "in_words"]

GATES_IN_WORDS: Final = {
    "input": Text("input gate", "bramka wejściowa"),
    "forget": Text("forget gate", "bramka zapominania"),
    "output": Text("output gate", "bramka wyjściowa"),
    "update": Text("update gate", "bramka aktualizująca"),
    "reset": Text("reset gate", "bramka resetująca"),
    "candidate": Text("candidate", "kandydat na stan"),
}

_DIRECTIONS: Final = {"forward": Text("forward", "w przód"), "backward": Text("backward", "wstecz")}


def in_words(layer: LayerId) -> Text:
    """Return the address of a layer as it stands in a sentence.

    Example:
        >>> in_words(LayerId("encoder", 1, "backward")).pl
        'encoder, warstwa 1, wstecz'
    """
    return Text("{module}, layer {layer}, {direction}", "{module}, warstwa {layer}, {direction}").filled(
        module=layer.module or Text("the model", "model"),
        layer=layer.layer,
        direction=_DIRECTIONS[layer.direction],
    )
