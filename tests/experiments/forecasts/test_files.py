"""One series out of files: by name, by part of a name, or the only one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nurt.errors import DataError
from nurt.experiments.forecasts.files import one_series


def _table(folder: Path, header: str) -> list[str]:
    path = folder / "table.csv"
    columns = header.count(",")
    lines = [f"2021-01-{day:02}" + "".join(f",{day + 10 * c}" for c in range(columns)) for day in range(1, 6)]
    path.write_text("\n".join([header, *lines]) + "\n")
    return [str(path)]


def test_the_only_column_needs_no_name(tmp_path: Path) -> None:
    assert one_series(_table(tmp_path, "day,anything"), "1USD").values.tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("header", ["day,1EUR,1USD", "day,1EUR,rate of 1USD in PLN"])
def test_a_column_is_found_by_its_name_or_a_part_of_it(tmp_path: Path, header: str) -> None:
    assert one_series(_table(tmp_path, header), "1USD").values[0] == 11


@pytest.mark.parametrize("header", ["day,1EUR,1GBP", "day,a PM10,b PM10"])
def test_none_or_several_are_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(DataError, match="table"):
        one_series(_table(tmp_path, header), "PM10")
