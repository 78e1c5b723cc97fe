"""The engine where torch looks at operators: opcheck, torch.compile, torch.export, second derivatives."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import GRADIENTS, SAME_BITS, assert_agree
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import nurt.nn
from nurt.errors import NurtTypeError, ShapeError, UnavailableError
from nurt.kernels import Weights, recording, run, run_stack, use
from nurt.kernels.native import autograd, call
from nurt.kernels.native.call import weight_shapes
from nurt.kernels.reference import RECURRENCES

LAYERS = {
    "RNN": lambda: nurt.nn.RNN(3, 5, 2, bidirectional=True),
    "GRU": lambda: nurt.nn.GRU(3, 5, 2),
    "LSTM": lambda: nurt.nn.LSTM(3, 5, 2, bidirectional=True, batch_first=True),
    "projected": lambda: nurt.nn.LSTM(3, 5, 2, proj_size=2),
    "without biases": lambda: nurt.nn.GRU(3, 5, 2, bidirectional=True, bias=False),
    "projected without biases": lambda: nurt.nn.LSTM(3, 5, proj_size=2, bias=False),
}


def arguments(cell: str, *, packed: bool, layers: int, reverse: list[bool], bias: bool = True) -> tuple:
    torch.manual_seed(3)
    spec = call.CELLS[cell]
    lengths = torch.tensor([4, 3, 1])
    inputs = torch.randn(8, 3) if packed else torch.randn(3, 4, 3)
    columns = 2 if spec.projected else 5
    width = columns * len(reverse)
    shapes = [
        one
        for layer in range(layers)
        for _ in reverse
        for one in weight_shapes(cell, width if layer else 3, 5, columns).items()
    ]
    present = [bias or not name.startswith("bias") for name, _ in shapes]
    sides = [torch.randn(shape).requires_grad_() for (_, shape), there in zip(shapes, present, strict=True) if there]
    sides[3].requires_grad_(False)
    sizes = (columns, 5) if spec.has_cell else (columns,)
    states = [torch.randn(layers * len(reverse), 3, size).requires_grad_() for size in sizes]
    masks = torch.rand(layers - 1, *((8,) if packed else (4, 3)), width) < 0.5 if layers > 1 else None
    tensors = (inputs.requires_grad_(), *states, *[None] * (2 - len(states)), sides, lengths, masks)
    single = layers == len(reverse) == 1 and not packed
    carry = [torch.rand(3, columns), torch.rand(3, 4, columns), torch.rand(3, 4, 5) if spec.has_cell else None]
    options = (cell, layers, reverse, packed, 2.0, 0.5 if single else None, [0.25] * spec.constants or None, present)
    return (*tensors, *(carry if single else [None] * 3), *options, True)


@pytest.mark.parametrize("shape", [(1, [True]), (2, [False, True])])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("cell", call.CELLS)
def test_the_operator_passes_opcheck(cell, packed, shape):
    layers, reverse = shape
    given = arguments(cell, packed=packed, layers=layers, reverse=reverse)
    torch.library.opcheck(torch.ops.nurt.recurrence.default, given)


@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole_lstm"])
def test_the_operator_without_biases_passes_opcheck(cell):
    given = arguments(cell, packed=False, layers=2, reverse=[False], bias=False)
    torch.library.opcheck(torch.ops.nurt.recurrence.default, given)


def test_a_recorded_call_refuses_to_be_compiled_or_traced():
    layer, inputs = LAYERS["GRU"](), torch.randn(4, 6, 3)
    made_before = compiled(layer, "eager")
    made_before(inputs)
    with recording() as records, pytest.raises(UnavailableError, match="cannot be recorded"):
        made_before(inputs)
    mode = torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True)
    with recording(), mode, pytest.raises(UnavailableError, match="cannot be recorded"):
        layer(mode.from_tensor(inputs))
    assert records == []


def compiled(layer: torch.nn.Module, backend: str):
    torch._dynamo.reset()
    return torch.compile(layer, fullgraph=True, backend=backend)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("kind", LAYERS)
def test_a_compiled_layer_has_no_graph_break_and_the_same_bits(kind, backend):
    layer = LAYERS[kind]()
    inputs = torch.randn(4, 6, 3)
    for options in ({}, {"lengths": torch.tensor([4, 1, 3, 2, 4, 1][: 4 if layer.batch_first else 6])}):
        outputs, _ = layer(inputs, **options)
        again, _ = compiled(layer, backend)(inputs, **options)
        assert_agree(again, outputs, SAME_BITS, "outputs")
        weights = torch.randn_like(outputs)
        expected = torch.autograd.grad(outputs, list(layer.parameters()), weights)
        for one, other in zip(torch.autograd.grad(again, list(layer.parameters()), weights), expected, strict=True):
            assert_agree(one, other, SAME_BITS, "gradient")


def test_compiled_code_refuses_lengths_outside_the_inputs_when_it_runs():
    layer = compiled(LAYERS["GRU"](), "eager")
    layer(torch.randn(4, 2, 3), lengths=torch.tensor([4, 1]))
    with pytest.raises(RuntimeError, match="outside"):
        layer(torch.randn(4, 2, 3), lengths=torch.tensor([4, 5]))


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_can_be_exported_and_run(kind):
    layer = LAYERS[kind]().eval()
    inputs = torch.randn(4, 6, 3)
    program = torch.export.export(layer, (inputs,))
    assert any("nurt.recurrence" in str(node.target) for node in program.graph.nodes)
    assert_agree(program.module()(inputs)[0], layer(inputs)[0], SAME_BITS, "outputs")


def test_an_exported_layer_takes_other_batches_and_lengths_of_time():
    layer = LAYERS["LSTM"]().eval()
    axes = {0: torch.export.Dim("batch", min=2), 1: torch.export.Dim("time", min=2)}
    program = torch.export.export(layer, (torch.randn(4, 6, 3),), dynamic_shapes=({**axes},))
    inputs = torch.randn(7, 9, 3)
    assert_agree(program.module()(inputs)[0], layer(inputs)[0], SAME_BITS, "outputs")


@pytest.mark.parametrize("kind", LAYERS)
def test_second_derivatives_of_a_layer_are_those_of_the_reference(kind):
    layer = LAYERS[kind]().double()
    batch = pack_padded_sequence(torch.randn(4, 3, 3, dtype=torch.float64), [4, 2, 1])
    found = {}
    for rung in ("native", "reference"):
        data = batch.data.clone().requires_grad_()
        with use(rung):
            outputs, _ = layer(PackedSequence(data, batch.batch_sizes))
            (slope,) = torch.autograd.grad(outputs.data.square().sum(), data, create_graph=True)
            found[rung] = torch.autograd.grad(slope.square().sum(), [data, *layer.parameters()], materialize_grads=True)
    for one, other in zip(found["native"], found["reference"], strict=True):
        assert_agree(one, other, GRADIENTS[torch.float64], "second derivative")


def test_fake_tensors_get_the_shapes_and_strides_of_real_ones():
    layer, inputs = LAYERS["GRU"](), torch.randn(4, 6, 3)
    real, _ = layer(inputs)
    mode = torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True)
    with mode:
        fake, _ = layer(mode.from_tensor(inputs))
    assert (fake.shape, fake.stride()) == (real.shape, real.stride())


def weights(**changed: Tensor) -> Weights:
    return Weights(torch.ones(20, 3), torch.ones(20, 5), torch.ones(20), torch.ones(20))._replace(**changed)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"weight_ih": torch.ones(20, 4)}, ShapeError),
        ({"weight_ih": torch.ones(19, 3)}, ShapeError),
        ({"weight_hh": torch.ones(20, 6)}, ShapeError),
        ({"bias_hh": torch.ones(1)}, ShapeError),
        ({"bias_ih": torch.ones(20, dtype=torch.float64)}, NurtTypeError),
        ({"weight_ih": torch.ones(20, 3, device="meta")}, NurtTypeError),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_nothing_is_read_past_their_end(wrong, error):
    lstm = RECURRENCES["lstm"]
    state = lstm.state(torch.zeros(2, 5), torch.zeros(2, 5))
    with pytest.raises(error, match="of a lstm"), use("native"):
        run(lstm, torch.ones(2, 4, 3), state, weights(**wrong))


def test_packed_data_that_do_not_fit_their_batch_sizes_are_refused():
    states = (torch.zeros(1, 2, 5), torch.zeros(1, 2, 5))
    with pytest.raises(ValueError, match="sum of lengths"), use("native"):
        run_stack(RECURRENCES["lstm"], torch.ones(3, 3), states, [[weights()]], batch_sizes=torch.tensor([2, 2]))


def test_nan_in_the_weights_comes_out_as_nan():
    bad = (torch.full((15, 3), float("nan")), torch.ones(15, 5), None, None)
    given = call.Given(torch.ones(1, 2, 3), None, None, bad)
    assert autograd.run(call.new_call("gru", given), given)[0].isnan().all()
