"""A task of its own on the base of the package: classify sequences of unequal length."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nurt.nn import CELLS, build
from nurt.tasks.estimator import Estimator, FileContents
from nurt.tasks.parameters import choice, value, whole
from nurt.tasks.running import TrainingSession, seeded
from nurt.training import Description, LengthBuckets, TrainingSettings


class Network(nn.Module):
    """Class scores (B, K) from the state after the last step of each sequence (B, T, I)."""

    def __init__(self, cell: str, hidden: int, features: int, classes: int) -> None:
        super().__init__()
        self.layers = build(cell, features, hidden)
        self.head = nn.Linear(hidden, classes)

    def forward(self, batch: Tensor, lengths: Tensor) -> Tensor:
        outputs, _ = self.layers(batch, None, lengths)
        return self.head(outputs[torch.arange(len(batch)), lengths - 1])


@dataclass
class Objective:
    """Mean cross-entropy of numbered examples."""

    batch: Tensor
    lengths: Tensor
    classes: Tensor

    def __post_init__(self) -> None:
        self.examples = len(self.classes)
        self.source = LengthBuckets(self.lengths, tokens=24)
        self.fingerprint = hashlib.sha256(self.batch.numpy().tobytes() + self.classes.numpy().tobytes()).hexdigest()

    def loss(self, model: nn.Module, indices: Tensor) -> Tensor:
        lengths = self.lengths[indices]
        return cross_entropy(model(self.batch[indices, : lengths.max()], lengths), self.classes[indices])

    def validate(self, model: nn.Module) -> float:
        return float(self.loss(model, torch.arange(self.examples)))

    def inputs(self, indices: Tensor) -> Tensor:
        return self.batch[indices]

    def describe(self, indices: Tensor) -> Description:
        return Description("sequences", f"numbers {indices.tolist()}")


@dataclass(eq=False, repr=False)
class Classifier(Estimator, kind="toy classifier"):
    """Classify sequences (T, I), T differing, with a recurrent network."""

    cell: str = choice("gru", tuple(CELLS), "Recurrence.")
    hidden: int = whole(5, "Units.", high=64)
    training: TrainingSettings = value(TrainingSettings(epochs=4, batch_size=4), "How to train.")
    random_state: int = value(0, "Seed.")

    def fit(self, sequences: list[Tensor], classes: Tensor, session: TrainingSession | None = None) -> Classifier:
        self.check_parameters()
        self.sizes_ = {"features": sequences[0].shape[1], "classes": int(classes.max()) + 1}
        self.network_ = seeded(lambda: Network(self.cell, self.hidden, **self.sizes_), self.random_state)
        settings = dataclasses.replace(self.training, seed=self.random_state)
        objective = Objective(*_padded(sequences), classes)
        self.training_record_ = (session or TrainingSession()).train(self.network_, objective, settings)
        return self

    def predict(self, sequences: list[Tensor]) -> Tensor:
        return self.fitted_network()(*_padded(sequences)).argmax(dim=1)

    def file_contents(self) -> FileContents:
        return FileContents(architecture=self.sizes_)

    def restore(self, contents: FileContents) -> Network:
        self.sizes_ = dict(contents.architecture)
        return Network(self.cell, self.hidden, **self.sizes_)

    def sample(self, sequences: list[Tensor], classes: Tensor, *, rows: int) -> tuple[Any, Any]:
        return _padded(sequences[:rows]), lambda scores: cross_entropy(scores, classes[:rows])


def _padded(sequences: list[Tensor]) -> tuple[Tensor, Tensor]:
    return nn.utils.rnn.pad_sequence(sequences, batch_first=True), torch.tensor([len(one) for one in sequences])
