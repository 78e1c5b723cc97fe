"""Train one step on 100 000 steps of 64 units; print by how many bytes the peak of this process rose.

Run as ``python memory.py METHOD``, METHOD the Python expression of a gradient method.
"""

from __future__ import annotations

import resource
import sys

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
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    train(STEPS)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes, but bytes on macOS.
    sys.stdout.write(str((after - before) * (1 if sys.platform == "darwin" else 1024)))


if __name__ == "__main__":
    main()
