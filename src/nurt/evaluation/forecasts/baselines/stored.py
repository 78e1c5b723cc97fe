"""Fitted baselines as plain values and arrays, for model files: what a network starts at must be kept with it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.baselines.base import AbstractFittedBaseline
from nurt.evaluation.forecasts.baselines.linear import FittedLinear
from nurt.evaluation.forecasts.baselines.seasonal import SeasonalDrift, SeasonalNaive
from nurt.evaluation.forecasts.baselines.simple import Drift, FittedMean, Naive, WindowMean
from nurt.evaluation.forecasts.baselines.transformed import FittedTransformed, Transform

__all__ = ["fitted_from_state", "state_of"]

_KINDS: Mapping[str, type[AbstractFittedBaseline]] = {
    "naive": Naive,
    "seasonal naive": SeasonalNaive,
    "seasonal drift": SeasonalDrift,
    "drift": Drift,
    "mean": FittedMean,
    "window mean": WindowMean,
    "linear": FittedLinear,
}
_TRANSFORMED = "transformed"


def state_of(fitted: AbstractFittedBaseline) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a fitted baseline as JSON values and float64 arrays.

    Args:
        fitted: a repeat, an average, a drift or a linear fit, or one of these in another scale.

    Raises:
        NurtValueError: it is of a kind that is not kept, such as a model of statsforecast, or has no forecast for some
            step because no training window had one.
    """
    if isinstance(fitted, FittedTransformed):
        inner, arrays = state_of(fitted.fitted)
        return {"kind": _TRANSFORMED, "transform": fitted.transform.to_dict(), "fitted": inner}, arrays
    kind = next((name for name, one in _KINDS.items() if type(fitted) is one), None)
    if kind is None:
        raise NurtValueError(
            "This fitted baseline cannot be kept.",
            expected="one of these: " + ", ".join((*_KINDS, _TRANSFORMED)),
            got=type(fitted).__name__,
        )
    values: dict[str, Any] = {"kind": kind}
    arrays = {}
    for name in _fields(_KINDS[kind]):
        given = getattr(fitted, name)
        if isinstance(given, np.ndarray):
            if not np.isfinite(given).all():
                raise NurtValueError(
                    "This fitted baseline cannot be kept: it has no forecast for some step.",
                    cure="Give more training rows, or a shorter look-back or horizon.",
                )
            arrays[name] = given
        else:
            # A series without training values has no location; JSON has no NaN.
            values[name] = [_or_none(part) for part in given] if isinstance(given, tuple) else given
    return values, arrays


def fitted_from_state(
    state: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    transform_from_dict: Callable[[Mapping[str, Any]], Transform] | None = None,
) -> AbstractFittedBaseline:
    """Return the baseline that :func:`state_of` described, every part checked.

    Args:
        state: the JSON values.
        arrays: float64, finite.
        transform_from_dict: builds the scale of a transformed baseline, such as
            ``nurt.data.transforms.transform_from_dict``; needed for these alone.

    Raises:
        NurtValueError: a part is missing, too many, of another type or shape, or not finite.
    """
    if not isinstance(state, Mapping):
        raise _damaged("its description", state)
    parts = dict(state)
    kind = parts.pop("kind", None)
    if kind == _TRANSFORMED:
        if parts.keys() != {"transform", "fitted"} or not isinstance(parts["transform"], Mapping):
            raise _damaged("its parts", ", ".join(map(str, parts)))
        if transform_from_dict is None:
            raise NurtValueError("fitted_from_state: this baseline needs `transform_from_dict` for its scale.")
        fitted = fitted_from_state(parts["fitted"], arrays, transform_from_dict)
        return FittedTransformed(fitted, transform_from_dict(parts["transform"]), fitted.notes)
    found = _KINDS.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise _damaged("its kind", kind)
    names = _fields(found)
    if sorted([*parts, *arrays]) != sorted(names):
        raise _damaged("its parts", ", ".join([*parts, *arrays]))
    given = {
        name: _array(name, arrays.get(name)) if "ndarray" in wanted else _value(name, parts.get(name), wanted)
        for name, wanted in names.items()
    }
    try:
        return found(**given)
    except NurtValueError as error:
        raise _damaged("its sizes", error.what) from error


def _fields(kind: type[AbstractFittedBaseline]) -> dict[str, str]:
    """Return names and types of the fields; every kind is a dataclass."""
    return {one.name: str(one.type) for one in dataclasses.fields(kind)}  # type: ignore[arg-type]  # see above


def _array(name: str, given: Any) -> np.ndarray:
    if not isinstance(given, np.ndarray) or given.dtype != np.float64:
        raise _damaged(f"`{name}`", getattr(given, "dtype", type(given).__name__))
    if not np.isfinite(given).all():
        raise _damaged(f"`{name}`", "numbers that are not finite")
    return given


def _value(name: str, given: Any, wanted: str) -> Any:
    """Return a value of the type that is written at a field; a series of numbers may lack some."""
    if wanted.startswith("tuple"):
        fits = _is_text if "str" in wanted else _is_number_or_none
        if not isinstance(given, list) or not all(map(fits, given)):
            raise _damaged(f"`{name}`", given)
        return tuple(given) if "str" in wanted else tuple(math.nan if one is None else float(one) for one in given)
    if given is None and "None" in wanted:
        return None
    kind = {"int": int, "bool": bool}[wanted.split(" ")[0]]
    if type(given) is not kind:
        raise _damaged(f"`{name}`", given)
    return given


def _is_text(given: Any) -> bool:
    return isinstance(given, str)


def _is_number_or_none(given: Any) -> bool:
    return given is None or (type(given) in (int, float) and math.isfinite(given))


def _or_none(part: Any) -> Any:
    return None if isinstance(part, float) and not math.isfinite(part) else part


def _damaged(what: str, got: object) -> NurtValueError:
    return NurtValueError(f"The baseline in this file is damaged: {what} cannot be used.", got=str(got)[:200])
