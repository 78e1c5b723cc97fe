"""A series on its observation axis: values in order with times as labels; its checks and its fingerprint."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nurt.data.clock import LocalClock
from nurt.data.periods import label_of_period
from nurt.errors import DataError, NurtValueError, ShapeError
from nurt.results import Result
from nurt.wording import quoted

__all__ = ["DataCheck", "DataFinding", "Series", "check_series", "fingerprint", "require_usable", "shown_label"]

Kind = Literal["missing", "infinite", "constant", "short"]
_LISTED = 10
# Up to here every whole number is a float64.
_LARGEST_EXACT = 2.0**53


def shown_label(label: object, clock: LocalClock | None, period: str | None) -> str:
    """Return a label of a time axis as it is shown.

    Args:
        label: one of its labels.
        clock: shows instants in local time, or None.
        period: the kind of period that is shown in the place of its first day, or None.
    """
    if not isinstance(label, np.datetime64):
        return str(label)
    if period is not None:
        return label_of_period(label, period)
    return str(label) if clock is None else clock.label(label)


@dataclass(frozen=True)
class Series:
    """Observations of one series, oldest first.

    Positions 0 … T-1 are the axis; ``time`` only labels them. NaN in ``values`` means *missing*: masked in
    inputs, loss and metrics, never imputed.

    Args:
        values: target values, float64, shape (T,).
        name: identifier among several series.
        target: name of the target column.
        time: labels, shape (T,): datetime64, integers or strings; None when the data have none.
        covariates: columns known up to each position, float64, shape (T, C); C may be 0. Text is given as codes.
        covariate_names: their C names.
        grid: step between neighbouring labels ("1h", "7d", "1mo" …) where the series lies on a regular grid; None on
            the axis of observations, where the next label is not known.
        clock: where ``time`` holds instants in UTC that are shown in local time; None where labels are shown as they
            are.
        ahead: what is known after the last observation, float64, shape (A, K): row k belongs to step k + 1. A and K may
            be 0.
        ahead_names: the K covariates that are known ahead, among ``covariate_names`` and in their order.
        ahead_time: labels of these A rows, as ``time``; None when they have none.
        static: attributes of the whole series by name; NaN or "" where unknown.
        levels: the categories of every covariate that is text, by name; the code of a category is its place. Equal in
            all series of a selection.
        period: the kind of period that each label names (:data:`nurt.data.periods.PERIODS`) and that is shown in its
            place; None where labels are days, times, numbers or text.

    Raises:
        ShapeError: the lengths disagree.
        NurtValueError: a value is infinite, or a column known ahead is no covariate.
    """

    values: np.ndarray
    name: str = "y"
    target: str = "y"
    time: np.ndarray | None = None
    covariates: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    covariate_names: tuple[str, ...] = ()
    grid: str | None = None
    clock: LocalClock | None = None
    ahead: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    ahead_names: tuple[str, ...] = ()
    ahead_time: np.ndarray | None = None
    static: Mapping[str, str | float] = field(default_factory=dict)
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    period: str | None = None

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
        self._check_ahead()
        infinite = np.flatnonzero(np.isinf(values))
        if infinite.size:
            raise NurtValueError(
                f"Series {self.name!r}: {infinite.size} infinite value(s) in {self.target!r}.",
                expected="finite numbers, or NaN where a value is missing",
                got=f"{values[infinite[0]]} at {self.label(int(infinite[0]))}",
                cure="Correct these rows, or leave the cells empty if the values are unknown.",
            )

    def _check_ahead(self) -> None:
        ahead = np.asarray(self.ahead, dtype=np.float64)
        if ahead.size == 0:
            ahead = np.empty((len(ahead), len(self.ahead_names)))
        if ahead.ndim != 2 or ahead.shape[1] != len(self.ahead_names):
            raise ShapeError(
                "Series: `ahead` must have one column per name in `ahead_names`.",
                expected=f"shape (A, {len(self.ahead_names)})",
                got=str(ahead.shape),
            )
        object.__setattr__(self, "ahead", ahead)
        if self.ahead_names != tuple(name for name in self.covariate_names if name in self.ahead_names):
            raise NurtValueError(
                "Series: `ahead_names` must be covariates, in their order.",
                expected=f"names among {list(self.covariate_names)}",
                got=str(list(self.ahead_names)),
            )
        if self.ahead_time is not None and len(self.ahead_time) != len(ahead):
            raise ShapeError(
                "Series: `ahead_time` must label every row of `ahead`.",
                expected=f"{len(ahead)} labels",
                got=str(len(self.ahead_time)),
            )

    def __len__(self) -> int:
        return len(self.values)

    def label(self, position: int) -> str:
        """Return the time label at ``position`` as text; the position itself where there are no labels."""
        if self.time is None:
            return f"observation {position + 1}"
        return self.shown(self.time[position])

    def shown(self, label: np.generic) -> str:
        """Return a label of the time axis as it is shown: a period by its name, an instant in local time."""
        return shown_label(label, self.clock, self.period)


def fingerprint(series: Series | Sequence[Series]) -> str:
    """Return the SHA-256 of a series as 64 hexadecimal digits.

    It covers values, covariates, time labels and names, and what is known ahead, static attributes and categories. All
    NaN count as one missing value, -0 as 0, and a category as its name, whatever its code, so equal data have equal
    digests.

    Args:
        series: one series, or several in order.
    """
    digest = hashlib.sha256()
    for one in [series] if isinstance(series, Series) else series:
        for text in (one.name, one.target, *one.covariate_names):
            _add(digest, text.encode())
        _add(digest, _canonical(one.values))
        codes = [index for index, name in enumerate(one.covariate_names) if name in one.levels]
        numbers = one.covariates
        if codes:
            numbers = numbers.copy()
            numbers[:, codes] = 0.0
        _add(digest, _canonical(numbers))
        _add(digest, b"" if one.time is None else "\n".join(map(str, one.time)).encode())
        for part in _further_parts(one):
            _add(digest, part)
    return digest.hexdigest()


def _further_parts(series: Series) -> Iterator[bytes]:
    """Yield what few series have; a series without them keeps the digest it had before there were any."""
    for name, levels in series.levels.items():
        column = series.covariates[:, series.covariate_names.index(name)]
        words = ["" if np.isnan(code) else levels[int(code)] for code in column]
        yield repr((name, words)).encode()
    for name, value in sorted(series.static.items()):
        yield repr((name, value if isinstance(value, str) else value + 0.0)).encode()
    if series.ahead_names:
        yield repr(series.ahead_names).encode()
        for name, column in zip(series.ahead_names, series.ahead.T, strict=True):
            known = series.levels.get(name)
            words = [] if known is None else ["" if np.isnan(code) else known[int(code)] for code in column]
            yield repr(words).encode() if known is not None else _canonical(column)


@dataclass(frozen=True)
class DataFinding(Result):
    """One problem, in a cell, a column or a series.

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
    """The problems found in the data: the number of each kind, and the first ten cells.

    Args:
        findings: findings about whole series, then the first ten about cells.
        missing: number of missing cells.
        infinite: number of infinite cells.
        constant: number of constant columns.
        short: number of series too short for one window.
    """

    findings: tuple[DataFinding, ...]
    missing: int
    infinite: int
    constant: int
    short: int

    def __str__(self) -> str:
        if not self.findings:
            return "No problems were found in the data."
        counts = f"missing {self.missing}, infinite {self.infinite}, constant {self.constant}, too short {self.short}"
        lines = [
            f"  {finding.series} · {finding.column} · {finding.time} · {finding.kind}" for finding in self.findings
        ]
        return "\n".join([f"Problems found in the data: {counts}", *lines])


def check_series(series: Sequence[Series], look_back: int, horizon: int) -> DataCheck:
    """Check series for missing, infinite and constant values and for their length, before training.

    Args:
        series: the series.
        look_back: T.
        horizon: F; a series with fewer than T + F observations gives no training window.
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


def require_usable(series: Series, look_back: int, horizon: int) -> None:
    """Refuse a series that no model can be trained on.

    Args:
        series: the series.
        look_back: T.
        horizon: F.

    Raises:
        DataError: the target has no observed value, is constant, or has fewer than T + F observations.
    """
    observed = series.values[np.isfinite(series.values)]
    if not observed.size:
        raise DataError(f"Series {quoted(series.name)} has no observed value.", cure="Choose another target column.")
    kinds = [found.kind for found in _about_series(series, look_back + horizon) if found.column == series.target]
    if "short" in kinds:
        raise DataError(
            f"Series {quoted(series.name)} is too short: it has {len(series)} observations.",
            expected=f"at least look-back + horizon = {look_back} + {horizon} = {look_back + horizon}",
            got=str(len(series)),
            cure="Give more data, or a smaller look-back or horizon.",
        )
    if "constant" in kinds:
        raise DataError(
            f"Series {quoted(series.name)} is constant: every observed value is {_shown(observed[0])}.",
            cure="There is nothing to forecast; choose another target column.",
        )


def _shown(value: float) -> str:
    """Return a value in words; a large one may have lost the digits in which the cells differ."""
    rounded = " after rounding to 15 digits" if abs(value) >= _LARGEST_EXACT else ""
    return f"{value + 0.0:g}{rounded}"


def _cells(series: Series) -> np.ndarray:
    return np.column_stack([series.values, series.covariates])


def _about_series(series: Series, needed: int) -> Iterator[DataFinding]:
    if len(series) < needed:
        yield DataFinding(series.name, "", series.target, "short")
    for name, column in zip((series.target, *series.covariate_names), _cells(series).T, strict=True):
        observed = column[np.isfinite(column)]
        if observed.size and np.all(observed == observed[0]):
            yield DataFinding(series.name, "", name, "constant")


def _about_cells(found: Sequence[tuple[Series, np.ndarray]], kind: Kind) -> Iterator[DataFinding]:
    for series, cells in found:
        names = (series.target, *series.covariate_names)
        for position, column in np.argwhere(cells):
            yield DataFinding(series.name, series.label(int(position)), names[column], kind)


def _add(digest: hashlib._Hash, data: bytes) -> None:
    # The length comes first, so that different lists of parts never give the same bytes.
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)


def _canonical(values: np.ndarray) -> bytes:
    plain = np.where(np.isnan(values), np.nan, values) + 0.0
    return plain.astype("<f8").tobytes()
