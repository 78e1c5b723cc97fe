"""Training on a stream: every update sees new examples, so there are no epochs and nothing to overfit.

One update takes the gradient, clips it by its norm [pascanu2013difficulty] and moves the weights by Adam
[kingma2015adam]. What was clipped is counted: a network whose gradient is cut in most updates is steered by the
threshold, whatever its loss says.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from nurt.errors import NurtValueError
from nurt.results import Result
from nurt.training.clipping import clip_gradients
from nurt.training.interrupt import Interrupt
from nurt.training.ledger import ClippingLedger
from nurt.training.ledger_book import LedgerBook
from nurt.training.limits import ClipByNorm

__all__ = ["OnlineRecord", "OnlineSettings", "StopReason", "train_online"]

StopReason: TypeAlias = Literal["updates", "interrupt", "non-finite"]


@dataclass(frozen=True)
class OnlineSettings:
    """How to train on a stream.

    Args:
        updates: the most updates.
        learning_rate: step size of Adam [kingma2015adam].
        clip_norm: largest global gradient norm [pascanu2013difficulty].

    Raises:
        NurtValueError: a number is not above 0.
    """

    updates: int = 3000
    learning_rate: float = 0.005
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        for name in ("updates", "learning_rate", "clip_norm"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise NurtValueError(
                    f"OnlineSettings: `{name}` is out of range.", expected="a finite number above 0", got=repr(value)
                )


@dataclass(frozen=True)
class OnlineRecord(Result):
    """What happened in training.

    Args:
        losses: loss of each update, on examples that the weights had not seen, (updates,).
        norms: global norm of the gradient before clipping, (updates,).
        clipping: what clipping did, the gradient that ended the training included.
        stopped_by: "updates" (all made), "interrupt", or "non-finite": the next loss or gradient was not a number,
            and the weights are those before it.
        seconds: wall-clock time.
    """

    losses: np.ndarray = field(repr=False)
    norms: np.ndarray = field(repr=False)
    clipping: ClippingLedger
    stopped_by: StopReason
    seconds: float

    @property
    def updates(self) -> int:
        """Updates that were made."""
        return len(self.losses)

    @property
    def clipped_share(self) -> float:
        """Share of the updates whose gradient was shortened, 0..1; 0 without updates."""
        return self.clipping.clipped_share

    def __str__(self) -> str:
        last = f", last loss {self.losses[-1]:.5g}" if self.updates else ""
        return (
            f"{self.updates} updates in {self.seconds:.1f} s{last}, {100 * self.clipped_share:.1f} % clipped at "
            f"{self.clipping.clipping}, stopped by {self.stopped_by}"
        )


def train_online(
    model: nn.Module,
    next_loss: Callable[[], Tensor],
    settings: OnlineSettings,
    *,
    after_update: Callable[[int], None] | None = None,
) -> OnlineRecord:
    """Train ``model`` on a stream.

    Nothing random happens here; with a model and a stream that are fixed by seeds, so is the result. The first Ctrl-C
    ends training after the update in hand, and the record says so; the second goes through.

    Args:
        model: the network; its weights change in place.
        next_loss: draws the next examples and returns their loss, a scalar.
        settings: how to train.
        after_update: told the number of every update that was made, from 1.

    Returns:
        Losses, norms, and what ended the training.
    """
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam([parameter for _, parameter in named], lr=settings.learning_rate, fused=True)
    limit, book = ClipByNorm(settings.clip_norm), LedgerBook()
    losses: list[float] = []
    norms: list[float] = []
    stopped_by: StopReason = "updates"
    began = time.perf_counter()
    model.train()
    with Interrupt() as interrupt:
        while len(losses) < settings.updates and not interrupt.requested:
            optimizer.zero_grad()
            loss = next_loss()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves this method without annotations
            step, value = clip_gradients(named, limit, loss)
            book.note(step, settings.learning_rate)
            if not (step.is_finite and math.isfinite(value)):
                stopped_by = "non-finite"
                break
            optimizer.step()
            losses.append(value)
            norms.append(step.norm)
            if after_update is not None:
                after_update(len(losses))
        if interrupt.requested:
            stopped_by = "interrupt"
    optimizer.zero_grad()
    model.eval()
    seconds = time.perf_counter() - began
    return OnlineRecord(np.array(losses), np.array(norms), book.ledger(limit), stopped_by, seconds)
