"""Oracles and tolerances of the native engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import torch
from tests.kernels.native.calls import computing, recurrence
from torch import Tensor

from nurt.kernels import Weights, _cpu
from nurt.kernels.native.call import CELLS
from nurt.kernels.reference import RECURRENCES

# Largest deviation from the float64 oracle, relative to the largest element of the tensor compared.
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


@pytest.fixture(autouse=True)
def _poisoned_scratch() -> Iterator[None]:
    _cpu.poison_scratch(True)
    yield
    _cpu.poison_scratch(False)


@pytest.fixture(params=_cpu.instruction_sets())
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every instruction set of this processor in turn."""
    monkeypatch.setenv("NURT_ISA", request.param)
    return request.param


@dataclass
class Problem:
    """One recurrence with everything that can have a gradient, and gradients for everything it returns."""

    cell: str
    tensors: dict[str, Tensor]
    grads: list[Tensor]
    options: dict[str, object]

    def native(self, threads: int | None = None) -> tuple[list[Tensor], list[Tensor]]:
        """Outputs and final states, then the gradients of all tensors."""
        with computing(threads):
            return self._run(recurrence, {n: t.detach().clone() for n, t in self.tensors.items()})

    def oracle(self) -> tuple[list[Tensor], list[Tensor]]:
        """The same from a plain loop over rows and steps in float64, differentiated by autograd."""
        return self._run(loop, {n: t.detach().double() for n, t in self.tensors.items()})

    def _run(
        self, function: Callable[..., tuple[Tensor, ...]], tensors: dict[str, Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        leaves = {n: t.requires_grad_() for n, t in tensors.items()}
        results = [r for r in function(self.cell, **leaves, **self.options) if r is not None]
        loss = sum((r * g.to(r.dtype)).sum() for r, g in zip(results, self.grads, strict=True))
        grads = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        return [r.detach() for r in results], [
            torch.zeros_like(t) if g is None else g for g, t in zip(grads, leaves.values(), strict=True)
        ]


def step(
    cell: str, x: Tensor, h: Tensor, c: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of one row, as the equations are written; of a cell that is not written here, that of the reference."""
    a, m = w_ih @ x + b_ih, w_hh @ h + b_hh
    if cell == "lstm":
        i, f, g, o = (a + m).chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c
    if cell == "cifg_lstm":
        f, g, o = (a + m).chunk(3)
        c = f.sigmoid() * c + (1 - f.sigmoid()) * g.tanh()
        return o.sigmoid() * c.tanh(), c
    if cell == "reset_before_gru":
        (a_r, a_z, a_n), (m_r, m_z, _) = a.chunk(3), m.chunk(3)
        z, q = (a_z + m_z).sigmoid(), (a_r + m_r).sigmoid() * h
        return (1 - z) * (a_n + w_hh.chunk(3)[2] @ q + b_hh.chunk(3)[2]).tanh() + z * h, c
    if cell == "gru":
        (a_r, a_z, a_n), (m_r, m_z, m_n) = a.chunk(3), m.chunk(3)
        z = (a_z + m_z).sigmoid()
        return (1 - z) * (a_n + (a_r + m_r).sigmoid() * m_n).tanh() + z * h, c
    functions = {"elman_tanh": torch.tanh, "elman_relu": torch.relu, "elman_sigmoid": torch.sigmoid}
    functions["linear"] = lambda v: v
    if cell in functions:
        return functions[cell](a + m), c
    known = RECURRENCES[cell]
    before = known.state(*(field.unsqueeze(0) for field in (h, c)[: len(known.fields)]))
    after = known.step(x.unsqueeze(0), before, Weights(w_ih, w_hh, b_ih, b_hh))
    return after.hidden.squeeze(0), after.cell.squeeze(0) if len(after) == 2 else c


def loop(
    cell: str,
    inputs: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    *,
    hidden: Tensor | None = None,
    cell_state: Tensor | None = None,
    lengths: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The oracle: a loop over rows and steps."""
    batch, time, _ = inputs.shape
    H = weight_hh.shape[1]
    zeros = inputs.new_zeros(weight_hh.shape[0])
    outputs = [[inputs.new_zeros(H) for _ in range(time)] for _ in range(batch)]
    last_h, last_c = [], []
    for b in range(batch):
        h = inputs.new_zeros(H) if hidden is None else hidden[b]
        c = inputs.new_zeros(H) if cell_state is None else cell_state[b]
        steps = range(time if lengths is None else int(lengths[b]))
        for t in reversed(steps) if reverse else steps:
            bias = [zeros if v is None else v for v in (bias_ih, bias_hh)]
            h, c = step(cell, inputs[b, t], h, c, weight_ih, weight_hh, *bias)
            outputs[b][t] = h
        last_h.append(h)
        last_c.append(c)
    return (
        torch.stack([torch.stack(row) for row in outputs]),
        torch.stack(last_h),
        torch.stack(last_c) if CELLS[cell].has_cell else None,
    )


@pytest.fixture
def problem() -> Callable[..., Problem]:
    """Makes a problem of given sizes; gradients of every output are random, so that none can be forgotten."""

    def make(cell: str, B: int, T: int, I: int, H: int, dtype: torch.dtype = torch.float64, *,  # noqa: E741
             states: bool = True, biases: bool = True, scale: float = 1.0, **options: object) -> Problem:  # fmt: skip
        generator = torch.Generator().manual_seed(B + 10 * T + 100 * I + 1000 * H)

        def numbers(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

        spec = CELLS[cell]
        rows = spec.gates * H
        tensors = {"inputs": scale * numbers(B, T, I), "weight_ih": numbers(rows, I) * I**-0.5,
                   "weight_hh": numbers(rows, H) * 0.7 * H**-0.5}  # fmt: skip
        if biases:
            tensors |= {"bias_ih": numbers(rows), "bias_hh": numbers(rows)}
        if states:
            tensors["hidden"] = numbers(B, H)
            if spec.has_cell:
                tensors["cell_state"] = numbers(B, H)
        grads = [numbers(B, T, H), numbers(B, H)] + ([numbers(B, H)] if spec.has_cell else [])
        return Problem(cell, tensors, grads, options)

    return make


@pytest.fixture
def agree() -> Callable[..., None]:
    """Compares lists of tensors with the float64 oracle, within the table above."""

    def compare(got: list[Tensor], expected: list[Tensor]) -> None:
        assert len(got) == len(expected)
        for a, b in zip(got, expected, strict=True):
            assert a.shape == b.shape
            size = max(1.0, float(b.abs().max()))
            error = float((a.double() - b.double()).abs().max()) / size
            assert error <= TOLERANCE[a.dtype], f"off by {error:.1e}"

    return compare
