"""Order and number of the runs, on a clock that only the runs move; nothing is timed."""

from __future__ import annotations

import pytest

from nurt.benchmarks import timing
from nurt.benchmarks.timing import FEWEST, MOST, Timing, alternate


class Clock:
    """Time that passes only in what is run."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: list[str] = []

    def perf_counter(self) -> float:
        return self.now

    def run(self, name: str, *seconds: float) -> object:
        """Return something that takes the given seconds, call after call, the last one ever after."""
        left = list(seconds)

        def run() -> None:
            self.order.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", clock.perf_counter)
    return clock


def test_contenders_take_turns_and_the_first_round_only_warms_up(clock: Clock) -> None:
    ours, theirs = alternate([clock.run("a", 5.0, 1.0, 2.0, 3.0), clock.run("b", 7.0, 4.0)], 10.0)
    assert clock.order == ["a", "b"] * 4
    assert ours == Timing(median=2.0, low=1.5, high=2.5, least=1.0, samples=3)
    assert theirs == Timing(4.0, 4.0, 4.0, 4.0, 3)
    assert ours.spread == 0.25


def test_a_short_run_is_timed_right_after_itself(clock: Clock) -> None:
    short, long = alternate([clock.run("a", 0.04, 0.03, 0.01, 0.03, 0.01), clock.run("b", 1.0)], 2.0)
    assert clock.order == ["a", "b"] + ["a", "a", "b"] * FEWEST
    assert (short.median, long.median) == pytest.approx((0.01, 1.0))


def test_rounds_end_with_the_budget_but_not_before_the_third(clock: Clock) -> None:
    assert alternate([clock.run("a", 1.0)], 8.0)[0].samples == 7
    assert alternate([clock.run("a", 1.0)], 0.5)[0].samples == FEWEST


def test_rounds_end_somewhere_on_a_generous_budget(clock: Clock) -> None:
    assert alternate([clock.run("a", 0.01)], 1e9)[0].samples == MOST


def test_what_takes_many_budgets_runs_once(clock: Clock) -> None:
    (found,) = alternate([clock.run("a", 30.0, 1.0)], 2.0)
    assert clock.order == ["a"]
    assert found == Timing(30.0, 30.0, 30.0, 30.0, 1)


def test_short_runs_are_repeated_until_a_sample_can_be_measured(clock: Clock) -> None:
    # A power of two, so that sums of it are exact.
    tick = 2.0**-13
    (found,) = alternate([clock.run("a", tick)], 0.01)
    assert found.median == tick
    assert len(clock.order) == 1 + (1 + 9) * found.samples
