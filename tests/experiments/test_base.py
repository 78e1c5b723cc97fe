"""Progress of a run: parts of parts add up to the whole."""

from __future__ import annotations

import pytest

from nurt.experiments.base import about, part_of
from nurt.wording import Text


def test_parts_of_parts_fill_the_whole_in_order() -> None:
    told: list[tuple[float, Text]] = []
    doing = Text("training", "uczenie")
    whole = about(lambda share, words: told.append((share, words)), doing)
    for outer in range(2):
        for inner in range(3):
            tell = part_of(part_of(whole, outer, 2), inner, 3)
            tell(0.0)
            tell(1.0)
    shares = [share for share, _ in told]
    assert shares == pytest.approx([edge / 6 for part in range(6) for edge in (part, part + 1)])
    assert {words for _, words in told} == {doing}
