"""How to train: one frozen value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from nurt.errors import NurtTypeError, NurtValueError
from nurt.training.decay import CosineDecay, Decay, ReduceOnPlateau
from nurt.training.limits import ClipByNorm, ClipByValue, Clipping

__all__ = ["TrainingSettings"]

_LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; the numbers a run depends on, apart from model and data.

    Args:
        epochs: the most passes over the training examples; 0 only validates.
        batch_size: examples per step; the last step of an epoch takes what is left.
        learning_rate: step size of Adam [kingma2015adam] in the first epoch.
        clip_norm: largest global gradient norm [pascanu2013difficulty]; None does not look at it.
        clip_value: largest entry of the gradient, instead of ``clip_norm``; None leaves the entries as they are.
        weight_decay: share of every weight, times the learning rate, taken away at each step, apart from the
            gradient [loshchilov2019decoupled].
        patience: stop after this many epochs in a row without a lower validation loss (training loss, when there is
            no validation part); None trains all epochs.
        decay: how the learning rate falls; None keeps it.
        shuffle: whether each epoch visits the examples in an order of its own.
        seed: fixes the order of the examples and the dropout; the initial weights are the caller's.
    """

    epochs: int = 100
    batch_size: int = 64
    learning_rate: float = 1e-3
    clip_norm: float | None = 1.0
    weight_decay: float = 0.0
    patience: int | None = 10
    decay: Decay | None = None
    shuffle: bool = True
    seed: int = 0
    clip_value: float | None = None

    def __post_init__(self) -> None:
        _whole("epochs", self.epochs, low=0)
        _whole("batch_size", self.batch_size, low=1)
        _number("learning_rate", self.learning_rate)
        if self.clip_norm is not None:
            _number("clip_norm", self.clip_norm, cure="Pass None to train without clipping.")
        if self.clip_value is not None:
            _number("clip_value", self.clip_value, cure="Pass None to train without clipping.")
        if self.clip_norm is not None and self.clip_value is not None:
            raise NurtValueError(
                "TrainingSettings: the gradient is clipped in two ways.",
                expected="`clip_norm` or `clip_value`",
                got=f"clip_norm={self.clip_norm!r} and clip_value={self.clip_value!r}",
                cure="Pass clip_norm=None to clip by value.",
            )
        _number("weight_decay", self.weight_decay, above_zero=False)
        if self.patience is not None:
            _whole("patience", self.patience, low=1, cure="Pass None to train all epochs.")
        if self.decay is not None and not isinstance(self.decay, ReduceOnPlateau | CosineDecay):
            raise NurtTypeError(
                "TrainingSettings: `decay` is of an unknown kind.",
                expected="ReduceOnPlateau(...), CosineDecay(...) or None",
                got=repr(self.decay),
            )
        if not isinstance(self.shuffle, bool):
            raise NurtTypeError(
                "TrainingSettings: `shuffle` is no truth value.", expected="True or False", got=repr(self.shuffle)
            )
        _whole("seed", self.seed, low=0, high=_LARGEST_SEED)

    @property
    def clipping(self) -> Clipping | None:
        """How gradients are clipped; None leaves them as they are."""
        if self.clip_value is not None:
            return ClipByValue(self.clip_value)
        return None if self.clip_norm is None else ClipByNorm(self.clip_norm)

    def rate(self, epoch: int, monitored: list[float]) -> float:
        """Return the learning rate of ``epoch`` (from 1), given the monitored losses of all earlier epochs."""
        if self.decay is None:
            return self.learning_rate
        return self.decay.rate(self.learning_rate, epoch, self.epochs, monitored)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values; a decay carries its kind's name."""
        values = asdict(self)
        if self.decay is not None:
            values["decay"] = {"kind": type(self.decay).__name__, **asdict(self.decay)}
        return values

    def binding(self) -> dict[str, Any]:
        """Return the settings that a resumed run must share.

        Only what says when to stop may change: ``patience``, and ``epochs`` unless the decay depends on it. A run
        resumed with more of either is bit for bit the run that had them from the start.
        """
        values = self.to_dict()
        del values["patience"]
        if not isinstance(self.decay, CosineDecay):
            del values["epochs"]
        return values


def _whole(name: str, value: object, *, low: int, high: int | None = None, cure: str | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise NurtTypeError(
            f"TrainingSettings: `{name}` is no whole number.", expected="an int", got=repr(value), cure=cure
        )
    if value < low or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"{low} to {high}"
        raise NurtValueError(
            f"TrainingSettings: `{name}` is out of range.", expected=limits, got=repr(value), cure=cure
        )


def _number(name: str, value: object, *, above_zero: bool = True, cure: str | None = None) -> None:
    expected = "a finite number above 0" if above_zero else "a finite number of at least 0"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NurtTypeError(f"TrainingSettings: `{name}` is no number.", expected=expected, got=repr(value), cure=cure)
    if not 0.0 <= value < math.inf or (above_zero and value == 0.0):
        raise NurtValueError(
            f"TrainingSettings: `{name}` is out of range.", expected=expected, got=repr(value), cure=cure
        )
