"""Units that are on in a stretch of time, and other places where the same ones are, after [strobelt2018lstmvis].

Select an interval that means something, such as a word, a peak or a pause. The units that are on all through it and
off beside it are a guess at what carries that meaning; the other places where all of them are on confirm the guess or
refute it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.layer_record import LayerRecord
from nurt.errors import NurtValueError
from nurt.results import Result
from nurt.wording import percent_in_words, plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Place", "StatePattern", "state_pattern"]

SHOWN = 8


class Place(NamedTuple):
    """A stretch of one row.

    Attributes:
        row: of the batch.
        start: first position.
        stop: the position after the last.
    """

    row: int
    start: int
    stop: int

    def __str__(self) -> str:
        last = self.stop - 1
        steps = f"step {self.start}" if last == self.start else f"steps {self.start} to {last}"
        return f"row {self.row}, {steps}"


@dataclass(frozen=True, eq=False)
class StatePattern(Result):
    """Units that are on in an interval, and all places where they are.

    Args:
        id: which layer and direction.
        state: what was looked at: "hidden", "cell" or the name of a gate.
        selected: the interval.
        threshold: a unit is on where its value is above it.
        around: steps before and after the interval at which the units are off.
        units: on at every step of the interval, off around it.
        share: of the units that are on at a place.
        places: the longest stretches at which that share of the units is on, by row and time, the selected one among
            them.
        values: of all units, (B, T, H).
        lengths: steps of each row, (B,).
    """

    id: LayerId
    state: str
    selected: Place
    threshold: float
    around: int
    units: tuple[int, ...]
    share: float
    places: tuple[Place, ...]
    values: Tensor = field(repr=False, metadata={"json": False})
    lengths: Tensor = field(repr=False, metadata={"json": False})

    @property
    def others(self) -> tuple[Place, ...]:
        """The places that do not touch the selected interval."""
        mine = self.selected
        return tuple(
            one for one in self.places if one.row != mine.row or one.stop <= mine.start or one.start >= mine.stop
        )

    def __str__(self) -> str:
        total = self.values.shape[-1]
        beside = " and not beside it" if self.around else ""
        lines = [
            f"{self.id}, {self.state}: {len(self.units)} of {total} units are above {self.threshold:g} in "
            f"{self.selected}{beside}"
        ]
        if not self.units:
            return lines[0]
        lines[0] += f": {_some(self.units)}"
        all_ = "all of them are" if self.share == 1 else f"at least {percent_in_words(self.share, 0)} of them are"
        listed = f": {_some(self.others, '; ')}" if self.others else ""
        lines.append(f"  {all_} on at {plural(len(self.others), 'other place')}{listed}")
        return "\n".join(lines)

    def plot(self) -> go.Figure:
        """Draw the units over the row of the interval, with all its places shaded; all units faintly where none is."""
        from nurt import plotting

        row = self.selected.row
        figure = plotting.new_figure(f"{self.state}: {self.id}, row {row}", "time step", f"value of the {self.state}")
        values = self.values[row, : int(self.lengths[row])].numpy()
        steps = np.arange(len(values))
        for number, unit in enumerate(self.units or range(values.shape[1])):
            colour = plotting.PALETTE[number % len(plotting.PALETTE)] if self.units else plotting.REFERENCE
            figure.add_scatter(x=steps, y=values[:, unit], name=f"unit {unit}", line={"color": colour, "width": 1.5})
        for place in self.places:
            if place.row == row:
                figure.add_vrect(place.start - 0.5, place.stop - 0.5, fillcolor=plotting.PALETTE[4], opacity=0.15)
        mine = self.selected
        figure.add_vrect(mine.start - 0.5, mine.stop - 0.5, line={"color": plotting.ACTUAL, "width": 1})
        figure.add_hline(y=self.threshold, line={"color": plotting.REFERENCE, "width": 1, "dash": "dot"})
        return figure


def state_pattern(
    record: LayerRecord,
    start: int,
    stop: int,
    *,
    row: int = 0,
    state: str = "hidden",
    threshold: float = 0.5,
    around: int = 1,
    share: float = 1.0,
) -> StatePattern:
    """List the units that are on in an interval, and find the other places where they are.

    Args:
        record: of a layer; no ``backward`` is needed.
        start: first position of the interval.
        stop: the position after its last.
        row: of the batch.
        state: "hidden" for h_t, "cell" for c_t, or the name of a gate.
        threshold: a unit is on where its value is above it.
        around: so many steps before and after the interval, as far as the row goes, the units must be off; 0 for any.
        share: of the units that must be on at another place.

    Raises:
        NurtValueError: an interval outside its row, a state that the layer has not, or a number out of range.

    Example:
        >>> layer = LSTM(3, 5, batch_first=True)
        >>> with nurt.diagnostics.record(layer) as seen:
        ...     outputs = layer(torch.randn(2, 30, 3))
        >>> found = state_pattern(seen.layer(), 4, 7, state="forget", threshold=0.5, around=0)
        >>> found.selected
        Place(row=0, start=4, stop=7)
    """
    values = _values(record, state)
    _check(record, Place(row, start, stop), around, share)
    on = (values > threshold) & record.within.unsqueeze(-1)
    length = int(record.lengths[row])
    beside = [*range(max(0, start - around), start), *range(stop, min(length, stop + around))]
    chosen = on[row, start:stop].all(dim=0) & ~on[row, beside].any(dim=0)
    units = chosen.nonzero().squeeze(1)
    places: tuple[Place, ...] = ()
    if len(units):
        places = _stretches(on[..., units].double().mean(dim=-1) >= share)
    return StatePattern(
        record.id,
        state,
        Place(row, start, stop),
        threshold,
        around,
        tuple(units.tolist()),
        share,
        places,
        values.cpu(),
        record.lengths.cpu(),
    )


def _values(record: LayerRecord, state: str) -> Tensor:
    known = {"hidden": record.hidden} | ({} if record.cell is None else {"cell": record.cell})
    if state not in known:
        known |= record.gates
    if state not in known:
        raise NurtValueError(
            f"state_pattern: {record.id} has no such state.", expected=", ".join(known), got=repr(state)
        )
    return known[state]


def _check(record: LayerRecord, place: Place, around: int, share: float) -> None:
    rows = len(record.lengths)
    if not 0 <= place.row < rows or not 0 <= place.start < place.stop <= int(record.lengths[place.row]):
        steps = f"0 <= start < stop <= {int(record.lengths[place.row])}" if 0 <= place.row < rows else "an interval"
        raise NurtValueError(
            "state_pattern: the interval does not lie in a row.",
            expected=f"{steps}, in a row from 0 to {rows - 1}",
            got=f"row={place.row}, start={place.start}, stop={place.stop}",
        )
    if around < 0 or not 0 < share <= 1:
        raise NurtValueError(
            "state_pattern: a number is out of range.",
            expected="around not below 0, share above 0 and up to 1",
            got=f"around={around}, share={share}",
        )


def _stretches(there: Tensor) -> tuple[Place, ...]:
    """Return the longest stretches of true values of each row of ``there`` (B, T)."""
    steps = torch.nn.functional.pad(there.to(torch.int8), (1, 1)).diff(dim=1)
    starts, stops = (steps == 1).nonzero(), (steps == -1).nonzero()
    return tuple(Place(int(row), int(start), int(stop)) for (row, start), (_, stop) in zip(starts, stops, strict=True))


def _some(items: tuple[Any, ...], between: str = ", ") -> str:
    more = [f"and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return between.join([*map(str, items[:SHOWN]), *more])
