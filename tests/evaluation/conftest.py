"""Real series, read in the smallest way that gets their numbers right."""

from __future__ import annotations

import csv
import datetime
import gzip
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def usd_pln(shared_data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Dates and NBP mid rates of one US dollar in zloty, 2021-2024."""
    days, rates = [], []
    for year in range(2021, 2025):
        text = (shared_data / "nbp" / f"archiwum_tab_a_{year}.csv").read_text(encoding="cp1250")
        rows = list(csv.reader(text.splitlines(), delimiter=";"))
        column = rows[0].index("1USD")
        for row in rows:
            if row and len(row[0]) == 8 and row[0].isdigit():
                days.append(np.datetime64(f"{row[0][:4]}-{row[0][4:6]}-{row[0][6:]}"))
                rates.append(float(row[column].replace(",", ".")))
    return np.array(days), np.array(rates)


@pytest.fixture(scope="session")
def pm10(shared_data: Path) -> np.ndarray:
    """Hourly PM10 in Kraków, Al. Krasińskiego, 2023-2024, on the full hourly grid; missing hours are NaN."""
    text = (shared_data / "gios" / "KrakowKrasinskiegoPM10.csv").read_text(encoding="utf-8-sig")
    rows = [row for row in csv.reader(text.splitlines()) if row[0][0].isdigit()]
    stamps = [datetime.datetime.fromisoformat(row[0]) for row in rows]
    hours = [round((stamp - stamps[0]) / datetime.timedelta(hours=1)) for stamp in stamps]
    grid = np.full(hours[-1] + 1, np.nan)
    grid[hours] = [float(row[1]) for row in rows]
    return grid


@pytest.fixture(scope="session")
def etth1(shared_data: Path) -> np.ndarray:
    """Seven hourly columns, (14400, 7): the usual 12 + 4 + 4 months."""
    with gzip.open(shared_data / "forecasting" / "ETTh1.csv.gz", "rt") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([row[1:] for row in rows[:14400]], dtype=np.float64)


@pytest.fixture(scope="session")
def exchange(shared_data: Path) -> np.ndarray:
    """Eight daily exchange rates, (7588, 8)."""
    with gzip.open(shared_data / "forecasting" / "exchange_rate.txt.gz", "rt") as file:
        return np.array([row for row in csv.reader(file) if row], dtype=np.float64)


@pytest.fixture(scope="session")
def m4_hourly(shared_data: Path) -> list[np.ndarray]:
    """414 ragged hourly series."""
    with gzip.open(shared_data / "forecasting" / "m4" / "Hourly-train.csv.gz", "rt") as file:
        rows = list(csv.reader(file))[1:]
    return [np.array([cell for cell in row[1:] if cell], dtype=np.float64) for row in rows]
