"""How far two ways to compute the same recurrence may differ. The one place; reviewed like code, loosened by nothing.

Each comparison is made twice. *Element by element* the difference may be at most ``rtol`` of the element plus
``atol`` of the largest magnitude in the tensor, because a sum of many terms of size s rounds like s even where the
terms cancel. *In aggregate* the Euclidean norm of the difference may be at most ``norm`` of the norm expected, so that
no tensor is off everywhere by as much as one element may be.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tolerance:
    rtol: float
    atol: float
    norm: float


# Same operator, same order of operations: the same bits.
SAME_BITS = Tolerance(0.0, 0.0, 0.0)

# Another order of summation and, in the engine, another tanh and sigmoid (within 3 units in the last place), up to 63
# steps and 50 units. About ten times the largest difference ever seen, which is a few units of rounding (6e-8 and
# 1e-16), and thousands of times below the effect of any mistake.
OUTPUTS = {torch.float32: Tolerance(1e-5, 2e-6, 2e-6), torch.float64: Tolerance(1e-13, 2e-14, 1e-14)}
GRADIENTS = {torch.float32: Tolerance(2e-5, 1e-5, 1e-5), torch.float64: Tolerance(1e-13, 2e-14, 2e-14)}

# bfloat16 keeps 8 bits; its fused operators round once where the loop rounds after every operation.
OUTPUTS[torch.bfloat16] = Tolerance(2e-2, 2e-2, 2e-2)

# A derivative by autograd against the same one written out, in float64, of one step.
STEP_DERIVATIVES = Tolerance(1e-13, 1e-13, 1e-13)


def conditioned(tolerance: Tolerance, expected: Tensor, moved: Tensor) -> Tolerance:
    """Return ``tolerance`` and on top what one rounding of the inputs does to the oracle itself.

    No way to compute a quantity can be closer to the truth than that, and some problems multiply a rounding: the norm
    of a state that is zero at first by 1/√ε ≈ 316.

    Args:
        tolerance: of a problem that multiplies nothing.
        expected: what the oracle makes of the inputs.
        moved: what it makes of inputs one rounding away.
    """
    off, size = (moved - expected).detach(), expected.detach()
    if size.numel() == 0 or not size.any():
        return tolerance
    norm = float(torch.linalg.vector_norm(off) / torch.linalg.vector_norm(size))
    return Tolerance(tolerance.rtol, tolerance.atol + float(off.abs().max() / size.abs().max()), tolerance.norm + norm)


def assert_agree(actual: Tensor, expected: Tensor, tolerance: Tolerance, what: str) -> None:
    """Fail with ``what`` and the numbers when two tensors differ in kind or by more than allowed."""
    assert actual.shape == expected.shape, f"{what}: shape {tuple(actual.shape)}, expected {tuple(expected.shape)}"
    assert actual.dtype == expected.dtype, f"{what}: {actual.dtype}, expected {expected.dtype}"
    if actual.numel() == 0:
        return
    actual, expected = actual.detach().double(), expected.detach().double()
    assert torch.isfinite(expected).all(), f"{what}: the expected values are not finite, so nothing is compared"
    off = (actual - expected).abs()
    allowed = tolerance.rtol * expected.abs() + tolerance.atol * expected.abs().max()
    worst = int((off - allowed).nan_to_num(nan=float("inf")).argmax())
    assert (off <= allowed).all(), (
        f"{what}: element {worst} is {actual.flatten()[worst]:.9g}, expected {expected.flatten()[worst]:.9g}"
    )
    distance, size = float(torch.linalg.vector_norm(off)), float(torch.linalg.vector_norm(expected))
    assert distance <= tolerance.norm * size, f"{what}: off by {distance / size:.2e} in norm"
