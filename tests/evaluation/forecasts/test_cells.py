"""Origins in time: one axis for one or many series, gaps in place."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.cells import Cells, OriginAxis


def cells(series, origin, labels=None) -> Cells:
    shape = (len(origin), 1)
    return Cells(
        np.array(series), np.array(origin), np.zeros(shape), {"model": np.zeros(shape), "naive": np.zeros(shape)},
        origin_labels=labels, series_names=("a", "b"),
    )  # fmt: skip


def test_one_series_is_placed_by_position_and_a_missing_origin_keeps_its_place():
    axis = OriginAxis.of(cells([0, 0, 0], [10, 15, 30]), 5)
    assert (axis.place.tolist(), axis.places, axis.spacing) == ([0, 1, 4], 5, 5)
    assert axis.average(np.array([1.0, 2.0, 3.0])) == pytest.approx([1, 2, np.nan, np.nan, 3], nan_ok=True)
    assert axis.total(np.array([1.0, 2.0, 3.0])).tolist() == [1, 2, 0, 0, 3]


def test_several_series_meet_where_their_dates_agree():
    days = np.array(["2024-01-02", "2024-01-05", "2024-01-05", "2024-01-09"], dtype="datetime64[D]")
    axis = OriginAxis.of(cells([0, 0, 1, 1], [10, 11, 50, 51], days))
    assert (axis.place.tolist(), axis.places, axis.spacing) == ([0, 1, 1, 2], 3, 1)
    assert axis.average(np.array([1.0, 2.0, 4.0, np.nan])) == pytest.approx([1, 3, np.nan], nan_ok=True)


def test_interleaved_dates_of_several_series_lie_closer_than_a_step():
    axis = OriginAxis.of(cells([0, 0, 1, 1], [10, 14, 10, 14], np.array([0, 4, 2, 6])), 4)
    assert (axis.place.tolist(), axis.spacing) == ([0, 2, 1, 3], 2)


@pytest.mark.parametrize("labels", [None, np.array(["x1", "x2", "x9", "x10", "x11"])])
def test_without_times_series_are_aligned_at_their_last_origins(labels):
    axis = OriginAxis.of(cells([0, 0, 1, 1, 1], [10, 13, 51, 54, 57], labels), 3)
    assert (axis.place.tolist(), axis.places) == ([1, 2, 0, 1, 2], 3)


def test_origins_that_do_not_fit_the_step_are_refused():
    with pytest.raises(NurtValueError, match="'b' do not fit the step size"):
        OriginAxis.of(cells([0, 0, 1, 1], [10, 15, 10, 14]), 5)
    with pytest.raises(NurtValueError, match="step_size >= 1"):
        OriginAxis.of(cells([0], [10]), 0)


def test_no_origin_is_an_empty_axis():
    axis = OriginAxis.of(cells(np.empty(0, dtype=int), np.empty(0, dtype=int)))
    assert (axis.places, axis.average(np.empty(0)).shape) == (0, (0,))
