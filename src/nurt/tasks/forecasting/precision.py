"""What single precision can hold: series whose size or variation a network could not tell apart are refused."""

from __future__ import annotations

import math

import numpy as np

from nurt.data.series import Series
from nurt.errors import DataError
from nurt.wording import name_in_words

__all__ = ["require_single_precision", "require_size"]

# Of values: far enough below the square root of the largest single-precision number that forecasts may overshoot.
LARGEST = 1e17
# Standard deviation over the largest value: some ten steps between neighbouring single-precision numbers.
RESOLVED = 1e-6
# Standard deviation in the units of the data; windows below 1e-8 count as constant.
SMALLEST = 1e-7


def require_size(series: Series) -> None:
    """Refuse a series whose values are too large for single precision.

    Windows are measured by the mean square of their deviations, which overflows from 1.8e19 on.

    Raises:
        DataError: the message says which column, and by what to divide.
    """
    columns = (series.values, *series.covariates.T)
    for name, column in zip((series.target, *series.covariate_names), columns, strict=True):
        size = float(np.abs(column[np.isfinite(column)]).max(initial=0.0))
        if size >= LARGEST:
            raise DataError(
                f"{_place(series, name)} holds values that are too large for the network, which computes in single "
                "precision.",
                expected=f"values below {LARGEST:g}",
                got=f"{size:.3g}",
                cure=f"Divide the column by 1e{math.floor(math.log10(size))}.",
            )


def require_single_precision(series: Series) -> None:
    """Refuse a series whose size or variation the network cannot tell apart: it computes in single precision.

    Numbers that differ by less than about a ten-millionth of their size are the same number, and a window that varies
    by less than 1e-8 counts as one that stands still. Covariates are standardised in double precision.

    Raises:
        DataError: the message says which, and by what to divide or what to subtract.
    """
    require_size(series)
    observed = series.values[np.isfinite(series.values)]
    if not observed.size or np.all(observed == observed[0]):
        return
    size, spread = float(np.abs(observed).max()), float(observed.std())
    if spread < RESOLVED * size:
        raise DataError(
            f"{_place(series, series.target)} varies too little for its size: in single precision its values are "
            "nearly the same number.",
            expected=f"a standard deviation of at least {RESOLVED * size:.3g}, {RESOLVED:g} times the largest value",
            got=f"{spread:.3g}",
            cure=f"Subtract a constant from the column, such as {float(np.median(observed)):.6g}.",
        )
    if spread < SMALLEST:
        # Numbers near the smallest there are square to 0.
        unit = f"1e{math.floor(math.log10(spread))}" if spread else "its largest value"
        raise DataError(
            f"{_place(series, series.target)} varies too little for the network: so small a change counts as none.",
            expected=f"a standard deviation of at least {SMALLEST:g}",
            got=f"{spread:.3g}",
            cure=f"Divide the column by {unit}.",
        )


def _place(series: Series, column: str) -> str:
    return f"Column {name_in_words(column)!r} of series {name_in_words(series.name)!r}"
