"""From "the loss is NaN" to the place where it began: the batch that failed is taken apart, and an error names it.

The suspects are questioned in the order in which they act: weights, inputs, the modules forward, the loss, the
gradients backward. The first that is not finite is named, since all that follow are its victims.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from nurt.errors import NonFiniteError
from nurt.training.finding import Concerned, Finding, Moment, error_of
from nurt.training.objective import Objective
from nurt.training.replay import Replay, replay

__all__ = ["all_finite", "investigate_batch", "investigate_model"]

_SHOWN = 10


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Return whether no tensor holds NaN or an infinity; one transfer from the device for all of them."""
    checks = [torch.isfinite(tensor).all() for tensor in tensors]
    return not checks or bool(torch.stack([check.to(checks[0].device) for check in checks]).all())


def investigate_model(model: nn.Module, moment: Moment) -> NonFiniteError:
    """Return the error for weights, or a validation loss, that are not finite after the steps of an epoch."""
    bad = _bad_weights(model)
    return error_of(Finding("weight", parameter=bad[0]) if bad else Finding("validation"), moment, Concerned())


def investigate_batch(model: nn.Module, objective: Objective, indices: Tensor, moment: Moment) -> NonFiniteError:
    """Return the error for a step whose loss or gradient was not finite, after replaying the batch.

    Args:
        model: the model before the update, in training mode, with torch's generators as they were before the step.
        objective: examples and loss.
        indices: (B,), the examples of the batch.
        moment: when it happened.
    """
    seen = replay(model, lambda: objective.loss(model, indices), len(indices))
    bad = _bad_weights(model)
    if bad:
        finding = replace(_from_replay(seen), cause="weight", parameter=bad[0])
    else:
        finding = _bad_input(objective, indices) or _from_replay(seen)
    if finding.cause == "loss":
        finding = replace(finding, rows=_rows_with_bad_loss(model, objective, indices))
    return error_of(finding, moment, _concerned(objective, indices, finding.rows))


def _bad_weights(model: nn.Module) -> list[str]:
    # Buffers are left out: a mask may hold infinities on purpose.
    return [name for name, value in model.named_parameters() if not all_finite([value])]


def _bad_input(objective: Objective, indices: Tensor) -> Finding | None:
    inputs = objective.inputs(indices)
    if all_finite([inputs]):
        return None
    bad = ~torch.isfinite(inputs).reshape(inputs.shape[0], inputs.shape[1], -1)
    rows = bad.flatten(1).any(1).nonzero().flatten().tolist()
    time_step, column = bad[rows[0]].nonzero()[0].tolist()
    names = objective.describe(indices[rows[:1]])[0].get("columns")
    name = names[column] if isinstance(names, Sequence) and column < len(names) else column
    return Finding("input", rows=tuple(rows), time_step=time_step, column=str(name))


def _from_replay(seen: Replay) -> Finding:
    if seen.first is not None:
        first = seen.first
        return Finding(
            cause=first.direction,
            rows=first.rows,
            time_step=first.time_step,
            parameter=seen.gradients[0] if seen.gradients else None,
            module=first.module,
            module_type=first.module_type,
            side=first.side,
            largest=seen.largest,
        )
    if not seen.loss_is_finite:
        return Finding("loss", largest=seen.largest)
    if seen.gradients:
        return Finding("backward", parameter=seen.gradients[0], largest=seen.largest)
    return Finding("unknown", largest=seen.largest)


def _rows_with_bad_loss(model: nn.Module, objective: Objective, indices: Tensor) -> tuple[int, ...]:
    """Return the rows whose loss is not finite when they are alone in the batch."""
    with torch.no_grad():
        losses = [objective.loss(model, indices[row : row + 1]) for row in range(len(indices))]
    return tuple(row for row, loss in enumerate(losses) if not all_finite([loss]))


def _concerned(objective: Objective, indices: Tensor, rows: Sequence[int]) -> Concerned:
    numbers = indices[list(rows)] if rows else indices
    shown = numbers[:_SHOWN]
    described = objective.describe(shown)
    return Concerned(
        windows=tuple(shown.tolist()),
        windows_total=len(numbers),
        series=tuple(dict.fromkeys(str(window["series"]) for window in described)),
        first=min((window["first"] for window in described), key=_in_order),
        last=max((window["last"] for window in described), key=_in_order),
    )


def _in_order(label: object) -> tuple[float, str]:
    """Return a key that sorts numbers by size and labels of time, ISO texts, by time."""
    return (float(label), "") if isinstance(label, int | float) else (0.0, str(label))
