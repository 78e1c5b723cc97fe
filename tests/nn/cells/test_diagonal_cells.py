"""The diagonal cells obey the contract of every cell, on every rung that has a scan."""

from __future__ import annotations

import copy

import pytest
import torch

from nurt.errors import NurtTypeError, ShapeError, UnavailableError
from nurt.kernels import use
from nurt.nn import (
    Bidirectional,
    DiagonalState,
    LRUCell,
    MinGRUCell,
    MinLSTMCell,
    Recurrent,
    Regularisation,
    Stack,
    explain,
    unroll,
)
from nurt.nn.cell_contract import CHECKS

FACTORIES = {
    "minGRU": lambda: MinGRUCell(3, 5),
    "minGRU, no bias": lambda: MinGRUCell(3, 5, bias=False),
    "minGRU of one unit": lambda: MinGRUCell(1, 1),
    "minLSTM": lambda: MinLSTMCell(3, 5),
    "minLSTM, wide": lambda: MinLSTMCell(2, 17),
    "LRU": lambda: LRUCell(3, 5, 4),
    "LRU, square": lambda: LRUCell(3, 3, r_min=0.8, r_max=0.99),
    "LRU of one number": lambda: LRUCell(1, 1, 1),
}
RUNGS = ["native", "reference"]


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("cell", FACTORIES)
def test_every_cell_obeys_the_contract(cell, check, rung):
    torch.manual_seed(23)
    with use(rung):
        CHECKS[check](FACTORIES[cell])


@pytest.mark.parametrize("cell", FACTORIES)
def test_streaming_moment_by_moment_is_the_sequence(cell):
    torch.manual_seed(5)
    made = FACTORIES[cell]()
    inputs = torch.randn(2, 9, made.input_size)
    outputs, final = unroll(made, inputs)
    state = made.initial_state(2)
    for t in range(9):
        state = made.step(inputs[:, t], state)
        torch.testing.assert_close(state.hidden, outputs[:, t])
    for one, other in zip(state, final, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", FACTORIES)
def test_both_rungs_give_the_same_gradients(cell, reverse):
    torch.manual_seed(7)
    made = FACTORIES[cell]().double()
    inputs = torch.randn(3, 6, made.input_size, dtype=torch.float64)
    results = []
    for rung in RUNGS:
        with use(rung):
            outputs, state = unroll(made, inputs, lengths=[6, 0, 2], reverse=reverse)
            loss = outputs.square().sum() + sum(field.sum() for field in state)
            results.append(torch.autograd.grad(loss, list(made.parameters())))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


def test_layers_take_diagonal_cells_as_any_other():
    stack = Stack([Recurrent(LRUCell(3, 8, 4)), Bidirectional(MinGRUCell(4, 5), MinLSTMCell(4, 6))])
    inputs = torch.randn(2, 7, 3)
    outputs, states = stack(inputs, lengths=[7, 4])
    assert outputs.shape == (2, 7, 11)
    again, _ = stack(inputs[:, :2], states)
    assert again.shape == (2, 2, 11)


def test_explain_names_the_rung_of_the_scan_and_its_dtype():
    parts = explain(Stack([Recurrent(MinGRUCell(3, 4)), Recurrent(LRUCell(4, 4))])).parts
    kinds = [(part.recurrence, part.dtype, part.rung) for part in parts.values()]
    assert kinds == [("scan", "float32", "native"), ("scan", "complex64", "native")]


def test_what_acts_between_steps_takes_the_cell_step_by_step():
    cell = MinGRUCell(3, 4).eval()
    options = {"regularisation": Regularisation(zoneout_hidden=0.25)}
    inputs = torch.randn(2, 5, 3)
    outputs, _ = unroll(cell, inputs, **options)
    state = cell.initial_state(2)
    for t in range(5):
        state = DiagonalState(0.25 * state.hidden + 0.75 * cell.step(inputs[:, t], state).hidden)
        torch.testing.assert_close(outputs[:, t], state.hidden)
    (part,) = explain(Recurrent(cell, **options)).parts.values()
    assert (part.recurrence, part.rung) == (None, "reference")


def test_a_forced_rung_without_a_scan_is_an_error():
    with use("torch"), pytest.raises(UnavailableError, match="no operator for scan"):
        unroll(MinGRUCell(3, 4), torch.ones(1, 2, 3))


@pytest.mark.parametrize("cell", FACTORIES)
def test_inputs_of_another_kind_are_refused(cell):
    made = FACTORIES[cell]()
    with pytest.raises(NurtTypeError):
        unroll(made, torch.ones(1, 2, made.input_size).double())
    with pytest.raises(ShapeError):
        unroll(made, torch.ones(1, 2, made.input_size + 1))


@pytest.mark.parametrize("cell", FACTORIES)
def test_a_compiled_layer_has_no_graph_break_and_the_same_numbers(cell):
    torch._dynamo.reset()
    layer = Recurrent(FACTORIES[cell]())
    inputs = torch.randn(2, 5, layer.input_size)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    lengths = torch.tensor([5, 2])
    results = [run(inputs, lengths=lengths)[0] for run in (layer, compiled)]
    torch.testing.assert_close(results[1], results[0])
    grads = [torch.autograd.grad(one.square().sum(), list(layer.parameters())) for one in results]
    torch.testing.assert_close(grads[1], grads[0])


@pytest.mark.parametrize("cell", ["minGRU", "minLSTM", "LRU"])
def test_autocast_narrows_the_products_and_not_the_state(cell):
    made = FACTORIES[cell]()
    inputs = torch.randn(2, 5, 3)
    exact, _ = unroll(made, inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        narrow, state = unroll(made, inputs)
    assert narrow.dtype == torch.float32
    assert all(field.dtype == torch.float32 for field in state)
    torch.testing.assert_close(narrow, exact, rtol=0.1, atol=0.1)
    assert not torch.equal(narrow, exact)


@pytest.mark.parametrize("cell", FACTORIES)
def test_a_cell_can_be_copied_and_saved(cell):
    made = FACTORIES[cell]()
    inputs = torch.randn(2, 3, made.input_size)
    assert torch.equal(unroll(copy.deepcopy(made), inputs)[0], unroll(made, inputs)[0])
    assert all(not tensor.is_complex() for tensor in made.state_dict().values())
