"""Checkpoints: where a run stands, in one file without pickle, from which it goes on bit for bit.

The file holds weights, best weights, Adam's moments, the states of the generators, the place in the data and the
history. The order of the examples and the counters of stopping and decay are functions of what it holds. A run resumed
on the same machine with the same version of torch and the same number of threads ends with the weights it would have
had without the interruption, to the last bit, also when it was killed in the middle of an epoch or of a write.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from nurt.errors import DataError, NurtValueError, OutputError
from nurt.training.events import CheckpointFailed, Event, TrainingRecord
from nurt.training.run import Run
from nurt.training.snapshot import differences, document_of, environment_notes, restore, tensors_of
from nurt.training.tensorfile import UnreadableError, read_tensor_file, write_tensor_file

__all__ = ["Checkpoint", "CheckpointError", "Keeper"]

_FORMAT = "nurt-checkpoint"
_FORMAT_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often to keep a run so that it can be resumed.

    It is written when training begins, whenever one of the intervals has passed, on an interrupt, and at the end.

    Args:
        path: the file, by custom ``….safetensors``; an existing one is replaced.
        every_seconds: seconds between two checkpoints, looked at after each step.
        every_steps: optimiser steps between two checkpoints.
        every_epochs: epochs between two checkpoints, counted from the first epoch.
    """

    path: str | os.PathLike[str]
    every_seconds: float | None = 30.0
    every_steps: int | None = None
    every_epochs: int | None = None

    def __post_init__(self) -> None:
        for name in ("every_seconds", "every_steps", "every_epochs"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise NurtValueError(
                    f"Checkpoint: `{name}` is no interval.", expected="a number above 0, or None", got=repr(value)
                )


class CheckpointError(OutputError):
    """The last checkpoint of a training could not be written; the training itself is done.

    Args:
        what, expected, got, cure: as for :class:`nurt.errors.NurtError`.
        record: what :func:`nurt.training.train` would have returned.
    """

    def __init__(self, what: str, *, record: TrainingRecord, **parts: str | None) -> None:
        self.record = record
        super().__init__(what, **parts)


class Keeper:
    """Writes the checkpoints of one run when they are due; without a :class:`Checkpoint` it does nothing."""

    def __init__(self, checkpoint: Checkpoint | None, run: Run, tell: Callable[[Event], None]) -> None:
        self._checkpoint = checkpoint
        self._run = run
        self._tell = tell
        self._steps = 0
        self._written = time.monotonic()
        self._failure: OutputError | None = None

    def resume(self) -> tuple[str, ...]:
        """Put the run where the checkpoint says it stood.

        Returns:
            Sentences on what may keep the result from being bit for bit that of an uninterrupted run.

        Raises:
            DataError: there is no usable checkpoint, or it belongs to another run.
        """
        if self._checkpoint is None:
            raise NurtValueError(
                "train: `resume` was asked for without a checkpoint.",
                expected="checkpoint=Checkpoint(path) where resume=True",
                got="checkpoint=None",
            )
        path = os.fspath(self._checkpoint.path)
        try:
            tensors, document = read_tensor_file(path, kind=_FORMAT, version=_FORMAT_VERSION)
        except UnreadableError as error:
            raise DataError(
                f"Training cannot be resumed: the file {path} {error.reason}.",
                cure="Name the checkpoint of an interrupted training, or start over without `resume`.",
            ) from error
        found = differences(self._run, document)
        if found:
            raise DataError(
                f"Training cannot be resumed: the checkpoint {path} belongs to another run. "
                f"Not the same: {'; '.join(found)}.",
                cure="Use what the checkpoint was made with, or start over without `resume`.",
            )
        restore(self._run, tensors, document)
        return environment_notes(self._run, document)

    def begin(self) -> None:
        """Write the first checkpoint; a place that cannot be written is refused before any work is done.

        Raises:
            OutputError: the file cannot be written.
        """
        if self._checkpoint is not None:
            self._write(self._checkpoint)

    def after_step(self) -> None:
        """Write a checkpoint if one is due after an optimiser step."""
        self._steps += 1
        if self._checkpoint is None:
            return
        by_steps = self._checkpoint.every_steps is not None and self._steps % self._checkpoint.every_steps == 0
        seconds = self._checkpoint.every_seconds
        if by_steps or (seconds is not None and time.monotonic() - self._written >= seconds):
            self.keep()

    def after_epoch(self) -> None:
        """Write a checkpoint if one is due after an epoch."""
        if self._checkpoint is None or self._checkpoint.every_epochs is None:
            return
        if self._run.progress.epoch % self._checkpoint.every_epochs == 0:
            self.keep()

    def keep(self) -> None:
        """Write a checkpoint now; hours of training are not thrown away because a disk is full."""
        if self._checkpoint is None:
            return
        try:
            self._write(self._checkpoint)
        except OutputError as error:
            self._failure = error
            self._written = time.monotonic()
            self._tell(CheckpointFailed(str(error)))

    def raise_failure(self, record: TrainingRecord) -> None:
        """Raise if the last attempt failed; to be called when the model carries its best weights.

        Raises:
            CheckpointError: the last checkpoint could not be written.
        """
        if self._failure is None:
            return
        raise CheckpointError(
            f"{self._failure.what} Training itself is done: the model carries the weights of epoch "
            f"{record.best_epoch}, and the record is in this error's `record`.",
            cure="Save the model elsewhere; an earlier checkpoint, if there is one, is unchanged.",
            record=record,
        ) from self._failure

    def _write(self, checkpoint: Checkpoint) -> None:
        document = {"format": _FORMAT, "format_version": _FORMAT_VERSION, **document_of(self._run)}
        write_tensor_file(os.fspath(checkpoint.path), tensors_of(self._run), document)
        self._written = time.monotonic()
        self._failure = None
