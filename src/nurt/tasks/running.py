"""Trainings that can be interrupted: one per seed, each with a checkpoint in the output folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from nurt.errors import OutputError
from nurt.kernels.randomness import borrowing
from nurt.tasks.estimator import Estimator
from nurt.training.checkpoint import Checkpoint
from nurt.training.events import Listener, TrainingRecord
from nurt.training.loop import train
from nurt.training.objective import Objective
from nurt.training.settings import TrainingSettings

__all__ = ["TrainingInterrupted", "TrainingSession", "prepare_folder", "seeded", "trained"]

MODEL_FILE = "model.safetensors"
# A checkpoint of small networks takes milliseconds, so little work is ever at stake.
CHECKPOINT_SECONDS = 2.0

E = TypeVar("E", bound=Estimator)
N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True)
class TrainingSession:
    """Surroundings of one training.

    Args:
        listener: called with every event of the training.
        checkpoint: where the state of the training is kept; None keeps nothing.
        resume: whether to continue from the checkpoint.
    """

    listener: Listener | None = None
    checkpoint: Checkpoint | None = None
    resume: bool = False

    def train(self, network: nn.Module, objective: Objective, settings: TrainingSettings) -> TrainingRecord:
        """Fit ``network``; see :func:`nurt.training.train`."""
        return train(
            network, objective, settings, listener=self.listener, checkpoint=self.checkpoint, resume=self.resume
        )


class TrainingInterrupted(KeyboardInterrupt):
    """Training was interrupted; the best model so far is in ``model_file``, and ``checkpoint`` lets it continue."""

    def __init__(self, model_file: Path, checkpoint: Path, epochs: int) -> None:
        self.model_file = model_file
        self.checkpoint = checkpoint
        super().__init__(
            f"Interrupted after {epochs} epochs. The best model so far is in {model_file}; "
            f"the state of the training is in {checkpoint}."
        )


def seeded(build: Callable[[], N], seed: int) -> N:
    """Return the network that ``build`` gives under a seed; the caller's random state is left as it was.

    Layers of torch draw their weights from the global generator, which belongs to one builder at a time.
    """
    with borrowing(torch.Generator().manual_seed(seed)):
        return build()


@contextmanager
def trained(
    fit: Callable[[int, TrainingSession], E],
    seeds: Sequence[int],
    out: Path,
    *,
    listener: Listener | None = None,
    resume: bool = False,
) -> Iterator[list[E]]:
    """Fit one estimator per seed, and keep the state of each training until the block ends without an error.

    Args:
        fit: returns the fitted estimator of a seed; it passes the session on to the training.
        seeds: at least one; the model file is that of the first.
        out: folder for the model file and, while training, the checkpoints; made if absent.
        listener: called with the events of every training, one after the other.
        resume: continue from the checkpoints in ``out``, bit for bit.

    Yields:
        The estimators, in the order of the seeds.

    Raises:
        OutputError: ``out`` cannot be written to.
        TrainingInterrupted: a training was interrupted; the best model so far is saved.
    """
    prepare_folder(out)
    checkpoints = [
        out / ("checkpoint.safetensors" if seed == seeds[0] else f"checkpoint-seed-{seed}.safetensors")
        for seed in seeds
    ]
    estimators: list[E] = []
    for seed, file in zip(seeds, checkpoints, strict=True):
        # Only the first training must have a checkpoint: the others may not have begun.
        continues = resume and (not estimators or file.exists())
        session = TrainingSession(listener, Checkpoint(file, every_seconds=CHECKPOINT_SECONDS), continues)
        estimators.append(fit(seed, session))
        if len(estimators) == 1:
            estimators[0].save(out / MODEL_FILE)
        record = estimators[-1].training_record_
        if record.stopped_by == "interrupt":
            raise TrainingInterrupted(out / MODEL_FILE, file, record.epochs)
    yield estimators
    for file in checkpoints:
        file.unlink(missing_ok=True)


def prepare_folder(out: Path) -> None:
    """Make ``out`` and see that it can be written to, before any time is spent.

    Raises:
        OutputError: it cannot.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".nurt-writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"The output folder {out} cannot be written to: {error.strerror}.",
            cure="Give another folder with --out, or make this one writable.",
        ) from error
