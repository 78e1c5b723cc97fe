"""Train the tiny network in children of this process and kill each with SIGKILL: at a step, or while it writes.

Arguments: one ``place:number:path`` each, where place is "step" (the number-th batch) or "write" (the number-th flush
of a file to disk). One process imports torch once; its children are forks without threads.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

import torch

from nurt.training import Checkpoint, ReduceOnPlateau, TrainingSettings, train


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def train_until_killed(tiny, place, number, path):
    if place == "write":
        flush, flushed = os.fsync, []

        def deadly_flush(descriptor):
            flushed.append(descriptor)
            if len(flushed) == number:
                die()
            flush(descriptor)

        os.fsync = deadly_flush
    task = tiny.Task(before_loss=lambda step: die() if (place, number) == ("step", step) else None)
    settings = TrainingSettings(**{**tiny.SETTINGS, "decay": ReduceOnPlateau(0.5, 1)})
    train(tiny.Network(), task, settings, checkpoint=Checkpoint(path, every_steps=3))


def warm_up():
    """Let torch import what it imports at the first step, once for all children."""
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.ones(2)
    optimizer = torch.optim.AdamW([parameter], fused=True)
    optimizer.step()
    optimizer.zero_grad()


def main():
    torch.set_num_threads(1)
    warm_up()
    spec = importlib.util.spec_from_file_location("nurt_tests_tiny", Path(__file__).with_name("tiny.py"))
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    for argument in sys.argv[1:]:
        place, number, path = argument.split(":", 2)
        child = os.fork()
        if child == 0:
            train_until_killed(tiny, place, int(number), path)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"{argument}: the child was not killed, status {status}")


if __name__ == "__main__":
    main()
