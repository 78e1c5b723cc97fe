"""Units × time: states, gates and the gradients that arrived at them, as maps to look at, after [strobelt2018lstmvis].

A norm says how much; a map says where. Vertical stripes are steps that concern all units, horizontal ones units that
hold a value, and a gradient that vanishes leaves the left of its map white.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.layer_record import LayerRecord
from nurt.errors import NurtValueError
from nurt.results import Result
from nurt.wording import Language, Text, localised, plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["QUANTITIES", "Quantity", "StateMaps", "state_maps"]

MOST_UNITS, MOST_STEPS = 64, 256
# What a gradient may be of its largest value, in powers of ten, before its colour is that of zero.
DECADES = 6
# Significant digits of the values in JSON and in figures; colours show two.
DIGITS = 4
# Blue, white and orange: either sign stays apart from the other with the common forms of colour blindness.
DIVERGING = [[0.0, "#01497C"], [0.25, "#6BAED6"], [0.5, "#FFFFFF"], [0.75, "#F2A36B"], [1.0, "#B0400C"]]
SEQUENTIAL = [[0.0, "#FFFFFF"], [0.5, "#7FB7D9"], [1.0, "#01497C"]]
NOTHING = "#EDEDED"


class Quantity(NamedTuple):
    """A state, gate or gradient.

    Attributes:
        symbol: in formulas.
        name: in words.
        scale: of its colours: a value of either sign, a share from 0 to 1, or a gradient of either sign whose size is
            shown by its logarithm.
    """

    symbol: str
    name: Text
    scale: Literal["signed", "share", "gradient"]


QUANTITIES: Final[dict[str, Quantity]] = {
    "hidden": Quantity("h_t", Text("hidden state", "stan ukryty"), "signed"),
    "cell": Quantity("c_t", Text("cell state", "stan komórki"), "signed"),
    "input": Quantity("i_t", Text("input gate", "bramka wejściowa"), "share"),
    "forget": Quantity("f_t", Text("forget gate", "bramka zapominania"), "share"),
    "output": Quantity("o_t", Text("output gate", "bramka wyjściowa"), "share"),
    "reset": Quantity("r_t", Text("reset gate", "bramka resetująca"), "share"),
    "update": Quantity("z_t", Text("update gate", "bramka aktualizująca"), "share"),
    "candidate": Quantity("g_t", Text("candidate", "kandydat na nowy stan"), "signed"),
    "grad_hidden": Quantity("∂L/∂h_t", Text("gradient of the hidden state", "gradient stanu ukrytego"), "gradient"),
    "grad_cell": Quantity("∂L/∂c_t", Text("gradient of the cell state", "gradient stanu komórki"), "gradient"),
}
"""All quantities in the order in which they are shown; the gradients are total, over all paths to the loss."""

_STEP = Text("step t", "krok t")
_BACKWARD = Text("step t (input order; this layer runs ←)", "krok t (kolejność wejść; warstwa działa ←)")
_UNIT = Text("unit", "jednostka")
_MEDIAN = Text("median of the rows", "mediana po wierszach")
_ROW = Text("row {row}", "wiersz {row}")
_TITLE = Text("Units over time", "Jednostki w czasie")


@dataclass(frozen=True, eq=False)
class StateMaps(Result):
    """What every unit of one layer and direction did at every step.

    Args:
        id: which layer and direction.
        row: of the batch; None for the median over its rows.
        rows: of the batch.
        total_steps: T.
        total_units: of each quantity, H.
        steps: which of the steps are held, in the order of the inputs, (S,).
        units: which of the units are held, by the name of the quantity, in the order of the lines of its map, (U,).
        values: by the name of the quantity, see :data:`QUANTITIES`, (U, S); NaN past the ends of all rows.
    """

    id: LayerId
    row: int | None
    rows: int
    total_steps: int
    total_units: Mapping[str, int]
    steps: np.ndarray
    units: Mapping[str, np.ndarray]
    values: Mapping[str, np.ndarray] = field(repr=False)

    @property
    def thinned(self) -> bool:
        """Whether only some of the steps or units are held."""
        few = any(len(held) < self.total_units[name] for name, held in self.units.items())
        return few or len(self.steps) < self.total_steps

    def to_dict(self) -> dict[str, Any]:
        """Return the maps with four significant digits."""
        values = {name: _rounded(one).tolist() for name, one in self.values.items()}
        shown = {
            name: [[None if one != one else one for one in line] for line in map_] for name, map_ in values.items()
        }
        return {**super().to_dict(), "values": shown}

    def __str__(self) -> str:
        of = f"the median of {plural(self.rows, 'row')}" if self.row is None else f"row {self.row}"
        held = next(iter(self.units.values()))
        size = f"{plural(len(held), 'unit')} x {plural(len(self.steps), 'step')}"
        if self.thinned:
            whole = next(iter(self.total_units.values()))
            size += f" of {whole} x {self.total_steps}"
        return f"{self.id}: {', '.join(self.values)}: {of}, {size}"

    def plot(self) -> go.Figure:
        """Draw all maps, one below the other."""
        from plotly.subplots import make_subplots

        from nurt import plotting

        frame = plotting.new_figure(f"{_TITLE.en}: {self.id}", "", "")
        names = list(self.values)
        titles = [f"{QUANTITIES[name].name.en} {QUANTITIES[name].symbol}" for name in names]
        space = min(0.05, 0.5 / len(names))
        figure = make_subplots(len(names), 1, shared_xaxes=True, subplot_titles=titles, vertical_spacing=space)
        figure.update_layout(frame.layout.to_plotly_json())
        height = (1 - space * (len(names) - 1)) / len(names)
        for at, name in enumerate(names):
            trace = self._trace(name, "en")
            trace["colorbar"] |= {"len": height, "y": 1 - at * (height + space) - height / 2, "yanchor": "middle"}
            figure.add_heatmap(**trace, row=at + 1, col=1)
        figure.update_yaxes(type="category", autorange="reversed", title=_UNIT.en, nticks=6)
        figure.update_xaxes(title=self._axis("en"), row=len(names), col=1)
        figure.update_layout(height=90 + 170 * len(names), hovermode="closest", plot_bgcolor=NOTHING)
        return figure

    def draw(self, name: str, language: Language = "en") -> go.Figure:
        """Draw one map.

        Args:
            name: of the quantity.
            language: of the labels.

        Raises:
            NurtValueError: there is no such map.
        """
        from nurt import plotting

        if name not in self.values:
            raise NurtValueError(
                f"StateMaps.draw: {self.id} has no such map.", expected=", ".join(self.values), got=repr(name)
            )
        quantity = QUANTITIES[name]
        title = f"{quantity.name[language]} {quantity.symbol}: {self.id}"
        figure = plotting.new_figure(title, self._axis(language), _UNIT[language])
        figure.add_heatmap(**self._trace(name, language))
        figure.update_yaxes(type="category", autorange="reversed", showgrid=False, nticks=6)
        figure.update_xaxes(showgrid=False)
        figure.update_layout(hovermode="closest", plot_bgcolor=NOTHING)
        return figure

    def coarser(self, most: int) -> StateMaps:
        """Return maps of at most ``most`` values each: fewer lines and steps, evenly spread, the last step kept."""
        for name, held in self.units.items():
            size = len(held) * len(self.steps)
            if size > most:
                columns = max(1, round(len(self.steps) * math.sqrt(most / size)))
                return self._thinned(columns, name, max(1, most // columns)).coarser(most)
        return self

    def _thinned(self, columns: int, name: str, lines: int) -> StateMaps:
        """Return maps of so many steps, and of so many units where there are as many as in the map ``name``."""
        kept, size = _spread(len(self.steps), columns), len(self.units[name])
        chosen = {
            other: _spread(len(held), min(lines, len(held)) if len(held) == size else len(held))
            for other, held in self.units.items()
        }
        units = {other: held[chosen[other]] for other, held in self.units.items()}
        values = {other: one[np.ix_(chosen[other], kept)] for other, one in self.values.items()}
        return replace(self, steps=self.steps[kept], units=units, values=values)

    def told(self, language: Language = "en") -> str:
        """Return whose values the maps show, in a few words."""
        return _MEDIAN[language] if self.row is None else _ROW.filled(row=self.row)[language]

    def _axis(self, language: Language) -> str:
        return (_BACKWARD if self.id.direction == "backward" else _STEP)[language]

    def _trace(self, name: str, language: Language) -> dict[str, Any]:
        """Return one map as a trace of plotly."""
        quantity, values = QUANTITIES[name], self.values[name]
        bar: dict[str, Any] = {"thickness": 12, "outlinewidth": 0}
        known = np.abs(values[np.isfinite(values)])
        largest = float(known.max()) if known.size else 0.0
        hover = f"{_STEP[language].split()[0]} %{{x}}, {_UNIT[language]} %{{y}}"
        trace: dict[str, Any] = {
            "x": self.steps,
            "y": [str(unit) for unit in self.units[name]],
            "z": _rounded(values),
            "hovertemplate": f"{hover}: %{{z:.3g}}<extra></extra>",
            "colorscale": SEQUENTIAL if quantity.scale == "share" else DIVERGING,
            "zmin": 0.0 if quantity.scale == "share" else -(largest or 1.0),
            "zmax": 1.0 if quantity.scale == "share" else largest or 1.0,
            "colorbar": bar,
        }
        if quantity.scale == "gradient" and largest > 0.0:
            # Colour by the logarithm of the size, to either side of white; the value itself is under the pointer.
            with np.errstate(divide="ignore"):
                height = np.clip(1.0 + np.log10(np.abs(values) / largest) / DECADES, 0.0, 1.0)
            ticks = [-1.0, -0.5, 0.0, 0.5, 1.0]
            most, half = (localised(one, language, 2) for one in (largest, largest * 10 ** (-DECADES / 2)))
            trace |= {
                "z": np.round(np.sign(values) * height, 3),
                "zmin": -1.0,
                "zmax": 1.0,
                "customdata": _rounded(values),
            }
            trace["hovertemplate"] = f"{hover}: %{{customdata:.3g}}<extra></extra>"
            bar |= {"tickvals": ticks, "ticktext": [f"−{most}", f"−{half}", "0", half, most]}
        return trace


def state_maps(
    record: LayerRecord,
    *,
    row: int | None = None,
    sort: bool = False,
    most_units: int = MOST_UNITS,
    most_steps: int = MOST_STEPS,
) -> StateMaps:
    """Return what every unit of a recorded layer did at every step: states, gates, total gradients.

    Args:
        record: of a layer; without a ``backward`` there are no gradients in it.
        row: of the batch; None for the median over its rows at each step.
        sort: put units that move alike side by side, by the first principal component of their state over time.
        most_units: more are thinned out evenly.
        most_steps: more are thinned out evenly; the first and the last stay.

    Raises:
        NurtValueError: no such row, or nothing to hold.

    Example:
        >>> with nurt.diagnostics.record(layer := LSTM(3, 5, batch_first=True)) as seen:
        ...     layer(torch.randn(2, 7, 3))[0][:, -1].sum().backward()
        >>> maps = state_maps(seen.layer(), row=0)
        >>> list(maps.values), maps.values["grad_cell"].shape
        (['hidden', 'cell', 'input', 'forget', 'output', 'candidate', 'grad_hidden', 'grad_cell'], (5, 7))
    """
    rows, total = record.hidden.shape[:2]
    if (row is not None and not 0 <= row < rows) or min(most_units, most_steps) < 1:
        raise NurtValueError(
            "state_maps: an argument is out of range.",
            expected=f"a row from 0 to {rows - 1} and at least one unit and step",
            got=f"row={row}, most_units={most_units}, most_steps={most_steps}",
        )
    steps = _spread(total, most_steps)
    found = _quantities(record)
    units, values = {}, {}
    # Quantities of one size share the order of their units, so that a unit is one line in all maps.
    orders: dict[int, np.ndarray] = {}
    for name, whole in found.items():
        width = whole.shape[-1]
        held = orders.get(width)
        map_ = _reduced(whole[:, steps], record.within[:, steps], row)
        if held is None:
            held = _spread(width, most_units)
            orders[width] = held = held[_alike(map_[held])] if sort else held
        units[name], values[name] = held, map_[held]
    sizes = {name: whole.shape[-1] for name, whole in found.items()}
    return StateMaps(record.id, row, rows, total, sizes, steps, units, values)


def _quantities(record: LayerRecord) -> dict[str, Tensor]:
    """Return what there is, (B, T, ·) by name, in the order of :data:`QUANTITIES`."""
    known: dict[str, Tensor | None] = {
        "hidden": record.hidden,
        "cell": record.cell,
        **record.gates,
        "grad_hidden": record.total,
        "grad_cell": record.total_cell,
    }
    return {name: value for name in QUANTITIES if (value := known.get(name)) is not None}


def _reduced(values: Tensor, within: Tensor, row: int | None) -> np.ndarray:
    """Return one row or the median over rows of ``values`` (B, S, U), as (U, S); NaN past the ends."""
    known = torch.where(within.unsqueeze(-1), values.double(), torch.nan)
    if row is not None:
        chosen = known[row]
    else:
        # Step by step: quantiles of torch take no more than 16 million numbers at once.
        chosen = torch.stack([torch.nanquantile(known[:, at], 0.5, dim=0) for at in range(known.shape[1])])
    return chosen.T.cpu().numpy()


def _spread(total: int, most: int) -> np.ndarray:
    """Return at most so many of ``total`` places, evenly spread, with the first and the last."""
    if total <= most:
        return np.arange(total)
    return np.linspace(0 if most > 1 else total - 1, total - 1, most).round().astype(np.int64)


def _alike(values: np.ndarray) -> np.ndarray:
    """Return an order of the lines of ``values`` (U, S) in which those that move alike are neighbours."""
    known = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    centred = known - known.mean(axis=1, keepdims=True)
    parts, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    first = parts[:, 0] * sizes[0]
    # The sign of a component is arbitrary: the unit that moves most is put at the end.
    if first.size and first[np.abs(first).argmax()] < 0:
        first = -first
    return np.argsort(first, kind="stable")


def _rounded(values: np.ndarray) -> np.ndarray:
    """Return values with a few significant digits, which makes pages and JSON a third of their size."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.where((values != 0) & np.isfinite(values), np.floor(np.log10(np.abs(values))), 0.0)
    scale = 10.0 ** np.clip(DIGITS - 1 - power, -300, 300)
    return np.asarray(np.round(values * scale) / scale)
