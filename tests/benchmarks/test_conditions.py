"""Which code is measured, on how busy a machine, and a core that is kept busy on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nurt.benchmarks import conditions
from nurt.benchmarks.conditions import one_core_taken


@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [("abc1234", "", "abc1234"), ("abc1234", " M kernels/ops.py", "abc1234+"), ("", "", None)],
)
def test_the_code_is_named_by_its_last_change(
    monkeypatch: pytest.MonkeyPatch, change: str, status: str, expected: str | None
) -> None:
    monkeypatch.setattr(conditions, "_git", lambda *words: change if words[0] == "log" else status)
    assert conditions.commit() == expected


def test_without_git_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", absent)
    assert conditions.commit() is None


def test_busy_cores_are_counted_over_a_moment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counters = tmp_path / "stat"
    counters.write_text("cpu  10 0 0 100 50 0 0 0 7 0\ncpu0 1 2 3\n")
    # In the moment watched: 2 + 1 + 1 + 4 of 8 + 24 + 8 working, on 4 cores.
    later = "cpu  12 1 0 124 58 0 1 4 9 0\ncpu0 1 2 3\n"
    monkeypatch.setattr(conditions, "COUNTERS", counters)
    monkeypatch.setattr(conditions.time, "sleep", lambda _: counters.write_text(later))
    monkeypatch.setattr(conditions.os, "cpu_count", lambda: 4)
    assert conditions.busy_cores() == 0.8


def test_without_counters_nobody_knows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(conditions, "COUNTERS", tmp_path / "absent")
    assert conditions.busy_cores() is None


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Return the processes that are started."""
    found: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def remember(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        found.append(start(*arguments, **options))  # type: ignore[call-overload]
        return found[-1]

    monkeypatch.setattr(conditions.subprocess, "Popen", remember)
    return found


def test_it_runs_inside_the_block_and_has_ended_after_it(started: list[subprocess.Popen[bytes]]) -> None:
    with one_core_taken():
        assert [one.poll() for one in started] == [None]
    assert started[0].poll() is not None


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError])
def test_it_ends_whatever_ends_the_block(started: list[subprocess.Popen[bytes]], kind: type[BaseException]) -> None:
    with pytest.raises(kind), one_core_taken():
        raise kind
    assert started[0].poll() is not None


def test_it_ends_by_itself_where_its_parent_is_gone() -> None:
    # Nobody has the process id 0, so the program finds another parent than it is told of.
    done = subprocess.run([sys.executable, "-c", conditions.PROGRAM, "0"], capture_output=True, timeout=30, check=True)
    assert done.stdout == b"busy" + os.linesep.encode()
