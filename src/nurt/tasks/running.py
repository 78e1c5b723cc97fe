"""Runs that can be interrupted: a folder of their own, and trainings with checkpoints, one per seed.

The checkpoints live until every file of the run is written: a run that is killed at any moment, or finds the disk full,
can be resumed and ends with the files of one that was not.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from torch import nn

from nurt.errors import OutputError
from nurt.tasks.building import seeded
from nurt.tasks.estimator import Estimator
from nurt.training.checkpoint import Checkpoint, CheckpointError
from nurt.training.events import CheckpointFailed, Listener, NothingToResume, TrainingRecord
from nurt.training.loop import train
from nurt.training.objective import Objective
from nurt.training.settings import TrainingSettings
from nurt.writing import locked_folder, remove_stale_parts

__all__ = [
    "MODEL_FILE",
    "OutputFolder",
    "TrainingInterrupted",
    "TrainingSession",
    "folder_of",
    "seeded",
    "trained",
]

MODEL_FILE = "model.safetensors"
_CHECKPOINT = "checkpoint"
_CHECKPOINTS = re.compile(rf"{_CHECKPOINT}(-seed-\d+)?(-part(-[a-z0-9]+)+)?\.safetensors")
# A checkpoint of small networks takes milliseconds, so little work is ever at stake.
CHECKPOINT_SECONDS = 2.0

E = TypeVar("E", bound=Estimator)


@dataclass(frozen=True)
class TrainingSession:
    """Surroundings of one training.

    Args:
        listener: called with every event of the training.
        checkpoint: where the state of the training is kept; None keeps nothing.
        resume: whether to continue from the checkpoint.
        further: whether other trainings of the run have gone before: a checkpoint that cannot be written then costs the
            way back into this training, not the work done so far.
    """

    listener: Listener | None = None
    checkpoint: Checkpoint | None = None
    resume: bool = False
    further: bool = False

    def part(self, name: str) -> TrainingSession:
        """Return the session of a further training of the same run, with a checkpoint of its own.

        Where the run is resumed and this training had not begun, it starts.

        Args:
            name: of the training, lower-case words and numbers joined by "-".
        """
        if self.checkpoint is None:
            return self
        path = Path(self.checkpoint.path)
        own = path.with_name(f"{path.stem}-part-{name}{path.suffix}")
        checkpoint = replace(self.checkpoint, path=own)
        return replace(self, checkpoint=checkpoint, resume=self.resume and own.exists(), further=True)

    def train(self, network: nn.Module, objective: Objective, settings: TrainingSettings) -> TrainingRecord:
        """Fit ``network``; see :func:`nurt.training.train`.

        A last checkpoint that cannot be written does not undo the training: the listener is told, or, where there is
        none, a warning says so.
        """
        try:
            return train(
                network, objective, settings, listener=self.listener, checkpoint=self.checkpoint, resume=self.resume
            )
        except CheckpointError as error:
            if self.listener is None:
                warnings.warn(str(error), RuntimeWarning, stacklevel=2)
            return error.record
        except OutputError as error:
            if not self.further:
                raise
            if self.listener is not None:
                self.listener(CheckpointFailed(str(error)))
            return train(network, objective, settings, listener=self.listener)


class TrainingInterrupted(KeyboardInterrupt):
    """Training was interrupted; the best model so far is in ``model_file``, and ``checkpoint`` lets it continue.

    Args:
        model_file: where the model is.
        checkpoint: where the state of the training is.
        epochs: how many are done.
        failure: why the model could not be written, or None.
    """

    def __init__(self, model_file: Path, checkpoint: Path, epochs: int, failure: OutputError | None = None) -> None:
        self.model_file = model_file
        self.checkpoint = checkpoint
        model = f"The best model so far is in {model_file}" if failure is None else failure.what.rstrip(".")
        super().__init__(f"Interrupted after {epochs} epochs. {model}; the state of the training is in {checkpoint}.")


class OutputFolder:
    """A folder that one run writes into, as a context manager; nothing is touched before :meth:`begin`.

    When the block ends and every file is written, the checkpoints are removed; after an error, an interruption or a
    file that could not be written they stay.

    Args:
        path: the folder.
        resume: whether trainings continue from the checkpoints in it.

    Attributes:
        failures: name of a file → why it could not be written.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self.path = path
        self.resume = resume
        self.failures: dict[str, OutputError] = {}
        self._lock = ExitStack()
        self._begun = False

    def begin(self) -> None:
        """Make the folder, keep other runs out of it, and remove what a killed run left half written.

        A run that does not resume removes older checkpoints too, so that nobody resumes from those later.

        Raises:
            OutputError: it cannot be written to, or another run is writing into it.
        """
        if self._begun:
            return
        self._lock.enter_context(locked_folder(self.path))
        self._begun = True
        remove_stale_parts(self.path)
        if not self.resume:
            self._forget_checkpoints()

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._begun and kind is None and not self.failures:
                self._forget_checkpoints()

    def checkpoint(self, seed: int, *, first: bool) -> Path:
        """Return where the state of the training from ``seed`` is kept."""
        return self.path / (f"{_CHECKPOINT}.safetensors" if first else f"{_CHECKPOINT}-seed-{seed}.safetensors")

    def keep(self, name: str, write: Callable[[Path], object]) -> Path | None:
        """Write one file of the run by ``write(path)``.

        A file that cannot be written is noted and the run goes on: its results are worth more than the file.

        Returns:
            Where it lies, or None.
        """
        try:
            write(self.path / name)
        except OutputError as error:
            self.failures[name] = error
            return None
        self.failures.pop(name, None)
        return self.path / name

    def failure(self) -> OutputError | None:
        """Return the error that names all files that could not be written, or None."""
        if not self.failures:
            return None
        names = ", ".join(self.failures)
        first = next(iter(self.failures.values()))
        return OutputError(
            f"Not written: {names}. {first.what}",
            cure=f"Everything else is done. The state of the training stays in {self.path}: make room, and run the "
            "same command again with --resume to write what is missing.",
        )

    def _forget_checkpoints(self) -> None:
        """Remove the checkpoints of this and of former runs."""
        for file in self.path.glob(f"{_CHECKPOINT}*.safetensors"):
            if _CHECKPOINTS.fullmatch(file.name):
                # One that cannot be removed is replaced by the next run.
                with suppress(OSError):
                    file.unlink(missing_ok=True)


@contextmanager
def folder_of(out: Path | OutputFolder, *, resume: bool = False) -> Iterator[OutputFolder]:
    """Return the folder of a run: the one that is open, which says itself whether it resumes, or one for the block.

    Raises:
        OutputError: at the end of the block, where a file could not be written.
    """
    if isinstance(out, OutputFolder):
        yield out
        return
    with OutputFolder(out, resume=resume) as folder:
        yield folder
    failure = folder.failure()
    if failure is not None:
        raise failure


@contextmanager
def trained(
    fit: Callable[[int, TrainingSession], E],
    seeds: Sequence[int],
    out: Path | OutputFolder,
    *,
    listener: Listener | None = None,
    resume: bool = False,
) -> Iterator[list[E]]:
    """Fit one estimator per seed, each with a checkpoint that lives as long as the block, or as an open folder.

    Args:
        fit: returns the fitted estimator of a seed; it passes the session on to the training.
        seeds: at least one; the model file is that of the first.
        out: folder for the model file and, while training, the checkpoints; made if absent.
        listener: called with the events of every training, one after the other.
        resume: continue from the checkpoints in ``out``, bit for bit. A training without a checkpoint starts anew;
            where it is the first, a :class:`~nurt.training.events.NothingToResume` says so. An open folder decides
            itself.

    Yields:
        The estimators, in the order of the seeds.

    Raises:
        OutputError: ``out`` cannot be written to.
        TrainingInterrupted: a training was interrupted; the best model so far is saved.
    """
    with folder_of(out, resume=resume) as folder:
        yield _estimators(fit, seeds, folder, listener)


def _estimators(
    fit: Callable[[int, TrainingSession], E], seeds: Sequence[int], folder: OutputFolder, listener: Listener | None
) -> list[E]:
    folder.begin()
    estimators: list[E] = []
    for seed in seeds:
        file = folder.checkpoint(seed, first=not estimators)
        continues = folder.resume and file.exists()
        if folder.resume and not continues and not estimators and listener is not None:
            listener(NothingToResume(os.fspath(folder.path)))
        session = TrainingSession(listener, Checkpoint(file, every_seconds=CHECKPOINT_SECONDS), continues)
        estimators.append(fit(seed, session))
        if len(estimators) == 1:
            folder.keep(MODEL_FILE, estimators[0].save)
        record = estimators[-1].training_record_
        if record.stopped_by == "interrupt":
            raise TrainingInterrupted(folder.path / MODEL_FILE, file, record.epochs, folder.failures.get(MODEL_FILE))
    return estimators
