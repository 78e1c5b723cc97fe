"""The calendar: which features a step has, local time, holidays, and axes without a calendar."""

from __future__ import annotations

import datetime
import importlib

import numpy as np
import pytest

from nurt.data import Series
from nurt.data.calendar import WEEKDAYS, calendar_features
from nurt.data.clock import LocalClock
from nurt.errors import MissingExtraError, NurtValueError


def axis(first: str, step: str, rows: int) -> Series:
    count, unit = int(step[:-1]), step[-1]
    time = np.datetime64(first) + np.arange(rows) * np.timedelta64(count, unit)  # type: ignore[call-overload]
    return Series(np.zeros(rows), time=time)


def column(found, name):
    return found.values[:, found.names.index(name)]


def test_hours_are_those_of_working_and_of_free_days():
    found = calendar_features(axis("2025-01-03T00", "1h", 24 * 9), beyond=24)
    stamps = [datetime.datetime(2025, 1, 3) + datetime.timedelta(hours=hour) for hour in range(24 * 10)]
    assert found.values.shape == (24 * 10, 48 + 7 + 6)
    for hour in (0, 7, 23):
        free = [float(one.hour == hour and one.weekday() >= 5) for one in stamps]
        working = [float(one.hour == hour and one.weekday() < 5) for one in stamps]
        assert column(found, f"free day {hour:02}:00").tolist() == free
        assert column(found, f"working day {hour:02}:00").tolist() == working
    for place, name in enumerate(WEEKDAYS):
        assert column(found, name).tolist() == [float(one.weekday() == place) for one in stamps]


def test_quarters_of_an_hour_share_the_hour():
    found = calendar_features(axis("2025-01-06T00", "15m", 96), beyond=1)
    assert column(found, "working day 05:00").sum() == 4


def test_waves_over_the_year_need_three_years_unless_they_are_asked_for():
    short, long = axis("2020-01-01", "1D", 1000), axis("2020-01-01", "1D", 1200)
    assert calendar_features(short, 0).varying(1000) == WEEKDAYS
    assert len(calendar_features(long, 0).varying(1200)) == 7 + 6
    assert calendar_features(short, 0).names == calendar_features(long, 0).names
    asked = calendar_features(short, 0, names=("year sine 1", "Friday"))
    place = np.array([(datetime.date(2020, 1, 1) + datetime.timedelta(day)).timetuple().tm_yday for day in range(1000)])
    length = np.where(np.arange(1000) < 366, 366, 365)
    np.testing.assert_allclose(asked.values[:, 0], np.sin(2 * np.pi * (place - 1) / length), atol=1e-12)
    assert asked.names == ("year sine 1", "Friday")


def test_a_new_year_begins_where_the_last_one_began():
    names = [f"year {kind} {pair}" for pair in (1, 2, 3) for kind in ("sine", "cosine")]
    found = calendar_features(axis("2019-01-01", "1D", 800), 0, names=names).values
    np.testing.assert_allclose(found[365], found[0], atol=1e-12)
    np.testing.assert_allclose(found[731], found[0], atol=1e-12)


@pytest.mark.parametrize("first", ["2024-01-01", "2024-01-31"])
def test_months_and_quarters_are_counted(first):
    months = np.arange("2021-01", "2024-01", dtype="datetime64[M]")
    ends = first.endswith("31")
    days = ((months + 1).astype("datetime64[D]") - 1) if ends else months.astype("datetime64[D]")
    found = calendar_features(Series(np.zeros(36), time=days), beyond=3)
    assert found.names == tuple(f"month {one}" for one in range(1, 13))
    assert found.values.argmax(axis=1).tolist() == [place % 12 for place in range(39)]
    quarters = calendar_features(Series(np.zeros(12), time=days[::3]), beyond=2)
    assert quarters.values.argmax(axis=1).tolist() == [place % 4 for place in range(14)]


def test_weeks_have_waves_and_years_have_nothing():
    assert calendar_features(axis("2015-01-05", "7D", 200), 1).varying(200) == tuple(
        f"year {kind} {pair}" for pair in (1, 2, 3) for kind in ("sine", "cosine")
    )
    years = np.arange("1990", "2020", dtype="datetime64[Y]").astype("datetime64[D]")
    assert calendar_features(Series(np.zeros(30), time=years), 2).names == ()


def test_business_days_go_on_on_monday():
    days = np.busday_offset(np.datetime64("2025-01-06"), np.arange(25))
    found = calendar_features(Series(np.zeros(25), time=days), beyond=2)
    assert found.varying(25) == WEEKDAYS[:5]
    assert column(found, "Monday")[-2:].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "time",
    [
        None,
        np.arange(20),
        np.array([f"row {one}" for one in range(20)]),
        np.datetime64("2025-01-01") + np.cumsum(np.arange(20) % 5 + 1),
    ],
    ids=["none", "numbers", "text", "irregular"],
)
def test_an_axis_without_a_step_of_time_has_no_calendar(time):
    found = calendar_features(Series(np.zeros(20), time=time), beyond=4)
    assert found.names == ()
    assert found.values.shape == (24, 0)
    assert found.varying(20) == ()


def test_one_observation_has_no_calendar():
    assert calendar_features(axis("2025-01-01", "1D", 1), 0).names == ()


def test_hours_are_those_of_the_local_clock():
    change = np.datetime64("2025-03-30T01:00:00", "us")
    clock = LocalClock((np.datetime64("2025-03-29T00:00:00", "us"), change), (60, 120))
    series = Series(np.zeros(72), time=axis("2025-03-29T00", "1h", 72).time, clock=clock)
    found = calendar_features(series, beyond=1)
    # 00:00 UTC is 01:00 in winter and 02:00 in summer; the hour from 02:00 does not exist on the day of the change.
    assert column(found, "free day 01:00")[0] == 1.0
    assert column(found, "free day 02:00")[24] == 0.0
    assert column(found, "free day 03:00")[25] == 1.0
    assert column(found, "working day 02:00")[48] == 1.0


def test_holidays_are_free_days():
    pytest.importorskip("holidays", reason="the extra `calendar` is not installed")
    hours = axis("2025-11-10T00", "1h", 72)
    found = calendar_features(hours, 0, country="pl")
    assert column(found, "holiday").tolist() == [0.0] * 24 + [1.0] * 24 + [0.0] * 24
    assert column(found, "free day 12:00").nonzero()[0].tolist() == [36]
    days = calendar_features(axis("2025-01-06", "1D", 400), 30, country="DE-BY")
    assert column(days, "holiday")[0] == 1.0, "Epiphany is one in Bavaria"
    assert column(calendar_features(axis("2025-01-06", "1D", 400), 30, country="DE"), "holiday")[0] == 0.0
    assert column(days, "holiday")[365] == 1.0, "the year after is known too"
    assert "holiday" not in calendar_features(axis("2025-01-06", "7D", 400), 30, country="DE").names


@pytest.mark.parametrize("country", ["XX", "Poland, perhaps", "", "DE-XY"])
def test_a_country_without_known_holidays_is_refused(country):
    pytest.importorskip("holidays", reason="the extra `calendar` is not installed")
    with pytest.raises(NurtValueError, match="holidays are known"):
        calendar_features(axis("2025-01-06", "1D", 40), 3, country=country)


def test_without_the_package_the_extra_is_named(monkeypatch):
    real = importlib.import_module

    def absent(name, package=None):
        if name == "holidays":
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"nurt\[calendar\]"):
        calendar_features(axis("2025-01-06", "1D", 40), 3, country="PL")
    assert len(calendar_features(axis("2025-01-06", "1D", 40), 3).names) == 13


def test_an_unknown_feature_and_a_negative_reach_are_refused():
    with pytest.raises(NurtValueError, match="no feature"):
        calendar_features(axis("2025-01-06", "1D", 40), 3, names=["working day 05:00"])
    with pytest.raises(NurtValueError, match="0 or more"):
        calendar_features(axis("2025-01-06", "1D", 40), -1)
