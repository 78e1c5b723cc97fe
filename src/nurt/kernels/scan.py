"""The call of the diagonal scan: arguments checked, a rung picked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.kernels import dispatch
from nurt.kernels.following import traced, transformed
from nurt.kernels.recording import recording_wanted
from nurt.kernels.rung import SCAN, Request

__all__ = ["scan"]


def scan(
    a: Tensor,
    b: Tensor,
    initial: Tensor | None = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    r"""Run the diagonal recurrence h_t = a_t ⊙ h_{t-1} + b_t over time, differentiably to any order.

    The gradients are those of the adjoint dh_t = dy_t + conj(a_{t+1}) ⊙ dh_{t+1}, db_t = dh_t,
    da_t = conj(h_{t-1}) ⊙ dh_t, derived in ``kernels/README.md``. Nothing bounds `a`: where |a_t| > 1 the state grows
    as the product of the factors says, up to the infinity of the dtype.

    Args:
        a: factors, (B, T, D); or with a size of 1, or no axis at all, for rows or steps that share them: (D,), (T, D),
            (1, T, D), (B, 1, D). What is shared is not copied, and its gradient is summed in place.
        b: what is added, (B, T, D), T and D at least 1; real or complex, of the dtype of ``a``.
        initial: state before the first step, (B, D); None for zero.
        lengths: steps of each row, (B,), 0..T; None when every row has T. Past its end a row's state is frozen and
            its output zero; `a` and `b` are not read there.
        reverse: run from each row's own last step to its first. Outputs stay at the place of their inputs.

    Returns:
        The states after every step, (B, T, D), and the state after the last step taken, (B, D).

    Raises:
        ShapeError, NurtTypeError, NurtValueError: tensors that do not fit each other, or impossible lengths.
        UnavailableError: a forced rung cannot serve the call.

    Example:
        >>> outputs, final = scan(torch.tensor([0.5]), torch.ones(1, 3, 1))
        >>> outputs.flatten().tolist(), final.item()
        ([1.0, 1.5, 1.75], 1.75)

    Notes:
        float32, float64, complex64 and complex128 run natively on a CPU, every other kind by the reference loop. Each
        h_t costs two roundings, or one where the processor has a fused multiply-add.
    """
    _check_tensors(a, b, initial)
    batch, time, _ = b.shape
    ends = _checked_lengths(lengths, batch, time)
    options = {
        "ragged": ends is not None,
        "reverse": reverse,
        "transformed": transformed(),
        "traced": traced(),
        "recording": recording_wanted(),
    }
    asked = frozenset(option for option, present in options.items() if present)
    kernel = dispatch.choose(Request(SCAN, b.device.type, b.dtype, asked)).scan
    assert kernel is not None
    a = a[(None,) * (3 - a.dim())]
    return kernel(a, b, initial, lengths=ends, reverse=reverse)


def _check_tensors(a: Tensor, b: Tensor, initial: Tensor | None) -> None:
    if b.dim() != 3 or b.shape[1] == 0 or b.shape[2] == 0:
        raise ShapeError(
            "nurt.kernels.scan: `b` cannot be read as sequences.",
            expected="(B, T, D) with T and D at least 1",
            got=str(tuple(b.shape)),
            cure="Add an axis with b.unsqueeze(0) for a single sequence.",
        )
    batch, time, size = b.shape
    rows, steps, *_ = (1,) * (3 - a.dim()) + tuple(a.shape) if 1 <= a.dim() <= 3 else (0, 0)
    if rows not in (1, batch) or steps not in (1, time) or a.shape[-1] != size:
        raise ShapeError(
            "nurt.kernels.scan: `a` does not fit `b`.",
            expected=f"({batch}, {time}, {size}), with 1 or nothing for the axes of rows and steps that share it",
            got=str(tuple(a.shape)),
        )
    if initial is not None and initial.shape != (batch, size):
        raise ShapeError(
            "nurt.kernels.scan: `initial` does not fit `b`.",
            expected=f"({batch}, {size})",
            got=str(tuple(initial.shape)),
        )
    for name, tensor in (("a", a), ("initial", initial)):
        if tensor is not None and (tensor.dtype != b.dtype or tensor.device != b.device):
            raise NurtTypeError(
                f"nurt.kernels.scan: `{name}` and `b` are of different kinds.",
                expected=f"{b.dtype} on {b.device}",
                got=f"{tensor.dtype} on {tensor.device}",
                cure="Convert one of them; nothing is converted silently.",
            )


def _checked_lengths(lengths: Tensor | Sequence[int] | None, batch: int, time: int) -> Tensor | None:
    if lengths is None:
        return None
    given = torch.as_tensor(lengths)
    # An empty list comes out as a float tensor.
    wrong_kind = given.is_floating_point() or given.is_complex() or given.dtype == torch.bool
    if given.shape != (batch,) or (wrong_kind and batch):
        raise ShapeError(
            "nurt.kernels.scan: `lengths` does not give one number of steps per row.",
            expected=f"{batch} whole numbers",
            got=f"shape {tuple(given.shape)}, {given.dtype}",
        )
    ends = given.to(torch.int64)
    # Compiled code may not branch on values; there the kernel itself refuses them when it runs. A trace would keep the
    # branch that these values took.
    if (
        not torch.compiler.is_compiling()
        and not traced()
        and batch
        and not (int(ends.min()) >= 0 and int(ends.max()) <= time)
    ):
        raise NurtValueError(
            "nurt.kernels.scan: a length lies outside the sequences.",
            expected=f"lengths between 0 and T={time}",
            got=str(ends.tolist()),
        )
    return ends
