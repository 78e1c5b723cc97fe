"""The program as a person runs it: real files in, report and model out, and one clear message when it cannot be."""

from __future__ import annotations

import html
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from safetensors.torch import load_file
from typer.testing import CliRunner

from nurt.cli.main import app

Nurt = Callable[..., subprocess.CompletedProcess[str]]
SMALL = ("--look-back", "17", "--horizon", "5", "--hidden", "6", "--epochs", "3")


def _command(arguments: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-m", "nurt", *map(str, arguments)]


@pytest.fixture
def nurt(tmp_path: Path) -> Nurt:
    """Run the program in an empty folder."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            _command(arguments), cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )

    return run


def _write(path: Path, values: Sequence[object], header: str = "day;rate", start: str = "2020-01-01") -> Path:
    days = np.datetime64(start) + np.arange(len(values))
    rows = [f"{day};{value}" for day, value in zip(days, values, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the program in an empty folder within this process, for what needs no process of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of a noisy wave."""
    values = np.sin(np.arange(260) / 3) + np.random.default_rng(1).normal(0, 0.1, 260)
    return _write(tmp_path / "table.csv", [f"{value:.5f}" for value in values])


def test_a_forecast_leaves_report_model_and_table_and_its_model_forecasts_again(
    nurt: Nurt, table: Path, tmp_path: Path
) -> None:
    done = nurt("forecast", table, *SMALL, "--json", "--out", "out")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["target"] == "rate"
    assert found["observations"] == 260
    report = html.unescape((tmp_path / found["report"]).read_text(encoding="utf-8")).replace("\u00a0", " ")
    assert found["verdict"]["text"] in report
    # A network that was left out is not examined.
    if found["choices"]["network"]:
        assert found["examination"]["headline"]["en"] in report
    else:
        assert found["examination"] is None
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "forecast.csv",
        "model.safetensors",
        "report.html",
    ]
    predicted = nurt("predict", found["model_file"], table, "--json")
    assert predicted.returncode == 0, predicted.stderr
    assert json.loads(predicted.stdout)["forecast"] == [step | {"free": {}} for step in found["forecast"]]
    judged = nurt("backtest", found["model_file"], table, "--json")
    assert judged.returncode == 0, judged.stderr
    assert json.loads(judged.stdout)["backtest"]["metrics"]["mae"] == found["backtest"]["metrics"]["mae"]
    told = nurt("info", found["model_file"], "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)


def test_killed_in_mid_training_it_resumes_bit_for_bit(nurt: Nurt, table: Path, tmp_path: Path) -> None:
    arguments = [
        "forecast", table, "--look-back", "17", "--horizon", "5", "--hidden", "24", "--layers", "2", "--dropout", "0.1",
        "--epochs", "80", "--patience", "80", "--batch-size", "4", "--no-report", "--json",
    ]  # fmt: skip
    whole = nurt(*arguments, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    process = subprocess.Popen(
        _command([*arguments, "--out", "cut"]), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    checkpoint = tmp_path / "cut" / "checkpoint.safetensors"
    seen: set[int] = set()
    while process.poll() is None and len(seen) < 2:
        if checkpoint.exists():
            seen.add(checkpoint.stat().st_mtime_ns)
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the training was over before it could be killed"
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    resumed = nurt(*arguments, "--out", "cut", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    first, second = (load_file(tmp_path / folder / "model.safetensors") for folder in ("whole", "cut"))
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].numpy().tobytes() == second[name].numpy().tobytes(), name
    assert json.loads(resumed.stdout)["forecast"] == json.loads(whole.stdout)["forecast"]


def test_ctrl_c_keeps_the_best_model_and_says_how_to_go_on(table: Path, tmp_path: Path) -> None:
    arguments = [
        "forecast",
        table,
        "--look-back",
        "17",
        "--horizon",
        "5",
        "--epochs",
        "5000",
        "--patience",
        "5000",
        "--out",
        "cut",
    ]
    process = subprocess.Popen(
        _command(arguments), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not (tmp_path / "cut" / "checkpoint.safetensors").exists():
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "--resume" in errors
    assert "Traceback" not in errors
    assert (tmp_path / "cut" / "model.safetensors").exists()


NBP = "data;1USD;1EUR;nr tabeli;pełny numer tabeli;\n;dolar;euro;\n20210104;3,6998;4,5485;1;001/A/NBP/2021;\n"


def _bad(folder: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Return name → (arguments after `forecast`, words the message must hold)."""
    wave = [f"{value:.4f}" for value in np.sin(np.arange(60))]
    good = str(_write(folder / "good.csv", wave))
    (folder / "empty.csv").write_text("")
    text = str(_write(folder / "text.csv", [*wave[:40], "n.a.?", *wave[41:]]))
    constant = str(_write(folder / "constant.csv", ["2.5"] * 60))
    missing = str(_write(folder / "missing.csv", [""] * 60))
    infinite = str(_write(folder / "infinite.csv", [*wave[:30], "inf", *wave[31:]]))
    doubled = _write(folder / "doubled.csv", wave)
    doubled.write_text(doubled.read_text() + "2020-01-05;9.9\n")
    mixed = str(folder / "mixed.csv")
    Path(mixed).write_text("day,rate\n" + "".join(f"2020-01-{d:02d},1,{d}\n" for d in range(1, 29)))
    lost = str(folder / "lost.csv")
    Path(lost).write_bytes(NBP.replace("data;", "", 1).encode("cp1250"))
    (folder / "binary.csv").write_bytes(bytes(range(256)) * 40)
    return {
        "missing file": (["nowhere.csv"], ["nowhere.csv"]),
        "folder": ([str(folder)], [folder.name]),
        "empty file": (["empty.csv"], ["empty.csv", "empty"]),
        "binary": (["binary.csv"], ["binary.csv"]),
        "unknown column": ([good, "--target", "rats"], ["rats", "rate"]),
        "unknown time": ([good, "--time", "dya"], ["dya", "day"]),
        "text in numbers": ([text, "--target", "rate"], ["n.a.?", "42"]),
        "too short": ([good, "--look-back", "60", "--horizon", "30"], ["90"]),
        "constant": ([constant, *SMALL], ["constant"]),
        "all missing": ([missing, *SMALL, "--target", "rate"], ["rate"]),
        "infinite": ([infinite, *SMALL], ["inf"]),
        "duplicates": ([str(doubled), *SMALL], ["2020-01-05"]),
        "comma is both": ([mixed, *SMALL, "--target", "rate"], ["mixed.csv"]),
        "NBP without structure": ([lost, "--format", "nbp", "--target", "1USD"], ["lost.csv"]),
        "no folder to write": ([good, *SMALL, "--out", str(folder / "good.csv" / "out")], ["good.csv"]),
    }


BAD = (
    "missing file", "folder", "empty file", "binary", "unknown column", "unknown time", "text in numbers", "too short",
    "constant", "all missing", "infinite", "duplicates", "comma is both", "NBP without structure", "no folder to write",
)  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_with_one_clear_message(name: str, here: Callable[..., Result], tmp_path: Path) -> None:
    arguments, words = _bad(tmp_path)[name]
    before = sorted(tmp_path.rglob("*"))
    done = here("forecast", *arguments)
    assert done.exit_code == 1, (done.exit_code, done.stdout, done.stderr)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    flat = " ".join(done.stderr.split())
    for word in words:
        assert word in flat, flat
    assert sorted(tmp_path.rglob("*")) == before, "something half-written was left behind"


@pytest.mark.parametrize("damage", ["truncated", "foreign", "text", "absent"])
def test_a_damaged_model_file_is_refused(damage: str, here: Callable[..., Result], table: Path, tmp_path: Path) -> None:
    model = tmp_path / "out" / "model.safetensors"
    if damage != "absent":
        assert here("forecast", table, *SMALL, "--no-report", "--out", "out").exit_code == 0
    if damage == "truncated":
        model.write_bytes(model.read_bytes()[:-100])
    elif damage == "foreign":
        import torch
        from safetensors.torch import save_file

        save_file({"weight": torch.ones(2)}, model)
    elif damage == "text":
        model.write_text("not a model")
    done = here("predict", model, table)
    assert done.exit_code == 1, done.stderr
    assert "model.safetensors" in " ".join(done.stderr.split()).replace(" ", "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--horizon", "0"], ["--cell", "transformer"], ["--test", "1.5"], ["--nonsense"]]
)
def test_wrong_usage_exits_with_two(arguments: list[str], here: Callable[..., Result], table: Path) -> None:
    done = here("forecast", table, *arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr
