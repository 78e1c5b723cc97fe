"""What is odd about data before training: constant, too short, missing or infinite, each with its place."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nurt.data.series import Series
from nurt.errors import DataError
from nurt.results import Result

__all__ = ["DataCheck", "Finding", "check_series", "require_length"]

Kind = Literal["missing", "infinite", "constant", "short"]
_LISTED = 10


@dataclass(frozen=True)
class Finding(Result):
    """One odd thing.

    Args:
        series: name of the series.
        time: label of the cell; "" where the whole series is meant.
        column: target or covariate.
        kind: "missing" or "infinite" for a cell; "constant" or "short" for a series.
    """

    series: str
    time: str
    column: str
    kind: Kind


@dataclass(frozen=True)
class DataCheck(Result):
    """All odd things: how many of each kind, and the first ten cells.

    Args:
        findings: findings about whole series, then the first ten about cells.
        missing: number of missing cells.
        infinite: number of infinite cells.
        constant: number of constant columns.
        short: number of series too short for one window.
    """

    findings: tuple[Finding, ...]
    missing: int
    infinite: int
    constant: int
    short: int

    def __str__(self) -> str:
        if not self.findings:
            return "The data show nothing odd."
        counts = f"missing {self.missing}, infinite {self.infinite}, constant {self.constant}, too short {self.short}"
        lines = [
            f"  {finding.series} · {finding.column} · {finding.time} · {finding.kind}" for finding in self.findings
        ]
        return "\n".join([f"Odd in the data: {counts}", *lines])


def check_series(series: Sequence[Series], look_back: int, horizon: int) -> DataCheck:
    """Look through series before training.

    Args:
        series: the series.
        look_back: T.
        horizon: F; a series with fewer than T + F observations gives no window to learn from.
    """
    whole = [finding for one in series for finding in _about_series(one, look_back + horizon)]
    missing = [(one, np.isnan(_cells(one))) for one in series]
    infinite = [(one, np.isinf(_cells(one))) for one in series]
    cells = itertools.chain(_about_cells(infinite, "infinite"), _about_cells(missing, "missing"))
    return DataCheck(
        findings=(*whole, *itertools.islice(cells, _LISTED)),
        missing=sum(int(found.sum()) for _, found in missing),
        infinite=sum(int(found.sum()) for _, found in infinite),
        constant=sum(finding.kind == "constant" for finding in whole),
        short=sum(finding.kind == "short" for finding in whole),
    )


def require_length(series: Sequence[Series], look_back: int, horizon: int) -> None:
    """Refuse data in which no series is long enough for one window.

    Raises:
        DataError: every series has fewer than look_back + horizon observations.
    """
    longest = max((len(one) for one in series), default=0)
    if longest < look_back + horizon:
        raise DataError(
            f"The data are too short: the longest series has {longest} observations.",
            expected=f"at least look_back + horizon = {look_back} + {horizon} = {look_back + horizon}",
            cure="Give more data, or a smaller look-back or horizon.",
        )


def _cells(series: Series) -> np.ndarray:
    return np.column_stack([series.values, series.covariates])


def _about_series(series: Series, needed: int) -> Iterator[Finding]:
    if len(series) < needed:
        yield Finding(series.name, "", series.target, "short")
    for name, column in zip((series.target, *series.covariate_names), _cells(series).T, strict=True):
        observed = column[np.isfinite(column)]
        if observed.size and np.all(observed == observed[0]):
            yield Finding(series.name, "", name, "constant")


def _about_cells(found: Sequence[tuple[Series, np.ndarray]], kind: Kind) -> Iterator[Finding]:
    for series, cells in found:
        names = (series.target, *series.covariate_names)
        for position, column in np.argwhere(cells):
            yield Finding(series.name, series.label(int(position)), names[column], kind)
