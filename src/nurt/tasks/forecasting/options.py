"""What a forecaster is told: words checked at once, before any data are read."""

from __future__ import annotations

from dataclasses import dataclass

from nurt.data.scaling import SCALINGS, AbstractScaling
from nurt.errors import NurtValueError
from nurt.tasks.forecasting.losses import LOSSES
from nurt.tasks.forecasting.network import STRATEGIES

__all__ = ["CELL_NAMES", "one_of", "quantiles_for", "scaling_of", "validated"]

# Keys of ``nurt.nn.CELLS``, each with the name of the forecast it makes.
CELL_NAMES = {"linear": "LinearRNN", "elman": "Elman", "lstm": "LSTM", "gru": "GRU"}


def one_of(name: str, value: object, choices: object) -> None:
    """Refuse ``value`` unless it is among ``choices``, naming the argument."""
    words = list(choices)  # type: ignore[call-overload]  # any iterable of words will do
    if value not in words:
        raise NurtValueError(
            f"Forecaster: unknown `{name}`.", expected=" or ".join(repr(word) for word in words), got=repr(value)
        )


def scaling_of(scaling: str | AbstractScaling) -> AbstractScaling:
    """Return the scaling a word stands for, or the scaling itself."""
    if isinstance(scaling, AbstractScaling):
        return scaling
    one_of("scaling", scaling, SCALINGS)
    return SCALINGS[scaling]


def quantiles_for(loss: str, levels: tuple[int, ...]) -> tuple[float, ...]:
    """Return the probabilities the head learns: deciles and interval ends for the quantile loss, else the middle."""
    if loss != "quantile":
        return (0.5,)
    ends = [round(0.5 + sign * level / 200, 6) for level in levels for sign in (-1, 1)]
    return tuple(sorted({round(0.1 * i, 6) for i in range(1, 10)} | set(ends)))


@dataclass(frozen=True)
class _Bound:
    low: float
    high: float
    whole: bool


_BOUNDS = {
    "look_back": _Bound(1, 1_000_000, True),
    "horizon": _Bound(1, 100_000, True),
    "layers": _Bound(1, 64, True),
    "hidden": _Bound(1, 65_536, True),
    "dropout": _Bound(0.0, 0.95, False),
    "validation": _Bound(0.0, 0.9, False),
    "season": _Bound(1, 1_000_000, True),
}


def validated(parameters: dict[str, object]) -> None:
    """Check the constructor arguments of a forecaster, all of them before any work.

    Raises:
        NurtValueError: one is outside what can be used; the message names it, its range and what was given.
    """
    one_of("cell", parameters["cell"], CELL_NAMES)
    one_of("strategy", parameters["strategy"], STRATEGIES)
    one_of("loss", parameters["loss"], LOSSES)
    scaling_of(parameters["scaling"])  # type: ignore[arg-type]  # checked there
    for name, bound in _BOUNDS.items():
        value = parameters[name]
        fits = isinstance(value, int if bound.whole else int | float) and not isinstance(value, bool)
        if not fits or not bound.low <= value <= bound.high:  # type: ignore[operator]  # a number by now
            kind = "a whole number" if bound.whole else "a number"
            raise NurtValueError(
                f"Forecaster: unusable `{name}`.",
                expected=f"{kind} from {bound.low:g} to {bound.high:g}",
                got=repr(value),
            )
    levels = parameters["levels"]
    if not isinstance(levels, tuple) or not all(isinstance(level, int) and 0 < level < 100 for level in levels):
        raise NurtValueError(
            "Forecaster: unusable `levels`.", expected="a tuple of per cents, such as (80, 95)", got=repr(levels)
        )
    rollout = parameters["rollout"]
    if rollout is not None and (not isinstance(rollout, int) or not rollout >= 1):
        raise NurtValueError(
            "Forecaster: unusable `rollout`.", expected="a whole number of steps or None", got=repr(rollout)
        )
    if rollout is not None and parameters["strategy"] == "direct":
        raise NurtValueError(
            "Forecaster: `rollout` belongs to strategy='recursive'.",
            cure="Leave it out: the direct strategy is always trained on all steps at once.",
        )
