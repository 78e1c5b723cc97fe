"""Synthetic series: the published first values, and the laws they claim."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nurt.data.synthetic import noisy_sine, random_walk, seasonal
from nurt.errors import NurtValueError


@pytest.mark.parametrize(("seed", "first"), [(0, [0.2195254, 1.12754673, 1.15040278]), (42, [0.14981605, 1.22175671])])
def test_the_noisy_sine_begins_as_published(seed: int, first: list[float]) -> None:
    assert noisy_sine(seed)[: len(first)] == pytest.approx(first, abs=5e-9)


@pytest.mark.parametrize(("seed", "variance"), [(0, 0.51233), (42, 0.51220)])
def test_the_noisy_sine_has_the_published_variance(seed: int, variance: float) -> None:
    series = noisy_sine(seed)
    assert len(series) == 500
    assert series.var() == pytest.approx(variance, abs=5e-6)


def test_without_noise_the_sine_obeys_its_recursion() -> None:
    series = noisy_sine(3, 63, noise=0.0)
    np.testing.assert_allclose(series[2:], 2 * np.cos(1) * series[1:-1] - series[:-2], atol=1e-13)


def test_a_random_walk_starts_where_told_and_steps_as_told() -> None:
    walk = random_walk(7, 20001, start=4.0, step=0.5)
    assert walk[0] == 4.0
    assert np.diff(walk).std() == pytest.approx(0.5, rel=0.03)
    assert abs(np.corrcoef(np.diff(walk)[1:], np.diff(walk)[:-1])[0, 1]) < 0.03


def test_a_seasonal_series_repeats_but_for_trend_and_noise() -> None:
    series = seasonal(1, 77, season=7, trend=0.25, noise=0.0)
    np.testing.assert_allclose(series[7:] - series[:-7], 7 * 0.25, atol=1e-12)
    assert seasonal(1, 20000, season=7, noise=0.3)[7:].std() > 0.3


@pytest.mark.parametrize("generator", [noisy_sine, random_walk, seasonal])
def test_a_seed_gives_the_same_numbers_and_disturbs_no_other_stream(generator) -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    assert np.array_equal(generator(3, 63), generator(3, 63))
    assert not np.array_equal(generator(3, 63), generator(4, 63))
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("generator", [noisy_sine, random_walk, seasonal])
def test_an_empty_series_is_refused(generator) -> None:
    with pytest.raises(NurtValueError, match="needs observations"):
        generator(0, 0)
    assert len(generator(0, 1)) == 1


def test_a_season_of_nothing_is_refused() -> None:
    with pytest.raises(NurtValueError, match="season"):
        seasonal(season=0)


@pytest.mark.parametrize("seed", [-1, 2**32])
@pytest.mark.parametrize("make", [noisy_sine, random_walk, seasonal])
def test_a_seed_that_the_stream_does_not_have_is_refused(make: Callable[..., np.ndarray], seed: int) -> None:
    with pytest.raises(NurtValueError, match="no such seed"):
        make(seed=seed)
    assert len(make(seed=2**32 - 1)) > 0
