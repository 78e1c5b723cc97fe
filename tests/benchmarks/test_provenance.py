from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nurt.benchmarks import provenance


@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [("abc1234", "", "abc1234"), ("abc1234", " M kernels/ops.py", "abc1234+"), ("", "", None)],
)
def test_the_code_is_named_by_its_last_change(
    monkeypatch: pytest.MonkeyPatch, change: str, status: str, expected: str | None
) -> None:
    monkeypatch.setattr(provenance, "_git", lambda *words: change if words[0] == "log" else status)
    assert provenance.commit() == expected


def test_without_git_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", absent)
    assert provenance.commit() is None


def test_busy_cores_are_counted_over_a_moment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counters = tmp_path / "stat"
    counters.write_text("cpu  10 0 0 100 50 0 0 0 7 0\ncpu0 1 2 3\n")
    # In the moment watched: 2 + 1 + 1 + 4 of 8 + 24 + 8 working, on 4 cores.
    later = "cpu  12 1 0 124 58 0 1 4 9 0\ncpu0 1 2 3\n"
    monkeypatch.setattr(provenance, "COUNTERS", counters)
    monkeypatch.setattr(provenance.time, "sleep", lambda _: counters.write_text(later))
    monkeypatch.setattr(provenance.os, "cpu_count", lambda: 4)
    assert provenance.busy_cores() == 0.8


def test_without_counters_nobody_knows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(provenance, "COUNTERS", tmp_path / "absent")
    assert provenance.busy_cores() is None
