"""Times whose offset from UTC changes are computed with as instants and shown as the file writes them."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nurt.cli.main import app
from nurt.cli.summary import _moment

SMALL = ["--look-back", "5", "--horizon", "2", "--hidden", "3", "--epochs", "2", "--grid", "1h"]


@pytest.fixture(scope="module")
def autumn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty hours around the end of summer time."""
    change = datetime.datetime(2020, 10, 25, 1)
    rows = ["ds,y"]
    for hour in range(60):
        instant = datetime.datetime(2020, 10, 22, 22) + datetime.timedelta(hours=hour)
        ahead = 2 if instant < change else 1
        local = instant + datetime.timedelta(hours=ahead)
        rows.append(f"{local:%Y-%m-%d %H:%M}+0{ahead}:00,{(hour % 7) * 1.5 + hour * hour % 5}")
    path = tmp_path_factory.mktemp("autumn") / "autumn.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_files_and_report_show_local_time(autumn: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["forecast", str(autumn), *SMALL, "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["first"], found["last"]) == ("2020-10-23T00:00:00+02:00", "2020-10-25T10:00:00+01:00")
    assert any("0 absent times" in note for note in found["notes"])
    with (tmp_path / "forecast.csv").open() as file:
        times = [row["ds"] for row in csv.DictReader(file)]
    assert times == ["2020-10-25T11:00:00+01:00", "2020-10-25T12:00:00+01:00"]
    page = (tmp_path / "report.html").read_text()
    assert "2020-10-25T11:00:00+01:00" in page
    assert "T09:00:00," not in page


def test_the_terminal_shows_local_time(autumn: Path, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path), "--no-report"]
    result = CliRunner().invoke(app, ["forecast", str(autumn), *SMALL, *out])
    assert result.exit_code == 0, result.stderr
    assert "2020-10-25 11:00+01:00" in result.stdout


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        (None, "–"),
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T05:00:00", "2020-01-01 05:00"),
        ("2020-01-01T05:00:30", "2020-01-01 05:00:30"),
        ("2020-01-01T05:00:00.5", "2020-01-01 05:00:00.5"),
        ("2020-01-01T05:00:00+01:00", "2020-01-01 05:00+01:00"),
        ("week Two", "week Two"),
    ],
)
def test_labels_lose_what_says_nothing(label: str | None, shown: str) -> None:
    assert _moment(label) == shown
