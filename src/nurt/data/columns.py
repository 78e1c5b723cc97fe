"""The columns that series are made of: the role of each, and its cells row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from nurt.data.clock import LocalClock
from nurt.data.series import shown_label
from nurt.errors import DataError
from nurt.wording import quoted

__all__ = ["Columns", "Roles"]


@dataclass(frozen=True)
class Roles:
    """Which column does what; each does one thing.

    Args:
        targets: columns to forecast, a series each.
        past: covariates known up to the forecast origin.
        future: covariates known for the steps ahead too.
        static: attributes of a whole series.
        time: labels of the rows, or None.
        series: tells the series of the rows apart, or None.

    Raises:
        DataError: a column has two roles, or is named twice for one.
    """

    targets: tuple[str, ...]
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    time: str | None = None
    series: str | None = None

    def __post_init__(self) -> None:
        roles = {"target": self.targets, "covariate": self.covariates, "static attribute": self.static}
        for role, names in roles.items():
            repeated = next((name for name in names if names.count(name) > 1), None)
            if repeated is not None:
                raise DataError(f"The column {quoted(repeated)} is named twice as {role}.", cure="Name it once.")
        valued = [name for names in roles.values() for name in names]
        for name, role in ((self.time, "time"), (self.series, "series")):
            if name is not None and name in valued:
                raise DataError(
                    f"The column {quoted(name)} cannot be the {role} column and a column of values.",
                    cure="Choose another column.",
                )
        repeated = next((name for name in valued if valued.count(name) > 1), None)
        if repeated is not None:
            first, second = (role for role, names in roles.items() if repeated in names)
            raise DataError(
                f"The column {quoted(repeated)} is named as {first} and as {second}.",
                expected="one role per column",
                cure="Leave one of them out.",
            )

    @property
    def covariates(self) -> tuple[str, ...]:
        """All covariates, those of the past first."""
        return (*self.past, *self.future)


@dataclass(frozen=True)
class Columns:
    """The chosen columns, row by row as given.

    Args:
        values: float64 columns by name, NaN where missing, each of shape (rows,); targets and covariates.
        time: labels, shape (rows,), or None: the rows are in order.
        series: identifier of the series of each row as text, shape (rows,), or None: there is one.
        place: returns file and line of a row, for messages.
        origin: index of the file of each row, shape (rows,), or None: there is one.
        clock: where the labels are instants in UTC that are shown in local time.
        levels: the categories of the covariates that are text; their values are codes.
        period: the kind of period that the labels name, or None.
        static: float64 or text columns by name, NaN or "" where missing, each of shape (rows,).
    """

    values: Mapping[str, np.ndarray]
    time: np.ndarray | None
    series: np.ndarray | None
    place: Callable[[int], str]
    origin: np.ndarray | None = None
    clock: LocalClock | None = None
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    static: Mapping[str, np.ndarray] = field(default_factory=dict)

    period: str | None = None

    def shown(self, row: int) -> str:
        """Return the label of a row as a person reads it."""
        return shown_label(None if self.time is None else self.time[row], self.clock, self.period)
