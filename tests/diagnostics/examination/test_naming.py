"""Names of layers and gates in two languages."""

from __future__ import annotations

from nurt.diagnostics import LayerId
from nurt.diagnostics.examination.naming import GATES_IN_WORDS, in_words
from nurt.diagnostics.look.layer_record import GATES


def test_layers_are_named_as_they_print_themselves() -> None:
    for one in (LayerId("", 0, "forward"), LayerId("encoder.lstm", 2, "backward")):
        assert in_words(one).en == str(one)
    assert in_words(LayerId("", 0, "forward")).pl == "model, warstwa 0, w przód"
    # What stands in a path is no place to fill in.
    assert in_words(LayerId("{name}", 0, "forward")).en.startswith("{name}")


def test_every_gate_has_a_name() -> None:
    assert set(GATES_IN_WORDS) == set(GATES)
