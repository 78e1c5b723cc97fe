"""Each rule about rows and parts has a pipeline it catches and a neighbour it lets pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from nurt.evaluation.forecasts.audits.leakage import CovariateFacts, FittedStatistic, lint_leakage
from nurt.evaluation.forecasts.audits.leakage.splitting import repeated_block


def broken(facts, rule):
    """Return the findings of ``rule`` alone."""
    return list(lint_leakage(facts, [rule]).findings)


@pytest.mark.parametrize(("rule", "field"), [("L01", "statistics"), ("L08", "static_covariates")])
class TestStatistics:
    def test_a_whole_series_statistic_is_caught(self, rule, field, spoilt):
        (finding,) = broken(spoilt(**{field: (FittedStatistic("scaling", 199),)}), rule)
        assert finding.severity == "error"
        assert "up to 199" in finding.text
        assert "up to row 119" in finding.text

    def test_the_border_lies_at_the_last_training_row(self, rule, field, spoilt):
        assert not broken(spoilt(**{field: (FittedStatistic("scaling", 119),)}), rule)
        assert broken(spoilt(**{field: (FittedStatistic("scaling", 120),)}), rule)

    def test_a_statistic_refitted_at_a_cutoff_may_see_up_to_it(self, rule, field, spoilt):
        assert not broken(spoilt(**{field: (FittedStatistic("scaling", 170, may_see=171),)}), rule)
        assert broken(spoilt(**{field: (FittedStatistic("scaling", 171, may_see=171),)}), rule)

    def test_nothing_fitted_is_kept_and_nothing_said_is_unjudged(self, rule, field, spoilt):
        assert lint_leakage(spoilt(**{field: ()}), [rule]).kept == (rule,)
        assert lint_leakage(spoilt(**{field: None}), [rule]).unjudged == (rule,)


class TestTargets:
    def test_a_training_window_whose_last_target_is_a_later_row_is_caught(self, spoilt):
        (finding,) = broken(spoilt(series={"train": np.arange(8, 116)}), "L02")
        assert "1 of 108 training windows" in finding.text
        assert "origin 115" in finding.text

    @pytest.mark.parametrize(("part", "first"), [("validation", 118), ("test", 158)])
    def test_a_later_window_whose_first_target_is_an_earlier_row_is_caught(self, part, first, spoilt):
        (finding,) = broken(spoilt(series={part: np.arange(first, first + 9)}), "L02")
        assert f"1 of 9 {part} windows" in finding.text

    def test_unknown_windows_are_unjudged(self, spoilt):
        assert lint_leakage(spoilt(series={"train": None}), ["L02"]).unjudged == ("L02",)
        assert not broken(spoilt(series={"validation": None, "test": None}), "L02")

    def test_empty_parts_are_no_breach(self, spoilt):
        empty = np.empty(0, dtype=int)
        facts = spoilt(series={"train": empty, "validation": empty, "test": empty})
        assert lint_leakage(facts, ["L02", "L03"]).kept == ("L02", "L03")


class TestRandomSplit:
    def test_windows_dealt_out_at_random_are_caught(self, spoilt):
        dealt = default_rng(0).permutation(np.arange(8, 195))
        facts = spoilt(series={"train": dealt[:120], "validation": None, "test": dealt[120:]})
        (finding,) = broken(facts, "L03")
        assert "followed by a training window that overlaps them" in finding.text

    def test_windows_far_enough_apart_may_be_dealt_out(self, spoilt):
        """9 + 5 rows each: windows 14 rows apart share nothing."""
        parts = {"train": np.arange(8, 195, 28), "validation": None, "test": np.arange(22, 195, 28)}
        assert not broken(spoilt(series=parts, split_at_random=True), "L03")
        parts["test"] = parts["test"] + 1
        assert broken(spoilt(series=parts, split_at_random=True), "L03")

    def test_a_declared_random_split_is_believed_where_windows_are_unknown(self, spoilt):
        unknown = {"train": None, "validation": None, "test": None}
        assert broken(spoilt(series=unknown, split_at_random=True), "L03")
        assert not broken(spoilt(series=unknown, split_at_random=False), "L03")
        assert lint_leakage(spoilt(series=unknown, split_at_random=None), ["L03"]).unjudged == ("L03",)


class TestCopies:
    def test_duplicate_stamps_are_caught_and_named(self, spoilt):
        stamps = np.datetime64("2024-01-01") + np.arange(200)
        stamps[7] = stamps[6]
        (finding,) = broken(spoilt(series={"stamps": stamps}), "L04")
        assert finding.severity == "error"
        assert "2024-01-07" in finding.text

    def test_training_rows_that_come_again_are_doubted(self, spoilt, clean_series):
        values = clean_series.values.copy()
        values[150:165] = values[30:45]
        facts = spoilt(series={"values": values, "covariates": ()})
        (finding,) = broken(facts, "L04")
        assert finding.severity == "warning"
        assert "6 blocks of 10 rows" in finding.text
        assert "rows 150-159, a copy of 30-39" in finding.text

    def test_rows_that_differ_in_a_covariate_are_no_copies(self, spoilt, clean_series):
        values = clean_series.values.copy()
        values[150:165] = values[30:45]
        assert not broken(spoilt(series={"values": values}), "L04")

    def test_the_calendar_does_not_tell_rows_apart(self, spoilt, clean_series):
        values = clean_series.values.copy()
        values[150:165] = values[30:45]
        clock = CovariateFacts("hour", "future", np.arange(200.0), "calendar")
        assert broken(spoilt(series={"values": values, "covariates": (clock,)}), "L04")

    def test_copies_within_training_are_not_this_rules_business(self, spoilt, clean_series):
        values = clean_series.values.copy()
        values[60:90] = values[20:50]
        assert not broken(spoilt(series={"values": values, "covariates": ()}), "L04")

    def test_without_stamps_and_values_nothing_is_judged(self, spoilt):
        facts = spoilt(series={"values": None, "stamps": None, "covariates": ()})
        assert lint_leakage(facts, ["L04"]).unjudged == ("L04",)


class TestDecisions:
    def test_stopping_by_test_errors_is_caught(self, spoilt):
        (finding,) = broken(spoilt(decided_on=("validation", "test")), "L09")
        assert finding.severity == "error"

    def test_looking_twice_is_a_remark(self, spoilt):
        (finding,) = broken(spoilt(test_evaluations=2), "L09")
        assert finding.severity == "info"
        assert not broken(spoilt(test_evaluations=1), "L09")
        assert not broken(spoilt(test_evaluations=0), "L09")

    def test_one_fact_is_enough_to_judge(self, spoilt):
        assert lint_leakage(spoilt(test_evaluations=None), ["L09"]).kept == ("L09",)
        assert lint_leakage(spoilt(test_evaluations=None, decided_on=None), ["L09"]).unjudged == ("L09",)


def test_series_are_judged_one_by_one(clean, clean_series):
    other = replace(clean_series, name="z", train=np.arange(8, 150))
    findings = broken(replace(clean, series=(clean_series, other)), "L02")
    assert len(findings) == 1
    assert "'z'" in findings[0].text


def by_brute_force(rows, size, boundary):
    def usable(start):
        block = rows[start : start + size]
        return np.isfinite(block).all() and (np.diff(block[:, 0]) != 0).any()

    later = [
        second
        for second in range(boundary, len(rows) - size + 1)
        if usable(second)
        and any(
            usable(first) and np.array_equal(rows[first : first + size], rows[second : second + size])
            for first in range(boundary - size + 1)
        )
    ]
    return len(later), (later[0] if later else None)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_it_finds_what_brute_force_finds(data):
    length = data.draw(st.integers(0, 40))
    columns = data.draw(st.integers(1, 3))
    cell = st.sampled_from([0.0, -0.0, 1.0, 2.5, -1e300, np.nan])
    rows = np.array(data.draw(st.lists(cell, min_size=length * columns, max_size=length * columns))).reshape(
        -1, columns
    )
    size = data.draw(st.integers(2, 5))
    boundary = data.draw(st.integers(0, length))
    count, second = by_brute_force(rows, size, boundary)
    found = repeated_block(rows, size, boundary)
    assert (found is None) == (count == 0)
    if found is not None:
        assert (found[0], found[2]) == (count, second)
        assert np.array_equal(rows[found[1] : found[1] + size], rows[found[2] : found[2] + size])


def test_long_series_of_rounded_values_give_no_false_alarm():
    rows = np.random.default_rng(0).integers(0, 50, (20_000, 1)).astype(float)
    assert repeated_block(rows, 8, 12_000) is None


def test_one_copied_block_in_a_long_series_is_found():
    rows = np.random.default_rng(0).integers(0, 50, (20_001, 2)).astype(float)
    rows[19_000:19_030] = rows[77:107]
    assert repeated_block(rows, 30, 12_000) == (1, 77, 19_000)
