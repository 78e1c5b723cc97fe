from __future__ import annotations

import dataclasses
from types import ModuleType

import pytest

from nurt.reports import Standing, stand


def test_support_of_the_test_and_the_lowest_error_make_it_better(fabricate: ModuleType) -> None:
    verdict = fabricate.make_verdict(better_than_naive=True, best="LSTM")
    assert stand(verdict, fabricate.make_backtest()) is Standing.BETTER


def test_better_than_naive_but_beaten_by_another_is_mixed(fabricate: ModuleType) -> None:
    verdict = fabricate.make_verdict(better_than_naive=True, best="linear")
    standing = stand(verdict, fabricate.make_backtest())
    assert standing is Standing.MIXED
    assert "linear regression" in standing.headline("linear")


@pytest.mark.parametrize(("p", "expected"), [(0.01, Standing.WORSE), (0.31, Standing.LEVEL), (None, Standing.LEVEL)])
def test_a_higher_error_is_worse_only_with_the_support_of_the_test(
    fabricate: ModuleType, p: float | None, expected: Standing
) -> None:
    backtest = fabricate.make_backtest()
    assert next(one for one in backtest.comparisons if one.baseline == "naive").skill < 0
    judged = tuple(dataclasses.replace(one, p_holm=p) for one in backtest.comparisons)
    assert stand(fabricate.make_verdict(), dataclasses.replace(backtest, comparisons=judged)) is expected


def test_a_pipeline_that_saw_the_future_is_unsound_however_good_its_numbers(fabricate: ModuleType) -> None:
    verdict = fabricate.make_verdict(better_than_naive=True, best="LSTM")
    backtest = fabricate.make_backtest()
    assert stand(verdict, backtest, fabricate.make_audit(verdict="error")) is Standing.UNSOUND
    leak = fabricate.make_finding("error")
    assert stand(verdict, backtest, fabricate.make_audit(findings=(leak,))) is Standing.UNSOUND
    assert stand(verdict, backtest, fabricate.make_audit(verdict="warning")) is Standing.BETTER


def test_signs_differ_so_that_no_colour_is_needed() -> None:
    assert len({one.value for one in Standing}) == len(Standing)
    assert len({one.headline("naive") for one in Standing}) == len(Standing)
