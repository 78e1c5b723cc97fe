"""Many gradients through one graph, and torch.func around layers: the numbers of one gradient after the other."""

from __future__ import annotations

import pytest
import torch

import nurt
from nurt import kernels
from nurt.errors import UnavailableError
from nurt.nn import (
    CELLS,
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Checkpointed,
    GRUCell,
    LRUCell,
    ProjectedLSTMCell,
    Recurrent,
    Stack,
    Truncated,
)

# Forward-mode derivatives of torch load formulas by what torch itself calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

RAGGED = [4, 0, 2]
DTYPE = torch.float64


def made(name):
    if name == "projected_lstm":
        return ProjectedLSTMCell(2, 4, 3, dtype=DTYPE)
    return CELLS[name](2, 3, dtype=DTYPE)


def clipped(name):
    return Recurrent(made(name), reverse=True, gradient_clip=0.3)


LAYERS = {name: (lambda name=name: Recurrent(made(name))) for name in CELLS} | {
    "both": lambda: Bidirectional(made("lstm"), made("lru")),
    "stack": lambda: Stack([Recurrent(made("peephole_lstm")), Recurrent(GRUCell(3, 2, dtype=DTYPE))]),
    "fused": lambda: Stack([Recurrent(made("gru")), Recurrent(GRUCell(3, 3, dtype=DTYPE))]),
    "LSTM": lambda: LSTM(2, 3, 2, bidirectional=True, batch_first=True, dtype=DTYPE),
    "GRU": lambda: GRU(2, 3, 2, batch_first=True, dtype=DTYPE),
    "RNN": lambda: RNN(2, 3, batch_first=True, bias=False, dtype=DTYPE),
}


def leaves(values):
    return [values] if isinstance(values, torch.Tensor) else [leaf for value in values for leaf in leaves(value)]


def flat(layer, inputs, **options):
    """Return outputs and final states as one vector."""
    return torch.cat([leaf.flatten() for leaf in leaves(layer(inputs, **options))])


def assert_same(found, expected):
    torch.testing.assert_close(leaves(found), leaves(expected), rtol=0, atol=1e-10)


def one_by_one(results, tensors, grads, **options):
    rows = [torch.autograd.grad(results, tensors, grad, retain_graph=True, **options) for grad in grads]
    return [torch.stack(found) for found in zip(*rows, strict=True)]


@pytest.mark.parametrize("lengths", [None, RAGGED], ids=["full", "ragged"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_batch_of_gradients_is_what_they_are_one_by_one(name, lengths):
    layer, inputs = LAYERS[name](), torch.randn(3, 4, 2, dtype=DTYPE, requires_grad=True)
    tensors = [inputs, *layer.parameters()]
    results = flat(layer, inputs, lengths=lengths)
    grads = torch.randn(5, len(results), dtype=DTYPE)
    expected = one_by_one(results, tensors, grads)

    def gradients(grad, **options):
        return torch.autograd.grad(results, tensors, grad, retain_graph=True, **options)

    assert_same(gradients(grads, is_grads_batched=True), expected)
    assert_same(gradients(grads, is_grads_batched=True, create_graph=True), expected)
    assert_same(torch.func.vmap(gradients)(grads), expected)
    assert_same(torch.func.vmap(torch.func.vmap(gradients))(grads[:4].view(2, 2, -1))[0].flatten(0, 1), expected[0][:4])


@pytest.mark.parametrize("name", LAYERS)
def test_second_derivatives_go_in_batches_too(name):
    layer, inputs = LAYERS[name](), torch.randn(3, 4, 2, dtype=DTYPE)
    direction = torch.randn(len(flat(layer, inputs)), dtype=DTYPE)

    def loss(inputs):
        return flat(layer, inputs, lengths=RAGGED).square() @ direction

    expected = torch.autograd.functional.hessian(loss, inputs)
    assert_same(torch.autograd.functional.hessian(loss, inputs, vectorize=True), expected)
    assert_same(torch.func.hessian(loss)(inputs), expected)
    step = 1e-5 * torch.randn_like(inputs)
    up, down = (torch.func.grad(loss)(inputs + sign * step) for sign in (1, -1))
    torch.testing.assert_close(torch.tensordot(expected, step, 3), (up - down) / 2, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("name", LAYERS)
def test_transforms_of_torch_go_through_a_layer(name):
    layer, inputs = LAYERS[name](), torch.randn(3, 4, 2, dtype=DTYPE)

    def run(inputs):
        return flat(layer, inputs, lengths=RAGGED)

    expected = torch.autograd.functional.jacobian(run, inputs)
    assert_same(torch.autograd.functional.jacobian(run, inputs, vectorize=True), expected)
    assert_same(torch.autograd.functional.jacobian(run, inputs, vectorize=True, strategy="forward-mode"), expected)
    assert_same(torch.func.jacrev(run)(inputs), expected)
    assert_same(torch.func.jacfwd(run)(inputs), expected)
    twice = torch.stack([inputs, 2 * inputs])
    assert_same(torch.func.vmap(run)(twice), torch.stack([run(inputs), run(2 * inputs)]))
    parameters = {name: value.detach() for name, value in layer.named_parameters()}
    both = {name: torch.stack([value, value / 2]) for name, value in parameters.items()}

    def called(parameters):
        return torch.cat([leaf.flatten() for leaf in leaves(torch.func.functional_call(layer, parameters, inputs))])

    halves = {name: value / 2 for name, value in parameters.items()}
    assert_same(torch.func.vmap(called)(both), torch.stack([called(parameters), called(halves)]))


@pytest.mark.parametrize("method", [Truncated(2), Checkpointed(every=2)])
@pytest.mark.parametrize("cell", [GRUCell, LRUCell])
def test_gradient_methods_take_a_batch(method, cell):
    layer, inputs = Recurrent(cell(2, 3, dtype=DTYPE)), torch.randn(3, 5, 2, dtype=DTYPE, requires_grad=True)
    tensors = [inputs, *layer.parameters()]
    results = layer(inputs, lengths=[5, 0, 3], gradient=method)[0].flatten()
    grads = torch.randn(4, len(results), dtype=DTYPE)
    found = torch.autograd.grad(results, tensors, grads, is_grads_batched=True, retain_graph=True, allow_unused=True)
    expected = [torch.autograd.grad(results, tensors, grad, retain_graph=True, allow_unused=True) for grad in grads]
    for values, single in zip(found, zip(*expected, strict=True), strict=True):
        assert (values is None) == (single[0] is None)
        if values is not None:
            assert_same(values, torch.stack(single))


@pytest.mark.parametrize("rung", ["torch", "adjoint", "reference"])
def test_every_rung_takes_a_batch(rung):
    layer, inputs = LSTM(2, 3, batch_first=True, dtype=DTYPE), torch.randn(3, 4, 2, dtype=DTYPE, requires_grad=True)
    with kernels.use(rung):
        results = flat(layer, inputs)
        grads = torch.randn(4, len(results), dtype=DTYPE)
        found = torch.autograd.grad(results, inputs, grads, is_grads_batched=True, retain_graph=True)
        assert_same(found, one_by_one(results, inputs, grads))


def test_a_clipped_gradient_is_clipped_for_each_member():
    layer, inputs = clipped("lstm"), torch.randn(3, 4, 2, dtype=DTYPE, requires_grad=True)
    results = flat(layer, inputs)
    grads = 5 * torch.randn(4, len(results), dtype=DTYPE)
    found = torch.autograd.grad(results, inputs, grads, is_grads_batched=True, retain_graph=True)
    assert_same(found, one_by_one(results, inputs, grads))


def test_a_recording_has_room_for_one_gradient():
    for rung in ("native", "reference"):
        inputs = torch.randn(4, 3, 2, requires_grad=True)
        with kernels.use(rung), kernels.recording():
            results = GRU(2, 3)(inputs)[0].sum((0, 1))
        with pytest.raises(UnavailableError, match="room for one gradient at a time"):
            torch.autograd.grad(results, inputs, torch.eye(3), is_grads_batched=True)


def test_another_transform_than_vmap_is_refused_with_the_cure():
    inputs = torch.randn(4, 3, 2, requires_grad=True)
    results = nurt.nn.GRU(2, 3)(inputs)[0].sum()
    with pytest.raises(UnavailableError, match="Call the layer inside the function"):
        torch.func.grad(lambda scale: torch.autograd.grad(results, inputs, scale)[0].sum())(torch.tensor(1.0))


def test_compiled_operators_have_a_rule_for_vmap():
    arguments = (torch.randn(2, 3, 4, 2), None, None, [torch.randn(3, 2), torch.randn(3, 3)], *[None] * 5)
    options = ("elman_tanh", 1, [False], False, 1.0, None, None, [True, True, False, False], False)
    run = torch.ops.nurt.recurrence
    found = torch.func.vmap(lambda inputs: run(inputs, *arguments[1:], *options)[0])(arguments[0])
    assert_same(found, torch.stack([run(inputs, *arguments[1:], *options)[0] for inputs in arguments[0]]))
    a, b = torch.rand(2, 2, 3, 4, 5)
    found = torch.func.vmap(lambda a, b: torch.ops.nurt.scan(a, b, None, None, False)[0])(a, b)
    assert_same(
        found, torch.stack([torch.ops.nurt.scan(*pair, None, None, False)[0] for pair in zip(a, b, strict=True)])
    )
