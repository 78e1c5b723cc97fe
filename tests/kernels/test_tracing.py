"""``torch.jit.trace`` keeps torch's operators: no address, no memory that was not written, no decision on values."""

from __future__ import annotations

import io
import warnings

import pytest
import torch
from tests.contracts.combinations import covering
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import nurt
from nurt import kernels
from nurt.errors import UnavailableError
from nurt.kernels import explain
from nurt.nn import (
    CELLS,
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Checkpointed,
    GRUCell,
    ProjectedLSTMCell,
    Recurrent,
    Regularisation,
    Stack,
    Truncated,
    unroll,
)

# Tracing itself is deprecated, and every comparison of a size warns, in torch's own layers too.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*:torch.jit.TracerWarning"),
]

STEPS, BATCH, FEATURES, UNITS = 5, 3, 3, 4


class Called(nn.Module):
    """A layer called with a state and lengths by their places, as a trace has arguments."""

    def __init__(self, layer, state_name, *, with_state, with_lengths):
        super().__init__()
        self.layer = layer
        self.names = [state_name] * with_state + ["lengths"] * with_lengths

    def forward(self, inputs, *more):
        return self.layer(inputs, **dict(zip(self.names, more, strict=True)))


def saved_trace(module, *arguments, check=True):
    """Return the trace of ``module`` after it was saved and loaded."""
    traced = torch.jit.trace(module, arguments, check_trace=check)
    stored = io.BytesIO()
    torch.jit.save(traced, stored)
    stored.seek(0)
    return torch.jit.load(stored)


def assert_same(found, expected):
    torch.testing.assert_close(leaves(found), leaves(expected), rtol=1e-5, atol=1e-6)


def leaves(values):
    return [values] if isinstance(values, torch.Tensor) else [leaf for value in values for leaf in leaves(value)]


def detached(state):
    if isinstance(state, torch.Tensor):
        return state.detach()
    return type(state)(*map(detached, state)) if hasattr(state, "_fields") else tuple(map(detached, state))


OPTIONS = {
    "plain": {},
    "no_bias": {"bias": False},
    "projected": {"proj_size": 2},
    "dropout": {"dropout": 0.5},
    "clip": {"gradient_clip": 1.0},
    "zoneout": {"regularisation": Regularisation(zoneout_hidden=0.2, state_dropout=0.1)},
}


@pytest.mark.parametrize(
    "row",
    covering(
        {
            "kind": [LSTM, GRU, RNN],
            "option": list(OPTIONS),
            "num_layers": [1, 2],
            "bidirectional": [False, True],
            "batch_first": [False, True],
            "with_state": [False, True],
            "with_lengths": [False, True],
        },
        strength=2,
    ),
    ids=lambda row: "-".join(str(getattr(value, "__name__", value)) for value in row.values()),
)
def test_a_saved_trace_of_a_drop_in_layer_gives_the_numbers_of_the_layer(row):
    option = "plain" if row["option"] == "projected" and row["kind"] is not LSTM else row["option"]
    layers = row["num_layers"] if option != "dropout" else 2
    sides = layers * (1 + row["bidirectional"])
    layer = row["kind"](
        FEATURES, UNITS, layers, bidirectional=row["bidirectional"], batch_first=row["batch_first"], **OPTIONS[option]
    ).eval()
    module = Called(layer, "hx", with_state=row["with_state"], with_lengths=row["with_lengths"])

    def arguments(steps, batch, lengths):
        given = [torch.randn((batch, steps, FEATURES) if row["batch_first"] else (steps, batch, FEATURES))]
        hidden, cell = torch.randn(sides, batch, layer.proj_size or UNITS), torch.randn(sides, batch, UNITS)
        given += [(hidden, cell) if row["kind"] is LSTM else hidden] * row["with_state"]
        return [*given, *[torch.tensor(lengths)] * row["with_lengths"]]

    # Full rows, so that a decision on their lengths would leave the lengths out.
    trace = saved_trace(module, *arguments(STEPS, BATCH, [STEPS] * BATCH))
    others = [arguments(STEPS, BATCH, [2, STEPS, 0])]
    if option not in ("clip", "zoneout"):  # these are taken step by step, and a trace has as many as it was made with
        others.append(arguments(7, 2, [0, 7]))
    for other in others:
        assert_same(trace(*other), module(*other))


def made(name):
    return ProjectedLSTMCell(FEATURES, 6, UNITS) if name == "projected_lstm" else CELLS[name](FEATURES, UNITS)


LAYERS = {
    "forward": lambda name: Recurrent(made(name)),
    "backward": lambda name: Recurrent(made(name), reverse=True),
    "both": lambda name: Bidirectional(made(name), made(name)),
    "stack": lambda name: Stack([Recurrent(made(name)), Recurrent(GRUCell(UNITS, 2))]),
}


@pytest.mark.parametrize("layout", LAYERS)
@pytest.mark.parametrize("name", CELLS)
def test_a_saved_trace_of_any_cell_gives_its_numbers(name, layout):
    layer = LAYERS[layout](name)
    inputs, others = torch.randn(2, BATCH, STEPS, FEATURES)
    state, other_state = (detached(layer(values)[1]) for values in (inputs, others))
    module = Called(layer, "state", with_state=True, with_lengths=True)
    trace = saved_trace(module, inputs, state, torch.tensor([STEPS] * BATCH))
    lengths = torch.tensor([2, 0, STEPS])
    assert_same(trace(others, other_state, lengths), module(others, other_state, lengths))


def test_a_trace_does_not_hold_memory_that_nobody_wrote():
    layer = GRU(3, 4).eval().requires_grad_(False)
    trace = saved_trace(layer, torch.randn(5, 2, 3), check=False)
    inputs = torch.randn(5, 2, 3)
    assert_same(trace(inputs), layer(inputs))
    assert trace.inlined_graph.findNode("aten::gru") is not None


def test_a_trace_of_packed_rows_takes_other_lengths():
    layer = LSTM(3, 4, 2, bidirectional=True)

    def run(inputs, lengths):
        outputs, state = layer(pack_padded_sequence(inputs, lengths, enforce_sorted=False))
        return pad_packed_sequence(outputs)[0], state

    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        forward = staticmethod(run)

    trace = saved_trace(Module(), torch.randn(5, 3, 3), torch.tensor([2, 5, 4]))
    for inputs, lengths in ((torch.randn(5, 3, 3), [1, 5, 1]), (torch.randn(6, 2, 3), [4, 6])):
        assert_same(trace(inputs, torch.tensor(lengths)), run(inputs, torch.tensor(lengths)))


def test_dropout_is_drawn_anew_by_a_trace():
    layer = LSTM(3, 40, 2, dropout=0.5)
    trace = saved_trace(layer, torch.ones(5, 2, 3), check=False)
    first, second = trace(torch.ones(5, 2, 3))[0], trace(torch.ones(5, 2, 3))[0]
    assert first.isfinite().all() and not torch.equal(first, second)
    stack = Stack([Recurrent(GRUCell(3, 40)), Recurrent(GRUCell(40, 3))], dropout=0.5)
    trace = saved_trace(stack, torch.ones(2, 5, 3), check=False)
    first, second = trace(torch.ones(2, 5, 3))[0], trace(torch.ones(2, 5, 3))[0]
    assert first.isfinite().all() and not torch.equal(first, second)


def test_the_scan_is_traced_with_its_lengths():
    def run(a, b, lengths):
        return kernels.scan(a, b, lengths=lengths)

    a, b = torch.rand(2, 2, 5, 3)
    trace = torch.jit.trace(run, (a, b, torch.tensor([5, 5])))
    other = (b, a, torch.tensor([0, 3]))
    assert_same(trace(*other), run(*other))


def test_gradients_go_back_through_a_trace():
    layer = LSTM(3, 4)
    trace = saved_trace(layer, torch.randn(5, 2, 3))
    inputs = torch.randn(5, 2, 3, requires_grad=True)
    found, expected = (torch.autograd.grad(run(inputs)[0].square().sum(), inputs) for run in (trace, layer))
    assert_same(found, expected)


def test_a_trace_says_that_it_keeps_no_bound_on_gradients():
    layer = Recurrent(GRUCell(3, 4), gradient_clip=0.1)
    with pytest.warns(torch.jit.TracerWarning, match=r"not bounded by gradient_clip=0\.1"):
        torch.jit.trace(layer, torch.randn(2, 5, 3), check_trace=False)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message="Converting a tensor", category=torch.jit.TracerWarning)
        torch.jit.trace(layer, torch.randn(2, 5, 3), check_trace=False)


@pytest.mark.parametrize("method", [Truncated(2), Checkpointed(every=2)])
def test_a_gradient_method_is_traced_where_no_gradient_is_asked_for(method):
    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = GRUCell(3, 4)

        def forward(self, inputs):
            return unroll(self.cell, inputs, gradient=method)

    module, inputs = Module(), torch.randn(2, 5, 3)
    with pytest.raises(UnavailableError, match=r"torch\.jit\.trace with gradients"):
        torch.jit.trace(module, torch.randn(2, 5, 3))
    with torch.no_grad():
        assert_same(torch.jit.trace(module, torch.randn(2, 5, 3))(inputs), module(inputs))


def test_what_no_trace_can_keep_is_refused():
    inputs = torch.randn(5, 2, 3)
    with kernels.use("native"), pytest.raises(UnavailableError, match="cannot look into the engine"):
        torch.jit.trace(GRU(3, 4), inputs)
    with kernels.recording(), pytest.raises(UnavailableError, match="cannot be recorded"):
        torch.jit.trace(GRU(3, 4), inputs)
    live = nurt.nn.stream(GRU(3, 4), 2)
    with pytest.raises(UnavailableError, match="which no trace can follow"):
        torch.jit.trace(live.step, (torch.randn(2, 3),))


def test_explain_says_who_serves_a_trace():
    account = explain("lstm", options=["traced"])
    assert account.rung == "torch"
    assert account.passed_over["native"] == "torch.jit.trace cannot look into the engine"
    assert explain("peephole_lstm", options=["traced"]).rung == "reference"
    assert explain("scan", options=["traced"]).rung == "reference"
    assert nurt.nn.explain(LSTM(3, 4), options=["traced"]).rungs == ("torch",)
