"""Facts about a pipeline that the leakage linter judges, and the form of its rules; no code of the pipeline itself.

Rows are numbered from 0 in the order of observations, ends are exclusive, an origin is the row of the last
observation a forecast may use. A fact left out is a rule not judged, and the report says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nurt.errors import NurtValueError
from nurt.results import Result

__all__ = [
    "CovariateFacts",
    "Finding",
    "FirstStepError",
    "FittedStatistic",
    "Part",
    "PipelineFacts",
    "Rule",
    "SeriesFacts",
    "Severity",
    "TransformFacts",
    "rule",
]

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class FittedStatistic:
    """A number learnt from rows: scaling, imputation, encoding, selection, or a static covariate.

    Args:
        name: what a person calls it.
        last_row: newest row whose value it saw.
        series: the series whose rows these are.
        may_see: number of rows it may see; None for the training rows. A scaling refitted at each cutoff may see
            the rows up to that cutoff.
    """

    name: str
    last_row: int
    series: str = "y"
    may_see: int | None = None


@dataclass(frozen=True)
class CovariateFacts:
    """One covariate of one series.

    Args:
        name: its column.
        role: "past" (used up to the origin) or "future" (used up to the last forecast step).
        values: aligned with the rows of the series, NaN where missing; longer is allowed, shape (n or more,).
        source: where future values come from: "calendar" (computed from the time alone), "plan" (fixed in advance),
            "forecast" (as forecast at the origin) or "measured" (only known afterwards).
    """

    name: str
    role: Literal["past", "future"]
    values: np.ndarray
    source: Literal["calendar", "plan", "forecast", "measured"] = "measured"


@dataclass(frozen=True)
class TransformFacts:
    """A step applied to the values before they are cut into windows.

    Args:
        name: what a person calls it.
        kind: "causal" uses no later row; "centred window", "back-fill", "interpolation" and
            "whole-series decomposition" do; "unknown" is judged by ``apply`` alone.
        apply: the step itself, values (n,) → (n,); it is tried out on the values of the series.
    """

    name: str
    kind: Literal["causal", "centred window", "back-fill", "interpolation", "whole-series decomposition", "unknown"] = (
        "unknown"
    )
    apply: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True)
class SeriesFacts:
    """One series and how it was cut.

    Args:
        name: its name.
        length: n, number of rows.
        train_end: rows before this one are training rows.
        validation_end: rows from ``train_end`` to before this one are validation rows, the rest test rows.
        values: the target, NaN where missing, (n,), or None.
        stamps: time labels, (n,), or None.
        train, validation, test: origins of each part's windows, or None where unknown.
        covariates: covariates of this series.
    """

    name: str
    length: int
    train_end: int
    validation_end: int
    values: np.ndarray | None = None
    stamps: np.ndarray | None = None
    train: np.ndarray | None = None
    validation: np.ndarray | None = None
    test: np.ndarray | None = None
    covariates: tuple[CovariateFacts, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.train_end <= self.validation_end <= self.length:
            raise NurtValueError(
                f"SeriesFacts: the parts of series {self.name!r} are out of order.",
                expected="0 ≤ train_end ≤ validation_end ≤ length",
                got=f"{self.train_end}, {self.validation_end}, {self.length}",
            )
        for what, array in (("values", self.values), ("stamps", self.stamps)):
            if array is not None and array.shape != (self.length,):
                raise NurtValueError(
                    f"SeriesFacts: `{what}` of series {self.name!r} do not match its length.",
                    expected=f"shape ({self.length},)",
                    got=str(array.shape),
                )
        for covariate in self.covariates:
            if covariate.values.ndim != 1 or len(covariate.values) < self.length:
                raise NurtValueError(
                    f"SeriesFacts: covariate {covariate.name!r} does not cover series {self.name!r}.",
                    expected=f"at least {self.length} values along one axis",
                    got=f"shape {covariate.values.shape}",
                )

    def origins(self, part: Part) -> np.ndarray | None:
        """Return the origins of ``part``, or None where unknown."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[part]


@dataclass(frozen=True)
class FirstStepError:
    """Mean absolute error one step ahead: of the model, and of the best baseline."""

    model: float
    baseline: float
    baseline_name: str


@dataclass(frozen=True)
class PipelineFacts:
    """Everything the linter may judge; None means unknown.

    Args:
        look_back: T, inputs per window.
        horizon: F, targets per window.
        series: the series and their parts.
        statistics: what was fitted, () when nothing was.
        transforms: steps applied before windows were cut, () when none was.
        static_covariates: numbers per series that were computed from its values.
        split_at_random: whether windows were assigned to parts at random.
        decided_on: parts on which stopping, tuning or selection looked.
        test_evaluations: how often the test part was scored.
        first_step: errors one step ahead.
    """

    look_back: int
    horizon: int
    series: tuple[SeriesFacts, ...]
    statistics: tuple[FittedStatistic, ...] | None = None
    transforms: tuple[TransformFacts, ...] | None = None
    static_covariates: tuple[FittedStatistic, ...] | None = None
    split_at_random: bool | None = None
    decided_on: tuple[Part, ...] | None = None
    test_evaluations: int | None = None
    first_step: FirstStepError | None = None

    def __post_init__(self) -> None:
        names = [one.name for one in self.series]
        if len(set(names)) != len(names):
            raise NurtValueError("PipelineFacts: two series have the same name.", got=", ".join(map(repr, names)))
        for statistic in (*(self.statistics or ()), *(self.static_covariates or ())):
            self.series_named(statistic.series)

    def series_named(self, name: str) -> SeriesFacts:
        """Return the series called ``name``."""
        for one in self.series:
            if one.name == name:
                return one
        raise NurtValueError(
            f"PipelineFacts: no series is called {name!r}.",
            expected="one of " + ", ".join(repr(one.name) for one in self.series),
        )


@dataclass(frozen=True)
class Finding(Result):
    """One place where a rule is broken.

    Args:
        rule: its id, "L01" … "L10".
        severity: "error", "warning" or "info".
        text: what was found and where, one sentence.
        why: why it matters, one line.
        cure: how to mend it, one line.
    """

    rule: str
    severity: Severity
    text: str
    why: str
    cure: str

    def __str__(self) -> str:
        return f"{self.rule} {self.severity}: {self.text}\n  {self.why}\n  {self.cure}"


Check = Callable[[PipelineFacts], "Iterable[str | tuple[Severity, str]] | None"]


@dataclass(frozen=True)
class Rule:
    """A rule and its explanation; ``check`` yields a sentence per breach, or None when the facts do not tell.

    A breach milder or graver than the rule usually is comes as (severity, sentence).
    """

    id: str
    severity: Severity
    title: str
    why: str
    cure: str
    check: Check

    def findings(self, facts: PipelineFacts) -> tuple[Finding, ...] | None:
        """Return the breaches in ``facts``, or None when they cannot be judged."""
        breaches = self.check(facts)
        if breaches is None:
            return None
        graded = [(self.severity, one) if isinstance(one, str) else one for one in breaches]
        return tuple(Finding(self.id, severity, text, self.why, self.cure) for severity, text in graded)


def rule(id: str, severity: Severity, title: str, *, why: str, cure: str) -> Callable[[Check], Rule]:
    """Turn the decorated check into the rule ``id``."""

    def explained(check: Check) -> Rule:
        return Rule(id, severity, title, why, cure, check)

    return explained
