"""How much memory the methods take, measured in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.nn.gradients.memory import HIDDEN, STEPS

OUTPUTS = 4 * STEPS * HIDDEN


def peak(method: str) -> int:
    """Return by how much the peak rises in training, in bytes, the outputs (B, T, H) themselves left out."""
    script = Path(__file__).with_name("memory.py")
    done = subprocess.run([sys.executable, str(script), method], capture_output=True, text=True, check=True)
    return int(done.stdout) - OUTPUTS


@pytest.mark.slow
def test_a_long_sequence_trains_in_less_than_a_tenth_of_the_exact_methods_memory():
    pytest.importorskip("resource", reason="the peak of a process is not known here")
    exact = peak("Exact()")
    # Whatever is kept, exact gradients need the gates of every step.
    assert exact > 4 * OUTPUTS
    for method in ("Checkpointed(every=316)", "Checkpointed(budget_bytes=2_000_000)", "Truncated(100)"):
        assert peak(method) <= exact / 10, method
