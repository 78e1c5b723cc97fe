"""Baselines in other scales, and fitted baselines kept as plain values and arrays."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nurt.data.transforms import Log, transform_from_dict
from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.baselines import (
    STARTS,
    Drift,
    History,
    Linear,
    Mean,
    Naive,
    SeasonalDrift,
    Transformed,
    baseline,
    fitted_from_state,
    state_of,
)

NAN = np.nan


def history():
    random = np.random.RandomState(0)
    return History(np.exp(random.randn(60).cumsum() / 5), random.randn(63, 2), random.randn(60, 1))


def kept(fitted):
    state, arrays = state_of(fitted)
    return json.loads(json.dumps(state, allow_nan=False)), arrays


@pytest.mark.parametrize("scale", [None, Log()])
@pytest.mark.parametrize("name", STARTS)
def test_what_is_kept_forecasts_the_same_bits(name, scale):
    member = baseline(name, 5, 3, 4)
    training = [history().cut(50), History(np.full(9, NAN), np.ones((9, 2)), np.ones((9, 1)))]
    fitted = (member if scale is None else Transformed(member, scale)).fit(training)
    again = fitted_from_state(*kept(fitted), transform_from_dict)
    assert again.notes == fitted.notes
    for series in (0, 1, None):
        found = again.forecast(history(), np.arange(60), 3, series)
        np.testing.assert_array_equal(found, fitted.forecast(history(), np.arange(60), 3, series))


def test_the_whole_past_of_a_drift_is_kept():
    assert fitted_from_state(*kept(Drift())) == Drift()


def test_a_kind_that_is_not_kept_is_refused():
    pytest.importorskip("statsforecast", reason="the extra `statistical` is not installed")
    with pytest.raises(NurtValueError, match="cannot be kept"):
        state_of(baseline("theta", 4, 2).fit([np.arange(30.0)]))


def test_a_fit_without_a_training_window_is_not_kept():
    with pytest.raises(NurtValueError, match="no forecast for some step"):
        state_of(Linear(5, 3).fit([np.arange(6.0)]))


def damaged():
    state, arrays = kept(Linear(5, 3, knows_ahead=True).fit([history()]))
    yield "no kind", {}, {}
    yield "unknown kind", state | {"kind": "quadratic"}, arrays
    yield "kind of a list", state | {"kind": ["linear"]}, arrays
    yield "part missing", {name: one for name, one in state.items() if name != "rank"}, arrays
    yield "part too many", state | {"more": 1}, arrays
    yield "part twice", state | {"weights": 1}, arrays
    yield "array missing", state, {name: one for name, one in arrays.items() if name != "past"}
    yield "array too many", state, arrays | {"more": np.ones(2)}
    yield "float32", state, arrays | {"weights": arrays["weights"].astype(np.float32)}
    yield "no array", state, arrays | {"weights": arrays["weights"].tolist()}
    yield "not finite", state, arrays | {"weights": arrays["weights"] * NAN}
    yield "other shape", state, arrays | {"weights": arrays["weights"][:, :2]}
    yield "no axis", state, arrays | {"intercept": np.array(1.0)}
    yield "no steps", state, arrays | {"intercept": np.empty(0)}
    yield "no window", state, arrays | {"weights": np.empty((0, 3))}
    yield "text for a flag", state | {"anchored": "yes"}, arrays
    yield "number for a flag", state | {"anchored": 1}, arrays
    yield "flag for a number", state | {"windows": True}, arrays
    yield "text for locations", state | {"location": "1.0"}, arrays
    yield "text among locations", state | {"location": ["1.0"]}, arrays
    yield "too few spreads", state | {"spread": []}, arrays
    yield "zero spread", state | {"spread": [0.0]}, arrays
    yield "location without spread", state | {"spread": [None]}, arrays
    yield "numbers for notes", state | {"notes": [1]}, arrays
    yield "season below 1", {"kind": "seasonal drift", "season": 0}, {}
    yield "scale of nothing", {"kind": "transformed", "transform": {"name": "log"}, "fitted": state}, arrays
    yield "scale damaged", {"kind": "transformed", "transform": 3, "fitted": state}, arrays
    yield "fitted damaged", {"kind": "transformed", "transform": Log().to_dict(), "fitted": 3}, arrays


@pytest.mark.parametrize(("state", "arrays"), [one[1:] for one in damaged()], ids=[one[0] for one in damaged()])
def test_damage_is_refused(state, arrays):
    with pytest.raises(NurtValueError):
        fitted_from_state(state, arrays, transform_from_dict)


def test_a_scale_needs_to_be_read():
    state, arrays = kept(Transformed(Mean(), Log()).fit([history()]))
    with pytest.raises(NurtValueError, match="transform_from_dict"):
        fitted_from_state(state, arrays)


def test_a_baseline_works_in_its_scale_and_comes_back():
    values = 3.0 * 1.1 ** np.arange(40)
    found = Transformed(Linear(3, 4), Log()).fit([values[:30]]).forecast(values, np.array([35]), 4)[0]
    np.testing.assert_allclose(found, values[36:40], rtol=1e-9)
    mean = Transformed(Mean(), Log()).fit([np.array([1.0, 100.0])]).forecast(np.array([5.0]), np.array([0]), 1)
    np.testing.assert_allclose(mean, [[10.0]])
    naive = Transformed(Naive(), Log()).fit([values]).forecast(np.array([2.0, NAN]), np.array([1]), 1)
    np.testing.assert_allclose(naive, [[2.0]])


def test_the_last_season_moves_on_by_its_drift():
    values = np.array([1.0, 2, 3, 11, 12, 13])
    assert SeasonalDrift(3).forecast(values, np.array([5]), 7)[0].tolist() == [21, 22, 23, 31, 32, 33, 41]
    holed = np.array([1.0, NAN, 3, 11, 12, NAN])
    assert SeasonalDrift(3).forecast(holed, np.array([5]), 3)[0].tolist() == [21, 22, 13]
    short = SeasonalDrift(3).forecast(values[:4], np.array([3]), 3)[0]
    assert short.tolist() == [2 + 10, 3 + 10, 11 + 10], "one place seen twice tells the drift"
    assert SeasonalDrift(3).forecast(values[:2], np.array([1]), 3)[0] == pytest.approx([NAN, 1, 2], nan_ok=True)
    growth = 5 * 1.02 ** np.arange(48) * (1 + (np.arange(48) % 12) / 10)
    found = Transformed(SeasonalDrift(12), Log()).fit([growth]).forecast(growth[:36], np.array([35]), 12)[0]
    np.testing.assert_allclose(found, growth[36:], rtol=1e-9)
    with pytest.raises(NurtValueError, match="season"):
        SeasonalDrift(0)
