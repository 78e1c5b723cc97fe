from __future__ import annotations

import numpy as np
import pytest

from nurt.reports.sections.residuals import autocorrelation


def test_autocorrelation_of_a_hand_computed_series() -> None:
    # centred: -1.5 -0.5 0.5 1.5, variance sum 5, lag 1: 0.75 - 0.25 + 0.75 = 1.25
    np.testing.assert_allclose(autocorrelation(np.array([1.0, 2.0, 3.0, 4.0]), 2), [0.25, -0.3])


def test_missing_values_break_pairs_not_the_answer() -> None:
    values = np.array([1.0, np.nan, -1.0, 1.0, -1.0, 1.0, -1.0])
    found = autocorrelation(values, 1)
    assert found[0] == pytest.approx(-4 / 6)


def test_constant_errors_have_no_autocorrelation() -> None:
    assert np.isnan(autocorrelation(np.full(9, 2.0), 3)).all()
