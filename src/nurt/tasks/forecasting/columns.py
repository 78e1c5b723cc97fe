"""What a forecaster reads beside the target: covariates, the calendar, what is fixed for a series, and its identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nurt.data.calendar import calendar_features
from nurt.data.series import Series
from nurt.data.transforms import AbstractTransform
from nurt.errors import DataError
from nurt.evaluation.forecasts.baselines.base import History
from nurt.wording import name_in_words, quoted

__all__ = ["Columns", "PreparedSeries"]

# Up to so many series, the network learns a vector for each.
IDENTITIES = 64
# Spread relative to the level below which a series counts as constant.
FLAT = 1e-8


@dataclass(frozen=True)
class PreparedSeries:
    """One series as network and free forecasts read it.

    Args:
        values: targets in the transformed scale, NaN where missing, float64 (n,).
        covariates: standardised, NaN where missing, (n, C).
        known: features known ahead, at every row and the F after them, NaN where unknown, (n + F, K).
        number: of the series among those fitted; None for one the forecaster has not met.
        spread: population standard deviation of the fitted rows; None for a series that was not fitted.
        learnt: rows that may be learnt from, bool (n,); None for all.
    """

    values: np.ndarray
    covariates: np.ndarray
    known: np.ndarray
    number: int | None
    spread: float | None
    learnt: np.ndarray | None = None

    def spreads(self, positions: np.ndarray) -> np.ndarray:
        """Return the spread of the series as known at some origins, (N,); of a new series that of its past."""
        if self.spread is not None:
            return np.full(len(positions), self.spread)
        observed = np.isfinite(self.values)
        filled = np.where(observed, self.values, 0.0)
        level = float(filled[observed][:1].sum())
        centred = np.where(observed, filled - level, 0.0)
        count = np.maximum(np.cumsum(observed), 1)
        mean = np.cumsum(centred) / count
        spread = np.sqrt(np.maximum(np.cumsum(centred**2) / count - mean**2, 0.0))[positions]
        return np.where(spread > FLAT * max(1.0, abs(level)), spread, 1.0)

    def history(self) -> History:
        """Return what free forecasts read."""
        return History(self.values, ahead=self.known, past=self.covariates, learnt=self.learnt)


@dataclass(frozen=True)
class Columns:
    """Names and statistics of everything beside the target, fitted on rows that may be learnt from.

    Args:
        covariates: names of the covariates, in the order of the series.
        ahead: those whose future is known.
        mean, scale: of each covariate; a constant one has scale 1, a category its first code and 1.
        levels: levels of the categories among the covariates.
        static: what is fixed for a series: name → levels for words, or () for numbers.
        static_mean, static_scale: of the numbers among them.
        calendar: names of the calendar's features that are read; none for no calendar.
        country: whose holidays the calendar knows.
        series: names of the fitted series.
        spreads: population standard deviation of the fitted rows of each, in the transformed scale.
        horizon: F, how far ahead the features must be known.
    """

    covariates: tuple[str, ...]
    ahead: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    series: tuple[str, ...]
    spreads: tuple[float, ...]
    horizon: int
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    static: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    static_mean: Mapping[str, float] = field(default_factory=dict)
    static_scale: Mapping[str, float] = field(default_factory=dict)
    calendar: tuple[str, ...] = ()
    country: str | None = None

    @classmethod
    def fit(
        cls,
        series: Sequence[Series],
        learnt: Sequence[np.ndarray],
        transform: AbstractTransform,
        horizon: int,
        *,
        calendar: bool = False,
        country: str | None = None,
    ) -> Columns:
        """Fit on the rows that may be learnt from.

        Args:
            series: all series, with the same covariates.
            learnt: which rows of each may be learnt from, bool (n,).
            transform: of the target.
            horizon: F.
            calendar: whether the calendar is read.
            country: whose holidays it knows.
        """
        first = series[0]
        rows = np.concatenate([one.covariates[may] for one, may in zip(series, learnt, strict=True)])
        mean, scale = _statistics(rows)
        for index, name in enumerate(first.covariate_names):
            if name in first.levels:
                mean[index], scale[index] = 0.0, 1.0
        fixed = _static(series)
        numbers = {name: [float(one.static[name]) for one in series] for name, levels in fixed.items() if not levels}
        names: tuple[str, ...] = ()
        if calendar:
            names = _varying(series, learnt, country)
        spreads = [_spread(transform.forward(one.values[may])) for one, may in zip(series, learnt, strict=True)]
        return cls(
            covariates=first.covariate_names,
            ahead=first.ahead_names,
            mean=tuple(mean.tolist()),
            scale=tuple(scale.tolist()),
            series=tuple(one.name for one in series),
            spreads=tuple(spreads),
            horizon=horizon,
            levels=dict(first.levels),
            static=fixed,
            static_mean={name: float(np.mean(found)) for name, found in numbers.items()},
            static_scale={name: float(np.std(found)) or 1.0 for name, found in numbers.items()},
            calendar=names,
            country=country if calendar else None,
        )

    @property
    def width(self) -> int:
        """C, columns that are read with the window; a category has one for each of its levels."""
        return sum(len(self.levels.get(name, ("",))) for name in self.covariates)

    @property
    def known_width(self) -> int:
        """K, features that are known ahead."""
        ahead = sum(len(self.levels.get(name, ("",))) for name in self.ahead)
        fixed = sum(max(1, len(levels)) for levels in self.static.values())
        return ahead + fixed + len(self.calendar)

    @property
    def identities(self) -> int:
        """Series that the network tells apart; 0 for a single one, and for very many."""
        return len(self.series) if 1 < len(self.series) <= IDENTITIES else 0

    def prepared(
        self, series: Sequence[Series], transform: AbstractTransform, learnt: Sequence[np.ndarray] | None = None
    ) -> list[PreparedSeries]:
        """Return series as network and free forecasts read them.

        Raises:
            DataError: the covariates are others, or a level was not among those fitted.
        """
        numbers = {name: index for index, name in enumerate(self.series)}
        found = []
        for index, one in enumerate(series):
            self.require_same(one)
            columns = self._covariates(one, one.covariates, self.covariates)
            number = numbers.get(one.name)
            found.append(
                PreparedSeries(
                    values=transform.forward(one.values),
                    covariates=columns,
                    known=self._known(one),
                    number=number,
                    spread=None if number is None else self.spreads[number],
                    learnt=None if learnt is None else learnt[index],
                )
            )
        return found

    def require_same(self, series: Series) -> None:
        """Check that a series has the columns that were fitted.

        Raises:
            DataError: it has others, or a category holds a level that was not fitted.
        """
        if series.covariate_names != self.covariates or set(series.static) != set(self.static):
            raise DataError(
                "The covariates do not match those the model was fitted with.",
                expected=", ".join((*self.covariates, *self.static)) or "none",
                got=", ".join((*series.covariate_names, *series.static)) or "none",
                cure="Give the same covariates, in the same order.",
            )
        missing = [name for name in self.ahead if name not in series.ahead_names]
        if missing:
            raise DataError(
                f"The future of the covariate {quoted(missing[0])} is not known here, as it was when the model was "
                "fitted.",
                expected=f"future covariates {', '.join(self.ahead)}",
                got=", ".join(series.ahead_names) or "none",
                cure="Give it as a future covariate.",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values from which the same columns are built."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def _covariates(self, series: Series, values: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Return standardised columns, a category as one column per fitted level; (n, ...)."""
        parts = []
        for place, name in enumerate(names):
            index = self.covariates.index(name)
            column = values[:, place]
            if name in self.levels:
                parts.append(self._one_hot(series, name, column))
            else:
                parts.append(((column - self.mean[index]) / self.scale[index])[:, None])
        return np.concatenate(parts, axis=1) if parts else np.empty((len(values), 0))

    def _one_hot(self, series: Series, name: str, codes: np.ndarray) -> np.ndarray:
        own, fitted = series.levels.get(name, ()), self.levels[name]
        used = {own[int(code)] for code in np.unique(codes[np.isfinite(codes)])}
        unseen = sorted(used - set(fitted))
        if unseen:
            raise DataError(
                f"The column {quoted(name)} of series {quoted(series.name)} holds a value the model has not met.",
                expected=", ".join(fitted[:10]),
                got=", ".join(unseen[:3]),
                cure="Correct the value, or fit the model on data that hold it.",
            )
        place = np.array([fitted.index(level) if level in fitted else -1 for level in own] or [-1])
        known = np.isfinite(codes)
        levels = place[np.where(known, codes, 0).astype(int)]
        hot: np.ndarray = (levels[:, None] == np.arange(len(fitted))) & known[:, None]
        return hot

    def _known(self, series: Series) -> np.ndarray:
        """Return the features known ahead, at all rows of a series and the F after them, (n + F, K)."""
        rows = len(series) + self.horizon
        places = [series.covariate_names.index(name) for name in self.ahead]
        future = series.ahead[:, [series.ahead_names.index(name) for name in self.ahead]] if places else None
        parts = []
        if future is not None:
            given = np.concatenate([series.covariates[:, places], future])[:rows]
            whole = np.full((rows, len(places)), np.nan)
            whole[: len(given)] = given
            parts.append(self._covariates(series, whole, self.ahead))
        for name, levels in self.static.items():
            parts.append(np.tile(self._fixed(series, name, levels), (rows, 1)))
        if self.calendar:
            features = calendar_features(series, self.horizon, country=self.country, names=self.calendar)
            parts.append(features.values)
        return np.concatenate(parts, axis=1) if parts else np.empty((rows, 0))

    def _fixed(self, series: Series, name: str, levels: tuple[str, ...]) -> np.ndarray:
        given = series.static[name]
        if not levels:
            return np.array([(float(given) - self.static_mean[name]) / self.static_scale[name]])
        if str(given) not in levels:
            raise DataError(
                f"Series {quoted(series.name)} has a {name_in_words(name)} the model has not met.",
                expected=", ".join(levels[:10]),
                got=str(given),
                cure="Correct the value, or fit the model on data that hold it.",
            )
        return np.array([float(level == str(given)) for level in levels])


def _statistics(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and population standard deviation of the observed values of each column; 1 for a constant one."""
    observed = np.isfinite(rows)
    count = np.maximum(observed.sum(axis=0), 1)
    mean = np.where(observed, rows, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(observed, rows - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean, np.where(spread > FLAT * np.maximum(1.0, np.abs(mean)), spread, 1.0)


def _spread(values: np.ndarray) -> float:
    observed = values[np.isfinite(values)]
    if not observed.size:
        return 1.0
    spread = float(observed.std())
    return spread if spread > FLAT * max(1.0, abs(float(observed.mean()))) else 1.0


def _static(series: Sequence[Series]) -> dict[str, tuple[str, ...]]:
    """Return the levels of every static attribute that tells series apart; () for numbers."""
    found: dict[str, tuple[str, ...]] = {}
    for name in series[0].static:
        given = [one.static[name] for one in series]
        words = any(isinstance(one, str) for one in given)
        found[name] = tuple(sorted({str(one) for one in given})) if words else ()
    return found


def _varying(series: Sequence[Series], learnt: Sequence[np.ndarray], country: str | None) -> tuple[str, ...]:
    """Return the names of the calendar's features that vary over the rows that may be learnt from."""
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    names: tuple[str, ...] = ()
    for one, may in zip(series, learnt, strict=True):
        features = calendar_features(one, 0, country=country)
        if not features.names or not may.any():
            continue
        rows = features.values[may]
        names = features.names
        least, most = rows.min(axis=0), rows.max(axis=0)
        low = least if low is None else np.minimum(low, least)
        high = most if high is None else np.maximum(high, most)
    if low is None or high is None:
        return ()
    return tuple(name for name, varies in zip(names, high > low, strict=True) if varies)
