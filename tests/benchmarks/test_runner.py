from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from nurt.benchmarks import BenchmarkPlan, Case, run_cases
from nurt.benchmarks.case import Contest
from nurt.benchmarks.runner import LIMIT, deviation
from nurt.errors import NurtValueError

PLAN = BenchmarkPlan(threads=(1,), budget_seconds=1e-3)


def test_a_right_case_tells_times_errors_and_a_ratio(make_case) -> None:
    (found,) = run_cases([make_case()], PLAN).cases
    assert found.fault is None
    assert found.ours.error == found.peers[0].error == 0.0
    assert found.ours.time is not None
    assert found.peers[0].time is not None
    assert found.peers[0].ratio == found.peers[0].time.median / found.ours.time.median
    assert found.ours.ratio is None
    assert found.floor is not None
    assert found.floor.seconds > 0.0


@pytest.mark.parametrize("wrong", ["ours", "peer"])
@pytest.mark.parametrize("value", [[1.0, -2.001], [1.0, float("nan")], [1.0]])
def test_a_wrong_case_is_never_timed_and_tells_no_ratio(make_case, wrong: str, value: list[float]) -> None:
    ran = []

    def counted(case: Case) -> Case:
        def prepare() -> Contest:
            contest = case.prepare()
            return dataclasses.replace(contest, ours=dataclasses.replace(contest.ours, run=lambda: ran.append(1)))

        return dataclasses.replace(case, prepare=prepare)

    run = run_cases([counted(make_case(**{wrong: torch.tensor(value)})), make_case()], PLAN)
    red, green = run.cases
    assert ran == []
    assert run.faults == (red,)
    assert [one.time for one in (red.ours, *red.peers)] == [None, None]
    assert [one.ratio for one in (red.ours, *red.peers)] == [None, None]
    assert red.floor is None
    assert red.fault is not None
    assert "outputs" in red.fault
    assert green.peers[0].ratio is not None


def test_every_number_of_threads_is_tried_and_put_back(make_case) -> None:
    before = torch.get_num_threads()
    run = run_cases([make_case(), make_case()], dataclasses.replace(PLAN, threads=(1, 2)))
    assert [case.threads for case in run.cases] == [1, 2, 1, 2]
    assert torch.get_num_threads() == before


def test_an_interruption_keeps_what_was_measured(make_case) -> None:
    def interrupted() -> Contest:
        raise KeyboardInterrupt

    before = torch.get_num_threads()
    cases = [make_case(), make_case(prepare=interrupted), make_case()]
    run = run_cases(cases, PLAN)
    assert run.interrupted
    assert len(run.cases) == 1
    assert run.cases[0].peers[0].ratio is not None
    assert torch.get_num_threads() == before


def test_an_interruption_between_two_numbers_of_threads_keeps_the_first(make_case) -> None:
    case = make_case()
    contest = case.prepare()
    asked = []

    def outcome() -> object:
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return contest.ours.outcome()

    ours = dataclasses.replace(contest.ours, outcome=outcome)
    stopped = dataclasses.replace(case, prepare=lambda: dataclasses.replace(contest, ours=ours))
    run = run_cases([stopped], dataclasses.replace(PLAN, threads=(1, 2)))
    assert (run.interrupted, [one.threads for one in run.cases]) == (True, [1])


def test_the_listener_hears_which_case_runs_and_how_many_are_left(make_case) -> None:
    heard = []
    run_cases([make_case(), make_case(cell="gru")], PLAN, lambda *told: heard.append(told))
    assert heard[0] == ("padded: lstm", 0, 2)
    assert heard[-1] == ("padded: gru", 2, 2)


def test_a_disturbed_case_is_timed_twice_the_second_time_inside(make_case) -> None:
    inside = []

    @contextmanager
    def disturbance() -> Iterator[None]:
        inside.append("in")
        yield
        inside.append("out")

    (found,) = run_cases([make_case(disturbance=disturbance)], PLAN).cases
    assert inside == ["in", "out"]
    assert found.ours.disturbed is not None
    assert found.peers[0].slow_down is not None


def test_runs_draw_from_a_seed_of_their_own(make_case) -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    run_cases([make_case()], PLAN)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("wrong", [{"threads": ()}, {"threads": (0,)}, {"budget_seconds": 0.0}])
def test_impossible_plans_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(NurtValueError, match="unusable"):
        BenchmarkPlan(**wrong)  # type: ignore[arg-type]


RIGHT = {"a": torch.tensor([4.0, -8.0], dtype=torch.float64), "b": torch.tensor([1.0], dtype=torch.float64)}


def test_the_error_is_that_of_the_worst_quantity_in_units_of_its_largest_magnitude() -> None:
    found = deviation({"a": torch.tensor([4.0, -8.5]), "b": torch.tensor([1.01])}, RIGHT)
    assert (found.error, found.quantity) == (0.0625, "a")
    assert not found.acceptable


def test_rounding_passes_and_a_little_more_does_not() -> None:
    assert deviation({"a": RIGHT["a"] * (1 + 0.9 * LIMIT), "b": RIGHT["b"]}, RIGHT).acceptable
    assert not deviation({"a": RIGHT["a"] * (1 + 1.1 * LIMIT), "b": RIGHT["b"]}, RIGHT).acceptable


@pytest.mark.parametrize(
    "outcome",
    [
        {"a": RIGHT["a"]},
        {"a": RIGHT["a"], "b": torch.ones(2)},
        {"a": RIGHT["a"], "b": torch.tensor([math.nan])},
        {"a": torch.tensor([math.inf, 1.0]), "b": RIGHT["b"]},
    ],
    ids=["missing", "misshapen", "not a number", "infinite"],
)
def test_what_cannot_be_compared_is_wrong(outcome: dict[str, torch.Tensor]) -> None:
    assert deviation(outcome, RIGHT).error == math.inf


def test_where_the_right_answer_is_zero_the_error_is_absolute() -> None:
    zero = {"a": torch.zeros(2, dtype=torch.float64)}
    assert deviation({"a": torch.tensor([0.0, 0.5])}, zero).error == 0.5
