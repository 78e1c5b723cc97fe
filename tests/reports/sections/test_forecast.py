from __future__ import annotations

import csv
from pathlib import Path
from types import ModuleType

from nurt.reports import write_forecast_table


def test_the_table_has_the_columns_other_tools_join_on(fabricate: ModuleType, tmp_path: Path) -> None:
    steps = fabricate.make_steps(("a,b", "c"), 2, dated=True)
    with write_forecast_table(steps, tmp_path / "f.csv", model="LSTM").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "unique_id", "ds", "step", "LSTM", "LSTM-lo-95", "LSTM-lo-80", "LSTM-hi-80", "LSTM-hi-95",
    ]  # fmt: skip
    assert [(row["unique_id"], row["step"]) for row in rows] == [("a,b", "1"), ("a,b", "2"), ("c", "1"), ("c", "2")]
    assert rows[0]["ds"] == "2025-01-01T01:00:00"
    assert float(rows[0]["LSTM"]) == steps[0].median
    assert float(rows[3]["LSTM-hi-95"]) == steps[3].hi_95


def test_what_is_unknown_stays_empty(fabricate: ModuleType, tmp_path: Path) -> None:
    path = write_forecast_table(fabricate.make_steps(("y",), 1, bands=False), tmp_path / "f.csv", model="GRU")
    assert path.read_text().splitlines()[1] == "y,,1,4.1004,,,,"
