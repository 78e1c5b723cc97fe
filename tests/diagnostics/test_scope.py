"""Which parts are examined."""

from __future__ import annotations

import pytest

from nurt.diagnostics import PARTS, Scope
from nurt.errors import NurtValueError


def test_all_parts_are_wanted_unless_said() -> None:
    assert all(Scope().wants(part) for part in PARTS)
    assert not Scope(parts=("gates",)).wants("memory")


@pytest.mark.parametrize(
    "wrong", [{"parts": ("gate",)}, {"parts": ()}, {"rows": 0}, {"tolerance": 1.0}, {"threshold": 0.0}]
)
def test_refuses_what_has_no_meaning(wrong) -> None:
    with pytest.raises(NurtValueError, match="Scope"):
        Scope(**wrong)
