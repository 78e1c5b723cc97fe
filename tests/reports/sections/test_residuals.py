from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.reports.sections.residuals import autocorrelation, outermost, residuals_section


def test_autocorrelation_of_a_hand_computed_series() -> None:
    # centred: -1.5 -0.5 0.5 1.5, variance sum 5, lag 1: 0.75 - 0.25 + 0.75 = 1.25
    np.testing.assert_allclose(autocorrelation(np.array([1.0, 2.0, 3.0, 4.0]), 2), [0.25, -0.3])


def test_missing_values_break_pairs_not_the_answer() -> None:
    values = np.array([1.0, np.nan, -1.0, 1.0, -1.0, 1.0, -1.0])
    found = autocorrelation(values, 1)
    assert found[0] == pytest.approx(-4 / 6)


def test_constant_errors_have_no_autocorrelation() -> None:
    assert np.isnan(autocorrelation(np.full(9, 2.0), 3)).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(2, 60))
def test_what_is_drawn_of_many_values_has_their_extremes_in_order(values: list[float], most: int) -> None:
    array = np.array(values)
    places = outermost(array, most)
    assert len(places) <= most
    assert (np.diff(places) > 0).all()
    assert array[places].min() == array.min() and array[places].max() == array.max()
    if len(array) <= most:
        np.testing.assert_array_equal(places, np.arange(len(array)))


def test_a_single_odd_error_is_never_thinned_away() -> None:
    values = np.zeros(10_001)
    values[[7, 5_000, 9_999]] = [3.0, -2.0, 1.0]
    assert set(np.flatnonzero(values)) <= set(outermost(values, 1200).tolist())


@pytest.mark.parametrize(
    ("origins", "told"), [(1200, ""), (3001, "Of 3000 errors the smallest and the largest of every 5")]
)
def test_thinning_is_told_where_it_happens_and_only_there(origins: int, told: str, fabricate: ModuleType) -> None:
    text = residuals_section("y", fabricate.make_cells(horizon=1, origins=origins)).body
    assert ("are drawn: more" in text) == bool(told)
    assert told in text
