"""The echo as an experiment: learnt within the chunk, not beyond it."""

from __future__ import annotations

import dataclasses

import pytest

from nurt.experiments import find, run
from nurt.experiments.echo import EchoResult


def test_a_short_echo_is_learnt_in_seconds() -> None:
    settings = dataclasses.replace(find("echo").settings("quick"), repeats=1)
    result = run("echo", settings=settings)
    assert isinstance(result, EchoResult)
    assert result.verdict.standing == "reached"
    assert all(one.value > 0.97 for one in result.runs)
    assert "80 % of the answers" in result.verdict.text.en


def test_a_delay_beyond_the_chunk_is_not_learnt_and_the_verdict_says_so() -> None:
    settings = dataclasses.replace(find("echo").settings("too-far"), cells=("RNN",), updates=150, repeats=1)
    result = run("echo", settings=settings)
    assert result.verdict.standing == "missed"
    assert "0 % of the answers" in result.verdict.text.en
    assert "right: none" in result.verdict.text.en


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["default", "too-far"])
def test_the_full_runs_lie_on_both_sides_of_the_edge(preset: str) -> None:
    result = run("echo", preset)
    assert isinstance(result, EchoResult)
    assert (result.settings.hidden, result.settings.chunk) == (32, 10)
    assert result.settings.delay == (3 if preset == "default" else 12)
    assert {one.cell for one in result.runs} == {"RNN", "LSTM", "GRU"}
    assert {one.seed for one in result.runs} >= {0, 1}
    assert {one.updates for one in result.runs} == {1500}
    for one in result.runs:
        assert one.value > 0.97 if preset == "default" else one.value < 0.60
