"""Training steps of a layer: forward and backward, on the same weights and numbers in every library."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

import nurt.nn
from nurt.benchmarks.case import Contender, Library, Outcome
from nurt.benchmarks.floors import MatrixProduct
from nurt.nn.dropin import AbstractDropIn

__all__ = ["CELLS", "LayerPair", "Shape", "TrainingStep", "twins"]

SEED = 1


@dataclass(frozen=True)
class LayerPair:
    """A recurrence as both libraries offer it.

    Args:
        gates: G.
        theirs, ours: the layers, with the same constructor.
    """

    gates: int
    theirs: Callable[..., nn.Module]
    ours: Callable[..., AbstractDropIn]


CELLS: Mapping[str, LayerPair] = MappingProxyType(
    {
        "lstm": LayerPair(4, nn.LSTM, nurt.nn.LSTM),
        "gru": LayerPair(3, nn.GRU, nurt.nn.GRU),
        "elman": LayerPair(1, nn.RNN, nurt.nn.RNN),
    }
)


@dataclass(frozen=True)
class Shape:
    """T, B, I, H by the dimension legend."""

    T: int
    B: int
    I: int  # noqa: E741  # the dimension legend
    H: int

    def sizes(self) -> dict[str, int]:
        """Return the letters with their sizes."""
        return {"T": self.T, "B": self.B, "I": self.I, "H": self.H}

    def floor(
        self, gates: int, *, steps: int | None = None, units_above: int = 0, directions: int = 1
    ) -> MatrixProduct:
        """Return the products of a training step, three times those of a forward pass: 3·2·T·B·G·H·(I+H).

        Args:
            gates: G.
            steps: total steps of all rows where it is not T·B.
            units_above: sum of I + H over layers above the first.
            directions: D.
        """
        elements = steps or self.T * self.B
        return MatrixProduct(6.0 * elements * directions * gates * self.H * (self.I + self.H + units_above))


@dataclass(frozen=True)
class TrainingStep:
    """One training step: outputs, and gradients of weights and, where required, of inputs.

    Args:
        module: the layer.
        inputs: of the layer.
        gradients: dL/d of each result of ``forward``.
        forward: (module, inputs) → outputs, and perhaps more.
    """

    module: nn.Module
    inputs: Tensor
    gradients: tuple[Tensor, ...]
    forward: Callable[[Any, Tensor], tuple[Tensor, ...]]

    def run(self) -> tuple[Tensor, ...]:
        """Forward and backward."""
        self.inputs.grad = None
        for parameter in self.module.parameters():
            parameter.grad = None
        results = self.forward(self.module, self.inputs)
        torch.autograd.backward(results, self.gradients)
        return results

    def outcome(self) -> Outcome:
        """Run once, dropout from a fixed seed, and return results and gradients."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            results = self.run()
        found = {f"result {number}": result.detach() for number, result in enumerate(results)}
        leaves = {"inputs": self.inputs} | dict(self.module.named_parameters())
        found |= {f"gradient of {name}": leaf.grad.clone() for name, leaf in leaves.items() if leaf.grad is not None}
        return found

    def in_float64(self) -> TrainingStep:
        """Return the same step in double precision."""
        return TrainingStep(
            copy.deepcopy(self.module).double(),
            self.inputs.detach().double().requires_grad_(self.inputs.requires_grad),
            tuple(gradient.double() for gradient in self.gradients),
            self.forward,
        )

    def contender(self, library: Library, name: str) -> Contender:
        """Return the step as a contender."""
        return Contender(library, name, self.run, self.outcome)


def twins(cell: str, *arguments: Any, **options: Any) -> tuple[nn.Module, AbstractDropIn]:
    """Return torch's layer and nurt's with the same weights."""
    pair = CELLS[cell]
    theirs, ours = pair.theirs(*arguments, **options), pair.ours(*arguments, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours
