"""Classical models through the optional package: present, absent, and never reading ahead."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from nurt.errors import MissingExtraError, NurtValueError
from nurt.evaluation.forecasts.baselines import Naive, Statistical
from nurt.evaluation.forecasts.metrics import mae

KINDS = ("ets", "arima", "theta")


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    monkeypatch.setitem(sys.modules, "statsforecast.models", None)
    with pytest.raises(MissingExtraError, match=r'pip install "nurt\[statistical\]"'):
        Statistical("ets").fit([np.arange(40.0)])


def test_an_unknown_kind_or_season_is_refused():
    with pytest.raises(NurtValueError, match="unknown kind"):
        Statistical("prophet")
    with pytest.raises(NurtValueError, match="season"):
        Statistical("ets", 0)


@pytest.fixture(scope="module")
def trend() -> np.ndarray:
    pytest.importorskip("statsforecast", reason="the extra nurt[statistical] is not installed")
    return 50.0 + np.arange(120.0) + np.random.RandomState(0).randn(120)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trend_is_continued(trend, kind):
    fitted = Statistical(kind).fit([trend[:80]])
    origins = np.arange(79, 110)
    actual = trend[origins[:, None] + np.arange(1, 6)]
    assert mae(actual, fitted.forecast(trend, origins, 5)) < 0.8 * mae(actual, Naive().forecast(trend, origins, 5))


@pytest.mark.parametrize("kind", KINDS)
def test_the_future_is_not_read_and_missing_values_are_carried_forward(trend, kind):
    holed, filled = trend.copy(), trend.copy()
    holed[[0, 90]] = np.nan
    filled[90] = filled[89]
    fitted = Statistical(kind).fit([holed[:80]])
    origins = np.array([85, 90, 95])
    found = fitted.forecast(holed, origins, 3)
    np.testing.assert_allclose(found, Statistical(kind).fit([filled[1:80]]).forecast(filled[1:], origins - 1, 3))
    scrambled = holed.copy()
    scrambled[91:] = -1e6
    np.testing.assert_array_equal(fitted.forecast(scrambled, origins[:2], 3), found[:2])
    assert np.isfinite(found).all()


def test_a_short_series_gets_no_model_and_a_note(trend):
    fitted = Statistical("ets").fit([trend[:5], trend[:80]])
    assert fitted.notes == ("1 series with fewer than 10 training values got no ets model",)
    assert np.isnan(fitted.forecast(trend, np.array([40]), 2, series=0)).all()
    assert np.isfinite(fitted.forecast(trend, np.array([40]), 2, series=1)).all()
    with pytest.raises(NurtValueError, match="not fitted to this series"):
        fitted.forecast(trend, np.array([40]), 2, series=2)
