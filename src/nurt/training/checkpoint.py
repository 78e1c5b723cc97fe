"""Checkpoints: the state of a run in one file without pickle, from which it continues bit for bit.

The file holds weights, best weights, Adam's moments, the states of generators and source, the position in the data
and the history. The order of the examples and the counters of stopping and decay are functions of what it holds. A run
resumed on the same machine with the same version of torch and the same number of threads ends with the weights of an
uninterrupted one, to the last bit, also when it was killed in the middle of an epoch or of a write.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nurt.errors import DataError, ModelFileError, NurtTypeError, NurtValueError, OutputError
from nurt.training.events import CheckpointFailed, Event, TrainingRecord
from nurt.training.objective import ShuffledExamples
from nurt.training.run import Run
from nurt.training.stored import StoredState
from nurt.training.tensorfile import UnreadableError, read_tensor_file, write_tensor_file
from nurt.wording import name_in_words
from nurt.writing import remove_stale_parts

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "CheckpointWriter",
]

_FORMAT = "nurt-checkpoint"
_FORMAT_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often to store a run so that it can be resumed.

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


class CheckpointWriter:
    """Writes the checkpoints of one run when they are due; without a :class:`Checkpoint` it does nothing."""

    def __init__(self, checkpoint: Checkpoint | None, run: Run, tell: Callable[[Event], None]) -> None:
        self._checkpoint = checkpoint
        self._run = run
        self._tell = tell
        self._steps = 0
        self._written = time.monotonic()
        self._failure: OutputError | None = None

    def resume(self) -> tuple[str, ...]:
        """Restore the run from the checkpoint.

        Returns:
            Sentences on what may make the result differ from that of an uninterrupted run.

        Raises:
            ModelFileError: there is no usable checkpoint; the run is as it was.
            DataError: it belongs to another run.
        """
        if self._checkpoint is None:
            raise NurtValueError(
                "train: `resume` needs a checkpoint.",
                expected="checkpoint=Checkpoint(path) where resume=True",
                got="checkpoint=None",
            )
        path = os.fspath(self._checkpoint.path)
        try:
            tensors, document = read_tensor_file(path, kind=_FORMAT, version=_FORMAT_VERSION)
        except UnreadableError as error:
            raise ModelFileError(
                f"Training cannot be resumed: the file {path} {error.reason}.",
                cure="Name the checkpoint of an interrupted training, or start over without `resume`.",
            ) from error
        try:
            found = _differences(self._run, document)
            notes = _environment_notes(self._run, document)
            if not found:
                StoredState.checked(self._run, tensors, document).restore(self._run)
        # What a forged description raises where its parts are taken for those of a run.
        except (TypeError, KeyError, AttributeError, IndexError, ValueError, ArithmeticError, RuntimeError) as error:
            raise ModelFileError(
                f"Training cannot be resumed: the file {path} does not describe a training: {_cut(error)}.",
                cure="Start over without `resume`.",
            ) from error
        if found:
            raise DataError(
                f"Training cannot be resumed: the checkpoint {path} belongs to another run. "
                f"Not the same: {name_in_words('; '.join(found), 2000)}.",
                cure="Use what the checkpoint was made with, or start over without `resume`.",
            )
        return notes

    def begin(self) -> None:
        """Write the first checkpoint; a place that cannot be written is refused before any work is done.

        Raises:
            OutputError: the file cannot be written.
        """
        if self._checkpoint is not None:
            self._write(self._checkpoint)
            # Of a run that was killed while it wrote its checkpoint.
            remove_stale_parts(Path(self._checkpoint.path).absolute().parent)

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
        """Write a checkpoint now; on failure report it and go on, because a full disk should not end a training."""
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
        document = {"format": _FORMAT, "format_version": _FORMAT_VERSION, **_document_of(self._run)}
        write_tensor_file(os.fspath(checkpoint.path), _tensors_of(self._run), document)
        self._written = time.monotonic()
        self._failure = None


# Settings that older checkpoints do not name, and what they were then; the same for the source of batches.
_ADDED_LATER = {"clip_value": None}
_FIRST_SOURCE = ShuffledExamples.fingerprint


def _tensors_of(run: Run) -> dict[str, Tensor]:
    """Return weights, best weights, Adam's moments, states of generators and source, steps of the epoch under way."""
    found = {f"weights/{name}": value for name, value in run.model.state_dict().items()}
    found |= {f"best/{name}": value for name, value in (run.best or {}).items()}
    moments = run.optimizer.state_dict()["state"]
    for number, (name, _) in enumerate(run.named_parameters):
        found |= {f"adam/{name}/{key}": value for key, value in moments.get(number, {}).items()}
    found |= {f"generator/{device}": state for device, state in run.randomness.states().items()}
    found |= {f"source/{name}": value for name, value in run.source.state().items()}
    found["steps/losses"] = torch.tensor(run.progress.losses, dtype=torch.float64)
    found["steps/norms"] = torch.tensor(run.progress.norms, dtype=torch.float64)
    return found


def _document_of(run: Run) -> dict[str, Any]:
    """Return the rest of the run as JSON-ready values."""
    return {
        "settings": run.settings.to_dict(),
        "binding": _binding(run),
        "environment": _environment(run),
        "progress": {key: value for key, value in run.progress.to_dict().items() if key not in ("losses", "norms")},
    }


def _differences(run: Run, document: Mapping[str, Any]) -> list[str]:
    """Return in words where the stored run and this one are not the same; empty when it can be resumed."""
    stored, present = document["binding"], _binding(run)
    found = _changed("setting", {**_ADDED_LATER, **stored["settings"]}, present["settings"])
    tensors = _changed("tensor of the model", stored["tensors"], present["tensors"])
    found += tensors
    if not tensors and stored["model"] != present["model"]:
        found.append("the structure of the model")
    if stored["examples"] != present["examples"]:
        found.append(f"the number of training examples ({stored['examples']} then, {present['examples']} now)")
    elif stored["data"] != present["data"]:
        found.append("the data or the loss (their fingerprint has changed)")
    elif stored.get("source", _FIRST_SOURCE) != present["source"]:
        found.append("the source of the batches (its fingerprint has changed)")
    return found


def _environment_notes(run: Run, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a sentence for everything outside the run that may change its last digits."""
    stored = document["environment"]
    return tuple(
        f"Resumed with {name} {now} instead of {name_in_words(str(stored.get(name)))}: the last digits may differ "
        "from those of an uninterrupted run."
        for name, now in _environment(run).items()
        if stored.get(name) != now
    )


def _binding(run: Run) -> dict[str, Any]:
    """Return what a resumed run must share with the stored one."""
    return {
        "settings": run.settings.binding(),
        "model": _printed(run.model),
        "tensors": {name: _form(name, value) for name, value in run.model.state_dict().items()},
        "data": run.objective.fingerprint,
        "examples": run.objective.examples,
        "source": run.source.fingerprint,
    }


def _printed(model: nn.Module) -> str:
    """Return the printed form of the model, which differs where weights do not, as with another dropout."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(model))


def _form(name: str, value: object) -> str:
    if not isinstance(value, Tensor):
        raise NurtTypeError(
            f"`{name}` in the state of the model cannot be kept in a checkpoint.",
            expected="a tensor",
            got=type(value).__name__,
            cure="Keep such state out of get_extra_state, or train without a checkpoint.",
        )
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def _changed(what: str, stored: Mapping[str, object], present: Mapping[str, object]) -> list[str]:
    return [
        f"{what} `{name}` ({stored.get(name, 'absent')} then, {present.get(name, 'absent')} now)"
        for name in sorted(stored.keys() | present.keys())
        if stored.get(name, "absent") != present.get(name, "absent")
    ]


def _cut(error: Exception) -> str:
    """Return what an error says, in one line of bounded length."""
    return name_in_words(str(error) or type(error).__name__, 200)


def _environment(run: Run) -> dict[str, object]:
    return {
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "device": ", ".join(sorted({parameter.device.type for parameter in run.model.parameters()})),
    }
