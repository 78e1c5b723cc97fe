"""A network and an objective small enough to train in a blink, for all tests of training."""

from __future__ import annotations

import dataclasses
import hashlib

import torch
from torch import nn

from nurt.training import Description

SETTINGS = {
    "epochs": 4,
    "batch_size": 7,
    "learning_rate": 0.02,
    "clip_norm": 0.4,
    "weight_decay": 0.01,
    "patience": None,
    "seed": 5,
}


class Network(nn.Module):
    """Two LSTM layers with dropout between and after them, and a linear head."""

    def __init__(self, seed=3, dropout=0.3, hidden=5):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.lstm = nn.LSTM(2, hidden, num_layers=2, dropout=dropout, batch_first=True)
            self.dropout = nn.Dropout(dropout)
            self.head = nn.Linear(hidden, 3)

    def forward(self, inputs):
        return self.head(self.dropout(self.lstm(inputs)[0][:, -1]))


class Task:
    """Predict three numbers from a window of nine steps; ``before_loss`` is called with each batch's number."""

    columns = ("rate", "volume")

    def __init__(self, examples=23, validation=11, before_loss=None, data_seed=1, loss=nn.functional.mse_loss):
        generator = torch.Generator().manual_seed(data_seed)
        self._inputs = torch.randn(examples + validation, 9, 2, generator=generator)
        self._targets = self._inputs.cumsum(1)[:, -1:, 0] * torch.tensor([[1.0, -0.5, 0.25]])
        self.examples = examples
        self.loss_function = loss
        self.before_loss = before_loss
        self.steps = 0
        self.seen = []

    @property
    def fingerprint(self):
        return hashlib.sha256(self._inputs.numpy().tobytes()).hexdigest()

    def loss(self, model, indices):
        self.steps += 1
        self.seen.append(indices.tolist())
        if self.before_loss is not None:
            self.before_loss(self.steps)
        return self.loss_function(model(self._inputs[indices]), self._targets[indices])

    def validate(self, model):
        if len(self._inputs) == self.examples:
            return None
        held_out = slice(self.examples, None)
        return float(nn.functional.mse_loss(model(self._inputs[held_out]), self._targets[held_out]).detach())

    def describe(self, indices):
        series = list(dict.fromkeys(f"s{number % 2}" for number in indices.tolist()))
        first, last = 10 * int(indices.min()), 10 * int(indices.max()) + 8
        return Description(
            "windows",
            f"series {', '.join(series)}, {first} to {last}",
            {"series": series, "first": first, "last": last},
            self.columns or (),
        )

    def inputs(self, indices):
        return self._inputs[indices]


def same_bits(first, second):
    """Whether two states hold the same tensors to the last bit."""
    if first.keys() != second.keys():
        return False
    pairs = [(first[name].reshape(-1).view(torch.uint8), second[name].reshape(-1).view(torch.uint8)) for name in first]
    return all(torch.equal(one, other) for one, other in pairs)


def without_seconds(record):
    """The record with all wall-clock times set to 0."""
    history = tuple(dataclasses.replace(entry, seconds=0.0) for entry in record.history)
    return dataclasses.replace(record, seconds=0.0, history=history)
