"""Train one step on 100 000 steps of 64 units; print by how many bytes the peak of this process rose.

Run as ``python memory.py METHOD``, METHOD the Python expression of a gradient method.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch

from nurt import nn

STEPS, HIDDEN = 100_000, 64


def main() -> None:
    torch.set_num_threads(1)
    layer, method = nn.Recurrent(nn.LSTMCell(1, HIDDEN)), eval(sys.argv[1], vars(nn))

    def train(steps: int) -> None:
        _, state = layer(torch.randn(1, steps, 1), gradient=method)
        state.hidden.square().sum().backward()

    train(1000)
    before = peak_bytes()
    train(STEPS)
    sys.stdout.write(str(peak_bytes() - before))


def peak_bytes() -> int:
    """Return the largest size this process has had in memory."""
    status = Path("/proc/self/status")
    if status.exists():
        # What `getrusage` tells on Linux begins with the peak of whoever started this process.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
