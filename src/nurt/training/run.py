"""One training run: what is trained, on what, how, and how far it has come.

Together with weights, moments, generators and the state of the source, the progress is all that is needed to go on.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from nurt.errors import DataError, NurtValueError
from nurt.training.events import EpochEnded, TrainingRecord
from nurt.training.ledger import ClippedStep, LedgerBuilder
from nurt.training.objective import BatchSource, Objective, PrivateObjective, ShuffledExamples, SourcedObjective
from nurt.training.process_state import Randomness, cuda_devices
from nurt.training.settings import TrainingSettings, best_index

__all__ = ["LAST_NORMS", "Run", "RunProgress", "Stopwatch", "all_finite"]

LAST_NORMS = 20
"""How many gradient norms are kept for the report of a non-finite value."""


class Stopwatch:
    """Seconds of wall-clock time, over all sessions.

    Args:
        seconds: time already spent in earlier sessions.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._started = time.monotonic() - seconds

    def read(self) -> float:
        """Return the seconds so far."""
        return time.monotonic() - self._started


@dataclass
class RunProgress:
    """Where a run stands.

    Args:
        epoch: completed epochs.
        losses: loss of each step done in the epoch under way; their number is the place in the data.
        norms: global gradient norm, before clipping, of the same steps.
        clipped: how many of these steps were clipped.
        last_norms: norms of the last :data:`LAST_NORMS` steps, across epochs.
        history: one entry per completed epoch, epoch 0 first when there is a validation part.
        ledger: what clipping did, over all epochs.
        watch: time spent.
        epoch_started: reading of the watch at the start of the epoch under way, seconds.
    """

    epoch: int = 0
    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    clipped: int = 0
    last_norms: list[float] = field(default_factory=list)
    history: list[EpochEnded] = field(default_factory=list)
    ledger: LedgerBuilder = field(default_factory=LedgerBuilder)
    watch: Stopwatch = field(default_factory=Stopwatch)
    epoch_started: float = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has been done yet."""
        return not (self.epoch or self.losses or self.history)

    @property
    def step(self) -> int:
        """Steps done in the epoch under way."""
        return len(self.losses)

    @property
    def monitored(self) -> list[float]:
        """The losses that stopping and decay watch, one per entry of the history."""
        return [entry.monitored for entry in self.history]

    def note_step(self, loss: float, step: ClippedStep, learning_rate: float) -> None:
        """Enter one finished step."""
        self.losses.append(loss)
        self.norms.append(step.norm)
        self.clipped += step.clipped
        self.last_norms = [*self.last_norms, step.norm][-LAST_NORMS:]
        self.ledger.note(step, learning_rate)

    def note_untrained(self, validation_loss: float, learning_rate: float) -> EpochEnded:
        """Enter the validation of the untrained model as epoch 0."""
        return self._enter(
            EpochEnded(0, None, validation_loss, learning_rate, None, None, self._epoch_seconds(), is_best=True)
        )

    def note_epoch(
        self, validation_loss: float | None, learning_rate: float, batch_sizes: Sequence[int], clipping: bool
    ) -> EpochEnded:
        """Enter the epoch under way as finished and begin the next."""
        weighted = sum(loss * size for loss, size in zip(self.losses, batch_sizes, strict=True))
        train_loss = weighted / sum(batch_sizes)
        value = train_loss if validation_loss is None else validation_loss
        entry = EpochEnded(
            epoch=self.epoch + 1,
            train_loss=train_loss,
            validation_loss=validation_loss,
            learning_rate=learning_rate,
            gradient_norm=statistics.median(self.norms),
            clipped_share=self.clipped / self.step if clipping else None,
            seconds=self._epoch_seconds(),
            is_best=all(value < earlier for earlier in self.monitored),
        )
        self.epoch += 1
        self.losses, self.norms, self.clipped = [], [], 0
        return self._enter(entry)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values; floats survive the round trip exactly."""
        return {
            "epoch": self.epoch,
            "losses": self.losses,
            "norms": self.norms,
            "clipped": self.clipped,
            "last_norms": self.last_norms,
            "history": [asdict(entry) for entry in self.history],
            "ledger": self.ledger.to_dict(),
            "seconds": self.watch.read(),
            "epoch_started": self.epoch_started,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunProgress:
        """Return the progress that :meth:`to_dict` described, its watch running on."""
        kept = {name: values[name] for name in ("epoch", "losses", "norms", "clipped", "last_norms", "epoch_started")}
        history = [EpochEnded(**entry) for entry in values["history"]]
        ledger = LedgerBuilder.from_dict(values.get("ledger", {}))
        return cls(**kept, history=history, ledger=ledger, watch=Stopwatch(values["seconds"]))

    def _enter(self, entry: EpochEnded) -> EpochEnded:
        self.history.append(entry)
        self.epoch_started = self.watch.read()
        return entry

    def _epoch_seconds(self) -> float:
        return self.watch.read() - self.epoch_started


@dataclass
class Run:
    """One training run.

    Args:
        model: the model; its parameters change in place.
        objective: the losses.
        source: the batches of each epoch.
        settings: how to train.
        optimizer: Adam over the trainable parameters.
        randomness: what the run draws from.
        progress: how far the run has come.
        best: weights and buffers of the best epoch so far; None before there is one.
    """

    model: nn.Module
    objective: Objective
    source: BatchSource
    settings: TrainingSettings
    optimizer: torch.optim.Adam
    randomness: Randomness
    progress: RunProgress = field(default_factory=RunProgress)
    best: dict[str, Tensor] | None = None

    @classmethod
    def begin(cls, model: nn.Module, objective: Objective, settings: TrainingSettings) -> Run:
        """Return a run that has not taken a step.

        Raises:
            DataError: there is no training example.
            NurtValueError: the model has nothing to train, or source and objective have not the same examples.
        """
        if objective.examples < 1:
            raise DataError(
                "There is no example to train on.", expected="at least 1 training example", got=str(objective.examples)
            )
        source: BatchSource = ShuffledExamples(objective.examples)
        if isinstance(objective, SourcedObjective):
            source = objective.source
        private = isinstance(objective, PrivateObjective) and objective.draws_privately
        randomness = Randomness(settings.seed, cuda_devices(model), private=private)
        covered = sum(len(indices) for indices in source.batches(1, settings))
        if covered != objective.examples:
            raise NurtValueError(
                "train: the batches of the objective's source do not cover its examples.",
                expected=f"{objective.examples} examples in an epoch",
                got=str(covered),
            )
        return cls(model, objective, source, settings, _adam(model, settings), randomness)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The trainable parameters, in the order of the model."""
        return list(self.optimizer.param_groups[0]["params"])

    @property
    def named_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """The trainable parameters with their names, in the order of the model and of the optimiser."""
        return [(name, parameter) for name, parameter in self.model.named_parameters() if parameter.requires_grad]

    def set_learning_rate(self) -> float:
        """Give the optimiser the rate of the epoch under way, and return it."""
        rate = self.settings.rate(self.progress.epoch + 1, self.progress.monitored)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def batches(self) -> Sequence[Tensor]:
        """Return the example numbers of every batch of the epoch under way, int64."""
        return self.source.batches(self.progress.epoch + 1, self.settings)

    def keeps(self, entry: EpochEnded) -> bool:
        """Return whether the weights after this epoch are the best so far.

        The training loss of a stream is measured on other examples in every epoch and selects nothing: without a
        validation part its last weights stay.
        """
        return entry.is_best and (entry.validation_loss is not None or self.source.repeats)

    def remember_weights(self) -> None:
        """Keep a copy of the present weights and buffers as the best so far."""
        self.best = copy.deepcopy(self.model.state_dict())

    def carry_best_weights(self) -> None:
        """Give the model the best weights so far; without any it keeps those it has."""
        if self.best is not None:
            self.model.load_state_dict(self.best)

    def record(self, stopped_by: str) -> TrainingRecord:
        """Return how the run came to be what it is."""
        progress = self.progress
        if self.best is not None:
            best_epoch = progress.history[best_index(progress.monitored)].epoch
        else:
            best_epoch = min(max(1, progress.epoch + (progress.step > 0)), self.settings.epochs)
        return TrainingRecord(
            epochs=progress.epoch,
            seconds=progress.watch.read(),
            stopped_by=stopped_by,
            best_epoch=best_epoch,
            history=tuple(progress.history),
            clipping=progress.ledger.ledger(self.settings.clipping),
        )


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Return whether no tensor holds NaN or an infinity; one transfer from the device for all of them."""
    checks = [torch.isfinite(tensor).all() for tensor in tensors]
    return not checks or bool(torch.stack([check.to(checks[0].device) for check in checks]).all())


def _adam(model: nn.Module, settings: TrainingSettings) -> torch.optim.Adam:
    """Return Adam with decoupled weight decay; without decay the two variants take the same steps."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise NurtValueError(
            f"{type(model).__name__} has nothing to train.",
            expected="at least one parameter with requires_grad=True",
            cure="A model without weights to learn is ready as it is; do not train it.",
        )
    fused = all(parameter.device.type in ("cpu", "cuda") and parameter.is_floating_point() for parameter in parameters)
    return torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused or None
    )
