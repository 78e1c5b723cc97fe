"""Recurrences with random tensors of every argument, and a comparison of two kernels on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree
from torch import Tensor

from nurt.kernels import PLAIN, Recurrence, StepOptions, Weights
from nurt.kernels.reference import RECURRENCES
from nurt.kernels.rung import Kernel


@dataclass(frozen=True)
class Size:
    batch: int = 3
    time: int = 5
    inputs: int = 2
    hidden: int = 4
    projection: int = 3


def normalisation(size: Size, bias: bool) -> dict[str, tuple[int, ...]]:
    gains = {"norm_ih": (4 * size.hidden,), "norm_hh": (4 * size.hidden,), "norm_cell": (size.hidden,)}
    return gains | ({"norm_cell_bias": (size.hidden,)} if bias else {})


def extra(name: str, size: Size, bias: bool) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the learned tensors beyond the two matrices and the two biases."""
    match name:
        case "projected_lstm":
            return {"weight_hr": (size.projection, size.hidden)}
        case "peephole_lstm":
            return {"weight_ch": (3 * size.hidden,)}
        case "layer_norm_lstm":
            return normalisation(size, bias)
    return {}


@dataclass(frozen=True)
class Problem:
    """One call: every tensor by its name, and where rows end and how time runs."""

    recurrence: Recurrence[Any]
    tensors: dict[str, Tensor]
    lengths: Tensor | None = None
    reverse: bool = False
    options: StepOptions = PLAIN

    def run(self, kernel: Kernel, **changed: Tensor) -> tuple[Tensor, ...]:
        """Return outputs and the fields of the final state."""
        given = self.tensors | changed
        state = self.recurrence.state(*(given[name] for name in self.fields))
        weights = Weights(**{name: given[name] for name in Weights._fields if name in given})
        outputs, final = kernel(
            self.recurrence,
            given["inputs"],
            state,
            weights,
            lengths=self.lengths,
            reverse=self.reverse,
            options=self.options,
        )
        return outputs, *final

    def differentiable(self) -> list[Tensor]:
        return [tensor.requires_grad_() for tensor in self.tensors.values()]

    def function(self, kernel: Kernel):
        """Return the call as a function of all its tensors."""
        return lambda *tensors: self.run(kernel, **dict(zip(self.tensors, tensors, strict=True)))

    @property
    def fields(self) -> tuple[str, ...]:
        return self.recurrence.state._fields


def problem(name: str, size: Size = Size(), *, bias: bool = True, seed: int = 7, **way: Any) -> Problem:
    """Return the recurrence ``name`` with normal numbers in float64; ``way`` is the rest."""
    recurrence = RECURRENCES[name]
    rows = recurrence.gates * size.hidden
    fed_back = size.projection if name == "projected_lstm" else size.hidden
    shapes: dict[str, tuple[int, ...]] = {"inputs": (size.batch, size.time, size.inputs)}
    for field in recurrence.state._fields:
        shapes[field] = (size.batch, fed_back if field == "hidden" else size.hidden)
    shapes |= {"weight_ih": (rows, size.inputs), "weight_hh": (rows, fed_back)}
    if bias:
        shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
    shapes |= extra(name, size, bias)
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        label: torch.randn(shape, generator=generator, dtype=torch.float64).mul_(0.7) for label, shape in shapes.items()
    }
    if "lengths" in way:
        way["lengths"] = torch.tensor(way["lengths"])
    return Problem(recurrence, tensors, **way)


def differentiated(problem: Problem, kernel: Kernel) -> tuple[tuple[Tensor, ...], list[Tensor]]:
    """Return the results, and the gradients of all tensors of a fixed mixture of every result."""
    tensors = problem.differentiable()
    results = problem.run(kernel)
    generator = torch.Generator().manual_seed(11)
    mixture = [torch.randn(value.shape, generator=generator, dtype=value.dtype) for value in results]
    return results, list(torch.autograd.grad(results, tensors, mixture))


def compare(problem: Problem, kernel: Kernel, oracle: Kernel) -> None:
    """Fail when ``kernel`` and ``oracle`` differ in a result or in a gradient."""
    (results, gradients), (expected, wanted) = differentiated(problem, kernel), differentiated(problem, oracle)
    for label, one, other in zip(("outputs", *problem.fields), results, expected, strict=True):
        assert_agree(one, other, OUTPUTS[other.dtype], label)
    for label, one, other in zip(problem.tensors, gradients, wanted, strict=True):
        assert_agree(one, other, GRADIENTS[other.dtype], f"gradient of {label}")
