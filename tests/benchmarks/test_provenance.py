from __future__ import annotations

import subprocess

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
