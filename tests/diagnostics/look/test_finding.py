"""Every recurrent layer is found, has one address, and shares its weights with the cell that stands for it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree
from torch import nn

import nurt.nn
from nurt.diagnostics import LayerId, cells_of, modules_of
from nurt.errors import NonFiniteError, NurtTypeError
from nurt.nn import AbstractLayer, Bidirectional, GRUCell, LinearCell, LSTMCell, Recurrent, Stack, unroll

# torch says so once per process; it concerns its speed, not its numbers.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")

LAYERS = [
    lambda home: home.RNN(3, 4, 2, batch_first=True, dtype=torch.float64),
    lambda home: home.RNN(3, 4, nonlinearity="relu", bias=False, batch_first=True, dtype=torch.float64),
    lambda home: home.GRU(3, 4, 2, bidirectional=True, batch_first=True, dtype=torch.float64),
    lambda home: home.LSTM(3, 4, 2, batch_first=True, dtype=torch.float64),
    lambda home: home.LSTM(3, 4, 2, bidirectional=True, proj_size=2, batch_first=True, dtype=torch.float64),
]


@pytest.mark.parametrize("home", [torch.nn, nurt.nn], ids=["torch", "nurt"])
@pytest.mark.parametrize("make", LAYERS)
def test_the_cells_of_a_layer_compute_what_the_layer_does(make: Any, home: Any) -> None:
    layer = make(home)
    outputs = torch.randn(2, 7, 3, dtype=torch.float64)
    expected, _ = layer(outputs)
    (found,) = modules_of(layer)
    for sides in found.layers:
        outputs = torch.cat([unroll(one.cell, outputs, reverse=one.reverse)[0] for one in sides], dim=-1)
    assert_agree(outputs, expected, OUTPUTS[torch.float64], "outputs")


@pytest.mark.parametrize("home", [torch.nn, nurt.nn], ids=["torch", "nurt"])
def test_the_weights_of_a_cell_are_those_of_its_layer(home: Any) -> None:
    layer = home.LSTM(3, 4, 2, bidirectional=True)
    ids = [one.id for one in cells_of(nn.ModuleDict({"encoder": layer}))]
    assert ids == [LayerId("encoder", depth, side) for depth in (0, 1) for side in ("forward", "backward")]
    for one, suffix in zip(cells_of(layer), ("l0", "l0_reverse", "l1", "l1_reverse"), strict=True):
        for name, parameter in one.cell.named_parameters():
            assert parameter is getattr(layer, f"{name}_{suffix}")


def test_finding_draws_no_random_numbers() -> None:
    layer = nn.GRU(3, 4)
    before = torch.get_rng_state()
    cells_of(layer)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("make", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_a_cell_of_torch_is_found(make: Any) -> None:
    theirs = make(3, 4).double()
    (found,) = cells_of(theirs)
    x = torch.randn(2, 3, dtype=torch.float64)
    start = found.cell.initial_state(2)
    expected = theirs(x)
    assert_agree(
        found.cell.step(x, start).hidden,
        expected[0] if isinstance(expected, tuple) else expected,
        OUTPUTS[torch.float64],
        "step",
    )


def test_a_stack_is_one_module_and_its_layers_are_counted_through() -> None:
    cells = [LSTMCell(3, 4), LSTMCell(3, 4), GRUCell(8, 2), LinearCell(2, 2)]
    inner = Stack([Recurrent(cells[2]), Recurrent(cells[3], reverse=True)])
    stack = Stack([Bidirectional(cells[0], cells[1]), inner])
    model = nn.Sequential(nn.Linear(3, 3), stack)
    assert [found.path for found in modules_of(model)] == ["1"]
    found = cells_of(model)
    assert [one.cell for one in found] == cells
    assert [one.id.layer for one in found] == [0, 0, 1, 2]
    assert [one.reverse for one in found] == [False, True, False, True]


class Doubled(AbstractLayer):
    """A layer of somebody's own around one of nurt's."""

    def __init__(self, inner: AbstractLayer) -> None:
        super().__init__()
        self.inner = inner

    input_size = property(lambda self: self.inner.input_size)
    output_size = property(lambda self: self.inner.output_size)

    def forward(self, inputs, state=None, lengths=None):
        outputs, state = self.inner(inputs, state, lengths)
        return 2 * outputs, state


def test_layers_inside_a_layer_of_ones_own_are_found_one_by_one() -> None:
    stack = Stack([Doubled(Recurrent(GRUCell(3, 4))), Recurrent(GRUCell(4, 4))])
    assert [found.path for found in modules_of(stack)] == ["layers.0.inner", "layers.1"]


def test_a_parametrised_layer_is_found_with_the_weights_it_computes() -> None:
    layer = nn.LSTM(3, 4, batch_first=True)
    nn.utils.parametrizations.orthogonal(layer, "weight_hh_l0")
    (found,) = cells_of(layer)
    assert torch.equal(found.cell.weight_hh, layer.weight_hh_l0)
    gram = found.cell.weight_hh.T @ found.cell.weight_hh
    assert torch.allclose(gram, torch.eye(4), atol=1e-5)


def test_a_module_held_under_two_names_is_one_module_with_both() -> None:
    layer = nn.GRU(3, 4)
    (found,) = modules_of(nn.ModuleDict({"left": layer, "right": layer}))
    assert found.names == ("left", "right")
    assert found.path == "left"


def test_what_cannot_be_looked_into_is_refused_in_words() -> None:
    with pytest.raises(NurtTypeError, match="no recurrent layer in this model"):
        cells_of(nn.Sequential(nn.Linear(3, 3)))
    with pytest.raises(NurtTypeError, match="no module"):
        cells_of("model")  # type: ignore[arg-type]
    with pytest.raises(NurtTypeError, match=r"`0\.weight_ih_l0` is in half precision.*\n.*float16"):
        cells_of(nn.Sequential(nn.LSTM(3, 4).half()))
    with pytest.raises(NurtTypeError, match="bfloat16"):
        cells_of(LSTMCell(3, 4).bfloat16())
    layer = nn.GRU(3, 4)
    layer.weight_hh_l0.data[2, 1] = torch.inf
    with pytest.raises(NonFiniteError, match=r"`encoder\.weight_hh_l0` holds values.*\n.*1 of 48") as caught:
        cells_of(nn.ModuleDict({"encoder": layer}))
    assert caught.value.record == {"parameter": "encoder.weight_hh_l0"}


def test_large_weights_whose_sum_overflows_are_finite() -> None:
    layer = nn.GRU(3, 4)
    layer.weight_hh_l0.data.fill_(1e38)
    assert not layer.weight_hh_l0.detach().sum().isfinite()
    assert len(cells_of(layer)) == 1


def test_cells_are_those_of_the_module_when_they_are_first_asked_for() -> None:
    layer = nn.LSTM(3, 4, 2, bidirectional=True)
    (found,) = modules_of(layer)
    layer.weight_hh_l1 = nn.Parameter(torch.ones(16, 4))
    assert found.ids == tuple(tuple(one.id for one in sides) for sides in found.layers)
    assert found.layers[1][0].cell.weight_hh is layer.weight_hh_l1
    assert found.layers is found.layers
