"""Maps of units over time: right values at the right places, whatever the layer, the rows and the sizes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nurt.nn
from nurt.diagnostics import StateMaps, record, state_maps
from nurt.diagnostics.units.maps import QUANTITIES
from nurt.errors import NurtValueError
from nurt.nn import CELLS, GRUCell, LSTMCell, Recurrent

B, T, H = 5, 9, 4


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def recorded(layer: nn.Module, *, backward: bool = True, lengths: Any = None, rows: int = B, steps: int = T) -> Any:
    with record(layer) as seen:
        inputs = torch.randn(rows, steps, 3)
        outputs = layer(inputs)[0] if lengths is None else layer(inputs, None, lengths)[0]
        if backward:
            outputs[:, -1].square().sum().backward()
    return seen


@pytest.mark.parametrize("row", [None, 0, B - 1])
def test_every_value_is_that_of_the_record(row: int | None) -> None:
    one = recorded(nurt.nn.LSTM(3, H, batch_first=True)).layer()
    maps = state_maps(one, row=row)
    sources = {
        "hidden": one.hidden,
        "cell": one.cell,
        **one.gates,
        "grad_hidden": one.total,
        "grad_cell": one.total_cell,
    }
    assert set(maps.values) == set(sources)
    for name, values in sources.items():
        whole = values.detach().double().numpy()
        expected = np.median(whole, axis=0) if row is None else whole[row]
        np.testing.assert_allclose(maps.values[name], expected.T, rtol=1e-12)
        assert maps.units[name].tolist() == list(range(H))
    assert maps.steps.tolist() == list(range(T)) and not maps.thinned


@pytest.mark.parametrize("name", sorted(CELLS))
def test_every_cell_has_maps(name: str) -> None:
    maps = state_maps(recorded(Recurrent(CELLS[name](3, H))).layer(), sort=True)
    assert {"hidden", "grad_hidden"} <= set(maps.values) <= set(QUANTITIES)
    assert list(maps.values) == [one for one in QUANTITIES if one in maps.values]
    assert all(np.isfinite(one).all() for one in maps.values.values())
    assert len(maps.plot().data) == len(maps.values)
    json.dumps(maps.to_dict(), allow_nan=False)


def test_gradients_are_those_of_autograd() -> None:
    cell, inputs = LSTMCell(3, H).double(), torch.randn(B, T, 3).double()
    with record(layer := Recurrent(cell)) as seen:
        layer(inputs)[0].sin().sum().backward()
    state, states = cell.initial_state(B), []
    for step in range(T):
        state = cell.step(inputs[:, step], state)
        states.append(state)
    loss = torch.stack([one.hidden for one in states], 1).sin().sum()
    maps = state_maps(seen.layer(), row=2)
    for name, place in (("grad_hidden", "hidden"), ("grad_cell", "cell")):
        found = torch.autograd.grad(loss, [getattr(one, place) for one in states], retain_graph=True)
        expected = torch.stack([one[2] for one in found], dim=1).numpy()
        np.testing.assert_allclose(maps.values[name], expected, rtol=1e-9, atol=1e-12)


def test_without_backward_there_are_no_gradients() -> None:
    maps = state_maps(recorded(nurt.nn.GRU(3, H, batch_first=True), backward=False).layer())
    assert list(maps.values) == ["hidden", "reset", "update", "candidate"]


def test_past_the_end_of_a_row_there_is_nothing() -> None:
    seen = recorded(Recurrent(GRUCell(3, H)), lengths=torch.tensor([T, 3, 2, 2, 0]))
    one, maps = seen.layer(), state_maps(seen.layer())
    # Rows past their ends do not pull the median to zero: from step 3 on only the first row is left.
    np.testing.assert_allclose(maps.values["hidden"][:, 3:], one.hidden[0, 3:].T.double().numpy(), rtol=1e-12)
    expected = np.median(one.hidden[:2, 2].double().numpy(), axis=0)
    np.testing.assert_allclose(maps.values["hidden"][:, 2], expected, rtol=1e-12)
    alone = state_maps(one, row=1)
    assert np.isnan(alone.values["hidden"][:, 3:]).all() and np.isfinite(alone.values["hidden"][:, :3]).all()
    assert alone.to_dict()["values"]["hidden"][0][3:] == [None] * (T - 3)
    empty = state_maps(one, row=4, sort=True)
    assert all(np.isnan(values).all() for values in empty.values.values())
    assert len(empty.plot().data) == len(empty.values)


def test_a_layer_that_runs_backwards_is_in_the_order_of_the_inputs_and_says_so() -> None:
    layer = nn.GRU(3, H, batch_first=True, bidirectional=True)
    seen = recorded(layer)
    ahead, back = (seen.layer(direction=side) for side in ("forward", "backward"))
    maps = state_maps(back)
    # A read-out of the last place has seen one step of the backward half: its gradient stands there alone.
    norms = np.linalg.norm(maps.values["grad_hidden"], axis=0)
    assert norms[-1] > 0 and not norms[:-1].any()
    assert "←" in maps.draw("hidden").layout.xaxis.title.text
    assert "kolejność wejść" in maps.draw("hidden", "pl").layout.xaxis.title.text
    assert "←" not in state_maps(ahead).draw("hidden").layout.xaxis.title.text


def test_units_that_move_alike_are_neighbours_and_keep_their_line_in_all_maps() -> None:
    cell = nurt.nn.RNN(1, 6, batch_first=True)
    with torch.no_grad():
        cell.weight_hh_l0.zero_()
        cell.bias_ih_l0.zero_()
        cell.bias_hh_l0.zero_()
        cell.weight_ih_l0.copy_(torch.tensor([[1.0], [-1.0], [1.0], [-1.0], [1.0], [-1.0]]))
    with record(cell) as seen:
        cell(torch.randn(1, 20, 1))[0].sum().backward()
    maps = state_maps(seen.layer(), sort=True)
    order = maps.units["hidden"].tolist()
    assert sorted(order) == list(range(6))
    assert {*order[:3]} in ({0, 2, 4}, {1, 3, 5})
    assert maps.units["grad_hidden"].tolist() == order
    plain = state_maps(seen.layer())
    np.testing.assert_array_equal(maps.values["hidden"], plain.values["hidden"][order])
    assert list(maps.draw("hidden").data[0].y) == [str(unit) for unit in order]


def test_a_projection_has_fewer_hidden_units_than_cells() -> None:
    maps = state_maps(recorded(nurt.nn.LSTM(3, H, proj_size=2, batch_first=True)).layer(), sort=True)
    assert maps.values["hidden"].shape == (2, T) == maps.values["grad_hidden"].shape
    assert maps.values["cell"].shape == (H, T) == maps.values["grad_cell"].shape
    assert maps.units["cell"].tolist() == maps.units["forget"].tolist()


def test_large_maps_are_thinned_and_say_so() -> None:
    seen = recorded(nurt.nn.LSTM(3, 70, batch_first=True), rows=2, steps=300)
    maps = state_maps(seen.layer(), sort=True)
    assert maps.thinned and "64 units x 256 steps of 70 x 300" in str(maps)
    assert (maps.steps[0], maps.steps[-1]) == (0, 299) and len(set(maps.steps)) == 256
    whole = state_maps(seen.layer(), most_units=70, most_steps=300)
    assert not whole.thinned and " of 70" not in str(whole)
    for name, values in maps.values.items():
        np.testing.assert_array_equal(values, whole.values[name][np.ix_(maps.units[name], maps.steps)])


@pytest.mark.parametrize(("rows", "steps", "units"), [(1, 1, 1), (1, 2, 3), (3, 1, 2)])
def test_the_smallest_maps(rows: int, steps: int, units: int) -> None:
    maps = state_maps(recorded(nurt.nn.GRU(3, units, batch_first=True), rows=rows, steps=steps).layer(), sort=True)
    assert maps.values["hidden"].shape == (units, steps)
    assert len(maps.plot().data) == len(maps.values)


def drawn(values: list[list[float]], name: str) -> Any:
    held = np.asarray(values, dtype=np.float64)
    units = {name: np.arange(len(held))}
    address = recorded(nurt.nn.GRU(3, 2, batch_first=True)).layer().id
    maps = StateMaps(address, 0, 1, held.shape[1], {name: len(held)}, np.arange(held.shape[1]), units, {name: held})
    return maps.draw(name).data[0]


def test_colours() -> None:
    gate = drawn([[0.2, 0.4]], "forget")
    assert (gate.zmin, gate.zmax) == (0, 1)
    state = drawn([[0.2, -0.4]], "cell")
    assert (state.zmin, state.zmax) == (-0.4, 0.4)
    # Colours of a gradient tell its sign and the logarithm of its size: three of six powers of ten are the half.
    grad = drawn([[-2.0, 2e-3, 0.0, 2e-9, float("nan")]], "grad_hidden")
    assert (grad.zmin, grad.zmax) == (-1, 1)
    np.testing.assert_allclose(grad.z[0], [-1.0, 0.5, 0.0, 0.0, np.nan], atol=1e-12)
    np.testing.assert_allclose(grad.customdata[0], [-2.0, 2e-3, 0.0, 2e-9, np.nan])
    nothing = drawn([[0.0, 0.0]], "grad_hidden")
    assert nothing.zmin < 0 < nothing.zmax


def test_values_have_four_digits_in_figures_and_json() -> None:
    assert drawn([[0.123456, -1.23456e-20]], "cell").z.tolist() == [[0.1235, -1.235e-20]]
    seen = recorded(nurt.nn.GRU(3, H, batch_first=True))
    told = state_maps(seen.layer()).to_dict()["values"]["hidden"]
    assert all(len(f"{abs(one):.10e}".rstrip("0").split("e")[0].rstrip("0")) <= 5 for line in told for one in line)


@pytest.mark.parametrize("given", [{"row": B}, {"row": -1}, {"most_units": 0}, {"most_steps": 0}])
def test_what_is_out_of_range(given: dict[str, int]) -> None:
    seen = recorded(nurt.nn.GRU(3, H, batch_first=True))
    with pytest.raises(NurtValueError, match="out of range"):
        state_maps(seen.layer(), **given)
    with pytest.raises(NurtValueError, match="no such map"):
        state_maps(seen.layer()).draw("cell")


@pytest.mark.parametrize("language", ["en", "pl"])
def test_whose_values_are_shown(language: Any) -> None:
    one = recorded(nurt.nn.GRU(3, H, batch_first=True)).layer()
    words = {"en": ("median", "row 2"), "pl": ("mediana", "wiersz 2")}[language]
    assert words[0] in state_maps(one).told(language)
    assert words[1] in state_maps(one, row=2).told(language)
    assert "row 2" in str(state_maps(one, row=2)) and "median of 5 rows" in str(state_maps(one))


def test_coarser_maps_are_a_part_of_the_maps() -> None:
    seen = recorded(nurt.nn.LSTM(3, 20, proj_size=6, batch_first=True), rows=2, steps=50)
    maps = state_maps(seen.layer(), sort=True)
    few = maps.coarser(120)
    assert few.thinned and few.steps[-1] == 49 and few.total_units == maps.total_units
    for name, values in few.values.items():
        assert values.size <= 120
        at = [maps.units[name].tolist().index(unit) for unit in few.units[name]]
        assert at == sorted(at)
        places = [maps.steps.tolist().index(step) for step in few.steps]
        np.testing.assert_array_equal(values, maps.values[name][np.ix_(at, places)])
    assert few.units["cell"].tolist() == few.units["forget"].tolist()
    assert maps.coarser(20 * 50) is maps
    assert all(one.size <= 1 for one in maps.coarser(1).values.values())
