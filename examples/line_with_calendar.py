"""A line that knows the hour and the weekday it forecasts, beside one that does not."""

import numpy as np

from nurt.data import Series
from nurt.data.calendar import calendar_features
from nurt.evaluation.forecasts.baselines import History, default_baselines

LOOK_BACK, HORIZON, SEASON = 168, 24, 24


def town(hours: int, seed: int = 0) -> np.ndarray:
    """Return an hourly load in MW: two peaks a day, lower at weekends, and weather that nobody wrote down."""
    random = np.random.RandomState(seed)
    hour = np.arange(hours)
    weather = np.zeros(hours)
    for t in range(1, hours):
        weather[t] = 0.97 * weather[t - 1] + random.standard_normal()
    day = 20 * np.sin(2 * np.pi * (hour - 7) / 24) + 8 * np.sin(4 * np.pi * (hour - 3) / 24)
    weekend = (hour // 24) % 7 >= 5
    return 120 + day - 14 * weekend - weather + 3 * random.standard_normal(hours)


def main(hours: int = 1680) -> None:
    load = town(hours)
    series = Series(load, time=np.datetime64("2025-01-06T00") + np.arange(hours))  # a Monday
    test = int(0.8 * hours)
    names = calendar_features(series, HORIZON).varying(test)
    calendar = calendar_features(series, HORIZON, names=names)
    history = History(load, ahead=calendar.values)

    origins = np.arange(test - 1, hours - HORIZON)
    actual = load[origins[:, None] + np.arange(1, HORIZON + 1)]
    for baseline in default_baselines(LOOK_BACK, HORIZON, SEASON, knows_ahead=True):
        forecast = baseline.fit([history.cut(test)]).forecast(history, origins, HORIZON)
        print(f"{baseline.label.short:<30}{np.abs(forecast - actual).mean():6.2f} MW")


if __name__ == "__main__":
    main()
