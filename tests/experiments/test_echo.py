"""The echo as an experiment: learnt within the chunk, not beyond it."""

from __future__ import annotations

import dataclasses

import pytest

from nurt.data.synthetic import Echo
from nurt.experiments import find, run
from nurt.experiments.echo import EchoResult, links_figure


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


@pytest.mark.parametrize(("delay", "chunk", "linked"), [(3, 10, 21), (1, 5, 12), (12, 10, 0)])
def test_the_figure_joins_the_answers_that_the_gradient_links(delay: int, chunk: int, linked: int) -> None:
    figure = links_figure(Echo(delay, chunk, 100 * chunk)).draw("en")
    joined, cut = (trace.x for trace in figure.data)
    assert (len(joined) // 3, len(cut) // 3) == (linked, 3 * chunk - delay - linked)
    for trace, within in ((joined, True), (cut, False)):
        for bit, answer in zip(trace[::3], trace[1::3], strict=True):
            assert answer - bit == delay
            assert ((answer - 1) // chunk == (bit - 1) // chunk) is within


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
