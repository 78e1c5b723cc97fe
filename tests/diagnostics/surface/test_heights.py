"""Heights are powers of ten, with signs where a loss has them."""

from __future__ import annotations

import numpy as np

from nurt.diagnostics.surface.heights import SMALLEST, has_signs, heights


def test_heights_are_powers_of_ten_and_zero_has_one_too() -> None:
    np.testing.assert_array_equal(heights(np.array([1e-3, 1.0, 0.0])), [-3, 0, np.log10(SMALLEST)])


def test_what_is_not_finite_has_no_height() -> None:
    assert np.isnan(heights(np.array([np.nan, np.inf, -np.inf]))).all()


def test_negative_losses_keep_their_order() -> None:
    losses = np.array([-1e6, -3.0, -1e-3, 0.0, 0.5, 1e9])
    assert has_signs(losses) and not has_signs(np.array([0.0, -np.inf, np.nan]))
    assert (np.diff(heights(losses)) > 0).all()
    np.testing.assert_allclose(heights(np.array([9.0]), signed=True), 1.0)
