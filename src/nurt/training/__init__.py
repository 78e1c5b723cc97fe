"""Fitting a model: a loop to be read, settings, events, checkpoints, and the search for the first NaN.

Names are imported when they are first used, so that the events can be had without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nurt.training.checkpoint import Checkpoint, CheckpointError
    from nurt.training.decay import CosineDecay, ReduceOnPlateau
    from nurt.training.events import (
        CheckpointFailed,
        EpochEnded,
        Event,
        Listener,
        StepEnded,
        TrainingEnded,
        TrainingRecord,
        TrainingStarted,
    )
    from nurt.training.ledger import ClippedStep, ClippingLedger
    from nurt.training.limits import ClipByNorm, ClipByValue
    from nurt.training.loop import train
    from nurt.training.objective import Objective
    from nurt.training.online import OnlineRecord, OnlineSettings, train_online
    from nurt.training.recorder import ClippingRecorder
    from nurt.training.settings import TrainingSettings
    from nurt.training.stateful import StatefulLoss

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "CheckpointFailed",
    "ClipByNorm",
    "ClipByValue",
    "ClippedStep",
    "ClippingLedger",
    "ClippingRecorder",
    "CosineDecay",
    "EpochEnded",
    "Event",
    "Listener",
    "Objective",
    "OnlineRecord",
    "OnlineSettings",
    "ReduceOnPlateau",
    "StatefulLoss",
    "StepEnded",
    "TrainingEnded",
    "TrainingRecord",
    "TrainingSettings",
    "TrainingStarted",
    "train",
    "train_online",
]

_HOME = {
    "Checkpoint": "checkpoint",
    "CheckpointError": "checkpoint",
    "ClipByNorm": "limits",
    "ClipByValue": "limits",
    "ClippedStep": "ledger",
    "ClippingLedger": "ledger",
    "ClippingRecorder": "recorder",
    "CosineDecay": "decay",
    "Objective": "objective",
    "OnlineRecord": "online",
    "OnlineSettings": "online",
    "ReduceOnPlateau": "decay",
    "StatefulLoss": "stateful",
    "TrainingSettings": "settings",
    "train": "loop",
    "train_online": "online",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'nurt.training' has no attribute {name!r}")
    return getattr(importlib.import_module(f"nurt.training.{_HOME.get(name, 'events')}"), name)


def __dir__() -> list[str]:
    return list(__all__)
