"""How results are put into words and figures, the same in the report and in the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

__all__ = [
    "MISSING",
    "count",
    "decimals_for",
    "fixed",
    "forecaster_name",
    "interval",
    "number",
    "p_value",
    "percent",
    "seconds",
    "unbroken",
]

MISSING = "–"
MOST_DECIMALS = 8

NAMES = {
    "naive": "repeat last value",
    "seasonal_naive": "repeat last season",
    "drift": "drift",
    "mean": "training mean",
    "window_mean": "window mean",
    "linear": "linear regression",
    "nlinear": "anchored linear",
    "ets": "ETS",
    "arima": "ARIMA",
    "theta": "Theta",
}


def forecaster_name(key: str) -> str:
    """Return what a person calls the baseline ``key``; other names stay as they are."""
    return NAMES.get(key, key)


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def decimals_for(values: Iterable[float | None], significant: int = 3) -> int:
    """Return how many decimals give the smallest of ``values`` so many significant digits, at most 8."""
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value) and value != 0.0]
    if not sizes:
        return 2
    return min(MOST_DECIMALS, max(0, significant - 1 - math.floor(math.log10(min(sizes)))))


def fixed(value: float | None, decimals: int) -> str:
    """Return ``value`` with so many decimals; in powers of ten where that would print nothing or a page of digits."""
    if value is None or not math.isfinite(value):
        return MISSING
    size = abs(value)
    if size >= 1e9 or 0.0 < size < 0.5 * 10.0**-decimals:
        return f"{value:.2e}".replace("-", "−")
    return f"{value:.{decimals}f}".replace("-", "−")


def number(value: float | None, significant: int = 4) -> str:
    """Return a single number to so many significant digits."""
    if value is not None and 0.0 < abs(value) < 10.0 ** (significant - 1 - MOST_DECIMALS):
        return fixed(value, 0)
    return fixed(value, decimals_for([value], significant))


def percent(share: float | None, decimals: int = 1, *, sign: bool = False) -> str:
    """Return a share (1 = all) in per cent, with a plus sign if asked for."""
    if share is None or not math.isfinite(share):
        return MISSING
    return f"{100.0 * share:{'+' if sign else ''}.{decimals}f}\N{NO-BREAK SPACE}%".replace("-", "−")


def count(whole: int) -> str:
    """Return a whole number in groups of three digits, from five digits on."""
    return f"{whole:,}".replace(",", "\N{NARROW NO-BREAK SPACE}") if abs(whole) >= 10_000 else str(whole)


def unbroken(text: str) -> str:
    """Return ``text`` with spaces that no line may be broken at: before per cent signs and inside "p = 0.31"."""
    return re.sub(r"(?<=\d) (?=%)|(?<=\bp) (?==)|(?<=\bp =) ", "\N{NO-BREAK SPACE}", text)


def p_value(p: float | None) -> str:
    """Return a p-value, or that it is below what is worth printing."""
    if p is None or not math.isfinite(p):
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def interval(low: float | None, high: float | None, decimals: int) -> str:
    """Return ``low … high``, or the sign for missing when either end is unknown."""
    if not (_known(low) and _known(high)):
        return MISSING
    return f"{fixed(low, decimals)} … {fixed(high, decimals)}"


def seconds(duration: float) -> str:
    """Return a duration in words: seconds, minutes or hours."""
    if duration < 10.0:
        return f"{duration:.1f} s"
    whole = round(duration)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
