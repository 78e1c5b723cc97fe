"""The diagonal recurrence h_t = a_t ⊙ h_{t-1} + b_t, which torch users write as a Python loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from nurt import kernels
from nurt.benchmarks.case import Case, Contender, Contest, Group, Library, Outcome
from nurt.benchmarks.floors import MemoryCopy

__all__ = ["CELLS", "SCAN", "contest"]

# T, B and the number of channels.
SHAPES = ((1024, 8, 256), (16384, 1, 64))
CELLS = {"diagonal": torch.float32, "complex_diagonal": torch.complex64}
# Forward reads a and b and writes h; backward reads a, h and dy and writes da and db.
ARRAYS = 8
DOUBLE = {torch.float32: torch.float64, torch.complex64: torch.complex128}

Run = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class _Step:
    """Forward and backward of one way to run the recurrence; ``a``, ``b`` and ``gradient`` are (B, T, D)."""

    a: Tensor
    b: Tensor
    gradient: Tensor
    states: Run

    def run(self) -> Tensor:
        self.a.grad = self.b.grad = None
        states = self.states(self.a, self.b)
        torch.autograd.backward(states, self.gradient)
        return states

    def outcome(self) -> Outcome:
        found = {"states": self.run().detach(), "gradient of a": self.a.grad, "gradient of b": self.b.grad}
        return {name: _as_real(value).clone() for name, value in found.items() if value is not None}

    def in_double(self) -> _Step:
        a, b, gradient = (one.detach().to(DOUBLE[one.dtype]) for one in (self.a, self.b, self.gradient))
        return _Step(a.requires_grad_(), b.requires_grad_(), gradient, self.states)

    def contender(self, library: Library, name: str) -> Contender:
        return Contender(library, name, self.run, self.outcome)


def _as_real(values: Tensor) -> Tensor:
    return torch.view_as_real(values) if values.is_complex() else values


def _native(a: Tensor, b: Tensor) -> Tensor:
    return kernels.scan(a, b)[0]


def _loop(a: Tensor, b: Tensor) -> Tensor:
    state = torch.zeros_like(b[:, 0])
    states = []
    for factor, added in zip(a.unbind(1), b.unbind(1), strict=True):
        state = factor * state + added
        states.append(state)
    return torch.stack(states, dim=1)


def contest(cell: str, T: int, B: int, D: int) -> Contest:
    """Return a training step over T steps of B rows and D channels.

    Args:
        cell: a key of ``CELLS``.
        T: steps.
        B: rows.
        D: channels.
    """
    dtype = CELLS[cell]
    # The factors of a trained gate: most of the state is kept. Complex ones also turn it.
    a = torch.rand(B, T, D).sqrt().to(dtype)
    if dtype.is_complex:
        a = a * torch.exp(1j * torch.rand(B, T, D))
    b, gradient = torch.randn(B, T, D, dtype=dtype), torch.randn(B, T, D, dtype=dtype)
    loop = _Step(a.requires_grad_(), b.requires_grad_(), gradient, _loop)
    return Contest(
        ours=_Step(a, b, gradient, _native).contender("nurt", "nurt.kernels.scan"),
        peers=(loop.contender("torch", "Python loop"),),
        reference=lambda: loop.in_double().outcome(),
        floor=MemoryCopy(ARRAYS * b.numel() * b.element_size()),
    )


def _scan() -> list[Case]:
    return [
        Case("scan", cell, dict(zip(("T", "B", "H"), shape, strict=True)), partial(contest, cell, *shape))
        for cell in CELLS
        for shape in SHAPES
    ]


SCAN = Group(
    "scan",
    "A training step of the diagonal recurrence h = a ⊙ h + b with H channels, real and complex: nurt.kernels.scan "
    "against a loop over time in torch.",
    "Bound by memory: one multiplication and one addition for each number that is read. The floor is a copy as long "
    "as the arrays that are read (a twice) and written.",
    _scan,
)
