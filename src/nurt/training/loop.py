"""The training loop, to be read from top to bottom.

Epoch after epoch it takes the batches that the source gives, one per step: all examples in a new order, in buckets of
similar length, or the next examples of a stream. Each step takes the gradient, clips it, and moves the weights by Adam.
After every epoch the validation part measures the model; the best weights are kept, and the untrained model is a
candidate too.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nurt.errors import ShapeError
from nurt.training.checkpoint import Checkpoint, CheckpointWriter
from nurt.training.clipping import clip_gradients
from nurt.training.events import (
    EpochEnded,
    Event,
    Listener,
    StepEnded,
    TrainingEnded,
    TrainingRecord,
    TrainingStarted,
)
from nurt.training.fault import FaultTime
from nurt.training.ledger import BadKind, ClippedStep
from nurt.training.nonfinite import investigate_batch, investigate_model
from nurt.training.objective import Objective
from nurt.training.process_state import Interrupt
from nurt.training.run import Run, all_finite
from nurt.training.settings import TrainingSettings, out_of_patience

__all__ = ["train"]


def train(
    model: nn.Module,
    objective: Objective,
    settings: TrainingSettings,
    *,
    listener: Listener | None = None,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
) -> TrainingRecord:
    """Fit ``model`` to ``objective`` and leave it in evaluation mode with the weights of its best epoch.

    The same model, objective and settings give the same weights bit for bit, on the same machine with the same number
    of threads, whatever the caller or other threads do with torch's generators, which are left as they were; trainings
    in several threads give the weights that each gives alone. The first Ctrl-C
    ends training after the current step as if it were done (``stopped_by`` says so); the second goes through.

    Args:
        model: the network; its weights are the starting point and change in place.
        objective: training examples, loss and validation. One with a ``source`` decides its own batches:
            :class:`~nurt.training.LengthBuckets`, or a :class:`~nurt.training.StreamObjective`, which is both.
        settings: how to train.
        listener: called with every event as it happens; nothing is printed.
        checkpoint: where to keep the run so that it can be resumed; None keeps nothing.
        resume: go on from ``checkpoint`` instead of starting anew.

    Returns:
        How the model came to be.

    Raises:
        DataError: there is no example, or the checkpoint cannot be resumed with this run.
        NonFiniteError: a value became NaN or infinite; the error names the place, the model carries the best weights
            before that. A stream returns its record instead, unless the weights or the validation loss went bad.
        OutputError: the checkpoint cannot be written at the start; nothing was done.
        CheckpointError: the last checkpoint could not be written; the model is trained, the error has the record.
    """
    tell = listener if listener is not None else _ignore
    run = Run.begin(model, objective, settings)
    writer = CheckpointWriter(checkpoint, run, tell)
    with Interrupt() as interrupt:
        notes = writer.resume() if resume else ()
        next_epoch = run.progress.epoch + 1
        tell(TrainingStarted(settings.epochs, next_epoch, objective.examples, len(run.batches()), notes))
        try:
            stopped_by = _train_until_stopped(run, writer, interrupt, tell)
        except KeyboardInterrupt:
            if interrupt.requested:
                raise
            stopped_by = "interrupt"
        finally:
            run.carry_best_weights()
            run.optimizer.zero_grad()
            model.eval()
    record = run.record(stopped_by)
    tell(TrainingEnded(record))
    writer.raise_failure(record)
    return record


def _train_until_stopped(run: Run, writer: CheckpointWriter, interrupt: Interrupt, tell: Listener) -> str:
    """Train epoch after epoch; return what ended it, in the words of :class:`TrainingRecord`."""
    if run.progress.is_fresh:
        _validate_untrained(run, tell)
    writer.begin()
    while True:
        reason = _reason_to_stop(run, interrupt)
        if reason is not None:
            writer.keep()
            return reason
        rate = run.set_learning_rate()
        batches = run.batches()
        run.model.train()
        for indices in batches[run.progress.step :]:
            loss, step = _take_step(run, indices, rate)
            if not _is_finite(loss, step):
                return "non-finite"
            tell(StepEnded(run.progress.epoch + 1, run.progress.step, len(batches), loss, step))
            writer.after_step()
            if interrupt.requested:
                writer.keep()
                return "interrupt"
        tell(_end_epoch(run, [len(indices) for indices in batches], rate))
        writer.after_epoch()


def _reason_to_stop(run: Run, interrupt: Interrupt) -> str | None:
    if run.progress.epoch >= run.settings.epochs:
        return "epochs" if run.source.repeats else "updates"
    if out_of_patience(run.progress.monitored, run.settings.patience):
        return "patience"
    return "interrupt" if interrupt.requested else None


def _take_step(run: Run, indices: Tensor, rate: float) -> tuple[float, ClippedStep]:
    """Move the weights once, if the gradient is finite; return the loss before that, and what clipping did."""
    before = run.randomness.states()
    run.optimizer.zero_grad()
    with run.randomness.drawing():
        loss = run.objective.loss(run.model, indices)
        if loss.dim() != 0:
            raise ShapeError(
                "train: the loss of a batch is no scalar.",
                expected="a tensor without axes",
                got=f"shape {tuple(loss.shape)}",
                cure="Let the objective return the mean over the batch.",
            )
        # Inside too: what is computed again in the backward pass draws again.
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves this method without annotations
    step, value = clip_gradients(run.named_parameters, run.settings.clipping, loss)
    if _is_finite(value, step):
        run.optimizer.step()
        run.progress.note_step(value, step, rate)
    elif run.source.repeats:
        run.randomness.restore(before)
        seen = None if math.isfinite(value) else str(value)
        time = _time(run, run.progress.epoch + 1, rate, step=run.progress.step + 1, loss=seen, gradient=step.kind)
        with run.randomness.drawing():
            raise investigate_batch(run.model, run.objective, indices, time)
    elif not step.is_finite:
        run.progress.ledger.note(step, rate)
    return value, step


def _is_finite(loss: float, step: ClippedStep) -> bool:
    return math.isfinite(loss) and step.is_finite


def _validate_untrained(run: Run, tell: Listener) -> None:
    """Enter the untrained model as epoch 0, the first candidate, if there is a validation part."""
    value = _validate(run, epoch=0, rate=run.settings.learning_rate)
    if value is not None:
        entry = run.progress.note_untrained(value, run.settings.learning_rate)
        run.remember_weights()
        tell(entry)


def _end_epoch(run: Run, batch_sizes: list[int], rate: float) -> EpochEnded:
    """Validate the epoch under way and keep its weights if they are the best so far."""
    epoch = run.progress.epoch + 1
    if not all_finite(run.parameters):
        raise investigate_model(run.model, _time(run, epoch, rate))
    value = _validate(run, epoch, rate)
    entry = run.progress.note_epoch(value, rate, batch_sizes, clipping=run.settings.clipping is not None)
    if run.keeps(entry):
        run.remember_weights()
    return entry


def _validate(run: Run, epoch: int, rate: float) -> float | None:
    run.model.eval()
    with torch.no_grad(), run.randomness.drawing():
        value = run.objective.validate(run.model)
    if value is not None and not math.isfinite(value):
        raise investigate_model(run.model, _time(run, epoch, rate, loss=str(value)))
    return value


def _time(
    run: Run,
    epoch: int,
    rate: float,
    *,
    step: int | None = None,
    loss: str | None = None,
    gradient: BadKind | None = None,
) -> FaultTime:
    """Return when something went wrong."""
    return FaultTime(epoch, step, rate, tuple(run.progress.last_norms), loss, gradient)


def _ignore(event: Event) -> None:
    """Listen to no event."""
    del event
