"""Models with nurt's layers as ONNX, run by onnxruntime: cells, directions, layers, lengths, initial states."""

from __future__ import annotations

import itertools
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.export import Dim

import nurt.nn
from nurt.errors import MissingExtraError, NurtTypeError, UnavailableError
from nurt.nn import GRUCell, PeepholeLSTMCell, ResetBeforeGRUCell
from nurt.nn.export import onnx, onnx_translations

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:.*dynamic_shapes:UserWarning"
)

WITHIN = 1e-5
B, T, IN, H = 4, 6, 3, 5
# Other sizes than the example's, one row without any step.
ROWS, STEPS, LENGTHS = 5, 9, [9, 1, 4, 0, 7]


class Model(nn.Module):
    """A layer between others, called with lengths and an initial state where they are given."""

    def __init__(self, layer: nn.Module, width: int, *, batch_first: bool = True) -> None:
        super().__init__()
        self.embed, self.layer, self.head = nn.Linear(2, IN), layer, nn.Linear(width, 2)
        self.batch_first = batch_first

    def forward(self, x, lengths=None, hx=None):
        x = self.embed(x)
        options = {} if lengths is None else {"lengths": lengths}
        outputs, states = self.layer(x if self.batch_first else x.transpose(0, 1), hx, **options)
        return self.head(outputs), states


def flat(values):
    return [one for value in values for one in flat(value)] if isinstance(values, tuple | list) else [values]


def run(program, given):
    """Return what onnxruntime makes of a program; inputs are given in order."""
    from onnxruntime import InferenceSession

    session = InferenceSession(program.model_proto.SerializeToString())
    named = {place.name: one.numpy() for place, one in zip(session.get_inputs(), flat(given), strict=True)}
    return session.run(None, named)


def compared(model, example, given, shapes):
    program = onnx(model, example, dynamic_shapes=shapes)
    with torch.no_grad():
        expected = flat(model(*given))
    found = run(program, [one for one in given if one is not None])
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=0, atol=WITHIN)
    return program


CELLS = {
    "LSTM": lambda **options: nurt.nn.LSTM(IN, H, **options),
    "GRU": lambda **options: nurt.nn.GRU(IN, H, **options),
    "tanh": lambda **options: nurt.nn.RNN(IN, H, **options),
    "relu": lambda **options: nurt.nn.RNN(IN, H, nonlinearity="relu", **options),
}
FREE = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}


@pytest.mark.parametrize(
    ("cell", "bidirectional", "layers", "ragged"), list(itertools.product(CELLS, [False, True], [1, 3], [False, True]))
)
def test_cells_directions_layers_and_lengths_with_batch_and_time_free(cell, bidirectional, layers, ragged):
    layer = CELLS[cell](num_layers=layers, bidirectional=bidirectional, batch_first=True, bias=layers == 3)
    model = Model(layer, H * (1 + bidirectional)).eval()
    example = (torch.randn(B, T, 2), *([torch.tensor([6, 2, 3, 1])] if ragged else []))
    given = (torch.randn(ROWS, STEPS, 2), *([torch.tensor(LENGTHS)] if ragged else []))
    program = compared(model, example, given, shapes_of(ragged))
    nodes = [node.op_type for node in program.model.graph]
    assert nodes.count({"tanh": "RNN", "relu": "RNN"}.get(cell, cell)) == layers


def shapes_of(ragged):
    return {"x": FREE, **({"lengths": {0: Dim.DYNAMIC}} if ragged else {})}


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_initial_states_and_time_first(cell, ragged):
    layer = CELLS[cell](num_layers=2, bidirectional=True)
    model = Model(layer, 2 * H, batch_first=False).eval()

    def arguments(rows, steps, lengths):
        state = torch.randn(4, rows, H)
        hx = (state, torch.randn(4, rows, H)) if cell == "LSTM" else state
        return torch.randn(rows, steps, 2), torch.tensor(lengths) if ragged else None, hx

    state = {1: Dim.DYNAMIC}
    shapes = {
        "x": FREE,
        "lengths": {0: Dim.DYNAMIC} if ragged else None,
        "hx": (state, state) if cell == "LSTM" else state,
    }
    compared(model, arguments(B, T, [6, 2, 3, 1]), arguments(ROWS, STEPS, LENGTHS), shapes)


class Alone(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, lengths):
        outputs, state = self.layer(x, None, lengths)
        return outputs, tuple(state)


LAYERS_OF_CELLS = {
    "GRU": (lambda: nurt.nn.Recurrent(GRUCell(IN, H), reverse=True), "GRU"),
    "reset before": (lambda: nurt.nn.Recurrent(ResetBeforeGRUCell(IN, H)), "GRU"),
    "sigmoid": (lambda: nurt.nn.Recurrent(nurt.nn.ElmanCell(IN, H, nonlinearity="sigmoid")), "RNN"),
    "learned state": (lambda: nurt.nn.Recurrent(nurt.nn.LSTMCell(IN, H).learn_initial_state()), "LSTM"),
}


@pytest.mark.parametrize("name", LAYERS_OF_CELLS)
def test_layers_of_cells_become_nodes_too(name):
    make, operator = LAYERS_OF_CELLS[name]
    model = Alone(make()).eval()
    example = torch.randn(B, T, IN), torch.tensor([6, 2, 3, 1])
    given = torch.randn(ROWS, STEPS, IN), torch.tensor(LENGTHS)
    program = compared(model, example, given, (FREE, {0: Dim.DYNAMIC}))
    assert operator in [node.op_type for node in program.model.graph]


WRITTEN_OUT = {
    "projection": lambda: nurt.nn.LSTM(IN, H, proj_size=2, batch_first=True, bidirectional=True),
    "peepholes": lambda: nurt.nn.Recurrent(PeepholeLSTMCell(IN, H)),
    "leaky": lambda: nurt.nn.Recurrent(nurt.nn.LeakyElmanCell(IN, H)),
    "zoneout": lambda: nurt.nn.GRU(IN, H, batch_first=True, regularisation=nurt.nn.Regularisation(zoneout_hidden=0.2)),
}


class ByName(Alone):
    def forward(self, x, lengths):
        outputs, state = self.layer(x, lengths=lengths)
        return outputs, tuple(state) if isinstance(state, tuple) else state


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_what_onnx_lacks_is_written_out_for_a_fixed_number_of_steps_or_refused(name):
    model = ByName(WRITTEN_OUT[name]()).eval()
    example = torch.randn(B, T, IN), torch.tensor([6, 2, 3, 1])
    given = torch.randn(ROWS, T, IN), torch.tensor([6, 1, 4, 0, 3])
    compared(model, example, given, ({0: Dim.DYNAMIC}, {0: Dim.DYNAMIC}))
    with pytest.raises(UnavailableError, match="number of steps is free") as refused:
        onnx(model, example, dynamic_shapes=(FREE, {0: Dim.DYNAMIC}))
    assert "dynamic_shapes" in str(refused.value)


def test_what_cannot_be_exported_is_refused_with_the_way_out():
    x = torch.randn(B, T, IN)
    with pytest.raises(UnavailableError, match=r"model\.eval\(\)"):
        onnx(nurt.nn.LSTM(IN, H, 2, dropout=0.5, batch_first=True).train(), (x,))
    with pytest.raises(UnavailableError, match="float32"):
        onnx(nurt.nn.GRU(IN, H).double().eval(), (x.double(),))
    with pytest.raises(UnavailableError, match="diagonal"):
        onnx(nurt.nn.Recurrent(nurt.nn.MinGRUCell(IN, H)).eval(), (x,))
    with pytest.raises(NurtTypeError, match="not a module"):
        onnx(lambda x: x, (x,))


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    for call in (lambda: onnx(nurt.nn.GRU(IN, H), (torch.randn(T, B, IN),)), onnx_translations):
        with pytest.raises(MissingExtraError, match=r"nurt\[onnx\]"):
            call()


def test_the_file_has_the_names_and_contents_that_were_asked_for(tmp_path):
    import onnx as package

    layer, x = nurt.nn.LSTM(IN, H, batch_first=True).eval(), torch.randn(B, T, IN)
    onnx(layer, (x,), tmp_path / "model.onnx", input_names=["series"], output_names=["outputs", "h", "c"])
    loaded = package.load(tmp_path / "model.onnx")
    package.checker.check_model(loaded)
    assert [one.name for one in loaded.graph.input] == ["series"]
    assert [one.name for one in loaded.graph.output] == ["outputs", "h", "c"]


def test_a_call_of_torchs_exporter_takes_the_translations():
    model, x = nurt.nn.GRU(IN, H, 2, batch_first=True).eval(), torch.randn(B, T, IN)
    program = torch.onnx.export(model, (x,), dynamo=True, verbose=False, custom_translation_table=onnx_translations())
    found = run(program, [x])
    np.testing.assert_allclose(found[0], model(x)[0].detach().numpy(), rtol=0, atol=WITHIN)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_the_older_exporter_traces_layers_by_torchs_operators(cell, bidirectional, ragged, tmp_path):
    from onnxruntime import InferenceSession

    model = Model(CELLS[cell](num_layers=2, bidirectional=bidirectional, batch_first=True), H * (1 + bidirectional))
    example = (torch.randn(B, T, 2), *([torch.tensor([6, 2, 3, 1])] if ragged else []))
    given = (torch.randn(ROWS, STEPS, 2), *([torch.tensor(LENGTHS)] if ragged else []))
    names, free = ["x", "lengths"][: len(given)], {0: "rows", 1: "steps"}
    torch.onnx.export(
        model.eval(),
        example,
        tmp_path / "old.onnx",
        dynamo=False,
        input_names=names,
        dynamic_axes={name: {axis: free[axis] for axis in range(2 - at)} for at, name in enumerate(names)},
    )
    session = InferenceSession(tmp_path / "old.onnx")
    found = session.run(None, {name: one.numpy() for name, one in zip(names, given, strict=True)})
    for one, other in zip(found, flat(model(*given)), strict=True):
        np.testing.assert_allclose(one, other.detach().numpy(), rtol=0, atol=WITHIN)


def test_no_warning_comes_from_the_export_of_a_layer():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        onnx(nurt.nn.GRU(IN, H).eval(), (torch.randn(T, B, IN),))
