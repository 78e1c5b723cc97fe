"""Seasons: found where they are, not in walks and noise; and sizes that leave rows to learn from and to judge by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.data import select
from nurt.data.readers import read
from nurt.data.rhythm import Season, find_seasons, sizes_for
from nurt.data.steps import Step, find_step

HOUR, DAY, MONTH = Step(3_600_000_000, "us"), Step(1, "D"), Step(1, "M")


def _periods(values: np.ndarray, step: Step | None = None) -> list[int]:
    return [one.period for one in find_seasons(values, step=step)]


def _load(rows: int = 24 * 70) -> np.ndarray:
    hours = np.arange(rows)
    day = 20 * np.sin(2 * np.pi * hours / 24)
    weekend = -15.0 * (hours // 24 % 7 >= 5)
    return day + weekend + np.random.default_rng(0).normal(0, 3, rows)


def test_hours_have_a_day_and_a_week() -> None:
    assert sorted(_periods(_load(), HOUR)) == [24, 168]


def test_a_season_is_found_through_trend_gaps_and_outliers() -> None:
    random = np.random.default_rng(1)
    months = np.arange(144)
    values = 100 + 2.0 * months + 30 * np.sin(2 * np.pi * months / 12) + random.normal(0, 5, 144)
    values[[20, 21, 90]] = np.nan
    values[60] = 5000.0
    assert _periods(values, MONTH) == [12]


def test_three_years_of_months_are_enough() -> None:
    values = np.sin(2 * np.pi * np.arange(36) / 12) + np.random.default_rng(2).normal(0, 0.3, 36)
    assert _periods(values, MONTH) == [12]


@pytest.mark.parametrize("step", [None, HOUR, DAY, MONTH])
@pytest.mark.parametrize("kind", ["walk", "noise"])
def test_walks_and_noise_have_no_season(kind: str, step: Step | None) -> None:
    random = np.random.default_rng(7)
    drawn = [random.normal(size=400) for _ in range(40)]
    found = sum(bool(_periods(one.cumsum() if kind == "walk" else one, step)) for one in drawn)
    assert found <= 2


def test_the_season_of_a_panel_is_that_of_half_of_its_series() -> None:
    random = np.random.default_rng(3)
    wave = np.sin(2 * np.pi * np.arange(300) / 24)
    seasonal = [wave + random.normal(0, 0.3, 300) for _ in range(3)]
    assert [one.period for one in find_seasons([*seasonal, random.normal(size=300)])] == [24]
    assert find_seasons([seasonal[0], *(random.normal(size=300) for _ in range(3))]) == ()


@pytest.mark.parametrize("values", [np.zeros(100), np.full(100, np.nan), np.arange(5.0), np.arange(200.0)])
def test_nothing_to_see_is_no_season(values: np.ndarray) -> None:
    assert find_seasons(values) == ()


@given(length=st.integers(12, 20_000), period=st.sampled_from([1, 4, 7, 12, 24, 52, 168, 365]))
def test_sizes_leave_rows_to_learn_from_and_to_judge_by(length: int, period: int) -> None:
    seasons = (Season(period, 0.9),) if period > 1 else ()
    look_back, horizon, season = sizes_for(length, None, seasons)
    assert look_back >= 1
    assert horizon >= 1
    assert look_back + horizon <= length / 2
    assert season in (1, period)


@pytest.mark.parametrize(
    ("length", "step", "period", "sizes"),
    [
        (36, MONTH, 12, (11, 7, 12)),
        (79, None, 1, (9, 4, 1)),
        (1009, None, 1, (60, 30, 1)),
        (17_420, HOUR, 24, (168, 24, 24)),
    ],
)
def test_sizes_of_usual_files(length: int, step: Step | None, period: int, sizes: tuple[int, int, int]) -> None:
    assert sizes_for(length, step, (Season(period, 0.8),) if period > 1 else ()) == sizes


@pytest.mark.parametrize(
    ("file", "target", "period"),
    [
        ("airline-passengers.csv", None, [12]),
        ("ETTh1.csv.gz", "OT", [24]),
        ("monthly-sunspots.csv", None, []),
    ],
)
def test_real_series(shared_data: Path, file: str, target: str | None, period: list[int]) -> None:
    (series,) = select(read([shared_data / "forecasting" / file]), target).series
    assert _periods(series.values, None if series.time is None else find_step(series.time)) == period
