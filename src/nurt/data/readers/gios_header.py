"""What the columns of a GIOŚ file measure: station, pollutant, averaging time and unit, told by what the cells hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Measurement", "measurements", "pollutant_of"]

_NAMES = {
    "pył zawieszony pm10": "PM10",
    "pył zawieszony pm2.5": "PM2.5",
    "pył zawieszony pm25": "PM2.5",
    "dwutlenek azotu": "NO2",
    "tlenek azotu": "NO",
    "tlenki azotu": "NOx",
    "dwutlenek siarki": "SO2",
    "tlenek węgla": "CO",
    "ozon": "O3",
    "benzen": "C6H6",
}
_FORMULAS = {
    formula.lower(): formula
    for formula in ("PM10", "PM2.5", "NO2", "NO", "NOx", "SO2", "CO", "O3", "C6H6", "toluen", "benzen", "Hg(TGM)")
} | {"pm25": "PM2.5", "pm2,5": "PM2.5"}
_COMPOUND = re.compile(r"[A-Za-z][A-Za-z0-9,]{0,7}\(PM(?:10|2\.5)\)")
_AVERAGING = re.compile(r"[0-9]{1,2} ?[gh]")
_UNIT = re.compile(r"\(?[mµμun]?g/m(?:3|³)\)?", re.IGNORECASE)
_POSITION = re.compile(r"\w+-.+-[0-9]{1,2}[gh]")
_CODE = re.compile(r"[A-Z][\w.]{4,}")
_PORTAL = re.compile(r"(?P<station>.+?) ?\((?P<pollutant>.+?)(?: ?\[(?:jednostka )?(?P<unit>[^\]]+)\])?\)")
_PORTAL_PLAIN = re.compile(r"(?P<station>.+) - (?P<pollutant>.+)")


@dataclass(frozen=True)
class Measurement:
    """One column: what is measured, where and how.

    Args:
        name: the column's own name.
        aliases: further names it may be asked for by.
        unit: for example "ug/m3"; "" where the file does not tell.
        averaging: for example "1g", one hour; "" where the file does not tell.
    """

    name: str
    aliases: tuple[str, ...] = ()
    unit: str = ""
    averaging: str = ""


def pollutant_of(text: str) -> str | None:
    """Return the formula of a pollutant given by formula or Polish name, else None."""
    key = text.strip().lower()
    if key in _NAMES:
        return _NAMES[key]
    if key in _FORMULAS:
        return _FORMULAS[key]
    return text.strip() if _COMPOUND.fullmatch(text.strip()) else None


def measurements(header: Sequence[Sequence[str]]) -> list[Measurement] | None:
    """Read the header rows of a file of measurements.

    Args:
        header: cells of the header rows, without the column of dates; all equally long.

    Returns:
        one measurement per column, or None when the rows do not name pollutants.
    """
    rows = {_role(cells): list(cells) for cells in header}
    if "pollutant" in rows and "code" in rows:
        return _of_archive(rows)
    if "position" in rows:
        return _of_archive({"averaging": [cell.rsplit("-", 1)[1] for cell in rows["position"]]} | _split(rows))
    units = rows.get("unit", [""] * len(header[0]) if header else [])
    for cells in header:
        found = [_of_portal(cell, unit) for cell, unit in zip(cells, units, strict=True)]
        named = [measurement for measurement in found if measurement is not None]
        if found and len(named) == len(found):
            return named
    return None


def _role(cells: Sequence[str]) -> str:
    present = [cell for cell in cells if cell]
    if not present:
        return "blank"
    if all(_AVERAGING.fullmatch(cell) for cell in present):
        return "averaging"
    if all(_UNIT.fullmatch(cell) for cell in present):
        return "unit"
    if all(pollutant_of(cell) for cell in present):
        return "pollutant"
    if all(_POSITION.fullmatch(cell) for cell in present):
        return "position"
    if len(set(present)) == len(cells) and all(_CODE.fullmatch(cell) for cell in present):
        return "code"
    return "number" if all(cell.isdigit() for cell in present) else "other"


def _split(rows: dict[str, list[str]]) -> dict[str, list[str]]:
    parts = [cell.split("-", 1) for cell in rows["position"]]
    return rows | {"code": [part[0] for part in parts], "pollutant": [part[1].rsplit("-", 1)[0] for part in parts]}


def _of_archive(rows: dict[str, list[str]]) -> list[Measurement]:
    """Name each column as GIOŚ names a position, ``MpKrakAlKras-PM10-1g``; the station code alone is an alias."""
    count = len(rows["code"])
    averaging = rows.get("averaging", [""] * count)
    units = rows.get("unit", [""] * count)
    found = []
    for code, pollutant, average, unit in zip(rows["code"], rows["pollutant"], averaging, units, strict=True):
        average = average.replace(" ", "")
        name = "-".join(filter(None, (code, pollutant, average)))
        found.append(Measurement(name, (code, f"{code}-{pollutant}"), unit, average))
    return found


def _of_portal(cell: str, unit: str) -> Measurement | None:
    formula = pollutant_of(cell)
    if formula is not None:
        return Measurement(cell, (formula,) if formula != cell else (), unit)
    match = _PORTAL.fullmatch(cell) or _PORTAL_PLAIN.fullmatch(cell)
    formula = pollutant_of(match["pollutant"]) if match else None
    if match is None or formula is None:
        return None
    unit = match.groupdict().get("unit") or unit
    return Measurement(f"{match['station'].strip()} {formula}", (formula, match["pollutant"].strip(), cell), unit)
