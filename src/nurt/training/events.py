"""Events of a training, passed to its listener as they happen, and the record of what it did: frozen values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nurt.results import Result
from nurt.training.ledger import ClippedStep, ClippingLedger

STOPPED_BY = ("epochs", "patience", "interrupt", "updates", "non-finite")

__all__ = [
    "STOPPED_BY",
    "CheckpointFailed",
    "EpochEnded",
    "Event",
    "Listener",
    "NothingToResume",
    "StepEnded",
    "TrainingEnded",
    "TrainingRecord",
    "TrainingStarted",
]


@dataclass(frozen=True)
class EpochEnded(Result):
    """One pass over the training examples, or one stretch of a stream.

    Args:
        epoch: 0 is the untrained model (validated, not trained), 1 the first pass.
        train_loss: mean loss of the epoch's batches as seen while training; None at epoch 0.
        validation_loss: loss on the validation part; None when there is none.
        learning_rate: the rate used in this epoch.
        gradient_norm: median over the steps of the global norm before clipping; None at epoch 0.
        clipped_share: share of the steps, 0..1, whose norm exceeded the limit; None without clipping.
        seconds: wall-clock time of the epoch.
        is_best: lowest validation loss so far (or lowest training loss when there is no validation part).
    """

    epoch: int
    train_loss: float | None
    validation_loss: float | None
    learning_rate: float
    gradient_norm: float | None
    clipped_share: float | None
    seconds: float
    is_best: bool

    @property
    def monitored(self) -> float:
        """The loss that stopping and decay watch: of the validation part, or of training when there is none."""
        value = self.train_loss if self.validation_loss is None else self.validation_loss
        return float("inf") if value is None else value


@dataclass(frozen=True)
class TrainingStarted:
    """Training begins at ``first_epoch`` (1, or later when resumed) of at most ``epochs``.

    Args:
        epochs: the most epochs there will be.
        first_epoch: the epoch that comes next; it may be half done when resumed.
        examples: number of training examples, one epoch's worth.
        steps_per_epoch: optimiser steps in one epoch.
        notes: plain sentences on what keeps a resumed run from being bit for bit the uninterrupted one.
    """

    epochs: int
    first_epoch: int
    examples: int
    steps_per_epoch: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepEnded:
    """One optimiser step is done: ``step`` of ``steps_per_epoch`` in ``epoch``.

    Args:
        epoch: the epoch under way, from 1.
        step: the step within it, from 1.
        steps_per_epoch: optimiser steps in an epoch.
        loss: of the batch, before the step.
        clipping: norms of the gradient, and what clipping did to it.
    """

    epoch: int
    step: int
    steps_per_epoch: int
    loss: float
    clipping: ClippedStep | None = None


@dataclass(frozen=True)
class CheckpointFailed:
    """A checkpoint could not be written; training goes on and the next one due is tried again."""

    message: str


@dataclass(frozen=True)
class NothingToResume:
    """A run was to be resumed and has no checkpoint in ``folder``: its training starts anew."""

    folder: str


@dataclass(frozen=True)
class TrainingRecord(Result):
    """How a model came to be.

    Args:
        epochs: completed epochs, over all sessions when resumed.
        seconds: wall-clock training time, over all sessions.
        stopped_by: "epochs" (all done), "patience" (validation no longer improved) or "interrupt"; of a stream
            "updates" (all made), "patience", "interrupt", or "non-finite": the next loss or gradient was not a number,
            and the weights are those before it.
        best_epoch: epoch whose weights the model carries; 1 also when interrupted in the first epoch without a
            validation part, where the weights are those at the interruption. Of a stream without a validation part
            the last epoch, finished or not.
        history: one entry per epoch, epoch 0 first when there is a validation part.
        clipping: norms of all gradients and what clipping did to them; None when it was not recorded.
    """

    epochs: int
    seconds: float
    stopped_by: str
    best_epoch: int
    history: tuple[EpochEnded, ...]
    clipping: ClippingLedger | None = None

    @property
    def updates(self) -> int:
        """Updates of the weights that were made; 0 when they were not recorded."""
        return 0 if self.clipping is None else self.clipping.finite_updates

    @property
    def clipped_share(self) -> float:
        """Share of the updates whose gradient was shortened, 0..1; 0 without any."""
        return 0.0 if self.clipping is None else self.clipping.clipped_share


@dataclass(frozen=True)
class TrainingEnded:
    """Training is over; ``record`` says how."""

    record: TrainingRecord


Event = TrainingStarted | StepEnded | EpochEnded | CheckpointFailed | NothingToResume | TrainingEnded
Listener = Callable[[Event], None]
