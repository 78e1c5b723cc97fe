from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nurt.cli.main import app
from nurt.errors import DataError, OutputError
from nurt.nn import CELLS
from nurt.tasks.forecasting import run as task
from nurt.training.events import EpochEnded, TrainingEnded, TrainingRecord, TrainingStarted


@dataclasses.dataclass
class Call:
    """What the task was asked."""

    selection: Any = None
    plan: Any = None
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, fabricate: ModuleType) -> Call:
    """Let `nurt forecast` find a made-up run instead of training."""
    call = Call()

    def run_forecast(selection: Any, plan: Any, **options: Any) -> Any:
        call.selection, call.plan, call.options = selection, plan, options
        options["listener"](TrainingStarted(3, 1, 64, 1))
        options["listener"](EpochEnded(1, 0.5, 0.4, 1e-3, 1.0, 0.0, 0.1, is_best=True))
        options["listener"](TrainingEnded(TrainingRecord(3, 0.3, "epochs", 1, ())))
        return fabricate.make_run()

    monkeypatch.setattr(task, "run_forecast", run_forecast)
    return call


def forecast(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["forecast", *map(str, arguments)])


def test_the_result_is_summed_up_and_files_are_written(call: Call, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = forecast(table, "--target", "load", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert "use naive." in result.stdout
    assert sorted(one.name for one in out.iterdir()) == ["forecast.csv", "report.html"]
    assert "report.html, model.safetensors, forecast.csv" in " ".join(result.stdout.split())


def test_what_is_not_given_is_left_to_the_recipe(call: Call, table: Path, tmp_path: Path) -> None:
    forecast(table, "--out", tmp_path / "out")
    assert call.plan == task.ForecastPlan()
    assert call.options["out"].resume is False
    assert call.options["out"].path == tmp_path / "out"


def test_every_option_reaches_the_plan(call: Call, table: Path, tmp_path: Path) -> None:
    given = {
        "recipe": "course", "look_back": 7, "horizon": 3, "season": 2, "test": 0.3, "step_size": 2, "seeds": 4,
        "cell": "gru", "layers": 2, "hidden": 9, "dropout": 0.1, "strategy": "recursive", "scaling": "minmax",
        "loss": "squared", "validation": 0.1, "epochs": 5, "batch_size": 16, "learning_rate": 0.01, "weight_decay": 0.1,
        "patience": 4,
        "segment": 1, "start": "linear", "transform": "log", "calendar": "yes", "country": "PL", "members": 2,
        "refit": "none", "windows": 900,
        "seed": 11, "threads": 3,
    }  # fmt: skip
    assert {*given, "baselines"} == {field.name for field in dataclasses.fields(task.ForecastPlan)}
    words = ["--baseline", "ets", "--baseline", "theta"]
    words += [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    result = forecast(table, *words, "--out", tmp_path / "out", "--resume")
    assert result.exit_code == 0, result.stderr
    assert call.plan == task.ForecastPlan(**given, baselines=("ets", "theta"))
    assert call.options["out"].resume is True


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_can_be_chosen(call: Call, table: Path, tmp_path: Path, cell: str) -> None:
    result = forecast(table, "--cell", cell, "--no-report", "--json", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert call.plan.forecaster().cell == cell


def test_an_unknown_cell_is_refused_with_the_names_of_all(call: Call, table: Path) -> None:
    result = forecast(table, "--cell", "transformer")
    assert result.exit_code == 2
    words = " ".join(result.stderr.replace("│", " ").split())
    assert f"'transformer' is not one of {', '.join(CELLS)}." in words


def test_columns_reach_the_selection(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    rows = [f"{name},2024-01-{day:02d},{day}.5,{day + 1}.5" for name in "ab" for day in range(1, 13)]
    path.write_text("\n".join(["name,day,load,wind", *rows]))
    result = forecast(
        path, "--target", "load", "--time", "day", "--series", "name", "--past-covariate", "wind", "--format", "table",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert [one.name for one in call.selection.series] == ["a", "b"]
    assert call.selection.series[0].covariate_names == ("wind",)


def test_a_grid_inserts_missing_rows_and_says_so(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "gap.csv"
    path.write_text("\n".join(["day,load", "2024-01-01,1.5", "2024-01-02,2.5", "2024-01-05,3.5"]))
    result = forecast(path, "--target", "load", "--grid", "1d", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert len(call.selection.series[0]) == 5
    assert "On the grid of 1d, 2 absent times became missing values." in call.selection.notes


def test_json_is_one_object_and_nothing_else(call: Call, table: Path, tmp_path: Path) -> None:
    result = forecast(table, "--target", "load", "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.stderr

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads(result.stdout, parse_constant=refuse)
    assert result.stdout.count("\n") == 1
    assert found["verdict"]["text"].endswith("use naive.")
    assert found["report"] == str(tmp_path / "out" / "report.html")
    assert result.stderr == ""


def test_no_report_writes_none_and_names_none(call: Call, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = forecast(table, "--target", "load", "--out", out, "--no-report")
    assert [one.name for one in out.iterdir()] == ["forecast.csv"]
    assert "report.html" not in result.stdout


def test_an_unknown_column_is_an_error_that_lists_the_others(call: Call, table: Path, tmp_path: Path) -> None:
    result = forecast(table, "--target", "lod", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "'load'" in result.stderr
    assert call.plan is None


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (DataError("Too short."), "{table}: Too short."),
        (OutputError("Cannot write out."), "Cannot write out."),
    ],
)
def test_errors_of_the_task_end_with_1_and_those_of_data_name_the_file(
    fault: Exception, message: str, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(task, "run_forecast", failing)
    result = forecast(table, "--target", "load", "--out", tmp_path / "out", "--json")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"nurt: error: {message.format(table=table)}\n")


def test_a_folder_that_cannot_be_written_ends_with_1(call: Call, table: Path, tmp_path: Path) -> None:
    result = forecast(table, "--target", "load", "--out", table)
    assert result.exit_code == 1
    assert str(table) in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("began", [True, False])
def test_an_interrupted_training_can_be_resumed_once_it_began(
    began: bool, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, listener: Any, **__: Any) -> None:
        if began:
            listener(TrainingStarted(3, 1, 64, 1))
        raise KeyboardInterrupt

    monkeypatch.setattr(task, "run_forecast", interrupted)
    out = tmp_path / "out"
    result = forecast(table, "--target", "load", "--out", out)
    assert result.exit_code == 130
    assert result.stdout == ""
    assert ("--resume" in result.stderr) == began
    assert (str(out) in result.stderr) == began
