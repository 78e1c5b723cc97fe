"""`nurt examine`: on a small model file, in part, and with what cannot be examined."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from nurt.cli.examine import show_examination
from nurt.cli.main import app
from nurt.data import Series
from nurt.diagnostics import Scope, examine
from nurt.nn import RNN
from nurt.tasks.forecasting import ExamineRun, Forecaster
from nurt.training import TrainingSettings


def nurt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = np.sin(np.arange(120) / 3)
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    # A network that adds nothing has no gradient to draw.
    plain = {"start": "anchor", "refit": "none", "cell": "lstm", "strategy": "direct", "dropout": 0.0}
    forecaster = Forecaster(look_back=12, horizon=3, hidden=4, members=1, training=TrainingSettings(epochs=1), **plain)
    forecaster.fit([Series(values, name="load", target="load")]).save(path)
    return path


def test_prints_the_verdict_and_a_row_per_layer(model: Path, table: Path) -> None:
    result = nurt("examine", model, table, "--rows", "3")
    assert result.exit_code == 0, result.stderr
    assert "3 windows of 31 observations" in result.stdout
    assert "0, forward" in result.stdout
    assert "At these weights" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_as_json_with_a_report(model: Path, table: Path, tmp_path: Path) -> None:
    result = nurt("examine", model, table, "--json", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["examination"]["verdict"]
    page = Path(found["report"]).read_text(encoding="utf-8")
    assert "Contribution of each step to the gradient" in page
    assert set(found["examination"]["headline"]) == {"en", "pl"}
    assert found["examination"]["layers"][0]["memory"]["gate"] == "forget"


def test_too_short_data_and_foreign_files_end_in_one_message(model: Path, table: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.csv"
    short.write_text("\n".join(table.read_text().splitlines()[:12]) + "\n")
    for arguments, words in (((model, short), "No window"), ((table, table), "table.csv")):
        result = nurt("examine", *arguments)
        assert result.exit_code == 1
        assert words in result.stderr
        assert "Traceback" not in result.stderr


def test_what_was_not_looked_at_is_a_dash(capsys: pytest.CaptureFixture[str], fabricate) -> None:
    found = examine(RNN(2, 3, batch_first=True), torch.randn(2, 5, 2), scope=Scope(("lyapunov",)))
    made = fabricate.make_run()
    show_examination(ExamineRun("y", 9, "1", "9", made.model, "m", found, {}, (), ()))
    row = next(line for line in capsys.readouterr().out.splitlines() if "0, forward" in line)
    assert row.split()[2:6] == ["–"] * 4


def test_in_polish(model: Path, table: Path, tmp_path: Path) -> None:
    result = nurt("examine", model, table, "--rows", "3", "--lang", "pl", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "3 okna z 31 obserwacji" in result.stdout
    assert "Przy tych wagach, na tych oknach" in result.stdout
    assert "Zapisano w" in result.stdout
    for english in ("layer", "looked", "windows", "gradient of", "Written", "median of"):
        assert english not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert '<html lang="pl">' in (tmp_path / "out" / "examination.html").read_text(encoding="utf-8")
    assert nurt("examine", model, table, "--lang", "de").exit_code == 2


@pytest.mark.parametrize("as_json", [False, True])
def test_figures_as_files(model: Path, table: Path, tmp_path: Path, as_json: bool) -> None:
    folder = tmp_path / "figures"
    result = nurt("examine", model, table, "--rows", "2", "--export", folder, *(["--json"] if as_json else []))
    assert result.exit_code == 0, result.stderr
    files = sorted(folder.iterdir())
    assert len(files) > 15 and all(one.suffix == ".csv" for one in files)
    if as_json:
        assert sorted(json.loads(result.stdout)["exported"]) == [str(one) for one in files]
    else:
        assert f"{len(files)} figures written to" in result.stdout
    assert nurt("examine", model, table, "--export", folder, "--export-as", "gif").exit_code == 2
