"""A sample of ``python -m tests.proofs.kills``, in a process that has started no thread, and its own comparison."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.proofs.kills import differences, phase

ROOT = Path(__file__).resolve().parents[2]


def test_runs_killed_at_random_and_resumed_end_as_if_nothing_had_happened():
    command = [sys.executable, "-m", "tests.proofs.kills", "--count", "6", "--seed", "3"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 outcomes differ" in done.stdout


def test_what_differs_is_named():
    expected = {"weights": b"a", "table": b"b"}
    assert differences(expected, {"weights": b"a", "table": b"b"}) == []
    assert differences(expected, {"weights": b"c"}) == ["weights", "table"]


def test_the_phase_of_a_kill_is_read_from_its_files(tmp_path):
    assert phase(tmp_path / "absent") == "before the first checkpoint"
    (tmp_path / "checkpoint.safetensors").touch()
    assert phase(tmp_path) == "with a checkpoint, no file yet"
    (tmp_path / "model.safetensors").touch()
    assert phase(tmp_path) == "with a checkpoint and 1 of the files"
    (tmp_path / ".0.part").touch()
    assert phase(tmp_path) == "within a write"
