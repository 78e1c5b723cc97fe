"""Train a network of your own with nurt's loop: the adding problem (hochreiter1997long).

Each sequence marks two of its numbers; the answer is their sum. Without memory nothing beats 1: squared error 1/6.
"""

import torch
from torch import Tensor, nn

import nurt
from nurt.training import Description, TrainingSettings, train


class Adder(nn.Module):
    """A recurrent layer, and one number out of its last state."""

    def __init__(self, cell: str) -> None:
        super().__init__()
        self.layers, self.answer = nurt.nn.build(cell, input_size=2, hidden_size=24), nn.Linear(24, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.answer(self.layers(inputs)[0][:, -1]).squeeze(-1)


class Adding:
    """What the loop needs to know: examples, their loss, and words for them when something goes wrong."""

    def __init__(self, examples: int, steps: int) -> None:
        generator = torch.Generator().manual_seed(0)
        numbers = torch.rand(examples + 200, steps, generator=generator)
        marks = torch.zeros_like(numbers)
        for half in marks.chunk(2, dim=1):
            half.scatter_(1, torch.randint(half.shape[1], (len(half), 1), generator=generator), 1.0)
        self.examples = examples  # the 200 beyond them are for validation
        self.data, self.sums = torch.stack([numbers, marks], dim=-1), (numbers * marks).sum(dim=1)
        self.fingerprint = f"adding problem, {examples} sequences of {steps}"

    def loss(self, model: nn.Module, indices: Tensor) -> Tensor:
        return nn.functional.mse_loss(model(self.data[indices]), self.sums[indices])

    def validate(self, model: nn.Module) -> float:
        return float(self.loss(model, torch.arange(self.examples, len(self.sums))))

    def describe(self, indices: Tensor) -> Description:
        return Description(unit="sequences", where=f"with the sums {self.sums[indices].tolist()}")

    def inputs(self, indices: Tensor) -> Tensor:
        return self.data[indices]


def main(epochs: int = 60) -> None:
    for cell in ("elman", "lstm", "gru"):
        torch.manual_seed(0)  # of the initial weights
        settings = TrainingSettings(epochs=epochs, learning_rate=0.01, batch_size=50, patience=None)
        record = train(Adder(cell), Adding(1000, steps=30), settings)
        best = record.history[record.best_epoch]
        print(f"{cell:<6} validation loss {best.validation_loss:.4f} at epoch {best.epoch} (answering 1: 0.1667)")


if __name__ == "__main__":
    main()
