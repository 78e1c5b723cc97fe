"""The spread of a model's error over initialisations, beside the error of a baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from nurt.errors import NurtValueError
from nurt.results import Result

__all__ = ["SeedNoise", "seed_noise"]


@dataclass(frozen=True)
class SeedNoise(Result):
    """The mean error over seeds against a reference.

    Args:
        mean, sd: of the error over seeds; sd is the sample standard deviation.
        least, most: range over seeds.
        seeds: number of seeds.
        difference: mean minus the reference (its mean, where it has seeds too), in the units of the error.
        low, high: 95 % interval of the difference by Student's (one reference value) or Welch's t.
        p_value: two-sided.
    """

    mean: float
    sd: float
    least: float
    most: float
    seeds: int
    difference: float
    low: float
    high: float
    p_value: float

    @property
    def within(self) -> bool:
        """Whether the interval holds no difference at all: nothing is shown beyond seed noise."""
        return self.low <= 0.0 <= self.high


def seed_noise(errors: Sequence[float], reference: float | Sequence[float]) -> SeedNoise:
    """Compare the errors of one model over several seeds with a reference.

    Args:
        errors: one error per seed on the same cells, at least two.
        reference: the error of a deterministic forecaster, or the errors of another model over its seeds
            [welch1947generalization].

    Raises:
        NurtValueError: fewer than two seeds on either side.
    """
    values = np.asarray(errors, dtype=np.float64)
    others = None if isinstance(reference, int | float) else np.asarray(reference, dtype=np.float64)
    if len(values) < 2 or (others is not None and len(others) < 2):
        raise NurtValueError(
            "seed_noise: noise is seen only between seeds.",
            expected="at least 2 errors on each side, better 5",
            got=str(len(values) if len(values) < 2 or others is None else len(others)),
            cure="Train the model from more seeds.",
        )
    own = float(values.var(ddof=1)) / len(values)
    if others is None:
        target, error, freedom = float(np.asarray(reference)), own, float(len(values) - 1)
    else:
        other = float(others.var(ddof=1)) / len(others)
        target, error = float(others.mean()), own + other
        parts = own**2 / (len(values) - 1) + other**2 / (len(others) - 1)
        freedom = error**2 / parts if parts > 0 else float(len(values) + len(others) - 2)
    difference = float(values.mean()) - target
    reach = float(special.stdtrit(freedom, 0.975)) * math.sqrt(error)
    if error > 0:
        p_value = 2.0 * float(special.stdtr(freedom, -abs(difference) / math.sqrt(error)))
    else:
        p_value = 1.0 if difference == 0 else 0.0
    return SeedNoise(
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)),
        least=float(values.min()),
        most=float(values.max()),
        seeds=len(values),
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        p_value=p_value,
    )
