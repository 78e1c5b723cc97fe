"""The true series is put together from overlapping cells."""

from __future__ import annotations

import numpy as np

from nurt.evaluation.forecasts.audits.truth import Truth
from nurt.evaluation.forecasts.cells import Cells


def test_values_between_origins_come_from_targets_and_unknown_ones_stay_missing():
    values = np.array([5.0, 7.0, 4.0, 9.0, 1.0, 3.0, 8.0])
    origins = np.array([1, 3])
    actual = np.array([[4.0, 9.0], [1.0, 3.0]])
    naive = np.repeat(values[origins][:, None], 2, axis=1)
    truth = Truth.of(Cells(np.zeros(2, dtype=int), origins, actual, {"m": naive, "naive": naive}))
    assert (truth.shifted(0) * truth.unit).tolist() == [7.0, 9.0]
    np.testing.assert_allclose(truth.shifted(-1) * truth.unit, [np.nan, 4.0])
    np.testing.assert_allclose(truth.shifted(3) * truth.unit, [1.0, np.nan])
    assert np.isnan(truth.shifted(-100)).all()
    np.testing.assert_allclose(truth.change(truth.last) * truth.unit, [np.nan, 2.0])


def test_a_missing_origin_is_not_filled_by_the_older_value_that_naive_repeats():
    actual = np.array([[np.nan, 4.0], [4.0, 6.0]])
    naive = np.array([[2.0, 2.0], [2.0, 2.0]])
    truth = Truth.of(Cells(np.zeros(2, dtype=int), np.array([0, 1]), actual, {"m": naive, "naive": naive}))
    assert (truth.last * truth.unit).tolist() == [2.0, 2.0]
    np.testing.assert_allclose(truth.shifted(0) * truth.unit, [2.0, np.nan])


def test_no_origins_give_no_truth():
    none = np.empty((0, 2))
    truth = Truth.of(Cells(np.empty(0, dtype=int), np.empty(0, dtype=int), none, {"m": none, "naive": none}))
    assert truth.shifted(1).shape == (0,)
