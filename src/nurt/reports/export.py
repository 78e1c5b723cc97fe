"""Figures as files for other programs: their numbers as CSV, their drawing as SVG, PNG or PDF."""

from __future__ import annotations

import csv
import html
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nurt.errors import NurtValueError, UnavailableError
from nurt.plotting import value_of
from nurt.writing import write_whole

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["export_figures", "figure_csv", "file_name", "write_figure"]

IMAGES = (".svg", ".png", ".pdf")
GRIDS = frozenset({"heatmap", "contour", "surface"})
AXES = ("x", "y", "z")
# A spreadsheet takes a cell that begins with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
LETTERS = str.maketrans({"ł": "l", "Ł": "L"})


@dataclass(frozen=True)
class _Trace:
    """One trace as columns of equal length.

    Args:
        name: as the legend has it.
        titles: of the axes, "" where there is none.
        columns: coordinate or error bar → cells.
    """

    name: str
    titles: Mapping[str, str]
    columns: Mapping[str, Sequence[Any]]


def write_figure(figure: go.Figure, path: str | Path, *, series: str = "trace") -> Path:
    """Write a figure; the ending of the name says what as.

    ``.csv`` gives its numbers in full (:func:`figure_csv`), ``.svg``, ``.png`` and ``.pdf`` its drawing.

    Args:
        figure: any plotly figure.
        path: the file; its folder is made if need be.
        series: heading of the column that names the traces.

    Returns:
        the path written.

    Raises:
        NurtValueError: another ending.
        UnavailableError: a drawing was asked for, and kaleido or its browser is missing.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending == ".csv":
        write_whole(path, figure_csv(figure, series=series))
    elif ending in IMAGES:
        write_whole(path, _image(figure, ending[1:]))
    else:
        raise NurtValueError(
            f"{path.name}: the ending says what a figure is written as.",
            expected=", ".join((".csv", *IMAGES)),
            got=path.suffix or "no ending",
        )
    return path


def export_figures(
    figures: Iterable[tuple[str, go.Figure]], folder: str | Path, *, ending: str = ".csv", series: str = "trace"
) -> tuple[Path, ...]:
    """Write figures into a folder, each under its number and title.

    Args:
        figures: title and figure.
        folder: made if need be.
        ending: as in :func:`write_figure`.
        series: heading of the column that names the traces.

    Returns:
        the paths written.
    """
    return tuple(
        write_figure(figure, Path(folder) / f"{number:02d}-{file_name(title)}{ending}", series=series)
        for number, (title, figure) in enumerate(figures, start=1)
    )


def file_name(title: str) -> str:
    """Return a title as part of a file name: letters, digits and hyphens of ASCII."""
    letters = unicodedata.normalize("NFKD", _text(title).translate(LETTERS))
    words = re.findall(r"[A-Za-z0-9]+", letters.encode("ascii", "ignore").decode())
    return "-".join(words).lower()[:60].rstrip("-") or "figure"


def figure_csv(figure: go.Figure, *, series: str = "trace") -> str:
    """Return the numbers of a figure as CSV; numbers in full, what is not finite as an empty cell.

    Lines over the same places stand side by side, one column each. Everything else has one row per point, named by
    its trace where there are several; a map has one row per cell. An axis that shows logarithms is written as the
    values it stands for. Texts that a spreadsheet would take for a formula begin with an apostrophe.

    Args:
        figure: any plotly figure.
        series: heading of the column that names the traces.
    """
    traces = _traces(figure)
    rows = _side_by_side(traces) if _over_the_same_places(traces) else _one_below_the_other(traces, series)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _image(figure: go.Figure, kind: str) -> bytes:
    import plotly.io

    try:
        return bytes(plotly.io.to_image(figure, format=kind))
    except (ValueError, RuntimeError, OSError, ImportError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UnavailableError(
            f"The figure cannot be drawn as {kind.upper()}: {reason[0]}",
            cure="Install what draws it, `pip install kaleido`, and Chrome or Chromium. Without both, a page's buttons "
            "SVG and PNG save the same drawing, and a name that ends in .csv its numbers.",
        ) from error


def _traces(figure: go.Figure) -> list[_Trace]:
    found: list[_Trace] = []
    for index, trace in enumerate(figure.data):
        columns = dict(_grid(trace) if trace.type in GRIDS else _points(trace))
        name = _text(trace.name) if trace.name else f"{trace.type} {index + 1}"
        one = _Trace(name, {axis: _text(_title(figure, trace, axis)) for axis in AXES}, columns)
        # A line in a casing is two traces of the same points.
        if columns and not any(_alike(one, other) for other in found):
            found.append(one)
    return found


def _alike(one: _Trace, other: _Trace) -> bool:
    return (
        one.name == other.name
        and one.columns.keys() == other.columns.keys()
        and all(list(map(_cell, one.columns[key])) == list(map(_cell, other.columns[key])) for key in one.columns)
    )


def _points(trace: Any) -> Iterator[tuple[str, Sequence[Any]]]:
    given = {axis: _values(trace, axis) for axis in AXES}
    count = max((len(values) for values in given.values() if values is not None), default=0)
    if not count:
        return
    for axis in ("x", "y"):
        if given[axis] is None:
            start, step = trace[f"{axis}0"] or 0, trace[f"d{axis}"] or 1
            given[axis] = [start + step * place for place in range(count)]
    yield from ((axis, values) for axis, values in given.items() if values is not None)
    for axis in ("x", "y"):
        bars = _part(trace, f"error_{axis}")
        if bars is not None and bars.array is not None:
            yield f"{axis}+", list(bars.array)
            yield f"{axis}−", list(bars.array if bars.arrayminus is None else bars.arrayminus)


def _grid(trace: Any) -> Iterator[tuple[str, Sequence[Any]]]:
    heights = np.asarray(_values(trace, "z", flat=False))
    if heights.ndim != 2 or not heights.size:
        return
    for axis, place in (("x", 1), ("y", 0)):
        size = heights.shape[place]
        given = trace[axis]
        values = np.arange(size) if given is None else np.asarray(given)
        if values.ndim == 1 and len(values) == size + 1:
            values = (values[:-1] + values[1:]) / 2
        if values.ndim == 1:
            values = values[None, :] if axis == "x" else values[:, None]
        yield axis, list(np.broadcast_to(values, heights.shape).ravel())
    yield "z", list(heights.ravel())


def _values(trace: Any, axis: str, *, flat: bool = True) -> Any:
    """Return what is drawn along an axis, undone where logarithms of it are drawn."""
    given = _part(trace, axis)
    if given is None:
        return None
    scale = (trace.meta or {}).get("scale", {}).get(axis) if isinstance(trace.meta, dict) else None
    values = given if scale is None else value_of(np.asarray(given, dtype=np.float64), scale)
    return list(values) if flat else values


def _part(trace: Any, name: str) -> Any:
    """Return a property of a trace; None where its kind has none of that name."""
    if name not in trace:
        return None
    return trace[name]


def _title(figure: go.Figure, trace: Any, axis: str) -> str:
    if trace.type in ("surface", "scatter3d"):
        found = figure.layout[trace.scene or "scene"][f"{axis}axis"].title.text
    elif axis == "z":
        found = None
    else:
        found = figure.layout[f"{axis}axis{(trace[f'{axis}axis'] or axis)[1:]}"].title.text
    if axis == "z" and not found and "colorbar" in trace:
        found = trace.colorbar.title.text
    return found or ""


def _over_the_same_places(traces: Sequence[_Trace]) -> bool:
    places = [list(map(_cell, one.columns["x"])) for one in traces if set(one.columns) == {"x", "y"}]
    return (
        len(traces) > 1
        and len(places) == len(traces)
        and all(one == places[0] for one in places)
        and len({one.name for one in traces}) == len(traces)
    )


def _side_by_side(traces: Sequence[_Trace]) -> Iterator[list[Any]]:
    titled = [f"{one.name} – {one.titles['y']}" if one.titles["y"] else one.name for one in traces]
    yield [traces[0].titles["x"] or "x", *titled]
    yield from map(list, zip(traces[0].columns["x"], *(one.columns["y"] for one in traces), strict=True))


def _one_below_the_other(traces: Sequence[_Trace], series: str) -> Iterator[list[Any]]:
    keys = list(dict.fromkeys(key for one in traces for key in one.columns))
    keys.sort(key=lambda key: ("xyz".index(key[0]), key[1:]))
    several = len(traces) > 1
    yield [*([series] if several else []), *(_heading(traces, key) for key in keys)]
    for one in traces:
        count = max(len(values) for values in one.columns.values())
        for place in range(count):
            cells = [one.columns[key][place] if key in one.columns else None for key in keys]
            yield [*([one.name] if several else []), *cells]


def _heading(traces: Sequence[_Trace], key: str) -> str:
    """Return the title of the axis, or its letter where there is none or the traces have different ones."""
    titles = {one.titles[key[0]] for one in traces if key in one.columns} - {""}
    return (titles.pop() if len(titles) == 1 else key[0]) + (f", {key[1:]}" if key[1:] else "")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return repr(float(value)) if np.isfinite(value) else ""
    text = _text(str(value))
    return f"'{text}" if text.startswith(FORMULA) else text


def _text(value: str) -> str:
    """Return text without the tags and entities that plotly reads in every label; indices and powers keep a sign."""
    marked = re.sub(r"<sub>(.*?)</sub>", r"_\1", re.sub(r"<sup>(.*?)</sup>", r"^\1", value))
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br\s*/?>", " ", marked)))
