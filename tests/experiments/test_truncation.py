"""Limits of truncation: exact gradients, and echoes on both sides of the boundary of a chunk."""

from __future__ import annotations

import math

import pytest

from nurt.experiments import run
from nurt.experiments.truncation import TruncationResult, _verdict


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


@pytest.mark.parametrize(
    ("worst", "best", "standing", "told", "silent"),
    [
        (0.99, 0.55, "reached", ("at least 99.0 %", "best run has 55.0 %"), ()),
        (0.99, 0.98, "partly", ("at least 99.0 %", "best run has 98.0 %"), ()),
        (0.60, 0.55, "missed", ("at least 60.0 %",), ()),
        (math.nan, 0.7, "shown", ("best run has 70.0 %",), ("at least",)),
        (0.99, math.nan, "shown", ("at least 99.0 %",), ("best run",)),
    ],
)
def test_the_verdict_speaks_of_the_groups_that_were_trained(
    worst: float, best: float, standing: str, told: tuple[str, ...], silent: tuple[str, ...]
) -> None:
    verdict = _verdict(worst, best, 10, 10)
    assert verdict.standing == standing
    assert all(one.replace(".0 %", " %") in verdict.text.en.replace(".0 %", " %") for one in told)
    assert not any(one in verdict.text.en for one in silent)
    assert "–" not in verdict.text.en
    assert _verdict(0.99, 0.5, 9, 10).standing == "partly"


@pytest.mark.slow
def test_an_echo_of_12_needs_a_chunk_longer_than_12() -> None:
    result = run("truncation")
    assert isinstance(result, TruncationResult)
    values = {(one.delay, one.chunk): one.values for one in result.echoes}
    assert values[12, 20].min() > 0.97
    assert values[12, 10].max() < 0.60
    assert result.verdict.standing == "reached"
