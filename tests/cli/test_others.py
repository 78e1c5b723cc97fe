"""`nurt demo`, `predict` and `backtest`, each with a made-up result."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

from nurt.cli.main import app
from nurt.errors import ModelFileError
from nurt.tasks.forecasting import demo, reuse


def nurt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, fabricate: ModuleType) -> dict[str, Any]:
    """Let the commands find made-up results; return what they asked."""
    asked: dict[str, Any] = {}
    run = fabricate.make_run()
    shared = {"target": "1USD", "observations": 1009, "last": "2024-12-31", "model": run.model, "sources": ("a.csv",)}

    def run_predict(model: Path, selection: Any) -> Any:
        asked.update(model=model, selection=selection, threads=torch.get_num_threads())
        return reuse.PredictRun(**shared, model_file=str(model), forecast=run.forecast, notes=("A note.",))

    def run_backtest(model: Path, selection: Any, plan: Any) -> Any:
        asked.update(model=model, selection=selection, plan=plan, threads=torch.get_num_threads())
        return reuse.BacktestRun(
            **shared, first="2021-01-04", model_file=str(model), backtest=run.backtest, verdict=run.verdict,
            versions=run.versions, notes=(),
        )  # fmt: skip

    def run_demo(**options: Any) -> Any:
        asked.update(options)
        rows = {"persistence": 0.0388, "linear AR(10)": 0.0149, "LSTM": (0.0151, 0.0006)}
        return demo.DemoRun(noise_floor=0.0133, rows=rows, seeds=run.seeds, run=run)

    monkeypatch.setattr(reuse, "run_predict", run_predict)
    monkeypatch.setattr(reuse, "run_backtest", run_backtest)
    monkeypatch.setattr(demo, "run_demo", run_demo)
    return asked


def test_predict_prints_every_step_of_a_page(asked: dict[str, Any], table: Path) -> None:
    result = nurt("predict", "m.safetensors", table)
    assert result.exit_code == 0, result.stderr
    assert asked["model"] == Path("m.safetensors")
    assert all(f"+{h} " in result.stdout for h in range(1, 31))
    assert "A note." in result.stdout


def test_predict_writes_a_table_on_request(asked: dict[str, Any], table: Path, tmp_path: Path) -> None:
    result = nurt("predict", "m.safetensors", table, "--csv", tmp_path / "f.csv")
    assert "f.csv" in result.stdout.replace("\n", "")
    with (tmp_path / "f.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 30


def test_predict_as_json(asked: dict[str, Any], table: Path) -> None:
    result = nurt("predict", "m.safetensors", table, "--json")
    assert len(json.loads(result.stdout)["forecast"]) == 30
    assert result.stderr == ""


def test_backtest_prints_verdict_and_takes_its_plan(asked: dict[str, Any], table: Path) -> None:
    result = nurt("backtest", "m.safetensors", table, "--windows", "50", "--step-size", "5", "--whole")
    assert result.exit_code == 0, result.stderr
    assert "use naive." in result.stdout
    plan = asked["plan"]
    assert (plan.n_windows, plan.step_size, plan.partial, plan.refit) == (50, 5, False, False)


def test_backtest_writes_a_report_on_request(asked: dict[str, Any], table: Path, tmp_path: Path) -> None:
    result = nurt("backtest", "m.safetensors", table, "--report", tmp_path / "b.html", "--json")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "b.html").stat().st_size > 1_000_000
    assert json.loads(result.stdout)["verdict"]["best"] == "naive"


@pytest.mark.parametrize("command", ["predict", "backtest"])
def test_threads_count_for_the_run_alone(command: str, asked: dict[str, Any], table: Path) -> None:
    before = torch.get_num_threads()
    assert nurt(command, "m.safetensors", table, "--threads", "3").exit_code == 0
    assert asked["threads"] == 3
    assert torch.get_num_threads() == before


def test_demo_stands_the_network_beside_the_noise_floor(asked: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "demo"
    result = nurt("demo", "--out", out, "--seeds", "3", "--seed", "7")
    assert result.exit_code == 0, result.stderr
    assert (asked["seed"], asked["seeds"], asked["out"].path) == (7, 3, out)
    for expected in ("0.0133", "0.0388", "0.0151 ± 0.0006", "1.14"):
        assert expected in result.stdout
    assert (out / "report.html").exists()


def test_demo_as_json_names_its_report(asked: dict[str, Any], tmp_path: Path) -> None:
    result = nurt("demo", "--out", tmp_path, "--json")
    found = json.loads(result.stdout)
    assert found["noise_floor"] == 0.0133
    assert found["run"]["report"] == str(tmp_path / "report.html")


def test_demo_without_report(asked: dict[str, Any], tmp_path: Path) -> None:
    assert nurt("demo", "--out", tmp_path, "--no-report").exit_code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["predict", "backtest"])
def test_a_damaged_model_file_ends_with_1(command: str, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ModelFileError("The file m.safetensors is damaged.", cure="Fetch it again.")

    monkeypatch.setattr(reuse, f"run_{command}", refuse)
    result = nurt(command, "m.safetensors", table, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "nurt: error: The file m.safetensors is damaged.\nFetch it again.\n"


def test_an_interrupted_demo_says_that_nothing_was_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(**_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run_demo", interrupted)
    result = nurt("demo", "--out", tmp_path)
    assert result.exit_code == 130
    assert "nothing was kept" in result.stderr
