"""Closed-form lines against explicit designs, exact laws and hostile inputs, with what is known ahead and gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.baselines import History, Linear
from nurt.evaluation.forecasts.baselines.linear import FittedLinear

NAN = np.nan


def carried(values, before):
    found = np.array(values, dtype=np.float64)
    for place in range(len(found)):
        if np.isnan(found[place]):
            found[place] = found[place - 1] if place else before
    return found


def windows(history, fitted, look_back, horizon, step, anchored):
    """Return inputs with a constant in front, and target, of every training window with a target; one by one."""
    values, (ahead, past) = history.values, history.features
    taught = values if history.learnt is None else values[history.learnt]
    mean, spread = np.nanmean(taught), np.nanstd(taught)
    scores = (values - mean) / spread
    inputs = carried(scores, 0.0)
    behind = np.stack(
        [carried(column - own, 0.0) for column, own in zip(past.T, fitted.past_mean, strict=True)] or [[]]
    )
    rows = []
    for origin in range(look_back - 1, len(values) - horizon):
        reach = slice(origin - look_back + 1, origin + horizon + 1)
        if np.isnan(scores[origin + step]) or (history.learnt is not None and not history.learnt[reach].all()):
            continue
        window, target = inputs[origin - look_back + 1 : origin + 1], scores[origin + step]
        if anchored:
            window, target = window[:-1] - window[-1], target - window[-1]
        known = np.nan_to_num(ahead[origin + step] - fitted.ahead_mean)
        rows.append(np.concatenate([[1.0], window, behind[:, origin] if past.shape[1] else [], known, [target]]))
    return np.array(rows)


def check(histories, look_back, horizon, anchored, steps=None):
    fitted = Linear(look_back, horizon, anchored=anchored, knows_ahead=True).fit(histories)
    width = look_back - anchored
    for step in steps or range(1, horizon + 1):
        table = np.concatenate([windows(one, fitted, look_back, horizon, step, anchored) for one in histories])
        expected = np.linalg.lstsq(table[:, :-1], table[:, -1], rcond=None)[0]
        found = np.concatenate(
            [[fitted.intercept[step - 1]], fitted.weights[:, step - 1], fitted.past[step - 1], fitted.ahead[step - 1]]
        )
        assert len(fitted.weights) == width
        np.testing.assert_allclose(found, expected, atol=1e-9, err_msg=f"step {step}")
    return fitted


@pytest.mark.parametrize("anchored", [False, True])
@pytest.mark.parametrize("lengths", [(70,), (41, 63), (12, 90)])
def test_every_step_is_regressed_on_its_window_and_what_is_known_of_it(anchored, lengths):
    random = np.random.RandomState(0)
    histories = [
        History(random.randn(n).cumsum(), ahead=random.randn(n + 3, 2) + 4, past=9 * random.randn(n, 2))
        for n in lengths
    ]
    check(histories, 5, 4, anchored)


@pytest.mark.parametrize("anchored", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_missing_targets_leave_their_step_and_missing_inputs_are_filled(anchored, share):
    random = np.random.RandomState(1)
    values, past, ahead = random.randn(160).cumsum(), random.randn(160, 1), random.randn(163, 2)
    for table in (values, past, ahead):
        table[random.rand(*table.shape) < share] = NAN
    check([History(values, ahead=ahead, past=past)], 4, 3, anchored)


def test_rows_that_may_not_be_learnt_from_are_in_no_window():
    random = np.random.RandomState(2)
    learnt = np.ones(120, dtype=bool)
    learnt[40:47] = learnt[80] = learnt[-1] = False
    history = History(random.randn(120), ahead=random.randn(120, 1), learnt=learnt)
    fitted = check([history], 4, 3, anchored=False)
    assert fitted.windows == (40 - 6) + (33 - 6) + (38 - 6)
    other = History(np.where(learnt, history.values, 1e6), ahead=np.where(learnt[:, None], history.ahead, -1e6))
    again = Linear(4, 3, knows_ahead=True).fit([History(other.values, other.ahead, learnt=learnt)])
    np.testing.assert_array_equal(again.weights, fitted.weights)


def test_steps_share_their_windows_where_that_costs_a_twentieth_at_most():
    random = np.random.RandomState(3)
    values = random.randn(400)
    values[200] = NAN
    fitted = Linear(4, 6).fit([values])
    filled = (carried(values, 0.0) - np.nanmean(values)) / np.nanstd(values)
    kept = [place for place in range(391) if not np.isnan(values[place + 4 : place + 10]).any()]
    table = np.stack([filled[place : place + 10] for place in kept])
    assert len(table) == fitted.windows == 391 - 6
    design = np.column_stack([np.ones(len(table)), table[:, :4]])
    expected = np.linalg.lstsq(design, table[:, 4:], rcond=None)[0]
    np.testing.assert_allclose(fitted.weights, expected[1:], atol=1e-9)


@pytest.mark.parametrize("anchored", [False, True])
def test_a_ridge_is_that_of_scikit_learn(anchored):
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is the oracle")
    values = np.random.RandomState(4).randn(90).cumsum()
    scores = (values - values.mean()) / values.std()
    table = np.stack([scores[place : place + 7] for place in range(84)])
    inputs, targets = table[:, :5], table[:, 5:]
    if anchored:
        inputs, targets = inputs[:, :-1] - inputs[:, -1:], targets - inputs[:, -1:]
    # As many windows as the ridge says, of the mean size of the inputs, with targets of 0.
    penalty = 30.0 * float((inputs**2).sum(axis=0).mean()) / 84
    oracle = linear_model.Ridge(alpha=penalty).fit(inputs, targets)
    fitted = Linear(5, 2, anchored=anchored, ridge=30.0).fit([values])
    np.testing.assert_allclose(fitted.weights.T, oracle.coef_, atol=1e-10)
    np.testing.assert_allclose(fitted.intercept, oracle.intercept_, atol=1e-10)


LAWS = {
    "ramp": lambda t: 3.0 + 0.25 * t,
    "high ramp": lambda t: 1e6 + 0.5 * t,
    "parabola": lambda t: 0.01 * t**2 - t,
    "sine": lambda t: np.sin(0.37 * t),
    "slow sine": lambda t: 100 + np.sin(0.01 * t),
    "two sines and a ramp": lambda t: np.sin(0.37 * t) + 2 * np.cos(1.1 * t) + 0.05 * t,
    "season": lambda t: (t % 7) ** 2.0,
    "season on a ramp": lambda t: (t % 7) ** 2.0 + t,
    "growth": lambda t: 1.01**t,
    "constant": lambda t: 0.1 + 0 * t,
    "zero": lambda t: 0.0 * t,
}


@pytest.mark.parametrize("anchored", [False, True])
@pytest.mark.parametrize("count", [40, 300])
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_exact_laws_are_continued(law, count, anchored):
    time = np.arange(count + 12.0)
    values = LAWS[law](time)
    fitted = Linear(14, 12, anchored=anchored).fit([values[:count]])
    found = fitted.forecast(values[:count], np.array([count - 1]), 12)[0]
    size = 1.0 + np.ptp(values)
    np.testing.assert_allclose(found, values[count:], atol=2e-5 * size)


@pytest.mark.parametrize("anchored", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 10.0])
def test_columns_that_copy_each_other_or_the_window_do_no_harm(anchored, ridge):
    random = np.random.RandomState(5)
    values = random.randn(120).cumsum()
    useful = np.concatenate([np.diff(values, prepend=0.0), [0.0] * 3])[:, None]
    ahead = np.concatenate([useful, useful, np.ones((123, 1)), np.zeros((123, 1)), np.full((123, 1), NAN)], axis=1)
    past = np.column_stack([values, values, np.full(120, 1e9)])
    settings_ = {"anchored": anchored, "knows_ahead": True, "ridge": ridge}
    fitted = Linear(5, 1, **settings_).fit([History(values, ahead=ahead, past=past)])
    assert all(np.isfinite(part).all() for part in (fitted.weights, fitted.ahead, fitted.past, fitted.intercept))
    if not ridge:
        found = fitted.forecast(History(values, ahead, past), np.arange(10, 119), 1)[:, 0]
        np.testing.assert_allclose(found, values[11:], atol=1e-6)


def test_a_season_that_the_window_tells_needs_no_calendar():
    time = np.arange(200)
    hours = (time[:, None] % 6 == np.arange(6)).astype(float)
    values = (time % 6) ** 2.0
    history = History(values, ahead=hours)
    fitted = Linear(8, 3, knows_ahead=True).fit([history.cut(150)])
    np.testing.assert_allclose(fitted.forecast(history, np.array([160]), 3)[0], values[161:164], atol=1e-8)


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e290, 1e307])
@pytest.mark.parametrize("anchored", [False, True])
def test_the_unit_may_be_anything(scale, anchored):
    values = np.random.RandomState(6).rand(60)
    one = Linear(4, 2, anchored=anchored).fit([values]).forecast(values, np.arange(20, 59), 2)
    other = Linear(4, 2, anchored=anchored).fit([values * scale]).forecast(values * scale, np.arange(20, 59), 2)
    np.testing.assert_allclose(other / scale, one, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_hostile_series_give_finite_weights_or_none(data):
    cell = st.one_of(st.just(NAN), st.just(0.0), st.floats(-1e9, 1e9), st.sampled_from([np.inf, -np.inf, 1e200]))
    series = data.draw(st.lists(st.lists(cell, max_size=30), min_size=1, max_size=3))
    look_back, horizon = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    histories = [
        History(np.array(one, dtype=np.float64), ahead=np.full((len(one), 2), 0.5), past=np.array(one, ndmin=2).T)
        for one in series
    ]
    for history in histories:
        history.past[~np.isfinite(history.past)] = NAN
    fitted = Linear(look_back, horizon, anchored=data.draw(st.booleans()), knows_ahead=True).fit(histories)
    assert np.isfinite(fitted.intercept).any() == bool(fitted.windows)
    for place, history in enumerate(histories):
        fitted.forecast(history, np.arange(len(history.values)), horizon, place)


def test_a_panel_is_one_fit_and_every_series_has_its_own_units():
    random = np.random.RandomState(7)
    series = [10.0 ** random.randint(-3, 6) * (random.randn(random.randint(20, 60)).cumsum() + 9) for _ in range(300)]
    fitted = Linear(6, 3, anchored=True).fit(series)
    scaled = Linear(6, 3, anchored=True).fit([1000 * one - 7 for one in series])
    np.testing.assert_allclose(scaled.weights, fitted.weights, atol=1e-8)
    np.testing.assert_allclose(
        scaled.forecast(1000 * series[5] - 7, np.array([18]), 3, 5),
        1000 * fitted.forecast(series[5], np.array([18]), 3, 5) - 7,
        rtol=1e-8,
    )


def test_a_series_that_was_not_fitted_is_read_in_the_units_of_its_past():
    random = np.random.RandomState(8)
    values = random.randn(80).cumsum()
    fitted = Linear(4, 2).fit([values])
    new = 50 + 3 * random.randn(30)
    new[:3] = NAN
    origin = 17
    past = new[: origin + 1]
    mean, spread = np.nanmean(past), np.nanstd(past)
    window = (past[-4:] - mean) / spread
    expected = mean + spread * (fitted.intercept + window @ fitted.weights)
    np.testing.assert_allclose(fitted.forecast(new, np.array([origin]), 2, None)[0], expected)
    assert np.isnan(fitted.forecast(new[:3], np.array([2]), 2, None)).all()


@pytest.mark.parametrize("anchored", [False, True])
def test_what_is_known_of_other_steps_changes_nothing(anchored):
    random = np.random.RandomState(9)
    ahead, past, values = random.randn(90, 3), random.randn(80, 2), random.randn(80).cumsum()
    fitted = Linear(5, 4, anchored=anchored, knows_ahead=True).fit([History(values, ahead, past).cut(60)])
    origins = np.arange(58, 80)
    before = fitted.forecast(History(values, ahead, past), origins, 4)
    for row, origin in enumerate(origins):
        for step in range(1, 5):
            other = ahead.copy()
            other[origin + step + 1 :] = 1e6
            other[: origin + step] = -1e6
            scrambled = History(
                np.where(np.arange(80) > origin, 1e9, values),
                other,
                np.where(np.arange(80)[:, None] > origin, NAN, past),
            )
            for series in (0,):
                found = fitted.forecast(scrambled, origins[row : row + 1], 4, series)
                assert found[0, step - 1] == before[row, step - 1]


def test_an_unseen_series_reads_no_later_value():
    random = np.random.RandomState(10)
    values = random.randn(60)
    fitted = Linear(5, 2).fit([values])
    before = fitted.forecast(values, np.arange(60), 2, None)
    for origin in range(5, 60):
        scrambled = np.where(np.arange(60) > origin, 1e150, values)
        np.testing.assert_array_equal(fitted.forecast(scrambled, np.array([origin]), 2, None)[0], before[origin])


def test_a_forecast_does_not_depend_on_how_many_are_made():
    random = np.random.RandomState(11)
    history = History(random.randn(700), ahead=random.randn(720, 30))
    fitted = Linear(50, 20, knows_ahead=True).fit([history])
    origins = np.arange(60, 700)
    every = fitted.forecast(history, origins, 20)
    for part in (slice(0, 1), slice(3, 70), slice(600, 640)):
        np.testing.assert_array_equal(fitted.forecast(history, origins[part], 20), every[part])


def test_a_step_of_which_nothing_is_told_has_no_forecast_and_an_empty_cell_counts_as_the_mean():
    random = np.random.RandomState(12)
    values, ahead = random.randn(60), random.randn(62, 1)
    fitted = Linear(3, 4, knows_ahead=True).fit([History(values, ahead)])
    found = fitted.forecast(History(values, ahead), np.array([59]), 4)[0]
    assert np.isnan(found).tolist() == [False, False, True, True]
    ahead[60] = NAN
    unknown = fitted.forecast(History(values, ahead), np.array([59]), 4)[0, 0]
    ahead[60] = fitted.ahead_mean
    assert fitted.forecast(History(values, ahead), np.array([59]), 4)[0, 0] == unknown


def test_other_covariates_than_were_fitted_are_refused():
    values = np.random.RandomState(13).randn(40)
    fitted = Linear(3, 2, knows_ahead=True).fit([History(values, np.ones((42, 2)))])
    with pytest.raises(ShapeError, match="2 features known ahead"):
        fitted.forecast(values, np.array([39]), 2)
    with pytest.raises(ShapeError, match="same covariates"):
        Linear(3, 2, knows_ahead=True).fit([History(values, np.ones((42, 2))), values])
    assert Linear(3, 2).fit([History(values, np.ones((42, 2))), values]).ahead.shape == (2, 0)


@pytest.mark.parametrize("ridge", [-1.0, NAN, np.inf])
def test_a_ridge_that_is_no_penalty_is_refused(ridge):
    with pytest.raises(NurtValueError, match="penalty"):
        Linear(3, 2, ridge=ridge)


def test_parts_that_do_not_fit_are_refused():
    parts = vars(Linear(3, 2, knows_ahead=True).fit([History(np.random.RandomState(14).randn(40), np.ones((40, 2)))]))
    assert isinstance(FittedLinear(**parts), FittedLinear)
    for name, damage in (
        ("weights", np.ones((3, 3))),
        ("intercept", np.ones((2, 1))),
        ("ahead", np.ones((2, 3))),
        ("past", np.ones((1, 0))),
        ("spread", ()),
    ):
        with pytest.raises(ShapeError):
            FittedLinear(**{**parts, name: damage})
