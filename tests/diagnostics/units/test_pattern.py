"""A unit that copies an input bit is found, with every stretch of the bit, in every row and direction."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import numpy as np
import pytest
import torch

import nurt.nn
from nurt.diagnostics import LayerRecord, Place, record, state_pattern
from nurt.errors import NurtValueError
from nurt.nn import ElmanCell, Recurrent
from nurt.wording import plural

LENGTHS = [23, 17, 1, 20]
COPIES = (3, 6)


def recorded(reverse: bool = False) -> tuple[LayerRecord, np.ndarray]:
    """Return the record of a layer of which two units copy the first bit, and that bit."""
    torch.manual_seed(1)
    cell = ElmanCell(2, 8)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter *= 0.1
        for unit in COPIES:
            cell.weight_hh[unit] = 0.0
            cell.weight_ih[unit] = torch.tensor([5.0, 0.0])
            cell.bias_ih[unit], cell.bias_hh[unit] = -2.5, 0.0
    bits = np.random.default_rng(4).integers(0, 2, (4, 23))
    bits[0, :8] = (0, 1, 1, 1, 0, 0, 1, 0)
    inputs = torch.from_numpy(np.stack([bits, bits[:, ::-1]], axis=2)).float()
    with record(layer := Recurrent(cell, reverse=reverse)) as seen:
        layer(inputs, lengths=LENGTHS)
    return seen.layer(direction="backward" if reverse else "forward"), bits


def runs_of_ones(bits: np.ndarray) -> list[Place]:
    found = []
    for row, length in enumerate(LENGTHS):
        for bit, group in groupby(range(length), key=lambda step: bits[row, step]):
            steps = list(group)
            if bit:
                found.append(Place(row, steps[0], steps[-1] + 1))
    return found


@pytest.mark.parametrize("reverse", [False, True])
def test_planted_units_are_found_with_all_their_intervals(reverse: bool) -> None:
    layer, bits = recorded(reverse)
    found = state_pattern(layer, 1, 4)
    assert found.units == COPIES
    assert list(found.places) == runs_of_ones(bits)
    assert set(found.others) == set(runs_of_ones(bits)) - {Place(0, 1, 4)}


def test_a_unit_that_is_on_beside_the_interval_is_not_listed() -> None:
    layer, _ = recorded()
    inside = state_pattern(layer, 1, 3)
    assert inside.units == inside.places == inside.others == ()
    assert "0 of 8 units are above 0.5 in row 0, steps 1 to 2 and not beside it" in str(inside)
    assert state_pattern(layer, 1, 3, around=0).units == COPIES
    # The bit is on again three steps after the interval.
    assert state_pattern(layer, 1, 4, around=2).units == COPIES
    assert state_pattern(layer, 1, 4, around=3).units == ()


def test_part_of_a_set_may_do() -> None:
    layer, bits = recorded()
    # Above -0.5 the other units are on too, at every step.
    everywhere = state_pattern(layer, 1, 4, threshold=-0.5, around=0)
    assert len(everywhere.units) == 8
    assert list(everywhere.places) == runs_of_ones(bits)
    part = state_pattern(layer, 1, 4, threshold=-0.5, around=0, share=0.75)
    assert list(part.places) == [Place(row, 0, length) for row, length in enumerate(LENGTHS)]
    assert all(one.row != 0 for one in part.others)


@pytest.mark.parametrize("state", ["hidden", "cell", "input", "forget", "output", "candidate"])
def test_the_state_that_is_meant_is_named(state: str) -> None:
    layer = nurt.nn.LSTM(2, 6, batch_first=True)
    with record(layer) as seen:
        layer(torch.randn(2, 9, 2))
    found: Any = seen.layer()
    values = found.gates.get(state, getattr(found, state, None))
    pattern = state_pattern(found, 2, 5, row=1, state=state, threshold=0.1, around=0)
    assert list(pattern.units) == (values[1, 2:5] > 0.1).all(0).nonzero().flatten().tolist()
    for place in pattern.places:
        assert bool((values[place.row, place.start : place.stop][:, list(pattern.units)] > 0.1).all())


def test_it_prints_draws_and_turns_into_json() -> None:
    layer, bits = recorded()
    found = state_pattern(layer, 1, 4)
    others = len(runs_of_ones(bits)) - 1
    assert "2 of 8 units are above 0.5 in row 0, steps 1 to 3 and not beside it: 3, 6" in str(found)
    assert f"all of them are on at {plural(others, 'other place')}: row 0, step 6; " in str(found)
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert found.to_dict()["selected"] == {"row": 0, "start": 1, "stop": 4}
    assert [line.name for line in found.plot().data] == ["unit 3", "unit 6"]
    assert len(state_pattern(layer, 1, 3).plot().data) == 8


def test_what_does_not_fit_is_refused() -> None:
    layer, _ = recorded()
    for start, stop, row in ((3, 3, 0), (-1, 2, 0), (0, 2, 2), (0, 24, 0), (0, 1, 4), (0, 1, -1)):
        with pytest.raises(NurtValueError, match="does not lie in a row"):
            state_pattern(layer, start, stop, row=row)
    for wrong in ({"around": -1}, {"share": 0.0}, {"share": 1.5}):
        with pytest.raises(NurtValueError, match="out of range"):
            state_pattern(layer, 1, 4, **wrong)
    with pytest.raises(NurtValueError, match=r"no such state.*\n.*hidden"):
        state_pattern(layer, 1, 4, state="cell")
