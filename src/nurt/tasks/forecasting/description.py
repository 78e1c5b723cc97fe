"""What the file of a forecaster says beside its weights, checked part against part when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from torch import Tensor

from nurt.data.scaling import AbstractScaling, FittedScaling, WindowScaling, WindowStatistics
from nurt.errors import ModelFileError, NurtValueError
from nurt.tasks.forecasting.network import NetworkDesign
from nurt.tasks.forecasting.problem import CovariateScaling

__all__ = ["Architecture", "FittedOn", "check_scaling", "check_scores"]

Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Architecture(_Strict):
    """The design of the network; the fields are those of :class:`NetworkDesign`."""

    cell: str
    layers: Annotated[int, Field(ge=1)]
    hidden: Annotated[int, Field(ge=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    horizon: Annotated[int, Field(ge=1)]
    strategy: Literal["direct", "recursive"]
    quantiles: list[Annotated[float, Field(gt=0, lt=1)]]
    covariates: Annotated[int, Field(ge=0)]
    mask: bool

    def design(self) -> NetworkDesign:
        """Return the design."""
        return NetworkDesign(**{**self.model_dump(), "quantiles": tuple(self.quantiles)})


class _CovariateStatistics(_Strict):
    mean: list[Finite]
    scale: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]]


class FittedOn(_Strict):
    """The data that a forecaster was fitted on.

    Args:
        target: name of the target.
        covariates: names of the C past covariates.
        covariate_scaling: mean and scale of each.
        rows: series → fitted rows.
        until: series → label of the last of them.
        marks: series → digest of them.
        calibration_names: series of each score.
    """

    target: str
    covariates: list[str]
    covariate_scaling: _CovariateStatistics
    rows: dict[str, Annotated[int, Field(ge=1, lt=2**63)]]
    until: dict[str, str]
    marks: dict[str, Digest]
    calibration_names: list[str]

    def scaling(self) -> CovariateScaling:
        """Return the scaling of the covariates.

        Raises:
            ModelFileError: the parts are of different columns or series.
        """
        kept = self.covariate_scaling
        if not len(self.covariates) == len(kept.mean) == len(kept.scale):
            raise _contradiction("the covariates", f"{len(self.covariates)} names, {len(kept.mean)} means")
        if not self.rows or not self.rows.keys() == self.until.keys() == self.marks.keys():
            raise _contradiction("the fitted series", f"{len(self.rows)}, {len(self.until)} and {len(self.marks)}")
        if not set(self.calibration_names) <= self.rows.keys():
            raise _contradiction("the calibrated series", "a name that was not fitted")
        return CovariateScaling(tuple(kept.mean), tuple(kept.scale))


def check_scaling(fitted: FittedScaling, wanted: AbstractScaling) -> None:
    """Check that a fitted scaling is one of the kind that the settings name."""
    if isinstance(wanted, WindowScaling):
        same = isinstance(fitted, WindowStatistics) and (fitted.anchor, fitted.scale) == (wanted.anchor, wanted.scale)
    else:
        same = not isinstance(fitted, WindowStatistics) and getattr(fitted, "name", None) == wanted.name
    if not same:
        raise _contradiction("the scaling", f"{wanted.name} in the settings, {fitted.to_dict()} as fitted")
    if any(isinstance(one, bool) for one in fitted.to_dict().values()):
        raise NurtValueError("A scaling has unusable statistics.", got=repr(fitted.to_dict()))


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


def _contradiction(what: str, got: str) -> ModelFileError:
    return ModelFileError(f"The parts of the file contradict each other in {what}.", got=got)
