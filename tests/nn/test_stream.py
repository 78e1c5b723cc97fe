"""Streams: the same bits as the whole sequence, one moment at a time."""

from __future__ import annotations

import pytest
import torch

import nurt.nn
from nurt.errors import NurtError, NurtTypeError, NurtValueError, ShapeError, UnavailableError
from nurt.kernels import native_calls, use
from nurt.kernels.threads import threads

LAYERS = {
    "tanh": lambda **kind: nurt.nn.RNN(3, 17, 2, **kind),
    "relu": lambda **kind: nurt.nn.RNN(3, 5, nonlinearity="relu", bias=False, **kind),
    "GRU": lambda **kind: nurt.nn.GRU(3, 50, 2, **kind),
    "LSTM": lambda **kind: nurt.nn.LSTM(3, 50, 3, dropout=0.5, **kind),
    "one": lambda **kind: nurt.nn.LSTM(1, 1, **kind),
}


ZERO = torch.zeros(1, 5)


@pytest.fixture(params=native_calls.INSTRUCTION_SETS)
def isa(request, monkeypatch):
    monkeypatch.setenv("NURT_ISA", request.param)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [None, 1, 3, 70])
@pytest.mark.parametrize("name", LAYERS)
def test_steps_have_the_bits_of_the_whole_sequence(name, batch, dtype):
    layer = LAYERS[name](dtype=dtype).eval()
    inputs = torch.randn(*((9,) if batch is None else (9, batch)), layer.input_size, dtype=dtype)
    with use("native"):
        expected, finals = layer(inputs)
    live = nurt.nn.stream(layer, batch)
    outputs = torch.stack([live.step(x) for x in inputs])
    assert torch.equal(outputs, expected)
    for mine, theirs in zip(live.state, finals if isinstance(finals, tuple) else (finals,), strict=True):
        assert torch.equal(mine, theirs)


def test_large_layers_on_several_threads_have_the_same_bits():
    layer, inputs = nurt.nn.LSTM(500, 510), torch.randn(4, 500)
    outputs = []
    for count in (1, 2):
        with threads(count):
            live = nurt.nn.stream(layer)
            outputs.append(torch.stack([live.step(x) for x in inputs]))
    assert torch.equal(*outputs)
    assert torch.equal(outputs[0], layer(inputs)[0])


def test_a_stream_can_go_on_from_any_state_and_start_again():
    layer, inputs = nurt.nn.LSTM(3, 5, 2), torch.randn(7, 2, 3)
    live = nurt.nn.stream(layer, 2)
    first = [live.step(x) for x in inputs]
    _, between = layer(inputs[:4])
    live.reset(between)
    assert torch.equal(torch.stack([live.step(x) for x in inputs[4:]]), torch.stack(first[4:]))
    live.reset()
    assert torch.equal(live.step(inputs[0]), first[0])


def test_the_state_given_out_is_a_copy_and_the_weights_are_those_of_the_making():
    layer, x = nurt.nn.GRU(3, 5), torch.randn(3)
    live, twin = nurt.nn.stream(layer), nurt.nn.stream(layer)
    live.state[0].fill_(7.0)
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
    for _ in range(2):
        assert torch.equal(live.step(x), twin.step(x))
    del layer
    assert live.step(x).abs().sum() > 0


def test_with_out_nothing_is_made_and_strided_inputs_are_no_special_case():
    layer, inputs = nurt.nn.LSTM(3, 5), torch.randn(3, 7).T
    live, twin, out = nurt.nn.stream(layer), nurt.nn.stream(layer), torch.empty(5)
    for x in inputs:
        assert live.step(x, out=out) is out
        assert torch.equal(out, twin.step(x.clone()))


def test_no_graph_is_kept():
    live = nurt.nn.stream(nurt.nn.GRU(3, 5))
    assert not live.step(torch.randn(3, requires_grad=True)).requires_grad
    assert not live.state[0].requires_grad


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"x": torch.ones(4)}, ShapeError, r"Expected \(3,\), torch.float32 on the CPU; got \(4,\)"),
        ({"x": torch.ones(1, 3)}, ShapeError, "`x`"),
        ({"x": torch.ones(3, dtype=torch.float64)}, NurtTypeError, "float64"),
        ({"x": torch.ones(3, device="meta")}, NurtTypeError, "meta"),
        ({"x": [1.0, 2.0, 3.0]}, NurtTypeError, "got list"),
        ({"x": torch.ones(3), "out": torch.ones(4)}, ShapeError, "`out`"),
        ({"x": torch.ones(3), "out": torch.ones(10)[::2]}, NurtValueError, "contiguous"),
        ({"x": torch.ones(3), "out": torch.ones(5, dtype=torch.float64)}, NurtTypeError, "`out`"),
        ({"x": torch.ones(3), "out": torch.ones(5, device="meta")}, NurtError, "meta"),
        ({"x": torch.ones(3), "out": torch.ones(5, requires_grad=True)}, NurtValueError, "gradient"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_the_state_alone(given, error, message):
    live = nurt.nn.stream(nurt.nn.LSTM(3, 5))
    live.step(torch.ones(3))
    before = live.state
    with pytest.raises(error, match=message):
        live.step(**given)
    for one, other in zip(live.state, before, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("state", [(ZERO,), (ZERO, torch.zeros(1, 4)), (ZERO, 0)])
def test_a_state_that_does_not_fit_is_refused(state):
    with pytest.raises((ShapeError, NurtTypeError), match="reset"):
        nurt.nn.stream(nurt.nn.LSTM(3, 5)).reset(state)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nurt.nn.stream(torch.nn.LSTM(3, 5)), NurtTypeError, "from_torch"),
        (lambda: nurt.nn.stream(nurt.nn.LSTM(3, 5, bidirectional=True)), UnavailableError, "not happened yet"),
        (lambda: nurt.nn.stream(nurt.nn.LSTM(3, 5, proj_size=2)), UnavailableError, "no cell for projected_lstm"),
        (lambda: nurt.nn.stream(nurt.nn.GRU(3, 5, dtype=torch.bfloat16)), UnavailableError, "bfloat16"),
        (lambda: nurt.nn.stream(nurt.nn.GRU(3, 5, device="meta")), UnavailableError, "meta"),
        (lambda: nurt.nn.stream(nurt.nn.GRU(3, 5), 0), NurtValueError, "at least 1"),
    ],
)
def test_what_cannot_be_streamed_is_refused_with_the_reason(make, error, message):
    with pytest.raises(error, match=message):
        make()
