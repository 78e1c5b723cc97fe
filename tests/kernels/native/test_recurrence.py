"""Outputs and all gradients of the native recurrences against loops, finite differences and torch.nn."""

from __future__ import annotations

import pytest
import torch
from tests.kernels.native.calls import recurrence

from nurt.errors import UnavailableError
from nurt.kernels.native.call import CELLS as NATIVE
from nurt.kernels.reference import RECURRENCES

CELLS = [name for name, spec in NATIVE.items() if not spec.extra]
SIZES = [(1, 1, 1, 1), (2, 1, 3, 5), (1, 9, 2, 17), (9, 7, 5, 50), (3, 63, 1, 2), (13, 4, 33, 16), (5, 3, 50, 65)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("cell", CELLS)
def test_every_size_agrees_with_the_loop_in_float64(problem, agree, cell, dtype):
    for size in SIZES:
        case = problem(cell, *size, dtype)
        outputs, grads = case.native()
        expected, expected_grads = case.oracle()
        agree(outputs, expected)
        agree(grads, expected_grads)


@pytest.mark.parametrize("cell", CELLS)
def test_states_and_biases_may_be_absent(problem, agree, cell):
    case = problem(cell, 5, 6, 3, 18, states=False, biases=False)
    for got, expected in zip(case.native(), case.oracle(), strict=True):
        agree(got, expected)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_ragged_rows_stop_at_their_own_end(problem, agree, cell, reverse):
    lengths = torch.tensor([3, 7, 0, 7, 1, 6, 2, 5, 5, 7, 4])
    case = problem(cell, 11, 7, 3, 18, lengths=lengths, reverse=reverse)
    outputs, grads = case.native()
    expected, expected_grads = case.oracle()
    agree(outputs, expected)
    agree(grads, expected_grads)
    for row, length in enumerate(lengths):
        assert not outputs[0][row, length:].any(), "past the end the output is zero"
        assert not grads[0][row, length:].any(), "past the end inputs have no gradient"


@pytest.mark.parametrize("reverse", [False, True])
def test_what_lies_past_the_end_is_never_read(problem, reverse):
    case = problem("lstm", 4, 6, 3, 9, lengths=[6, 2, 4, 1], reverse=reverse)
    clean = case.native()
    for row, length in enumerate([6, 2, 4, 1]):
        case.tensors["inputs"][row, length:] = float("nan")
    for a, b in zip(clean, case.native(), strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_all_rows_empty_return_their_initial_states(problem):
    case = problem("lstm", 2, 3, 2, 4, lengths=[0, 0])
    outputs, grads = case.native()
    assert torch.equal(outputs[1], case.tensors["hidden"])
    assert torch.equal(outputs[2], case.tensors["cell_state"])
    assert not outputs[0].any()
    assert not grads[1].any(), "weights that were not used have zero gradient"


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_agree_with_finite_differences(problem, cell):
    case = problem(cell, 3, 4, 2, 3, lengths=[4, 2, 3])
    names = list(case.tensors)

    def run(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        result = recurrence(cell, **dict(zip(names, tensors, strict=True)), **case.options)
        return tuple(r for r in result if r is not None)

    assert torch.autograd.gradcheck(run, [t.requires_grad_() for t in case.tensors.values()])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("cell", "module"), [("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU), ("elman_tanh", torch.nn.RNN)]
)
def test_parameters_of_torch_layers_give_the_numbers_of_torch(cell, module, dtype, agree):
    torch.manual_seed(0)
    layer = module(7, 50, batch_first=True).to(dtype)
    x = torch.randn(9, 63, 7, dtype=dtype, requires_grad=True)
    grad = torch.randn(9, 63, 50, dtype=dtype)
    parameters = [x, *layer.parameters()]
    expected = layer(x)[0]
    result = recurrence(cell, *parameters).outputs
    agree([result.detach()], [expected.detach()])
    agree(list(torch.autograd.grad(result, parameters, grad)), list(torch.autograd.grad(expected, parameters, grad)))


@pytest.mark.parametrize("cell", CELLS)
def test_any_strides_are_read_as_they_are(problem, cell):
    case = problem(cell, 6, 5, 4, 19)
    straight = case.native()
    for name, tensor in case.tensors.items():
        wide = torch.full((*tensor.shape[:-1], 2 * tensor.shape[-1]), float("nan"), dtype=tensor.dtype)
        wide[..., ::2] = tensor
        case.tensors[name] = wide[..., ::2]
    spread = [t.clone() for group in native_without_clone(case) for t in group]
    assert all(torch.equal(a, b) for a, b in zip((t for group in straight for t in group), spread, strict=True))


def native_without_clone(case):
    """As Problem.native(), but on the very tensors, strides included."""
    return case._run(recurrence, {n: t.detach() for n, t in case.tensors.items()})


def test_time_major_and_expanded_tensors_are_read_as_they_are(problem):
    case = problem("gru", 6, 5, 4, 19)
    expected = recurrence("gru", **case.tensors).outputs
    case.tensors["inputs"] = case.tensors["inputs"].transpose(0, 1).contiguous().transpose(0, 1)
    assert torch.equal(recurrence("gru", **case.tensors).outputs, expected)
    one = case.tensors["inputs"][:1].expand(6, -1, -1)
    case.tensors["inputs"] = one
    a = recurrence("gru", **case.tensors).outputs
    case.tensors["inputs"] = one.contiguous()
    assert torch.equal(a, recurrence("gru", **case.tensors).outputs)


def test_a_gradient_without_strides_is_understood(problem):
    case = problem("lstm", 4, 5, 3, 18)
    x = case.tensors["inputs"].requires_grad_()
    recurrence("lstm", **case.tensors).outputs.sum().backward()
    first, x.grad = x.grad, None
    recurrence("lstm", **case.tensors).outputs.backward(torch.ones(4, 5, 18, dtype=x.dtype))
    assert torch.equal(first, x.grad)


@pytest.mark.parametrize("cell", CELLS)
def test_nothing_is_kept_without_gradients_and_the_numbers_are_the_same(problem, cell):
    case = problem(cell, 40, 30, 3, 21, lengths=list(range(30, -10, -1))[:30] + [5] * 10)
    with torch.no_grad():
        light = [r for r in recurrence(cell, **case.tensors, **case.options) if r is not None]
    assert all(torch.equal(a, b) for a, b in zip(light, case.native()[0], strict=True))


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman_tanh", "elman_sigmoid"])
def test_large_inputs_saturate_without_nan(problem, agree, cell):
    case = problem(cell, 5, 6, 3, 18, torch.float32, scale=1e30)
    for got in case.native():
        assert all(t.isfinite().all() for t in got)
    agree(case.native()[0], case.oracle()[0])


@pytest.mark.parametrize("cell", CELLS)
def test_nan_stays_in_its_row_and_is_not_hidden(problem, cell):
    case = problem(cell, 4, 5, 3, 18)
    clean = case.native()[0]
    case.tensors["inputs"][2, 3, 0] = float("nan")
    outputs = case.native()[0]
    others = [0, 1, 3]
    assert torch.equal(outputs[0][others], clean[0][others])
    assert torch.equal(outputs[0][2, :3], clean[0][2, :3])
    assert outputs[0][2, 3:].isnan().all()
    assert outputs[1][2].isnan().all()


def test_a_second_backward_through_a_kept_graph_gives_the_same(problem):
    case = problem("lstm", 4, 5, 3, 18)
    weight = case.tensors["weight_hh"].requires_grad_()
    total = recurrence("lstm", **case.tensors).outputs.square().sum()
    (first,) = torch.autograd.grad(total, weight, retain_graph=True)
    (second,) = torch.autograd.grad(total, weight)
    assert torch.equal(first, second)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "elman_tanh", "linear"])
def test_second_derivatives_are_those_of_finite_differences(problem, cell, reverse):
    case = problem(cell, 2, 3, 2, 3, lengths=[3, 2], reverse=reverse)

    def run(*tensors):
        results = recurrence(cell, **dict(zip(case.tensors, tensors, strict=True)), **case.options)
        return [result for result in results if result is not None]

    assert torch.autograd.gradgradcheck(run, [t.requires_grad_() for t in case.tensors.values()])


def test_second_derivatives_that_the_reference_lacks_are_refused(problem, monkeypatch):
    monkeypatch.delitem(RECURRENCES, "elman_sigmoid")
    case = problem("elman_sigmoid", 2, 3, 2, 4)
    x = case.tensors["inputs"].requires_grad_()
    outputs = recurrence("elman_sigmoid", **case.tensors).outputs
    with pytest.raises(UnavailableError, match="no second derivatives of elman_sigmoid"):
        torch.autograd.grad(outputs.square().sum(), x, create_graph=True)
