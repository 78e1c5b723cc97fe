"""To torch.nn and back."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree

from nurt.errors import NurtTypeError, UnavailableError
from nurt.kernels import use
from nurt.nn import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    ElmanCell,
    GRUCell,
    LinearCell,
    LSTMCell,
    ProjectedLSTMCell,
    Recurrent,
    Stack,
    build,
    from_torch,
    to_torch,
    unroll,
)

# torch says so once per process; it concerns its speed, not its numbers.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")

LAYERS = [
    lambda nn: nn.RNN(3, 5, 2, "relu", bias=False),
    lambda nn: nn.RNN(3, 5, batch_first=True, bidirectional=True),
    lambda nn: nn.GRU(3, 5, 2, dropout=0.3),
    lambda nn: nn.LSTM(3, 5, 2, bidirectional=True, proj_size=2, dtype=torch.float64),
]


class Ours:
    RNN, GRU, LSTM = RNN, GRU, LSTM


@pytest.mark.parametrize("make", LAYERS)
def test_a_layer_survives_the_way_to_torch_and_back(make):
    layer = make(Ours).eval()
    layer.weight_hh_l0.requires_grad_(False)
    theirs = to_torch(layer)
    back = from_torch(theirs)
    assert isinstance(theirs, torch.nn.RNNBase)
    assert type(back) is type(layer)
    assert repr(theirs) == repr(back) == repr(layer)
    assert (theirs.training, back.training) == (False, False)
    inputs = torch.randn(4, 4, 3, dtype=layer.weight_ih_l0.dtype)
    with use("torch"):
        expected, _ = layer(inputs)
    assert torch.equal(theirs(inputs)[0], expected)
    expected, _ = layer(inputs)
    assert torch.equal(back(inputs)[0], expected)
    for module in (theirs, back):
        assert not module.weight_hh_l0.requires_grad
        assert module.weight_ih_l0.requires_grad
        assert module.weight_ih_l0.data_ptr() != layer.weight_ih_l0.data_ptr()


@pytest.mark.parametrize(
    "theirs",
    [
        torch.nn.RNNCell(3, 5),
        torch.nn.RNNCell(3, 5, nonlinearity="relu", bias=False),
        torch.nn.LSTMCell(3, 5),
        torch.nn.GRUCell(3, 5, dtype=torch.float64),
    ],
)
def test_a_cell_survives_the_way_from_torch_and_back(theirs):
    cell = from_torch(theirs)
    x = torch.randn(2, 3, dtype=theirs.weight_ih.dtype)
    hidden = cell.step(x, cell.initial_state(2)).hidden
    for module in (theirs, to_torch(cell)):
        expected = module(x)
        expected = expected[0] if isinstance(expected, tuple) else expected
        assert_agree(hidden, expected, OUTPUTS[x.dtype], "hidden")


@pytest.mark.parametrize(
    "layer",
    [
        build("lstm", 3, 5, num_layers=3, dropout=0.2),
        build("elman", 3, 5, num_layers=2, nonlinearity="relu"),
        build("gru", 3, 5, num_layers=2, bidirectional=True),
        build(lambda i, h: ProjectedLSTMCell(i, h, 2, bias=False), 3, 5, num_layers=2),
        Recurrent(GRUCell(3, 5)),
        Bidirectional(LSTMCell(3, 5), LSTMCell(3, 5)),
    ],
)
def test_a_stack_of_equal_cells_becomes_one_layer_of_torch(layer):
    layer = layer.eval()
    theirs = to_torch(layer)
    inputs = torch.randn(2, 7, 3)
    assert_agree(layer(inputs)[0], theirs(inputs)[0], OUTPUTS[torch.float32], "outputs")
    dropout = layer.dropout.p if isinstance(layer, Stack) else 0.0
    assert (theirs.dropout, theirs.batch_first) == (dropout, True)


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (build("linear", 3, 5), "no layer of LinearCell"),
        (LinearCell(3, 5), "LinearCell is not among torch's cells"),
        (ProjectedLSTMCell(3, 5, 2), "not among torch's cells"),
        (Recurrent(GRUCell(3, 5), reverse=True), "only runs backwards"),
        (Stack([build("gru", 3, 5), build("gru", 5, 5)]), "a stack within a stack"),
        (Stack([Recurrent(GRUCell(3, 5)), Recurrent(GRUCell(5, 4))]), "differ in kind, size or direction"),
        (Stack([Recurrent(GRUCell(3, 5)), Recurrent(LSTMCell(5, 5))]), "differ in kind"),
        (Stack([Recurrent(ElmanCell(3, 5)), Recurrent(ElmanCell(5, 5, nonlinearity="relu"))]), "differ in kind"),
        (Stack([Recurrent(GRUCell(3, 5)), Bidirectional(GRUCell(5, 5), GRUCell(5, 5))]), "direction"),
    ],
)
def test_what_torch_does_not_have_is_refused_with_the_reason(layer, why):
    with pytest.raises(UnavailableError, match=why):
        to_torch(layer)


def test_a_subclass_with_more_parameters_is_not_cut_down_in_silence():
    class Extended(torch.nn.LSTM):
        def __init__(self):
            super().__init__(3, 5)
            self.extra = torch.nn.Parameter(torch.ones(1))

    with pytest.raises(UnavailableError, match="extra"):
        from_torch(Extended())


@pytest.mark.parametrize("convert", [from_torch, to_torch])
def test_modules_of_another_kind_are_refused(convert):
    with pytest.raises(NurtTypeError, match="got Linear"):
        convert(torch.nn.Linear(3, 5))


def test_a_converted_cell_unrolls_like_torchs_layer():
    theirs = torch.nn.LSTM(3, 5, batch_first=True)
    cell = LSTMCell(3, 5)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in theirs.state_dict().items()})
    inputs = torch.randn(2, 7, 3)
    assert_agree(unroll(cell, inputs)[0], theirs(inputs)[0], OUTPUTS[torch.float32], "outputs")
