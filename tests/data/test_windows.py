"""Windows: exactly n - T - F + 1 of them, each holding what a slice would, none reaching into another series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.data import Origins, Series, Windows, split_by_time
from nurt.errors import DataError, NurtValueError, ShapeError

sizes = st.integers(1, 12)
shares = st.floats(0, 0.95)


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


# Splits in time: the published counts, and no target of a later part seen by an earlier one, for any sizes.
@pytest.mark.parametrize(
    ("length", "look_back", "in_train", "in_test"),
    [(1009, 60, 759, 190), (500, 10, 392, 98), (500, 20, 384, 96)],
)
def test_one_step_windows_split_as_published(length: int, look_back: int, in_train: int, in_test: int) -> None:
    split = split_by_time(length, look_back, 1, validation=0.0)
    assert len(split.origins("train")) == in_train
    assert len(split.origins("test")) == in_test


def test_the_test_part_does_not_depend_on_the_horizon() -> None:
    assert split_by_time(1009, 60, 30).validation_end == split_by_time(1009, 60, 1).validation_end == 819


def test_the_usd_pln_split_at_horizon_30() -> None:
    split = split_by_time(1009, 60, 30)
    assert (split.train_end, split.validation_end, split.length) == (667, 819, 1009)
    assert split.origins("train")[[0, -1]].tolist() == [59, 636]
    assert split.origins("validation")[[0, -1]].tolist() == [666, 788]
    assert split.origins("test")[[0, -1]].tolist() == [818, 978]
    assert split.origins("test", partial=True)[[0, -1]].tolist() == [818, 1007]


@given(
    length=st.integers(1, 400), look_back=st.integers(1, 60), horizon=st.integers(1, 40), validation=shares, test=shares
)
def test_no_target_lies_in_the_part_of_another(
    length: int, look_back: int, horizon: int, validation: float, test: float
) -> None:
    try:
        split = split_by_time(length, look_back, horizon, validation=validation, test=test)
    except DataError:
        return
    seen: dict[str, set[int]] = {}
    for part in ("train", "validation", "test"):
        origins = split.origins(part)
        assert ((origins >= look_back - 1) & (origins + horizon < length)).all()
        seen[part] = {int(t) + step for t in origins for step in range(1, horizon + 1)}
    assert seen["train"]
    assert max(seen["train"]) < split.train_end
    assert all(split.train_end <= target < split.validation_end for target in seen["validation"])
    assert all(split.validation_end <= target < length for target in seen["test"])
    one_step = split_by_time(length, look_back, 1, validation=validation, test=test)
    counts = [len(one_step.origins(part)) for part in ("train", "validation", "test")]
    assert sum(counts) == length - look_back


@given(length=st.integers(60, 400), test=st.floats(0.01, 0.5))
def test_partial_origins_are_all_from_the_first_test_target_to_the_last_observation_but_one(
    length: int, test: float
) -> None:
    split = split_by_time(length, 5, 7, validation=0.0, test=test)
    expected = np.arange(split.validation_end - 1, length - 1)
    np.testing.assert_array_equal(split.origins("test", partial=True), expected)


@given(windows=st.integers(1, 1000), tenths=st.integers(0, 9))
def test_shares_of_tenths_are_exact(windows: int, tenths: int) -> None:
    """(1 - 0.9) · 10 is 0.9999999999999998 in floating point; the count must be 1 all the same."""
    split = (
        split_by_time(windows + 1, 1, 1, validation=0.0, test=tenths / 10) if (10 - tenths) * windows >= 10 else None
    )
    if split is not None:
        assert len(split.origins("train")) == (10 - tenths) * windows // 10


def test_too_little_data_is_refused_with_the_numbers() -> None:
    with pytest.raises(DataError, match="of 100 observations, 85 are left for training") as refusal:
        split_by_time(100, 60, 30)
    assert "look_back + horizon = 60 + 30 = 90" in str(refusal.value)


def test_fewer_observations_than_the_look_back_are_refused() -> None:
    with pytest.raises(DataError, match="of 5 observations, 5 are left"):
        split_by_time(5, 60, 30)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_partial_windows_of_earlier_parts_are_refused(part: str) -> None:
    with pytest.raises(NurtValueError, match="reach into the next part"):
        split_by_time(500, 10, 5).origins(part, partial=True)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(NurtValueError, match="unknown part"):
        split_by_time(500, 10, 5).origins("future")


@pytest.mark.parametrize(
    "arguments", [{"look_back": 0}, {"horizon": 0}, {"validation": 1.0}, {"test": -0.1}, {"test": float("nan")}]
)
def test_sizes_and_shares_out_of_range_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(NurtValueError, match="split_by_time"):
        split_by_time(**({"length": 500, "look_back": 10, "horizon": 5} | arguments))
