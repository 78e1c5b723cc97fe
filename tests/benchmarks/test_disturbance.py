from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nurt.benchmarks import disturbance
from nurt.benchmarks.disturbance import one_core_taken


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Return the processes that are started."""
    found: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def remember(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        found.append(start(*arguments, **options))  # type: ignore[call-overload]
        return found[-1]

    monkeypatch.setattr(disturbance.subprocess, "Popen", remember)
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
    done = subprocess.run([sys.executable, "-c", disturbance.PROGRAM, "0"], capture_output=True, timeout=30, check=True)
    assert done.stdout == b"busy" + os.linesep.encode()
