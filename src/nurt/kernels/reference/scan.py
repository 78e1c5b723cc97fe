r"""The diagonal scan in plain torch: the loop, differentiated by autograd, and the adjoint written by hand.

    h_t = a_t ⊙ h_{t-1} + b_t                  t = 1 … T

a_t, b_t, h_t (B, D), real or complex; `a` may be the same for all rows or all steps. The adjoint, with dy_t the
gradient of the output, dh_t the total gradient of h_t, and torch's convention that the gradient of a complex number
is dL/d(real part) + i dL/d(imaginary part):

    dh_t = dy_t + conj(a_{t+1}) ⊙ dh_{t+1}     from dh_T = dy_T + the gradient of the final state
    db_t = dh_t        da_t = conj(h_{t-1}) ⊙ dh_t        dh_0 = conj(a_1) ⊙ dh_1

``kernels/README.md`` derives it. The first line is a scan too, backwards in time and with `a` moved by one step, so
the adjoint can be differentiated as often as the scan itself.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nurt.kernels.recurrence import alive_steps
from nurt.kernels.rung import ScanKernel

__all__ = ["adjoint", "run"]


def run(
    a: Tensor, b: Tensor, initial: Tensor | None, *, lengths: Tensor | None, reverse: bool
) -> tuple[Tensor, Tensor]:
    """Run the scan; arguments and results as for :class:`~nurt.kernels.rung.ScanKernel`."""
    batch, time, size = b.shape
    alive = alive_steps(b, lengths)
    if alive is not None:
        alive = alive.unsqueeze(2)
        # Past its end a row is carried on unchanged: 1 ⊙ h + 0. What stands there is not even multiplied by zero.
        a, b = torch.where(alive, a, 1), torch.where(alive, b, 0)
    # One unbind has one backward; indexing step by step would fill a whole gradient for every step.
    factors, moments = a.expand(a.shape[0], time, size).unbind(1), b.unbind(1)
    hidden = b.new_zeros(batch, size) if initial is None else initial
    outputs = list(moments)
    # Counted, for in a trace the size is a tensor.
    steps = range(len(moments))
    for t in reversed(steps) if reverse else steps:
        hidden = factors[t] * hidden + moments[t]
        outputs[t] = hidden
    whole = torch.stack(outputs, dim=1)
    return (whole if alive is None else torch.where(alive, whole, 0)), hidden


def adjoint(
    scan: ScanKernel,
    a: Tensor,
    outputs: Tensor,
    initial: Tensor | None,
    grad_outputs: Tensor | None,
    grad_final: Tensor | None,
    *,
    lengths: Tensor | None,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of `a`, `b` and the initial state by the equations above.

    Args:
        scan: runs the scan that carries the gradient.
        a: as in the forward call, (B or 1, T or 1, D).
        outputs: of the forward call, (B, T, D).
        initial: state before the first step, (B, D); None for zero.
        grad_outputs: (B, T, D); None for zero.
        grad_final: gradient of the final state, (B, D); None for zero.
        lengths: as in the forward call.
        reverse: as in the forward call.
    """
    zeros = torch.zeros_like(outputs[:, 0])
    initial = zeros if initial is None else initial
    grad_final = zeros if grad_final is None else grad_final
    first, last = _first_and_last_step(outputs, lengths, reverse=reverse)
    onwards = -1 if reverse else 1
    # What the roll brings to the last step comes from another place; nothing is carried into it anyway.
    later = a if a.shape[1] == 1 else torch.where(last, 0, a.roll(-onwards, 1))
    own = torch.where(last, grad_final.unsqueeze(1), 0) + (0 if grad_outputs is None else grad_outputs)
    grads, _ = scan(later.conj(), own, None, lengths=lengths, reverse=not reverse)
    before = torch.where(first, initial.unsqueeze(1), outputs.roll(onwards, 1))
    to_initial = (torch.where(first, a.conj(), 0) * grads).sum(1)
    if lengths is not None:
        to_initial = to_initial + torch.where((lengths == 0).unsqueeze(1), grad_final, 0)
    return (before.conj() * grads).sum_to_size(a.shape), grads, to_initial


def _first_and_last_step(outputs: Tensor, lengths: Tensor | None, *, reverse: bool) -> tuple[Tensor, Tensor]:
    """Return which step of each row is taken first and which last, bool (B, T, 1); neither in a row of length 0."""
    batch, time, _ = outputs.shape
    steps = torch.arange(time, device=outputs.device)
    ends = torch.full((batch,), time, device=outputs.device) if lengths is None else lengths.to(outputs.device)
    ends = ends.unsqueeze(1)
    low, high = ((steps == 0) & (ends > 0)).unsqueeze(2), (steps == ends - 1).unsqueeze(2)
    return (high, low) if reverse else (low, high)
