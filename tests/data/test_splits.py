"""Splits in time: the published counts, and no target of a later part seen by an earlier one, for any sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.data import split_by_time
from nurt.errors import DataError, NurtValueError

shares = st.floats(0, 0.95)


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
