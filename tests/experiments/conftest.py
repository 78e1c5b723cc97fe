"""Files such as a person would give to the experiments that work on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nurt.data.synthetic import random_walk, seasonal


@pytest.fixture(scope="session")
def own_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Two years of a random walk with a column 1USD, and a hundred days of hours with a daily course."""
    folder = tmp_path_factory.mktemp("own")
    rates = folder / "rates.csv"
    days = np.datetime64("2021-11-01") + np.arange(160)
    walk = random_walk(0, len(days), start=4.0, step=0.02)
    rates.write_text("data,1USD\n" + "".join(f"{day},{rate:.4f}\n" for day, rate in zip(days, walk, strict=True)))
    air = folder / "air.csv"
    hours = np.datetime64("2023-01-01T01:00") + np.arange(2400).astype("timedelta64[h]")
    dust = 40.0 + 10.0 * seasonal(0, len(hours), season=24, noise=0.3)
    rows = zip(hours, dust, strict=True)
    air.write_text("time,PM10\n" + "".join(f"{str(hour).replace('T', ' ')},{value:.2f}\n" for hour, value in rows))
    return {"usd-pln": [rates], "pm10": [air]}
