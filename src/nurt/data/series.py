"""One series on its observation axis: values in order, times as labels, gaps known, nothing invented."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nurt.errors import NurtValueError, ShapeError

__all__ = ["Series"]


@dataclass(frozen=True)
class Series:
    """Observations of one series, oldest first.

    Positions 0 … T-1 are the axis; ``time`` only labels them. NaN in ``values`` means *missing*: masked in
    inputs, loss and metrics, never filled in.

    Args:
        values: target values, float64, shape (T,).
        name: identifier among several series.
        target: name of the target column.
        time: labels, shape (T,): datetime64, integers or strings; None when the data carry none.
        covariates: columns known up to each position, float64, shape (T, C); C may be 0.
        covariate_names: their C names.
        grid: step between neighbouring labels ("1h", "7d", "1mo" …) where the series lies on a regular grid; None on
            the axis of observations, where the next label is not known.

    Raises:
        ShapeError: the lengths disagree.
        NurtValueError: a value is infinite.
    """

    values: np.ndarray
    name: str = "y"
    target: str = "y"
    time: np.ndarray | None = None
    covariates: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    covariate_names: tuple[str, ...] = ()
    grid: str | None = None

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=np.float64)
        if values.ndim != 1:
            raise ShapeError("Series: `values` must have one axis.", expected="shape (T,)", got=str(values.shape))
        object.__setattr__(self, "values", values)
        covariates = np.asarray(self.covariates, dtype=np.float64)
        if covariates.size == 0 and not self.covariate_names:
            covariates = np.empty((len(values), 0))
        expected = (len(values), len(self.covariate_names))
        if covariates.shape != expected:
            raise ShapeError(
                "Series: `covariates` must have one row per value and one column per name.",
                expected=f"shape {expected}",
                got=str(covariates.shape),
            )
        object.__setattr__(self, "covariates", covariates)
        if self.time is not None and len(self.time) != len(values):
            raise ShapeError(
                "Series: `time` must label every value.", expected=f"{len(values)} labels", got=str(len(self.time))
            )
        infinite = np.flatnonzero(np.isinf(values))
        if infinite.size:
            raise NurtValueError(
                f"Series {self.name!r}: {infinite.size} infinite value(s) in {self.target!r}.",
                expected="finite numbers, or NaN where a value is missing",
                got=f"{values[infinite[0]]} at {self.label(int(infinite[0]))}",
                cure="Correct these rows, or leave the cells empty if the values are unknown.",
            )

    def __len__(self) -> int:
        return len(self.values)

    def label(self, position: int) -> str:
        """Return the time label at ``position`` as text; the position itself where there are no labels."""
        if self.time is None:
            return f"observation {position + 1}"
        return str(self.time[position])
