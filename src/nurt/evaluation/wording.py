"""Numbers and names as a person would say them."""

from __future__ import annotations

__all__ = ["compared", "in_words", "p_in_words", "per_cent"]

_WORDS = {
    "naive": "repeating the last value",
    "seasonal_naive": "repeating the last season",
    "drift": "continuing the drift of the window",
    "mean": "the training mean",
    "window_mean": "the mean of the window",
    "linear": "closed-form linear regression",
    "nlinear": "closed-form linear regression anchored at the last value",
    "ets": "exponential smoothing (ETS)",
    "arima": "ARIMA",
    "theta": "the Theta method",
}


def in_words(name: str) -> str:
    """Return what the forecaster ``name`` does; models keep their names."""
    return _WORDS.get(name, name)


def per_cent(share: float) -> str:
    """Return a share (1 = all) in per cent: whole numbers, below one a decimal."""
    percent = 100.0 * abs(share)
    return f"{percent:.1f} %" if round(percent, 1) < 1.0 else f"{percent:.0f} %"


def compared(ratio: float, other: str = "") -> str:
    """Return how an error that is ``ratio`` times another compares, with ``other`` named if given.

    Example:
        >>> compared(1.04, "repeating the last value"), compared(4.37), compared(0.995)
        ('4 % worse than repeating the last value', '4.4 times worse', '0.5 % better')
    """
    if abs(ratio - 1.0) < 0.0005:
        return f"as good as {other}" if other else "as good"
    if ratio >= 1.5:
        degree = f"{ratio:.1f} times worse" if ratio < 9.95 else f"{ratio:.0f} times worse"
    else:
        degree = f"{per_cent(1.0 - ratio)} {'better' if ratio < 1.0 else 'worse'}"
    return f"{degree} than {other}" if other else degree


def p_in_words(p_value: float) -> str:
    """Return a p-value with two decimals, three where 0.05 could be in doubt, or that it is below 0.001."""
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {p_value:.2f}"
