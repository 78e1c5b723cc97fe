"""Streams: the same bits as the whole sequence, one moment at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import nurt.nn
from nurt.errors import NurtError, NurtTypeError, NurtValueError, ShapeError, UnavailableError
from nurt.kernels import threads, use
from nurt.kernels.native import call

LAYERS = {
    "tanh": lambda **kind: nurt.nn.RNN(3, 17, 2, **kind),
    "relu": lambda **kind: nurt.nn.RNN(3, 5, nonlinearity="relu", bias=False, **kind),
    "GRU": lambda **kind: nurt.nn.GRU(3, 50, 2, **kind),
    "LSTM": lambda **kind: nurt.nn.LSTM(3, 50, 3, dropout=0.5, **kind),
    "one": lambda **kind: nurt.nn.LSTM(1, 1, **kind),
    "projected": lambda **kind: nurt.nn.LSTM(3, 17, 2, proj_size=5, **kind),
}


ZERO = torch.zeros(1, 5)


@pytest.fixture(params=call.INSTRUCTION_SETS)
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
        ({"x": torch.ones(4)}, ShapeError, r"Expected a dense tensor \(3,\), torch.float32 on the CPU; got \(4,\)"),
        ({"x": torch.ones(1, 3)}, ShapeError, "`x`"),
        ({"x": torch.ones(3, dtype=torch.float64)}, NurtTypeError, "float64"),
        ({"x": torch.ones(3, device="meta")}, NurtTypeError, "meta"),
        ({"x": [1.0, 2.0, 3.0]}, NurtTypeError, "got list"),
        ({"x": torch.ones(3).half()}, NurtTypeError, "float16"),
        ({"x": torch.ones(3, dtype=torch.complex64)}, NurtTypeError, "complex64"),
        ({"x": torch.ones(3).int()}, NurtTypeError, "int32"),
        ({"x": torch.ones(3).to_sparse()}, NurtTypeError, "sparse"),
        ({"x": torch.ones(3), "out": torch.ones(5).to_sparse()}, NurtTypeError, "sparse"),
        ({"x": torch.ones(3), "out": torch.ones(1).expand(5)}, NurtValueError, "contiguous"),
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
        (lambda: nurt.nn.stream(nurt.nn.GRU(3, 5, dtype=torch.bfloat16)), UnavailableError, "bfloat16"),
        (lambda: nurt.nn.stream(nurt.nn.GRU(3, 5, device="meta")), UnavailableError, "meta"),
        (lambda: nurt.nn.stream(nurt.nn.GRU(3, 5), 0), NurtValueError, "at least 1"),
    ],
)
def test_what_cannot_be_streamed_is_refused_with_the_reason(make, error, message):
    with pytest.raises(error, match=message):
        make()


CELL_LAYERS = {
    "one cell": lambda: nurt.nn.Recurrent(nurt.nn.LSTMCell(3, 17)),
    "tower": lambda: nurt.nn.build("gru", 3, 17, num_layers=3, dropout=0.5),
    **{
        name: lambda name=name: nurt.nn.build(name, 3, 9, num_layers=2)
        for name in ("peephole_lstm", "cifg_lstm", "layer_norm_lstm", "reset_before_gru")
    },
    "sizes and kinds": lambda: nurt.nn.Stack(
        [
            nurt.nn.Recurrent(nurt.nn.LSTMCell(3, 7)),
            nurt.nn.Stack([nurt.nn.Recurrent(nurt.nn.GRUCell(7, 4)), nurt.nn.Recurrent(nurt.nn.LinearCell(4, 9))]),
            nurt.nn.Recurrent(nurt.nn.ElmanCell(9, 5, bias=False)),
        ]
    ),
}


def leaves(state):
    """Return the tensors of a state, however nested."""
    return [state] if isinstance(state, torch.Tensor) else [leaf for part in state for leaf in leaves(part)]


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [None, 1, 5])
@pytest.mark.parametrize("name", CELL_LAYERS)
def test_layers_of_cells_have_the_bits_of_the_whole_sequence(name, batch, dtype):
    layer = CELL_LAYERS[name]().to(dtype).eval()
    inputs = torch.randn(batch or 1, 9, 3, dtype=dtype)
    with use("native"):
        expected, final = layer(inputs)
    live = nurt.nn.stream(layer, batch)
    moments = inputs[0] if batch is None else inputs.unbind(1)
    outputs = torch.stack([live.step(x) for x in moments])
    assert torch.equal(outputs, expected[0] if batch is None else expected.transpose(0, 1))
    for mine, theirs in zip(leaves(live.state), leaves(final), strict=True):
        assert torch.equal(mine, theirs if batch else theirs[0])


@pytest.mark.parametrize("name", CELL_LAYERS)
def test_the_state_of_a_layer_of_cells_goes_to_and_fro(name):
    layer, inputs = CELL_LAYERS[name]().eval(), torch.randn(2, 7, 3)
    live = nurt.nn.stream(layer, 2)
    first = [live.step(inputs[:, t]) for t in range(7)]
    _, between = layer(inputs[:, :4])
    live.reset(between)
    assert type(live.state) is type(between)
    assert torch.equal(live.step(inputs[:, 4]), first[4])
    outputs, _ = layer(inputs[:, 5:], live.state)
    assert torch.equal(outputs[:, 0], first[5])
    live.reset()
    assert torch.equal(live.step(inputs[:, 0]), first[0])


def test_a_state_that_fits_in_part_changes_nothing():
    live = nurt.nn.stream(CELL_LAYERS["sizes and kinds"](), 1)
    live.step(torch.ones(1, 3))
    before = live.state
    wrong = (before[0], (before[1][0], before[1][1]), (torch.zeros(1, 6),))
    with pytest.raises(ShapeError, match="hidden"):
        live.reset(wrong)
    for mine, old in zip(leaves(live.state), leaves(before), strict=True):
        assert torch.equal(mine, old)


def test_steps_of_a_tower_from_several_threads_take_turns():
    layer, inputs = CELL_LAYERS["sizes and kinds"](), torch.randn(400, 3)
    live = nurt.nn.stream(layer)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: live.step(inputs[0]), range(400)))
    together = live.state
    live.reset()
    for _ in range(400):
        live.step(inputs[0])
    for mine, alone in zip(leaves(together), leaves(live.state), strict=True):
        assert torch.equal(mine, alone)


class Average(nurt.nn.AbstractCell):
    def initial_state(self, batch):
        return nurt.nn.LinearState(torch.zeros(batch, self.hidden_size))

    def step(self, x, state):
        return nurt.nn.LinearState(0.5 * (x + state.hidden))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nurt.nn.Recurrent(nurt.nn.GRUCell(3, 5), reverse=True), UnavailableError, "reverse=True"),
        (lambda: nurt.nn.build("gru", 3, 5, bidirectional=True), UnavailableError, "Bidirectional"),
        (lambda: nurt.nn.Recurrent(Average(3, 3)), UnavailableError, "its step is its own"),
        (lambda: nurt.nn.GRUCell(3, 5), NurtTypeError, r"Recurrent\(cell\)"),
        (
            lambda: nurt.nn.Stack(
                [nurt.nn.Recurrent(nurt.nn.GRUCell(3, 5)), nurt.nn.Recurrent(nurt.nn.GRUCell(5, 5).double())]
            ),
            NurtTypeError,
            "layer 1 has weights of another dtype",
        ),
    ],
)
def test_layers_of_cells_that_cannot_be_streamed_are_refused_with_the_reason(make, error, message):
    with pytest.raises(error, match=message):
        nurt.nn.stream(make())


def test_an_assigned_weight_of_another_shape_is_refused_before_it_is_read():
    layer = nurt.nn.LSTM(3, 5)
    layer.weight_hh_l0 = torch.nn.Parameter(torch.ones(4, 5))
    with pytest.raises(ShapeError, match=r"`weight_hh`.*\n.*\(20, 5\).*\(4, 5\)"):
        nurt.nn.stream(layer)


def test_out_may_not_lie_where_x_lies():
    memory = torch.ones(10)
    live = nurt.nn.stream(nurt.nn.RNN(5, 5))
    with pytest.raises(NurtValueError, match="shares with `x`"):
        live.step(memory[:5], out=memory[2:7])


def test_a_graph_that_saved_out_notices_the_next_step():
    live, out = nurt.nn.stream(nurt.nn.RNN(3, 5)), torch.empty(5)
    weight = torch.ones(5, requires_grad=True)
    loss = (weight * live.step(torch.ones(3), out=out)).sum()
    live.step(torch.ones(3), out=out)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_negated_view_is_read_as_what_it_means():
    live, twin = (nurt.nn.stream(layer) for layer in [nurt.nn.RNN(1, 5)] * 2)
    x = torch.tensor([1.0 + 2.0j]).conj().imag
    assert x.is_neg()
    assert torch.equal(live.step(x), twin.step(torch.tensor([-2.0])))


@pytest.mark.parametrize("batch", [None, 3])
def test_a_learned_initial_state_is_where_a_stream_starts(batch):
    cell = nurt.nn.LSTMCell(3, 5).learn_initial_state()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_()
    layer = nurt.nn.Stack([nurt.nn.Recurrent(cell), nurt.nn.Recurrent(nurt.nn.GRUCell(5, 2))])
    inputs = torch.randn(batch or 1, 4, 3)
    with use("native"):
        expected, _ = layer(inputs)
    live = nurt.nn.stream(layer, batch)
    for _ in range(2):
        for t in range(4):
            assert torch.equal(
                live.step(inputs[0, t] if batch is None else inputs[:, t]).view(batch or 1, 2), expected[:, t]
            )
        live.reset()


def test_zoneout_that_works_in_evaluation_too_is_refused_and_dropout_is_not():
    cell = nurt.nn.GRUCell(3, 5)
    zoned = nurt.nn.Recurrent(cell, regularisation=nurt.nn.Regularisation(zoneout_hidden=0.1))
    with pytest.raises(UnavailableError, match="zoneout"):
        nurt.nn.stream(zoned)
    dropped = nurt.nn.Recurrent(cell, regularisation=nurt.nn.Regularisation(weight_dropout=0.5, input_dropout=0.5))
    assert torch.equal(nurt.nn.stream(dropped).step(torch.ones(3)), dropped.eval()(torch.ones(1, 1, 3))[0][0, 0])
