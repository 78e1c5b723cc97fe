"""Write `load.csv`, ten weeks of hourly electric load of a synthetic town, as input for the command line."""

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np


def town(hours: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return load in MW and temperature in °C: two peaks a day, lower load at weekends and in warm weather."""
    random = np.random.RandomState(seed)
    hour = np.arange(hours)
    weather = np.zeros(hours)
    for t in range(1, hours):
        weather[t] = 0.97 * weather[t - 1] + 0.6 * random.standard_normal()
    temperature = 8 + 4 * np.sin(2 * np.pi * (hour - 9) / 24) + weather
    day = 20 * np.sin(2 * np.pi * (hour - 7) / 24) + 8 * np.sin(4 * np.pi * (hour - 3) / 24)
    weekend = (hour // 24) % 7 >= 5
    load = 120 + day - 14 * weekend - 1.8 * (temperature - 8) + 3 * random.standard_normal(hours)
    return load.round(1), temperature.round(1)


def main(hours: int = 1680) -> None:
    start = datetime(2025, 1, 6)  # a Monday
    with Path("load.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "load", "temperature"])
        for passed, (load, temperature) in enumerate(zip(*town(hours), strict=True)):
            rows.writerow([f"{start + timedelta(hours=passed):%Y-%m-%d %H:%M}", load, temperature])
    print(f"load.csv: {hours} hours. Now try:")
    print("nurt forecast load.csv --target load --look-back 168 --horizon 24")


if __name__ == "__main__":
    main()
