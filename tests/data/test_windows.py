"""Windows: exactly n - T - F + 1 of them, each holding what a slice would, none reaching into another series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.data import Origins, Series, Windows
from nurt.errors import NurtValueError, ShapeError

sizes = st.integers(1, 12)


def counting(length: int, start: float = 0.0, covariates: int = 0) -> Series:
    values = start + np.arange(length) + 0.5
    names = tuple(f"c{index}" for index in range(covariates))
    return Series(values, covariates=values[:, None] * 10.0 ** np.arange(1, covariates + 1), covariate_names=names)


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4), look_back=sizes, horizon=sizes)
def test_there_are_as_many_windows_as_fit(lengths: list[int], look_back: int, horizon: int) -> None:
    windows = Windows([counting(length) for length in lengths], look_back, horizon)
    expected = sum(max(0, n - look_back - horizon + 1) for n in lengths)
    assert len(windows) == len(windows.origins) == expected
    batch = windows.gather(windows.origins)
    assert batch.inputs.shape == (expected, look_back)
    assert np.isfinite(batch.targets).all()


@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=3),
    look_back=sizes,
    horizon=sizes,
    covariates=st.integers(0, 2),
    data=st.data(),
)
def test_every_window_holds_what_a_slice_holds(
    lengths: list[int], look_back: int, horizon: int, covariates: int, data: st.DataObject
) -> None:
    series = [counting(length, 1000.0 * index, covariates) for index, length in enumerate(lengths)]
    possible = [(index, t) for index, n in enumerate(lengths) for t in range(look_back - 1, n)]
    chosen = data.draw(st.lists(st.sampled_from(possible), max_size=8)) if possible else []
    origins = Origins(np.array([index for index, _ in chosen], int), np.array([t for _, t in chosen], int))
    batch = Windows(series, look_back, horizon).gather(origins)
    assert batch.covariates.shape == (len(chosen), look_back, covariates)
    for row, (index, t) in enumerate(chosen):
        one = series[index]
        np.testing.assert_array_equal(batch.inputs[row], one.values[t - look_back + 1 : t + 1])
        np.testing.assert_array_equal(batch.covariates[row], one.covariates[t - look_back + 1 : t + 1])
        truth = one.values[t + 1 : t + 1 + horizon]
        np.testing.assert_array_equal(batch.targets[row, : len(truth)], truth)
        assert np.isnan(batch.targets[row, len(truth) :]).all()


def test_one_observation_and_one_step_are_enough() -> None:
    batch = Windows([counting(2)], 1, 1).gather(Origins(np.array([0]), np.array([0])))
    assert batch.inputs.tolist() == [[0.5]]
    assert batch.targets.tolist() == [[1.5]]


def test_gathered_arrays_have_the_dtype_asked_for() -> None:
    windows = Windows([counting(9, covariates=1)], 3, 2, np.float32)
    batch = windows.gather(windows.origins)
    assert {batch.inputs.dtype, batch.covariates.dtype, batch.targets.dtype} == {np.dtype(np.float32)}


def test_changing_a_batch_does_not_change_the_data() -> None:
    windows = Windows([counting(9, covariates=1)], 3, 2)
    batch = windows.gather(windows.origins)
    batch.inputs[:] = batch.covariates[:] = batch.targets[:] = -1.0
    again = windows.gather(windows.origins)
    assert (again.inputs > 0).all()
    assert (again.covariates > 0).all()
    assert (again.targets > 0).all()


def test_missing_values_are_masked_and_hopeless_windows_known() -> None:
    values = np.array([1.0, np.nan, np.nan, np.nan, 5.0, np.nan])
    windows = Windows([Series(values)], 2, 1)
    batch = windows.gather(windows.origins)
    assert batch.observed.tolist() == [[True, False], [False, False], [False, False], [False, True]]
    assert batch.learnable.tolist() == [False, False, False, False]
    assert Windows([Series(values)], 2, 2).gather(Origins([0], [3])).learnable.tolist() == [False]
    assert Windows([Series(values)], 2, 3).gather(Origins([0], [1])).learnable.tolist() == [True]


@pytest.mark.parametrize(("series", "position"), [(0, 1), (0, 9), (0, -1), (1, 5), (-1, 5)])
def test_origins_without_a_window_are_refused(series: int, position: int) -> None:
    with pytest.raises(NurtValueError, match="have no window of 3 observations"):
        Windows([counting(9)], 3, 2).gather(Origins(np.array([series]), np.array([position])))


@pytest.mark.parametrize(("look_back", "horizon"), [(0, 1), (1, 0)])
def test_empty_windows_are_refused(look_back: int, horizon: int) -> None:
    with pytest.raises(NurtValueError, match="is too small"):
        Windows([counting(9)], look_back, horizon)


def test_no_series_at_all_is_refused() -> None:
    with pytest.raises(NurtValueError, match="no series"):
        Windows([], 1, 1)


def test_series_with_different_covariates_are_refused() -> None:
    with pytest.raises(NurtValueError, match="different covariates"):
        Windows([counting(9), counting(9, covariates=1)], 1, 1)


def test_origins_join_and_are_chosen() -> None:
    origins = Origins.of_series([np.array([4, 5]), np.array([], dtype=int), np.array([7])])
    assert origins.series.tolist() == [0, 0, 2]
    assert origins.position.tolist() == [4, 5, 7]
    assert origins[origins.series == 2].position.tolist() == [7]
    assert len(origins[:1]) == 1


def test_origins_must_be_equally_long() -> None:
    with pytest.raises(ShapeError, match="equally long"):
        Origins(np.array([0, 1]), np.array([0]))
