"""Real series, parsed as briefly as possible, and back-tests of simple forecasters on them."""

from __future__ import annotations

import csv
import datetime
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nurt.evaluation.forecasts.cells import Cells

Forecast = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def _usd_pln(folder: Path) -> np.ndarray:
    values = []
    for year in range(2021, 2025):
        lines = (folder / "nbp" / f"archiwum_tab_a_{year}.csv").read_text("cp1250").splitlines()
        rows = [line.split(";") for line in lines]
        column = rows[0].index("1USD")
        values += [float(row[column].replace(",", ".")) for row in rows if row[0].isdigit()]
    return np.array(values)


def _oil_temperature(folder: Path) -> np.ndarray:
    with gzip.open(folder / "forecasting" / "ETTh1.csv.gz", "rt") as file:
        return np.loadtxt(file, delimiter=",", skiprows=1, usecols=7)


def _pm10(folder: Path) -> np.ndarray:
    text = (folder / "gios" / "KrakowKrasinskiegoPM10.csv").read_text("utf-8-sig")
    rows = list(csv.reader(text.splitlines()))[1:]
    hours = {datetime.datetime.fromisoformat(row[0]): float(row[1]) for row in rows if row[1].strip()}
    start = datetime.datetime(2023, 1, 1, 1)
    return np.array([hours.get(start + datetime.timedelta(hours=h), np.nan) for h in range(17544)])


def _airline(folder: Path) -> np.ndarray:
    text = (folder / "forecasting" / "airline-passengers.csv").read_text()
    return np.array([float(row[1]) for row in list(csv.reader(text.splitlines()))[1:]])


READERS = {"usd_pln": _usd_pln, "oil_temperature": _oil_temperature, "pm10": _pm10, "airline": _airline}


@pytest.fixture(scope="session")
def real_series(shared_data: Path) -> Callable[[str], np.ndarray]:
    """Read one of usd_pln, oil_temperature, pm10 (hourly grid) and airline."""
    return lambda name: READERS[name](shared_data)


@pytest.fixture(scope="session")
def backtest() -> Callable[..., Cells]:
    """Back-test a forecaster on the last fifth of the origins of a series."""

    def build(values: np.ndarray, horizon: int, look_back: int, forecast: Forecast | None = None) -> Cells:
        origins = np.arange(look_back - 1, len(values) - horizon)
        origins = origins[int(0.8 * len(origins)) :]
        last = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), 0))
        naive = np.repeat(values[last[origins]][:, None], horizon, axis=1)
        actual = values[origins[:, None] + np.arange(1, horizon + 1)]
        model = naive.copy() if forecast is None else forecast(values, origins, horizon)
        return Cells(np.zeros(len(origins), dtype=int), origins, actual, {"model": model, "naive": naive})

    return build
