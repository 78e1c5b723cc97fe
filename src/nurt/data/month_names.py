"""Names of months in English and Polish, as a pattern and as numbers."""

from __future__ import annotations

__all__ = ["MONTH", "month_number"]

_NAMES = (
    ("jan", "january", "sty", "styczeń", "stycznia", "styczen"),
    ("feb", "february", "lut", "luty", "lutego"),
    ("mar", "march", "marzec", "marca"),
    ("apr", "april", "kwi", "kwiecień", "kwietnia", "kwiecien"),
    ("may", "maj", "maja"),
    ("jun", "june", "cze", "czerwiec", "czerwca"),
    ("jul", "july", "lip", "lipiec", "lipca"),
    ("aug", "august", "sie", "sierpień", "sierpnia", "sierpien"),
    ("sep", "sept", "september", "wrz", "wrzesień", "września", "wrzesien", "wrzesnia"),
    ("oct", "october", "paź", "październik", "października", "paz", "pazdziernik", "pazdziernika"),
    ("nov", "november", "lis", "listopad", "listopada"),
    ("dec", "december", "gru", "grudzień", "grudnia", "grudzien"),
)
_NUMBERS = {name: number for number, names in enumerate(_NAMES, start=1) for name in names}
MONTH = f"(?P<name>{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
"""A regular expression for one name; letters of either case."""


def month_number(name: str) -> int:
    """Return the number of a month, from 1, by its name in English or Polish.

    Args:
        name: one that :data:`MONTH` matches.
    """
    return _NUMBERS[name.lower()]
