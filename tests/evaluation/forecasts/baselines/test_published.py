"""Baselines and metrics together reproduce the reference tables of standard series."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.evaluation.forecasts.baselines import (
    AbstractBaseline,
    Drift,
    History,
    Linear,
    Naive,
    SeasonalNaive,
    WindowMean,
    baseline,
)
from nurt.evaluation.forecasts.metrics import by_step, mae, mase, rmse, smape, training_scale


def standardised(columns: np.ndarray, train: int) -> np.ndarray:
    return (columns - columns[:train].mean(axis=0)) / columns[:train].std(axis=0)


def all_columns(
    member: AbstractBaseline, columns: np.ndarray, train: int, origins: np.ndarray, horizon: int
) -> tuple[float, float, int]:
    """Return MSE, MAE over all columns and the number of windows."""
    fitted = member.fit(list(columns[:train].T))
    steps = origins[:, None] + np.arange(1, horizon + 1)
    actual = np.stack([column[steps] for column in columns.T])
    forecast = np.stack([fitted.forecast(column, origins, horizon, i) for i, column in enumerate(columns.T)])
    return rmse(actual, forecast) ** 2, mae(actual, forecast), len(origins)


REPEAT, FITTED = 0.0001, 0.0005

EXCHANGE = [
    (96, 96, 1422, (0.0811, 0.1964), (0.0802, 0.2022), (0.0833, 0.1986)),
    (96, 192, 1326, (0.1671, 0.2887), (0.1660, 0.3003), (0.1748, 0.2946)),
    (96, 336, 1182, (0.3057, 0.3978), (0.3025, 0.4121), (0.3299, 0.4138)),
    (96, 720, 798, (0.8101, 0.6764), (0.8298, 0.6821), (0.9191, 0.7247)),
    (60, 30, 1488, (0.0283, 0.1115), (0.0282, 0.1119), (0.0284, 0.1120)),
]


@pytest.mark.parametrize(("look_back", "horizon", "windows", "repeat", "linear", "nlinear"), EXCHANGE)
def test_exchange_rates(exchange, look_back, horizon, windows, repeat, linear, nlinear):
    train, test = int(0.7 * len(exchange)), int(0.2 * len(exchange))
    columns = standardised(exchange, train)
    origins = np.arange(len(columns) - test - 1, len(columns) - horizon)
    for member, expected, tolerance in (
        (Naive(), repeat, REPEAT),
        (Linear(look_back, horizon), linear, FITTED),
        (Linear(look_back, horizon, anchored=True), nlinear, FITTED),
    ):
        squared, absolute, count = all_columns(member, columns, train, origins, horizon)
        assert count == windows
        assert (squared, absolute) == pytest.approx(expected, abs=tolerance), member.name


ETTH1 = [
    (96, 96, 2785, (1.2944, 0.7132), (0.3815, 0.3930), (0.3833, 0.3917), (0.5122, 0.4333)),
    (96, 192, 2689, (1.3249, 0.7331), (0.4318, 0.4243), (0.4341, 0.4212), (0.5808, 0.4692)),
    (96, 336, 2545, (1.3299, 0.7460), (0.4754, 0.4506), (0.4756, 0.4426), (0.6499, 0.5008)),
    pytest.param(
        96, 720, 2161, (1.3351, 0.7550), (0.5000, 0.4969), (0.4697, 0.4615), (0.6554, 0.5141), marks=pytest.mark.slow
    ),
    (336, 96, 2785, (1.2944, 0.7132), (0.3702, 0.3915), (0.3702, 0.3915), (0.5122, 0.4333)),
]


@pytest.mark.parametrize(("look_back", "horizon", "windows", "repeat", "linear", "nlinear", "seasonal"), ETTH1)
def test_etth1(etth1, look_back, horizon, windows, repeat, linear, nlinear, seasonal):
    train, test_begins = 8640, 11520
    columns = standardised(etth1, train)
    origins = np.arange(test_begins - 1, len(columns) - horizon)
    for member, expected, tolerance in (
        (Naive(), repeat, REPEAT),
        (SeasonalNaive(24), seasonal, REPEAT),
        (Linear(look_back, horizon), linear, FITTED),
        (Linear(look_back, horizon, anchored=True), nlinear, FITTED),
    ):
        squared, absolute, count = all_columns(member, columns, train, origins, horizon)
        assert count == windows
        assert (squared, absolute) == pytest.approx(expected, abs=tolerance), member.name


NBP = [
    # first day, last day, look-back inside the period, origins, naive MAE and RMSE, step 1, step 30, drift, window mean
    ("2021-01-01", "2021-12-31", False, 224, 0.0697, 0.0898, 0.0163, 0.1022, None, None),
    ("2021-01-01", "2021-12-31", True, 165, 0.0701, 0.0894, 0.0164, 0.1029, 0.0807, 0.0958),
    ("2023-01-01", "2024-12-31", False, 473, 0.0758, 0.0982, 0.0192, 0.1117, 0.0954, 0.1115),
    ("2021-01-01", "2024-12-31", True, 920, 0.0906, 0.1234, 0.0220, 0.1305, 0.1076, 0.1352),
]


@pytest.mark.parametrize(
    ("first", "last", "inside", "count", "absolute", "root", "one", "thirty", "drift", "mean"), NBP
)
def test_dollar_in_zloty(usd_pln, first, last, inside, count, absolute, root, one, thirty, drift, mean):
    days, rates = usd_pln
    look_back, horizon = 60, 30
    inside_period = np.flatnonzero((days >= np.datetime64(first)) & (days <= np.datetime64(last)))
    start = inside_period[0] + (look_back - 1 if inside else 0)
    origins = np.arange(start, inside_period[-1] - horizon + 1)
    actual = rates[origins[:, None] + np.arange(1, horizon + 1)]
    naive = Naive().forecast(rates, origins, horizon)
    assert len(origins) == count
    assert mae(actual, naive) == pytest.approx(absolute, abs=REPEAT)
    assert rmse(actual, naive) == pytest.approx(root, abs=REPEAT)
    by_k = by_step(mae, actual, naive)
    assert (by_k[0], by_k[-1]) == pytest.approx((one, thirty), abs=REPEAT)
    for member, expected in ((Drift(look_back), drift), (WindowMean(look_back), mean)):
        if expected is not None:
            found = mae(actual, member.forecast(rates, origins, horizon))
            assert found == pytest.approx(expected, abs=REPEAT), member.name


def test_one_day_ahead_the_dollar_cannot_be_beaten_by_a_linear_fit(usd_pln):
    days, rates = usd_pln
    windows = len(rates) - 60
    test = windows - int(0.8 * windows)
    origins = np.arange(len(rates) - test - 1, len(rates) - 1)
    assert (windows, test) == (949, 190)
    assert [str(days[origins[0] + 1]), str(days[origins[-1] + 1])] == ["2024-03-28", "2024-12-31"]
    actual = rates[origins + 1][:, None]
    for name, absolute, root, tolerance in (
        ("naive", 0.01594, 0.02095, 0.00001),
        ("linear", 0.01632, 0.02108, 0.00002),
        ("nlinear", 0.01638, 0.02110, 0.00002),
    ):
        fitted = baseline(name, 60, 1).fit([rates[: len(rates) - test]])
        forecast = fitted.forecast(rates, origins, 1)
        assert (mae(actual, forecast), rmse(actual, forecast)) == pytest.approx((absolute, root), abs=tolerance), name


def complete(values: np.ndarray) -> History:
    """Learn from windows without a missing value alone: the tables were made so."""
    return History(values, learnt=np.isfinite(values))


def test_particulate_matter_one_hour_ahead(pm10):
    assert (len(pm10), int(np.isnan(pm10).sum())) == (17544, 2)
    train = len(pm10) - 3509
    origins = np.arange(train - 1, len(pm10) - 1)
    actual = pm10[origins + 1][:, None]
    for member, absolute, root, tolerance in (
        (Naive(), 4.729, 8.175, 0.0005),
        (SeasonalNaive(24), 14.637, 20.878, 0.0005),
        (SeasonalNaive(168), 18.509, 25.427, 0.0005),
        (Linear(24, 1), 4.603, 7.886, 0.005),
        (Linear(168, 1), 4.634, 7.873, 0.005),
        (Linear(24, 1, anchored=True), 4.612, 7.922, 0.005),
        (Linear(168, 1, anchored=True), 4.636, 7.883, 0.005),
    ):
        forecast = member.fit([complete(pm10[:train])]).forecast(pm10, origins, 1)
        assert (mae(actual, forecast), rmse(actual, forecast)) == pytest.approx((absolute, root), abs=tolerance), member


def test_particulate_matter_one_day_ahead(pm10):
    look_back, horizon = 168, 24
    train = len(pm10) - 3509
    origins = np.arange(train - 1, len(pm10) - horizon)
    actual = pm10[origins[:, None] + np.arange(1, horizon + 1)]
    assert len(origins) == 3486
    for member, absolute, root, one, last, tolerance in (
        (Naive(), 12.972, 19.240, 4.708, 14.666, 0.001),
        (SeasonalNaive(24), 14.664, 20.919, None, None, 0.0005),
        (Linear(look_back, horizon), 11.009, 15.900, 4.625, 12.739, 0.005),
        (Linear(look_back, horizon, anchored=True), 11.154, 16.147, 4.627, 12.931, 0.005),
    ):
        forecast = member.fit([complete(pm10[:train])]).forecast(pm10, origins, horizon)
        assert (mae(actual, forecast), rmse(actual, forecast)) == pytest.approx((absolute, root), abs=tolerance), member
        if one is not None:
            steps = by_step(mae, actual, forecast)
            assert (steps[0], steps[-1]) == pytest.approx((one, last), abs=tolerance), member


@pytest.mark.parametrize(("season", "scale"), [(1, 4.7016), (24, 15.6955)])
def test_scale_of_the_particulate_matter(pm10, season, scale):
    assert training_scale(pm10[: len(pm10) - 3509], season).absolute == pytest.approx(scale, abs=0.00005)


def test_m4_hourly_last_two_days(m4_hourly):
    assert sorted({len(series) for series in m4_hourly}) == [700, 960]
    found = {}
    for member in (SeasonalNaive(24), Naive()):
        scaled, symmetric = [], []
        for series in m4_hourly:
            train, actual = series[:-48], series[None, -48:]
            forecast = member.forecast(series, np.array([len(train) - 1]), 48)
            scaled.append(mase(actual, forecast, training_scale(train, 24).absolute))
            symmetric.append(smape(actual, forecast))
        found[member.name] = (np.mean(scaled), np.median(scaled), np.mean(symmetric))
    assert found["seasonal_naive"] == pytest.approx((1.2284, 1.1421, 14.570), abs=0.0005)
    assert found["naive"][0] == pytest.approx(11.532, abs=0.0005)
    assert found["naive"][2] == pytest.approx(41.399, abs=0.0005)
