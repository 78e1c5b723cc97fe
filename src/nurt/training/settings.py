"""How to train, as frozen values: settings, limits of the gradient, decay of the learning rate, early stopping.

Stopping and decay are pure functions of the losses seen so far and carry no counters: a resumed run that has the
history of losses has the counters too, and the two cannot disagree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias, final

from nurt.errors import NurtTypeError, NurtValueError

__all__ = [
    "ClipByNorm",
    "ClipByValue",
    "Clipping",
    "CosineDecay",
    "Decay",
    "GivenRates",
    "ReduceOnPlateau",
    "TrainingSettings",
    "best_index",
    "clipping_from_dict",
    "clipping_to_dict",
    "epochs_without_improvement",
    "out_of_patience",
]


_LARGEST_SEED = 2**63 - 1
# Beyond it, sums and sizes overflow.
_LARGEST_COUNT = 1_000_000_000


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; the numbers a run depends on, apart from model and data.

    Args:
        epochs: the most passes over the training examples, or stretches of a stream; 0 only validates.
        batch_size: examples per step; the last step of an epoch takes what is left. A stream has its own.
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
        if self.decay is not None and not isinstance(self.decay, ReduceOnPlateau | CosineDecay | GivenRates):
            raise NurtTypeError(
                "TrainingSettings: `decay` is of an unknown kind.",
                expected="ReduceOnPlateau(...), CosineDecay(...), GivenRates(...) or None",
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


@dataclass(frozen=True)
class ClipByNorm:
    r"""Shorten the gradient g of all parameters together to the length c: g ← g · min(1, c/(‖g‖ + ε)).

    With ε = 0 this is Algorithm 1 of [pascanu2013difficulty]. ``torch.nn.utils.clip_grad_norm_`` has ε = 1e-6.

    Args:
        limit: c, above 0.
        epsilon: ε, at least 0.

    Raises:
        NurtTypeError: one of them is no number.
        NurtValueError: one of them is out of range.
    """

    limit: float
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        _number("limit", self.limit, owner="ClipByNorm")
        _number("epsilon", self.epsilon, above_zero=False, owner="ClipByNorm")

    def coefficient(self, norm: float) -> float:
        """Return what a gradient of the length ``norm`` is multiplied by, 0..1."""
        return 1.0 if norm + self.epsilon <= self.limit else self.limit / (norm + self.epsilon)

    def __str__(self) -> str:
        return f"norm {self.limit:g}"


@dataclass(frozen=True)
class ClipByValue:
    """Bound every entry of the gradient: g_i ← max(-c, min(c, g_i)), as ``torch.nn.utils.clip_grad_value_`` does.

    It turns the gradient: large entries are cut, small ones stay.

    Args:
        limit: c, above 0.

    Raises:
        NurtTypeError: it is no number.
        NurtValueError: it is out of range.
    """

    limit: float

    def __post_init__(self) -> None:
        _number("limit", self.limit, owner="ClipByValue")

    def __str__(self) -> str:
        return f"value {self.limit:g}"


Clipping: TypeAlias = ClipByNorm | ClipByValue


_KINDS: dict[str, type[Clipping]] = {"ClipByNorm": ClipByNorm, "ClipByValue": ClipByValue}


def clipping_to_dict(clipping: Clipping | None) -> dict[str, Any] | None:
    """Return the clipping as plain JSON values with the name of its kind."""
    return None if clipping is None else {"kind": type(clipping).__name__, **asdict(clipping)}


def clipping_from_dict(values: dict[str, Any] | None) -> Clipping | None:
    """Return the clipping that :func:`clipping_to_dict` described."""
    if values is None:
        return None
    parts = dict(values)
    return _KINDS[parts.pop("kind")](**parts)


@final
@dataclass(frozen=True)
class ReduceOnPlateau:
    """Multiply the rate by ``factor`` whenever the monitored loss has not improved for ``patience`` epochs.

    Args:
        factor: what the rate is multiplied by, between 0 and 1.
        patience: epochs in a row without a new lowest loss before a reduction; counting starts anew after each.
        minimum: the rate never falls below this (nor rises to it, if it starts lower).
    """

    factor: float = 0.5
    patience: int = 5
    minimum: float = 1e-6

    def __post_init__(self) -> None:
        if not 0.0 < self.factor < 1.0:
            raise NurtValueError(
                "ReduceOnPlateau: `factor` cannot reduce a rate.",
                expected="a number between 0 and 1, such as 0.5",
                got=repr(self.factor),
            )
        if self.patience < 1:
            raise NurtValueError(
                "ReduceOnPlateau: `patience` is too small.", expected="at least 1 epoch", got=repr(self.patience)
            )
        _check_minimum("ReduceOnPlateau", self.minimum)

    def rate(self, initial: float, epoch: int, epochs: int, monitored: Sequence[float]) -> float:
        """Return the learning rate of ``epoch``.

        Args:
            initial: the rate training starts with.
            epoch: the epoch about to begin, from 1; not used.
            epochs: the most epochs there will be; not used.
            monitored: monitored losses of all earlier epochs, in order.
        """
        del epoch, epochs
        rate, lowest, stale = initial, math.inf, 0
        for loss in monitored:
            stale = 0 if loss < lowest else stale + 1
            lowest = min(lowest, loss)
            if stale == self.patience:
                rate, stale = max(rate * self.factor, min(self.minimum, rate)), 0
        return rate


@final
@dataclass(frozen=True)
class CosineDecay:
    """Let the rate fall from its initial value to ``minimum`` along half a cosine wave over all epochs.

    With rate r₀ at the start, rate r₁ = ``minimum`` and E epochs, epoch e = 1..E runs at
    r₁ + (r₀ - r₁)·(1 + cos(π·(e - 1)/E))/2: the annealing of [loshchilov2017sgdr], equation 5, without restarts.
    Because the number of epochs shapes the curve, a run cannot be resumed with another number of them.

    Args:
        minimum: the rate towards which the wave falls.
    """

    minimum: float = 0.0

    def __post_init__(self) -> None:
        _check_minimum("CosineDecay", self.minimum)

    def rate(self, initial: float, epoch: int, epochs: int, monitored: Sequence[float]) -> float:
        """Return the learning rate of ``epoch``; arguments as in :meth:`ReduceOnPlateau.rate`."""
        del monitored
        lowest = min(self.minimum, initial)
        return lowest + (initial - lowest) * (1.0 + math.cos(math.pi * (epoch - 1) / epochs)) / 2.0


@final
@dataclass(frozen=True)
class GivenRates:
    """Use the rates of another training, epoch by epoch; the last one stays.

    Args:
        rates: of the epochs, at least one.
    """

    rates: tuple[float, ...]

    def __post_init__(self) -> None:
        for rate in self.rates:
            _number("rates", rate, above_zero=False, owner="GivenRates")
        if not self.rates:
            raise NurtValueError("GivenRates: there is no rate.", expected="at least one", got="none")

    @classmethod
    def resampled(cls, rates: Sequence[float], epochs: int) -> GivenRates | None:
        """Return ``rates`` stretched to another number of epochs, where an epoch has more or fewer updates.

        Args:
            rates: at least one, or none for no training.
            epochs: how many are wanted.
        """
        if not rates or epochs < 1:
            return None
        return cls(tuple(rates[min(len(rates) - 1, epoch * len(rates) // epochs)] for epoch in range(epochs)))

    def rate(self, initial: float, epoch: int, epochs: int, monitored: Sequence[float]) -> float:
        """Return the learning rate of ``epoch``; arguments as in :meth:`ReduceOnPlateau.rate`."""
        del initial, epochs, monitored
        return self.rates[min(epoch, len(self.rates)) - 1]


Decay = ReduceOnPlateau | CosineDecay | GivenRates


def best_index(monitored: Sequence[float]) -> int:
    """Return the index of the lowest loss; the first of several equal ones.

    Args:
        monitored: losses of the epochs in order, at least one.
    """
    return min(range(len(monitored)), key=monitored.__getitem__)


def epochs_without_improvement(monitored: Sequence[float]) -> int:
    """Return how many epochs have passed since the lowest loss; an equal loss is no improvement."""
    return len(monitored) - 1 - best_index(monitored) if monitored else 0


def out_of_patience(monitored: Sequence[float], patience: int | None) -> bool:
    """Return whether the loss has failed to improve for ``patience`` epochs in a row (None: never)."""
    return patience is not None and epochs_without_improvement(monitored) >= patience


def _whole(name: str, value: object, *, low: int, high: int = _LARGEST_COUNT, cure: str | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise NurtTypeError(
            f"TrainingSettings: `{name}` is no whole number.", expected="an int", got=repr(value), cure=cure
        )
    if not low <= value <= high:
        limits = f"at least {low}" if value < low and high == _LARGEST_COUNT else f"{low} to {high}"
        raise NurtValueError(
            f"TrainingSettings: `{name}` is out of range.", expected=limits, got=repr(value), cure=cure
        )


def _number(
    name: str,
    value: object,
    *,
    above_zero: bool = True,
    cure: str | None = None,
    owner: str = "TrainingSettings",
) -> None:
    expected = "a finite number above 0" if above_zero else "a finite number of at least 0"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NurtTypeError(f"{owner}: `{name}` is no number.", expected=expected, got=repr(value), cure=cure)
    if not 0.0 <= value < math.inf or (above_zero and value == 0.0):
        raise NurtValueError(f"{owner}: `{name}` is out of range.", expected=expected, got=repr(value), cure=cure)


def _check_minimum(name: str, minimum: float) -> None:
    if not 0.0 <= minimum < math.inf:
        raise NurtValueError(
            f"{name}: `minimum` is no learning rate.", expected="a finite number of at least 0", got=repr(minimum)
        )
