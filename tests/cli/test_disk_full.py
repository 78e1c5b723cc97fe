"""A disk that is full at any write of `nurt forecast` costs files, not results; what fits is kept, the rest resumed."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from nurt.cli.main import app

SMALL = ["--look-back", "5", "--horizon", "2", "--hidden", "3", "--epochs", "2"]
FILES = ["forecast.csv", "model.safetensors", "report.html"]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("walk") / "walk.csv"
    values = np.random.default_rng(3).standard_normal(60).cumsum()
    path.write_text("y\n" + "\n".join(f"{value:.4f}" for value in values) + "\n")
    return path


class Disk:
    """Refuses the flushes, counted from 1, for which ``full`` is true."""

    def __init__(self, full, monkeypatch: pytest.MonkeyPatch) -> None:
        self.flushes = 0
        flush = os.fsync

        def flush_if_room(descriptor: int) -> None:
            self.flushes += 1
            if full(self.flushes):
                raise OSError(errno.ENOSPC, "No space left on device")
            flush(descriptor)

        monkeypatch.setattr(os, "fsync", flush_if_room)


def forecast(walk: Path, out: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["forecast", str(walk), *SMALL, "--out", str(out), "--json", *more])


def numbers(result: Result):
    found = json.loads(result.stdout)
    return [found["forecast"], found["backtest"]["metrics"], found["verdict"]["text"]]


def kept(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


@pytest.fixture(scope="module")
def whole(walk: Path, tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as monkeypatch:
        disk = Disk(lambda _: False, monkeypatch)
        result = forecast(walk, out)
    assert result.exit_code == 0, result.stderr
    assert kept(out) == FILES
    return numbers(result), disk.flushes, (out / "forecast.csv").read_bytes()


@pytest.mark.parametrize("stays", ["from then on", "once"])
def test_full_at_any_write_and_resumed(walk, whole, tmp_path, monkeypatch, stays):
    expected, flushes, table = whole
    assert flushes >= 10  # two for each file: its contents and the folder
    for number in range(1, flushes + 1):
        out = tmp_path / f"{number}"
        with monkeypatch.context() as patch:
            Disk(lambda now, at=number: now >= at if stays == "from then on" else now == at, patch)
            result = forecast(walk, out)
        assert result.exit_code in (0, 1)
        assert "Traceback" not in result.stderr
        assert "fault of nurt" not in result.stderr
        if number == 1:
            # The first checkpoint: nothing was computed yet.
            assert (result.exit_code, result.stdout) == (1, "")
        else:
            assert numbers(result) == expected
            left = [name for name in FILES if (out / name).exists()]
            assert [name for name in kept(out) if name not in ("checkpoint.safetensors", *FILES)] == []
            if result.exit_code:
                assert "Not written: " in result.stderr
                assert "the disk is full" in result.stderr
                assert all(name in result.stderr for name in FILES if name not in left)
                assert "--resume" in result.stderr
        if result.exit_code == 0:
            assert kept(out) == FILES
            continue
        resumed = forecast(walk, out, "--resume")
        assert resumed.exit_code == 0, resumed.stderr
        assert numbers(resumed) == expected
        assert kept(out) == FILES
        assert (out / "forecast.csv").read_bytes() == table


def test_the_verdict_is_printed_and_only_written_files_are_named(walk, tmp_path, monkeypatch):
    Disk(lambda now: now >= 3, monkeypatch)
    result = CliRunner().invoke(app, ["forecast", str(walk), *SMALL, "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "repeat" in result.stdout
    assert "Written to" not in result.stdout
    assert "Not written: model.safetensors, forecast.csv, report.html." in result.stderr


def test_a_demonstration_without_room_shows_its_numbers(tmp_path, monkeypatch):
    from nurt.tasks.forecasting import demo

    for name in ("ONE_STEP", "FAN"):
        plan = getattr(demo, name)
        monkeypatch.setattr(demo, name, type(plan)(**{**vars(plan), "epochs": 1}))
    Disk(lambda now: now > 2, monkeypatch)
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path), "--seeds", "2"])
    assert result.exit_code == 1, result.stderr
    assert "noise floor" in result.stdout
    assert "Not written: model.safetensors, report.html." in result.stderr
