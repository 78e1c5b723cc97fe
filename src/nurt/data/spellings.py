"""Spellings of dates and times rewritten before they are read: names of months, AM and PM, zones, compact times."""

from __future__ import annotations

import re

from nurt.data.month_names import MONTH, month_number

__all__ = ["respelt"]

_ZONES = {
    "UTC": "Z",
    "GMT": "Z",
    "CET": "+01:00",
    "CEST": "+02:00",
    "EET": "+02:00",
    "EEST": "+03:00",
    "WEST": "+01:00",
}
_ZONE = re.compile(rf"(.*[0-9]) ({'|'.join(_ZONES)})")
_REGION = re.compile(r"(.*[0-9Z])\[[A-Za-z_/+-]+\]")
_HALF_DAY = re.compile(r"(.*[0-9][ T])([0-9]{1,2})(:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?) ?([AaPp])\.?[Mm]\.?")
_COMPACT = re.compile(
    r"((?:1[5-9]|2[0-2])[0-9]{6})[T ]([0-9]{2})([0-9]{2})([0-9]{2})?(\.[0-9]+)?((?:Z|[+-][0-9]{2}:?(?:[0-9]{2})?)?)"
)
_COMMA = re.compile(r"(.*:[0-9]{2}),([0-9]+)(.*)")
_HOUR = re.compile(r"(.*[0-9][-/.][0-9]{1,2}[-/.][0-9]+[ T][0-9]{2})")
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? (.*)", re.IGNORECASE)
_FOUR = "(?P<year>(?:1[5-9]|2[0-2])[0-9]{2})"
_NAMED = tuple(
    re.compile(pattern + r"(?: ?r\.?)?(?P<rest>(?:,?[ T][0-9]{1,2}:.*)?)", re.IGNORECASE)
    for pattern in (
        rf"(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?[-/ .]{{1,2}}{MONTH}\.?[-/ ,.]{{1,2}}{_FOUR}",
        rf"{MONTH}\.?[-/ ]?(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?[-/ ,]{{1,2}}{_FOUR}",
        rf"{_FOUR}[-/ ]{MONTH}[-/ ](?P<day>[0-9]{{1,2}})",
        rf"(?P<day>[0-9]{{1,2}})-{MONTH}-(?P<short>[0-9]{{2}})",
    )
)
_LAST_OF_THIS_CENTURY = 68
_NOON = 12


def respelt(cell: str) -> str:
    """Return a date or time in digits, with 24 hours and a numeric offset from UTC; other text unchanged.

    ``03/25/2021 1:05 PM`` becomes ``03/25/2021 13:05``, ``25-Mar-2021`` becomes ``2021-03-25``, ``20210325T0130Z``
    becomes ``20210325 01:30Z``.
    """
    if not cell or len(cell) > 60 or not any(mark.isdigit() for mark in cell):
        return cell
    text = _with_digits(cell)
    region = _REGION.fullmatch(text)
    text = region.group(1) if region else text
    zone = _ZONE.fullmatch(text)
    text = zone.group(1) + _ZONES[zone.group(2)] if zone else text
    compact = _COMPACT.fullmatch(text)
    if compact:
        day, hour, minute, second, fraction, offset = compact.groups()
        text = f"{day} {hour}:{minute}" + (f":{second}{fraction or ''}" if second else "") + offset
    comma = _COMMA.fullmatch(text)
    text = f"{comma.group(1)}.{comma.group(2)}{comma.group(3)}" if comma else text
    half = _HALF_DAY.fullmatch(text)
    if half and 1 <= int(half.group(2)) <= _NOON:
        hour = int(half.group(2)) % _NOON + (_NOON if half.group(4) in "Pp" else 0)
        text = f"{half.group(1)}{hour:02}{half.group(3)}"
    whole = _HOUR.fullmatch(text)
    return f"{text}:00" if whole else text


def _with_digits(cell: str) -> str:
    if not any(mark.isalpha() for mark in cell):
        return cell
    weekday = _WEEKDAY.fullmatch(cell)
    plain = weekday.group(1) if weekday else cell
    for pattern in _NAMED:
        match = pattern.fullmatch(plain)
        if match:
            parts = match.groupdict()
            short = int(parts.get("short") or 0)
            year = parts.get("year") or str(short + (2000 if short <= _LAST_OF_THIS_CENTURY else 1900))
            rest = parts["rest"].lstrip(",")
            return f"{year}-{month_number(parts['name']):02}-{int(parts['day']):02}{rest}"
    return plain
