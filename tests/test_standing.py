from __future__ import annotations

import json
from typing import get_args

import pytest

from nurt.standing import Standing, Tone, Verdict
from nurt.wording import Text


@pytest.mark.parametrize("standing", Standing)
def test_every_standing_has_one_sign_and_a_tone(standing: Standing) -> None:
    assert len(standing.sign) == 1
    assert standing.tone in get_args(Tone)


@pytest.mark.parametrize(
    "scale",
    [
        (Standing.BETTER, Standing.MIXED, Standing.LEVEL, Standing.WORSE, Standing.UNSOUND),
        (Standing.REACHED, Standing.PARTLY, Standing.MISSED, Standing.SHOWN),
        (Standing.GOOD, Standing.NOTE, Standing.WARNING),
    ],
)
def test_signs_of_one_scale_differ_so_that_no_colour_is_needed(scale: tuple[Standing, ...]) -> None:
    assert len({one.sign for one in scale}) == len(scale)


def test_what_is_only_shown_is_neither_good_nor_bad() -> None:
    reached, missed = Standing.REACHED, Standing.MISSED
    assert Standing.SHOWN.tone not in (reached.tone, missed.tone)


def test_a_verdict_is_plain_json_and_names_warnings_only_where_there_are_any() -> None:
    verdict = Verdict(Standing.REACHED, Text("Done.", "Gotowe."))
    assert json.loads(json.dumps(verdict.to_dict())) == {
        "standing": "reached",
        "text": {"en": "Done.", "pl": "Gotowe."},
    }
    warned = Verdict(Standing.WARNING, "Idle units.", ("Two of them.",))
    assert warned.to_dict() == {"standing": "warning", "text": "Idle units.", "warnings": ["Two of them."]}


def test_a_verdict_prints_the_sentence_then_the_warnings() -> None:
    assert str(Verdict(Standing.GOOD, "Fine.", ("But small.",))) == "Fine.\nBut small."
    assert str(Verdict(Standing.MISSED, Text("Missed.", "Nie."))) == "Missed."
