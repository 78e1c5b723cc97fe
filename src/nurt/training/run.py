"""The parts of one training run, bundled: what is trained, on what, how, and how far it has come."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from nurt.errors import DataError, NurtValueError
from nurt.training.events import TrainingRecord
from nurt.training.objective import Objective
from nurt.training.progress import Progress
from nurt.training.randomness import cuda_devices, epoch_order
from nurt.training.settings import TrainingSettings
from nurt.training.stopping import best_index

__all__ = ["Run"]


@dataclass
class Run:
    """One training run.

    Args:
        model: the model; its parameters change in place.
        objective: examples and losses.
        settings: how to train.
        optimizer: Adam over the trainable parameters.
        progress: how far the run has come.
        best: weights and buffers of the best epoch so far; None before there is one.
    """

    model: nn.Module
    objective: Objective
    settings: TrainingSettings
    optimizer: torch.optim.Adam
    progress: Progress = field(default_factory=Progress)
    best: dict[str, Tensor] | None = None

    @classmethod
    def begin(cls, model: nn.Module, objective: Objective, settings: TrainingSettings) -> Run:
        """Return a run that has not taken a step.

        Raises:
            DataError: there is no training example.
            NurtValueError: the model has nothing to train.
        """
        if objective.examples < 1:
            raise DataError(
                "There is no example to train on.", expected="at least 1 training example", got=str(objective.examples)
            )
        return cls(model, objective, settings, _adam(model, settings))

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The trainable parameters, in the order of the model."""
        return list(self.optimizer.param_groups[0]["params"])

    @property
    def named_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """The trainable parameters with their names, in the order of the model and of the optimiser."""
        return [(name, parameter) for name, parameter in self.model.named_parameters() if parameter.requires_grad]

    @property
    def devices(self) -> tuple[int, ...]:
        """CUDA devices the model lies on."""
        return cuda_devices(self.model)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in one epoch; the last may have fewer examples."""
        return math.ceil(self.objective.examples / self.settings.batch_size)

    def set_learning_rate(self) -> float:
        """Give the optimiser the rate of the epoch under way, and return it."""
        rate = self.settings.rate(self.progress.epoch + 1, self.progress.monitored)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def batches(self) -> tuple[Tensor, ...]:
        """Return the example numbers of every batch of the epoch under way, int64."""
        examples = self.objective.examples
        if self.settings.shuffle:
            order = epoch_order(self.settings.seed, self.progress.epoch + 1, examples)
        else:
            order = torch.arange(examples)
        return torch.split(order, self.settings.batch_size)

    def remember_weights(self) -> None:
        """Keep a copy of the present weights and buffers as the best so far."""
        self.best = copy.deepcopy(self.model.state_dict())

    def carry_best_weights(self) -> None:
        """Give the model the best weights so far; without any it keeps those it has."""
        if self.best is not None:
            self.model.load_state_dict(self.best)

    def record(self, stopped_by: str) -> TrainingRecord:
        """Return how the run came to be what it is."""
        history = self.progress.history
        return TrainingRecord(
            epochs=self.progress.epoch,
            seconds=self.progress.watch.read(),
            stopped_by=stopped_by,
            best_epoch=history[best_index(self.progress.monitored)].epoch if history else min(1, self.settings.epochs),
            history=tuple(history),
            clipping=self.progress.ledger.ledger(self.settings.clipping),
        )


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
