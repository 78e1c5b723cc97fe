"""Weights from and to Keras and ONNX: against equations written out, onnxruntime, and Keras where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import nurt.nn
from nurt.errors import NurtError, UnavailableError
from nurt.nn import from_keras, from_onnx, to_keras, to_onnx

B, T, IN, H = 3, 5, 4, 6
EXACT = {"rtol": 0, "atol": 1e-12}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# The equations as Keras' documentation states them, one step at a time, in the order of its gates.


def keras_lstm(x, state, kernel, recurrent, bias):
    i, f, c, o = np.split(x @ kernel + state[0] @ recurrent + bias, 4, axis=1)
    cell = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(c)
    return sigmoid(o) * np.tanh(cell), cell


def keras_gru(x, state, kernel, recurrent, bias):
    (h,) = state
    if bias.ndim == 2:
        xz, xr, xh = np.split(x @ kernel + bias[0], 3, axis=1)
        hz, hr, hh = np.split(h @ recurrent + bias[1], 3, axis=1)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        new = np.tanh(xh + r * hh)
    else:
        uz, ur, uh = np.split(recurrent, 3, axis=1)
        xz, xr, xh = np.split(x @ kernel + bias, 3, axis=1)
        z, r = sigmoid(xz + h @ uz), sigmoid(xr + h @ ur)
        new = np.tanh(xh + (r * h) @ uh)
    return (z * h + (1 - z) * new,)


def keras_simple(f):
    return lambda x, state, kernel, recurrent, bias: (f(x @ kernel + bias + state[0] @ recurrent),)


def unrolled(step, fields, x, arrays):
    state, outputs = tuple(np.zeros((len(x), H)) for _ in range(fields)), []
    for t in range(x.shape[1]):
        state = step(x[:, t], state, *arrays)
        outputs.append(state[0])
    return np.stack(outputs, axis=1)


# Kind in Keras, its options here, gates, fields of the state, step.
KERAS = {
    "LSTM": ("LSTM", {}, 4, 2, keras_lstm),
    "GRU": ("GRU", {}, 3, 1, keras_gru),
    "GRU, reset before": ("GRU", {"reset_after": False}, 3, 1, keras_gru),
    "tanh": ("SimpleRNN", {}, 1, 1, keras_simple(np.tanh)),
    "relu": ("SimpleRNN", {"activation": "relu"}, 1, 1, keras_simple(lambda x: np.maximum(x, 0))),
    "sigmoid": ("SimpleRNN", {"activation": "sigmoid"}, 1, 1, keras_simple(sigmoid)),
}


def arrays_of(name, features, *, bias=True, rng):
    kind, options, gates, *_ = KERAS[name]
    shapes = [(features, gates * H), (H, gates * H)]
    if bias:
        shapes.append((2, gates * H) if kind == "GRU" and options.get("reset_after", True) else (gates * H,))
    return [rng.normal(size=shape) for shape in shapes]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", KERAS)
def test_a_layer_with_keras_weights_computes_keras_equations_and_gives_the_weights_back(name, bias):
    kind, options, _, fields, step = KERAS[name]
    rng = np.random.default_rng(7)
    arrays, x = arrays_of(name, IN, bias=bias, rng=rng), rng.normal(size=(B, T, IN))
    layer = from_keras(kind, arrays, **options)
    silent = arrays if bias else [*arrays, np.zeros(arrays_of(name, IN, rng=rng)[2].shape)]
    expected = unrolled(step, fields, x, silent)
    np.testing.assert_allclose(layer(torch.as_tensor(x))[0].detach().numpy(), expected, **EXACT)
    (back,) = to_keras(layer)
    assert [one.shape for one in back] == [one.shape for one in arrays]
    for one, other in zip(back, arrays, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", KERAS)
def test_layers_and_directions_stand_one_above_and_beside_the_other(name):
    kind, options, _, fields, step = KERAS[name]
    rng = np.random.default_rng(8)
    lists = [
        [*arrays_of(name, IN, rng=rng), *arrays_of(name, IN, rng=rng)],
        [*arrays_of(name, 2 * H, rng=rng), *arrays_of(name, 2 * H, rng=rng)],
    ]
    x = rng.normal(size=(B, T, IN))
    layer, expected = from_keras(kind, lists, **options), x
    for arrays in lists:
        ahead = unrolled(step, fields, expected, arrays[:3])
        back = unrolled(step, fields, expected[:, ::-1], arrays[3:])[:, ::-1]
        expected = np.concatenate([ahead, back], axis=2)
    np.testing.assert_allclose(layer(torch.as_tensor(x))[0].detach().numpy(), expected, **EXACT)
    for ours, theirs in zip(to_keras(layer), lists, strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_two_biases_of_a_layer_trained_here_become_the_one_of_keras():
    layer = nurt.nn.LSTM(IN, H, batch_first=True, dtype=torch.float64)
    x = torch.randn(B, T, IN, dtype=torch.float64)
    again = from_keras("LSTM", to_keras(layer)[0])
    torch.testing.assert_close(again(x)[0], layer(x)[0], **EXACT)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("name", KERAS)
def test_keras_itself_computes_the_same(name, wrapped, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="Keras is not installed; its equations are checked above")
    kind, options, *_ = KERAS[name]
    theirs = getattr(keras.layers, kind)(H, return_sequences=True, **options)
    if wrapped:
        theirs = keras.layers.Bidirectional(theirs)
    x = np.random.default_rng(3).normal(size=(B, T, IN)).astype("float32")
    theirs(x)
    rng = np.random.default_rng(4)
    theirs.set_weights([rng.normal(0, 0.3, one.shape).astype("float32") for one in theirs.get_weights()])
    layer = from_keras(kind, theirs.get_weights(), **options)
    expected = np.asarray(keras.ops.convert_to_numpy(theirs(x)))
    np.testing.assert_allclose(layer(torch.as_tensor(x))[0].detach().numpy(), expected, rtol=0, atol=1e-5)
    theirs.set_weights(to_keras(layer)[0])
    np.testing.assert_allclose(np.asarray(keras.ops.convert_to_numpy(theirs(x))), expected, rtol=0, atol=1e-6)


# ------------------------------------------------------------------------------------ ONNX

ONNX = {
    "LSTM": (4, 2, {}),
    "GRU": (3, 1, {"linear_before_reset": True}),
    "GRU, reset before": (3, 1, {}),
    "RNN": (1, 1, {}),
    "RNN, relu": (1, 1, {"activation": "relu"}),
    "RNN, sigmoid": (1, 1, {"activation": "sigmoid"}),
}


def onnx_outputs(operator, node, x, options):
    """Return what onnxruntime makes of one node, (T, D, B, H)."""
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime import InferenceSession

    attributes = {"hidden_size": H, "direction": "bidirectional" if len(node["W"]) == 2 else "forward"}
    if "activation" in options:
        attributes["activations"] = [options["activation"].capitalize()] * len(node["W"])
    if operator == "GRU":
        attributes["linear_before_reset"] = int(options.get("linear_before_reset", False))
    graph = helper.make_graph(
        [helper.make_node(operator, ["X", "W", "R", "B" if "B" in node else ""], ["Y"], **attributes)],
        "one",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(tensor, name) for name, tensor in node.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return InferenceSession(model.SerializeToString()).run(None, {"X": x})[0]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("name", ONNX)
def test_a_layer_with_the_tensors_of_onnx_computes_what_onnxruntime_does(name, directions, bias):
    gates, _, options = ONNX[name]
    operator, rng = name.split(",")[0], np.random.default_rng(5)
    shapes = {"W": (directions, gates * H, IN), "R": (directions, gates * H, H), "B": (directions, 2 * gates * H)}
    node = {key: rng.normal(size=shape).astype("float32") for key, shape in shapes.items() if bias or key != "B"}
    x = rng.normal(size=(T, B, IN)).astype("float32")
    layer = from_onnx(operator, node, **options)
    expected = onnx_outputs(operator, node, x, options).transpose(2, 0, 1, 3).reshape(B, T, -1)
    outputs = layer(torch.as_tensor(x.swapaxes(0, 1)))[0]
    np.testing.assert_allclose(outputs.detach().numpy(), expected, rtol=0, atol=1e-5)
    (back,) = to_onnx(layer)
    assert back.keys() == node.keys()
    assert all(np.array_equal(back[key], node[key]) for key in node)


def test_layers_of_onnx_stand_one_above_the_other():
    layer = nurt.nn.GRU(IN, H, 3, bidirectional=True, batch_first=True)
    again, x = from_onnx("GRU", to_onnx(layer), linear_before_reset=True), torch.randn(B, T, IN)
    assert isinstance(again, nurt.nn.GRU)
    assert torch.equal(again(x)[0], layer(x)[0])


# ------------------------------------------------------------------------------- refusals

ZEROS = [np.zeros((IN, 4 * H)), np.zeros((H, 4 * H)), np.zeros(4 * H)]
REFUSED = {
    "kind": (lambda: from_keras("Dense", ZEROS), "'LSTM' or 'GRU' or 'SimpleRNN'; got 'Dense'"),
    "activation": (lambda: from_keras("SimpleRNN", ZEROS, activation="elu"), "'elu'"),
    "activation of an LSTM": (lambda: from_keras("LSTM", ZEROS, activation="relu"), "standard activations"),
    "count": (lambda: from_keras("LSTM", ZEROS[:1]), "2, 3, 4 or 6; got 1"),
    "gates": (lambda: from_keras("LSTM", [np.zeros((IN, 7)), *ZEROS[1:]]), "multiple of 4"),
    "sizes": (lambda: from_keras("LSTM", [ZEROS[0], np.zeros((H + 1, 4 * H)), ZEROS[2]]), "do not fit each other"),
    "integers": (lambda: from_keras("LSTM", [one.astype(int) for one in ZEROS]), "floating-point"),
    "vectors": (lambda: from_keras("LSTM", [ZEROS[2], *ZEROS[1:]]), "no matrix"),
    "operator": (lambda: from_onnx("Conv", {}), "got 'Conv'"),
    "tensors": (lambda: from_onnx("LSTM", {"W": np.zeros((1, 4 * H, IN))}), "not the tensors"),
    "projection": (lambda: to_keras(nurt.nn.LSTM(IN, H, proj_size=2)), "projected_lstm"),
    "peephole": (lambda: to_onnx(nurt.nn.Recurrent(nurt.nn.PeepholeLSTMCell(IN, H))), "peephole_lstm"),
    "reverse alone": (lambda: to_onnx(nurt.nn.Recurrent(nurt.nn.GRUCell(IN, H), reverse=True)), "dense cells"),
    "torch's": (lambda: to_keras(torch.nn.GRU(IN, H)), "from_torch"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_counterpart_is_refused(case):
    call, message = REFUSED[case]
    with pytest.raises(NurtError, match=message):
        call()


def test_a_stack_of_cells_goes_out_as_a_drop_in_layer_does():
    stack = nurt.nn.build("gru", IN, H, num_layers=2, bidirectional=True)
    again, x = from_onnx("GRU", to_onnx(stack), linear_before_reset=True), torch.randn(B, T, IN)
    torch.testing.assert_close(again(x)[0], stack(x)[0])
    mixed = nurt.nn.Stack([nurt.nn.Recurrent(nurt.nn.GRUCell(IN, H)), nurt.nn.Recurrent(nurt.nn.LSTMCell(H, H))])
    with pytest.raises(UnavailableError, match="gru, lstm"):
        to_keras(mixed)
