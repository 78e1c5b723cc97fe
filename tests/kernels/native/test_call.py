"""The facts of a native cell, stated in its header, are those of the recurrence that it computes."""

from __future__ import annotations

import pytest

from nurt.kernels import Weights
from nurt.kernels.native.call import CELLS, weight_shapes
from nurt.kernels.reference import RECURRENCES


def test_every_native_cell_has_a_reference():
    assert CELLS.keys() <= RECURRENCES.keys()
    assert sorted(spec.code for spec in CELLS.values()) == list(range(len(CELLS)))


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_and_its_reference_agree_on_gates_states_and_constants(cell):
    spec, reference = CELLS[cell], RECURRENCES[cell]
    assert spec.gates == reference.gates
    assert spec.has_cell == ("cell" in reference.fields)
    assert spec.constants == len(reference.constants)
    assert set(spec.fields) <= set(Weights._fields)
    assert len(set(spec.recorded)) == len(spec.recorded)


def test_shapes_of_what_is_learned_follow_from_the_facts():
    assert weight_shapes("peephole_lstm", 3, 5, 5)["weight_ch"] == (15,)
    assert weight_shapes("projected_lstm", 3, 5, 2)["weight_hr"] == (2, 5)
    shapes = weight_shapes("layer_norm_lstm", 3, 5, 5)
    assert [shapes[name] for name in ("weight_ih", "norm_ih", "norm_cell_bias")] == [(20, 3), (20,), (5,)]
    assert [CELLS["layer_norm_lstm"].fields[place] for place in CELLS["layer_norm_lstm"].required] == [
        "weight_ih", "weight_hh", "norm_ih", "norm_hh", "norm_cell",
    ]  # fmt: skip
