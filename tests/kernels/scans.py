"""Scans to be computed, and an oracle: rows one by one, steps one by one, in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree
from torch import Tensor

from nurt.kernels import scan, use

DTYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128)
# Odd, one, a multiple of every vector, a tile and a bit, sums over more steps than join a total at once.
SIZES = ((1, 1, 1), (2, 1, 17), (1, 9, 1), (3, 5, 17), (2, 63, 50), (5, 3, 300), (1, 131, 33))


def oracle(
    a: Tensor, b: Tensor, initial: Tensor, *, lengths: Tensor | None = None, reverse: bool = False
) -> tuple[Tensor, Tensor]:
    factors = a.broadcast_to(b.shape)
    outputs, final = [], []
    for row, (hidden, moments) in enumerate(zip(initial, b, strict=True)):
        taken = range(len(moments) if lengths is None else int(lengths[row]))
        row_outputs = [0 * hidden for _ in moments]
        for t in reversed(taken) if reverse else taken:
            hidden = row_outputs[t] = factors[row, t] * hidden + moments[t]
        outputs.append(torch.stack(row_outputs))
        final.append(hidden)
    return torch.stack(outputs), torch.stack(final)


@dataclass
class Case:
    """Arguments of a scan, and gradients of both of its results."""

    tensors: list[Tensor]
    grads: list[Tensor]
    options: dict[str, object]

    def run(self, rung: str = "native") -> list[Tensor]:
        """Outputs, final state, gradients of `a`, `b` and the initial state."""
        with use(rung):
            return self._run(scan, self.tensors)

    def expected(self) -> list[Tensor]:
        """The same by the oracle, in double precision."""
        return self._run(oracle, [_double(tensor) for tensor in self.tensors])

    def _run(self, function, tensors: list[Tensor]) -> list[Tensor]:
        leaves = [tensor.detach().requires_grad_() for tensor in tensors]
        results = function(*leaves, **self.options)
        grads = [grad.to(tensors[1].dtype) for grad in self.grads]
        found = torch.autograd.grad(results, leaves, grads, allow_unused=True, materialize_grads=True)
        return [*(r.detach() for r in results), *found]


def case(
    batch: int, time: int, size: int, dtype: torch.dtype, *, a: tuple[int, ...] | None = None, **options: object
) -> Case:
    generator = torch.Generator().manual_seed(batch + 10 * time + 1000 * size)

    def numbers(*shape: int) -> Tensor:
        wide = torch.complex128 if dtype.is_complex else torch.float64
        return torch.randn(shape, generator=generator, dtype=wide).to(dtype)

    whole, moment = (batch, time, size), (batch, size)
    factors = numbers(*(whole if a is None else a))
    # Inside the unit circle: what is shared by many steps must not overflow.
    factors = factors / (0.3 + factors.abs())
    return Case([factors, numbers(*whole), numbers(*moment)], [numbers(*whole), numbers(*moment)], options)


def agree(got: list[Tensor], expected: list[Tensor]) -> None:
    names = ("outputs", "final state", "gradient of a", "gradient of b", "gradient of the initial state")
    for index, (name, one, other) in enumerate(zip(names, got, expected, strict=True)):
        kind = torch.empty(0, dtype=one.dtype).real.dtype
        table = OUTPUTS if index < 2 else GRADIENTS
        assert_agree(_parts(one), _parts(other.to(one.dtype)), table[kind], name)


def same_bits(got: list[Tensor], expected: list[Tensor]) -> None:
    assert len(got) == len(expected)
    assert all(torch.equal(one, other) for one, other in zip(got, expected, strict=True))


def _parts(values: Tensor) -> Tensor:
    return torch.view_as_real(values.resolve_conj()) if values.is_complex() else values


def _double(values: Tensor) -> Tensor:
    return values.to(torch.complex128 if values.is_complex() else torch.float64)
