"""What the file of a forecaster says beside its weights, checked part against part when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from torch import Tensor

from nurt.data.scaling import AbstractScaling, FittedScaling, WindowScaling, WindowStatistics
from nurt.errors import ModelFileError, NurtValueError
from nurt.tasks.forecasting.choosing import Choices, Tried
from nurt.tasks.forecasting.columns import Columns
from nurt.tasks.forecasting.network import NetworkDesign

__all__ = ["Architecture", "FittedOn", "check_origins", "check_scaling", "check_scores"]

Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Architecture(_Strict):
    """The design of the networks; the fields are those of :class:`NetworkDesign`, and how many there are."""

    cell: str
    layers: Annotated[int, Field(ge=1)]
    hidden: Annotated[int, Field(ge=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    horizon: Annotated[int, Field(ge=1)]
    strategy: Literal["parallel", "direct", "recursive"]
    quantiles: list[Annotated[float, Field(gt=0, lt=1)]]
    covariates: Annotated[int, Field(ge=0)]
    known: Annotated[int, Field(ge=0)]
    series: Annotated[int, Field(ge=0)]
    mask: bool
    segment: Annotated[int, Field(ge=1, le=100_000)]
    members: Annotated[int, Field(ge=1, le=1000)]

    def design(self) -> NetworkDesign:
        """Return the design of one network."""
        return NetworkDesign(**{**self.model_dump(exclude={"members"}), "quantiles": tuple(self.quantiles)})


class _Columns(_Strict):
    covariates: list[str]
    ahead: list[str]
    mean: list[Finite]
    scale: list[Positive]
    series: list[str]
    spreads: list[Positive]
    horizon: Annotated[int, Field(ge=1)]
    levels: dict[str, list[str]]
    static: dict[str, list[str]]
    static_mean: dict[str, Finite]
    static_scale: dict[str, Positive]
    calendar: list[str]
    country: str | None


class _Tried(_Strict):
    name: str
    error: float | None
    blocks: list[float | None]

    def tried(self) -> Tried:
        return Tried(self.name, _or_infinite(self.error), tuple(map(_or_infinite, self.blocks)))


class _Choices(_Strict):
    start: str
    transform: str
    scaling: str
    calendar: bool
    epoch: Annotated[int, Field(ge=0)]
    refit: str
    updates: Annotated[int, Field(ge=0)]
    members: Annotated[int, Field(ge=1)]
    network: bool | None
    starts: list[_Tried]
    scalings: list[_Tried]
    tried: list[_Tried]


class FittedOn(_Strict):
    """The data that a forecaster was fitted on.

    Args:
        target: name of the target.
        columns: what is read beside the target; the fields are those of :class:`Columns`.
        transform: of the target, as its ``to_dict`` gives it.
        start: free forecast that the networks add to, as its ``state`` gives it; None for the anchor of each window.
        choices: what was chosen; the fields are those of :class:`Choices`.
        rows: series → fitted rows.
        until: series → label of the last of them.
        marks: series → digest of them.
        calibration_names: series of each score.
    """

    target: str
    columns: _Columns
    transform: dict[str, Any]
    start: dict[str, Any] | None
    choices: _Choices
    rows: dict[str, Annotated[int, Field(ge=1, lt=2**63)]]
    until: dict[str, str]
    marks: dict[str, Digest]
    calibration_names: list[str]

    def read_columns(self, horizon: int) -> Columns:
        """Return the columns.

        Raises:
            ModelFileError: the parts are of different columns or series.
        """
        kept = self.columns
        count = len(kept.covariates)
        if not count == len(kept.mean) == len(kept.scale) or not set(kept.ahead) <= set(kept.covariates):
            raise _contradiction("the covariates", f"{count} names, {len(kept.mean)} means")
        if not self.rows or not self.rows.keys() == self.until.keys() == self.marks.keys():
            raise _contradiction("the fitted series", f"{len(self.rows)}, {len(self.until)} and {len(self.marks)}")
        if not set(self.calibration_names) <= self.rows.keys():
            raise _contradiction("the calibrated series", "a name that was not fitted")
        if set(kept.series) != self.rows.keys() or len(kept.spreads) != len(kept.series):
            raise _contradiction("the spread of the series", f"{len(kept.spreads)} of {len(self.rows)}")
        numbers = {name for name, levels in kept.static.items() if not levels}
        if not numbers == kept.static_mean.keys() == kept.static_scale.keys():
            raise _contradiction("what is fixed for a series", f"{len(numbers)} numbers, {len(kept.static_mean)} means")
        if kept.horizon != horizon or not set(kept.levels) <= set(kept.covariates) or not all(kept.levels.values()):
            raise _contradiction("the covariates", f"horizon {kept.horizon}, levels of {', '.join(kept.levels)}")
        parts: dict[str, Any] = kept.model_dump()
        for name in ("levels", "static"):
            parts[name] = {key: tuple(one) for key, one in parts[name].items()}
        words: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in parts.items()}
        return Columns(**words)

    def read_choices(self) -> Choices:
        """Return what was chosen."""
        kept = self.choices
        tried = {name: tuple(one.tried() for one in getattr(kept, name)) for name in ("starts", "scalings", "tried")}
        if len(tried["tried"]) not in (0, 2):
            raise _contradiction("what was chosen", f"{len(tried['tried'])} forecasts compared")
        parts: dict[str, Any] = {**kept.model_dump(), **tried}
        return Choices(**parts)


def check_scaling(fitted: FittedScaling, wanted: Sequence[AbstractScaling]) -> None:
    """Check that a fitted scaling is of one of the kinds that the settings allow."""
    if not any(_is_fitted(fitted, one) for one in wanted):
        names = " or ".join(one.name for one in wanted)
        raise _contradiction("the scaling", f"{names} in the settings, {fitted.to_dict()} as fitted")
    if any(isinstance(one, bool) for one in fitted.to_dict().values()):
        raise NurtValueError("A scaling has unusable statistics.", got=repr(fitted.to_dict()))


def _is_fitted(fitted: FittedScaling, wanted: AbstractScaling) -> bool:
    if isinstance(wanted, WindowScaling):
        return isinstance(fitted, WindowStatistics) and (fitted.anchor, fitted.scale) == (wanted.anchor, wanted.scale)
    return not isinstance(fitted, WindowStatistics) and getattr(fitted, "name", None) == wanted.name


def _or_infinite(error: float | None) -> float:
    return float("inf") if error is None else error


def check_scores(scores: Tensor | None, names: Sequence[str], horizon: int, levels: Sequence[int]) -> np.ndarray:
    """Return the calibration scores (N, F, V), float64, NaN where unknown.

    Raises:
        ModelFileError: they are missing, or of another shape or type.
    """
    if scores is None:
        raise _contradiction("the calibration", "no scores")
    values: np.ndarray[Any, Any] = scores.numpy() if scores.dtype.is_floating_point else np.zeros(0, int)
    wanted = (len(names), horizon, len(levels))
    if values.dtype != np.float64 or values.shape != wanted or np.isinf(values).any():
        raise _contradiction("the calibration", f"{scores.dtype} {tuple(scores.shape)} instead of float64 {wanted}")
    return values


def check_origins(origins: Tensor | None, count: int) -> np.ndarray:
    """Return the positions of the origins of the calibration scores, int64 (N,).

    Raises:
        ModelFileError: they are missing, as in files of an earlier kind, or of another shape or type.
    """
    if origins is None:
        raise ModelFileError(
            "The file does not say at which origins its bands were calibrated: they could be judged on the same rows.",
            expected="the origin of every calibration score",
            got="a file without them",
            cure="Fit the model again with this version.",
        )
    values: np.ndarray = np.zeros(0, int) if origins.dtype.is_floating_point else origins.numpy()
    if values.dtype != np.int64 or values.shape != (count,):
        raise _contradiction("the calibration", f"{origins.dtype} {tuple(origins.shape)} instead of int64 {(count,)}")
    if (values < 0).any():
        raise _contradiction("the calibration", "an origin before the series")
    return values


def _contradiction(what: str, got: str) -> ModelFileError:
    return ModelFileError(f"The parts of the file contradict each other in {what}.", got=got)
