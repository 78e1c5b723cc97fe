"""Limits of truncation: exact gradients, and echoes on both sides of the boundary of a chunk."""

from __future__ import annotations

import pytest

from nurt.experiments import run
from nurt.experiments.truncation import TruncationResult


def test_the_quick_run_parts_what_is_linked_from_what_is_not() -> None:
    result = run("truncation", "quick")
    assert isinstance(result, TruncationResult)
    linked, apart = result.echoes
    assert linked.linked_share == pytest.approx(0.8)
    assert apart.linked_share == 0.0
    assert linked.values.min() > 0.97
    assert apart.values.max() < 0.75
    assert result.verdict.standing == "reached"
    assert result.sliding[0] == pytest.approx(-34.3851000328, rel=1e-10)
    assert result.chunked[3] == pytest.approx(-91.9990140813, rel=1e-10)


@pytest.mark.slow
def test_an_echo_of_12_needs_a_chunk_longer_than_12() -> None:
    result = run("truncation")
    assert isinstance(result, TruncationResult)
    values = {(one.delay, one.chunk): one.values for one in result.echoes}
    assert values[12, 20].min() > 0.97
    assert values[12, 10].max() < 0.60
    assert result.verdict.standing == "reached"
