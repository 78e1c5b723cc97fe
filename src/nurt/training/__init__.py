"""Fitting a model: one loop, settings, events, checkpoints, and the search for the first NaN.

Names are imported when they are first used, so that the events are available without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nurt.training.checkpoint import Checkpoint, CheckpointError
    from nurt.training.clipping import ClippingRecorder
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
    from nurt.training.loop import train
    from nurt.training.objective import (
        BatchSource,
        Description,
        LengthBuckets,
        Objective,
        ShuffledExamples,
        SourcedObjective,
    )
    from nurt.training.settings import ClipByNorm, ClipByValue, CosineDecay, ReduceOnPlateau, TrainingSettings
    from nurt.training.stream import ResumableLoss, StatefulLoss, StreamObjective

__all__ = [
    "BatchSource",
    "Checkpoint",
    "CheckpointError",
    "CheckpointFailed",
    "ClipByNorm",
    "ClipByValue",
    "ClippedStep",
    "ClippingLedger",
    "ClippingRecorder",
    "CosineDecay",
    "Description",
    "EpochEnded",
    "Event",
    "LengthBuckets",
    "Listener",
    "Objective",
    "ReduceOnPlateau",
    "ResumableLoss",
    "ShuffledExamples",
    "SourcedObjective",
    "StatefulLoss",
    "StepEnded",
    "StreamObjective",
    "TrainingEnded",
    "TrainingRecord",
    "TrainingSettings",
    "TrainingStarted",
    "train",
]

_HOME = {
    "Checkpoint": "checkpoint",
    "CheckpointError": "checkpoint",
    "ClipByNorm": "settings",
    "ClipByValue": "settings",
    "ClippedStep": "ledger",
    "ClippingLedger": "ledger",
    "ClippingRecorder": "clipping",
    "CosineDecay": "settings",
    "BatchSource": "objective",
    "Description": "objective",
    "LengthBuckets": "objective",
    "Objective": "objective",
    "ResumableLoss": "stream",
    "ShuffledExamples": "objective",
    "SourcedObjective": "objective",
    "ReduceOnPlateau": "settings",
    "StatefulLoss": "stream",
    "StreamObjective": "stream",
    "TrainingSettings": "settings",
    "train": "loop",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'nurt.training' has no attribute {name!r}")
    return getattr(importlib.import_module(f"nurt.training.{_HOME.get(name, 'events')}"), name)


def __dir__() -> list[str]:
    return list(__all__)
