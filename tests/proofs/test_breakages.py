"""The list of deliberate mistakes fits the code it breaks."""

from __future__ import annotations

import pytest
from tests.proofs.breakages import BREAKAGES, Breakage
from tests.proofs.build import CPU, ROOT


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.mistake)
def test_every_breakage_meets_its_passage_exactly_once(breakage: Breakage) -> None:
    found = (ROOT / CPU / breakage.file).read_text(encoding="utf-8").count(breakage.old)
    assert found == 1, f"{breakage.old!r} stands {found} times in {breakage.file}: move the anchor"
    assert breakage.new != breakage.old


def test_no_mistake_is_named_twice_and_there_are_enough() -> None:
    assert len({breakage.mistake for breakage in BREAKAGES}) == len(BREAKAGES) >= 20
