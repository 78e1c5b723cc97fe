r"""The ledger of truncation where the loss reads the last step alone, at the price of one backward pass.

With a single loss, at the last of the steps 0 … T-1, the contributions of that loss are those of each use of the
weights, G[s, T-1] = K_s, so that

    sliding window    g_K = Σ_{s > T-1-K} K_s
    chunks            g_K = the same over the last chunk, ((T-1) mod K) + 1 steps long
"""

from __future__ import annotations

import numpy as np
import torch

from nurt.diagnostics.contributions import step_contributions
from nurt.diagnostics.layer_record import LayerRecord
from nurt.diagnostics.truncation import Bias, TruncationLedger

__all__ = ["last_step_ledger", "reads_last_step"]

# Of K_s, in numbers: 80 MB in float64.
MOST_NUMBERS = 10_000_000
WEIGHT = "weight_hh"


def reads_last_step(record: LayerRecord) -> bool:
    """Return whether all rows are of one length and the loss reaches the layer at its last step alone."""
    direct, _ = record.gradients()
    full = bool((record.lengths == direct.shape[1]).all())
    ordered = direct.flip(1) if record.steps.reverse else direct
    return full and record.final_cell is None and not bool(ordered[:, :-1].any()) and bool(ordered[:, -1:].any())


def last_step_ledger(record: LayerRecord, tolerance: float) -> TruncationLedger | None:
    """Return what each window of truncation costs the gradient of the recurrent weights.

    Args:
        record: for which :func:`reads_last_step` holds.
        tolerance: relative error that a recommended window may have.

    Returns:
        The ledger; None where the layer has no recurrent matrix, its gradient is zero, or it does not fit into memory.
    """
    weight = record.steps.weights.get(WEIGHT)
    steps = record.steps.steps
    if weight is None or weight.numel() * steps > MOST_NUMBERS:
        return None
    uses = step_contributions(record, keep=(WEIGHT,)).tensors[WEIGHT].double().flatten(1).cpu()
    back = uses if record.steps.reverse else uses.flip(0)
    reach = back.cumsum(0)
    full = reach[-1]
    if not bool(full.any()):
        return None
    windows = np.arange(1, steps + 1)
    last_chunk = torch.from_numpy((steps - 1) % windows)
    return TruncationLedger(
        record.id,
        {WEIGHT: tuple(weight.shape)},
        windows,
        _bias(reach, full),
        _bias(reach[last_chunk], full),
        full,
        torch.linalg.vector_norm(back, dim=1).numpy(),
        tolerance,
        0,
    )


def _bias(gradients: torch.Tensor, full: torch.Tensor) -> Bias:
    size, sizes = torch.linalg.vector_norm(full), torch.linalg.vector_norm(gradients, dim=1)
    error = torch.linalg.vector_norm(gradients - full, dim=1) / size
    return Bias(error.numpy(), ((gradients @ full) / (sizes * size)).numpy(), gradients)
