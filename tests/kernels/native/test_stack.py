"""Layers, directions and dropout in one native call, against the reference layer by layer in float64."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tolerances import GRADIENTS, OUTPUTS, SAME_BITS, assert_agree, conditioned
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import nurt.nn
from nurt.errors import NurtTypeError, ShapeError
from nurt.kernels import Weights, run_stack, threads, use
from nurt.kernels.native import autograd, engine, memory, recording
from nurt.kernels.native.call import CELLS, ENGINE, Given, new_call, weight_shapes
from nurt.kernels.native.dropout import draw_masks, scale
from nurt.kernels.reference import RECURRENCES

NAMES = [name for name in CELLS if name in RECURRENCES]


@pytest.fixture(autouse=True)
def _poisoned_room(monkeypatch) -> None:
    """Everything that the engine is to write is NaN beforehand, as its scratch memory is."""
    for name in ("room", "gradient_room", "stepwise"):
        made = getattr(memory, name)

        def poisoned(*arguments, made=made, **options):
            result = made(*arguments, **options)
            for tensor in [result] if isinstance(result, Tensor) else result:
                if tensor is not None:
                    tensor.fill_(float("nan"))
            return result

        for module in (engine, recording, memory):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, poisoned)


class Case:
    """One stack with everything that can have a gradient, and gradients for everything it returns."""

    def __init__(self, cell, B, T, features, H, L, D, dtype=torch.float64, *, lengths=None, biases=True):
        self.cell, self.lengths, self.layers, self.directions = cell, lengths, L, D
        generator = torch.Generator().manual_seed(7)

        def numbers(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

        # Of the hidden state.
        P = (H + 1) // 2 if CELLS[cell].projected else H

        def weights(inputs: int) -> Weights:
            shapes = weight_shapes(cell, inputs, H, P)
            made = {name: 0.7 * numbers(*shape) * shape[-1] ** -0.5 for name, shape in shapes.items()}
            return Weights(**{name: value for name, value in made.items() if biases or "bias" not in name})

        self.weights = [[weights(D * P if layer else features) for _ in range(D)] for layer in range(L)]
        self.states = [numbers(L * D, B, P if name == "hidden" else H) for name in RECURRENCES[cell].state._fields]
        self.inputs = numbers(B, T, features)
        self.grads = [numbers(B, T, D * P), *(torch.ones_like(state) - state for state in self.states)]

    def moved(self) -> Case:
        """Return the same stack with inputs and states one rounding away."""
        other = copy.copy(self)
        other.inputs, *other.states = (
            value * (1.0 + torch.finfo(value.dtype).eps) for value in [self.inputs, *self.states]
        )
        return other

    def run(self, rung: str, *, packed: bool = False, dropout: float = 0.0, seed: int = 3) -> list[Tensor]:
        """Outputs and final states, then the gradients of everything."""
        flat = [weight for layer in self.weights for side in layer for weight in side if weight is not None]
        leaves = [leaf.detach().clone().requires_grad_() for leaf in [self.inputs, *self.states, *flat]]
        inputs, states = leaves[0], tuple(leaves[1 : 1 + len(self.states)])
        fresh = iter(leaves[1 + len(self.states) :])
        weights = [
            [Weights(*(None if field is None else next(fresh) for field in side)) for side in layer]
            for layer in self.weights
        ]
        grads, options = self.grads, {"lengths": self.lengths}
        if packed:
            data, sizes, *_ = pack_padded_sequence(inputs, self.lengths, batch_first=True)
            grads = [pack_padded_sequence(grads[0], self.lengths, batch_first=True).data, *grads[1:]]
            inputs, options = data, {"batch_sizes": sizes}
        torch.manual_seed(seed)
        with use(rung):
            outputs, finals = run_stack(
                RECURRENCES[self.cell], inputs, states, weights, dropout=dropout, training=True, **options
            )
        results = [outputs, *finals]
        return [*results, *torch.autograd.grad(results, leaves, grads)]


def agree(case: Case, one: list[Tensor], other: list[Tensor]) -> None:
    for place, (value, expected) in enumerate(zip(one, other, strict=True)):
        tolerance = (OUTPUTS if place < len(case.grads) else GRADIENTS)[value.dtype]
        assert_agree(value, expected.to(value.dtype), tolerance, f"{case.cell}: result {place}")


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("cell", NAMES)
def test_a_stack_has_the_numbers_and_gradients_of_the_reference(cell, directions, ragged):
    lengths = torch.tensor([3, 6, 0, 5, 1, 6, 2]) if ragged else None
    for layers in (1, 2, 4):
        case = Case(cell, 7, 6, 3, 9, layers, directions, lengths=lengths)
        agree(case, case.run("native"), case.run("reference"))


@settings(max_examples=25, deadline=None)
@given(
    cell=st.sampled_from(NAMES),
    sizes=st.tuples(*[st.integers(1, most) for most in (5, 6, 4, 19)]),
    layers=st.integers(1, 3),
    directions=st.integers(1, 2),
    biases=st.booleans(),
    data=st.data(),
)
def test_any_sizes_and_lengths_agree_with_the_reference(cell, sizes, layers, directions, biases, data):
    lengths = data.draw(st.none() | st.lists(st.integers(0, sizes[1]), min_size=sizes[0], max_size=sizes[0]))
    ends = None if lengths is None else torch.tensor(lengths)
    case = Case(cell, *sizes, layers, directions, lengths=ends, biases=biases)
    # Taken together: the gradient of a single weight may be a difference of equals, with no digit to compare.
    count = len(case.grads)
    one, other, near = (
        [torch.cat([value.flatten() for value in part]) for part in (found[:count], found[count:])]
        for found in (case.run("native"), case.run("reference"), case.moved().run("reference"))
    )
    # The norm of a layer of one unit that is zero at first multiplies a rounding by hundreds, layer after layer.
    for index, (tolerance, what) in enumerate(((OUTPUTS, "outputs and final states"), (GRADIENTS, "gradients"))):
        allowed = conditioned(tolerance[torch.float64], other[index], near[index])
        assert_agree(one[index], other[index], allowed, what)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru", "elman_tanh", "projected_lstm"])
def test_packed_data_stay_packed_through_all_layers(cell, directions):
    case = Case(cell, 4, 6, 3, 9, 3, directions, lengths=torch.tensor([6, 5, 5, 1]))
    agree(case, case.run("native", packed=True), case.run("reference", packed=True))
    # torch drops from packed data too; the reference pads them first and so draws other numbers.
    agree(case, case.run("native", packed=True, dropout=0.5), case.run("torch", packed=True, dropout=0.5))


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru", "elman_relu"])
def test_dropout_has_the_draws_and_the_gradients_of_torch(cell, directions):
    # torch's operator draws in the order of its time-major memory, so it is the oracle of the draws.
    case = Case(cell, 4, 6, 3, 9, 3, directions)
    agree(case, case.run("native", dropout=0.4), case.run("torch", dropout=0.4))
    assert not torch.equal(case.run("native", dropout=0.4)[0], case.run("native", dropout=0.4, seed=4)[0])


def test_dropout_of_everything_silences_the_lower_layers():
    case = Case("lstm", 3, 4, 2, 5, 2, 1)
    case.grads[1:] = [torch.zeros_like(grad) for grad in case.grads[1:]]
    results = case.run("native", dropout=1.0)
    assert not results[3].any(), "no gradient reaches the inputs"
    assert all(value.isfinite().all() for value in results)
    assert scale(1.0) == 0.0


def test_masks_of_ragged_rows_keep_nothing_past_their_ends():
    masks = draw_masks(torch.zeros(3, 5, 2), 2, 64, 0.25, torch.tensor([2, 5, 0]))
    assert masks.shape == (2, 5, 3, 64)
    assert not masks[:, 2:, 0].any()
    assert not masks[:, :, 2].any()
    assert 0.7 < masks[:, :, 1].double().mean() < 0.8
    assert not torch.equal(masks[0], masks[1])


def test_nan_below_is_not_hidden_by_dropout():
    case = Case("elman_tanh", 2, 3, 2, 4, 2, 1)
    case.inputs[0] = float("nan")
    outputs = case.run("native", dropout=0.5)[0]
    assert outputs[0].isnan().all()
    assert outputs[1].isfinite().all()


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "elman_tanh"])
def test_a_stack_has_the_same_bits_for_any_number_of_threads(cell, ragged):
    lengths = torch.arange(70) % 11 if ragged else None
    case = Case(cell, 70, 10, 24, 50, 3, 2, torch.float32, lengths=lengths)
    with threads(1):
        expected = case.run("native", dropout=0.3)
    for count in (2, 3, 4):
        with threads(count):
            for one, other in zip(case.run("native", dropout=0.3), expected, strict=True):
                assert_agree(one, other, SAME_BITS, f"{count} threads")


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_nothing_is_kept_without_gradients_and_the_numbers_are_the_same(layers):
    case = Case("lstm", 5, 6, 3, 9, layers, 2, lengths=torch.tensor([6, 4, 0, 6, 1]))
    expected = case.run("native")[:3]
    with torch.no_grad(), use("native"):
        states = tuple(case.states)
        outputs, finals = run_stack(RECURRENCES["lstm"], case.inputs, states, case.weights, lengths=case.lengths)
    for one, other in zip([outputs, *finals], expected, strict=True):
        assert_agree(one, other, SAME_BITS, "without gradients")


@pytest.mark.parametrize("trained", range(3))
def test_frozen_layers_get_no_gradient_and_the_others_keep_theirs(trained):
    torch.manual_seed(5)
    layer = nurt.nn.GRU(3, 5, 3, bidirectional=True)
    inputs = torch.randn(4, 2, 3)
    layer(inputs)[0].sum().backward()
    expected = {name: weight.grad for name, weight in layer.named_parameters() if f"_l{trained}" in name}
    layer.zero_grad()
    for name, weight in layer.named_parameters():
        weight.requires_grad_(name in expected)
    layer(inputs)[0].sum().backward()
    for name, weight in layer.named_parameters():
        assert (weight.grad is None) == (name not in expected)
        if name in expected:
            assert_agree(weight.grad, expected[name], SAME_BITS, name)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "projected_lstm", "layer_norm_lstm"])
def test_second_derivatives_of_a_stack_are_those_of_finite_differences(cell, packed):
    case = Case(cell, 2, 3, 2, 2, 2, 2, lengths=torch.tensor([3, 2]))
    inputs = pack_padded_sequence(case.inputs, [3, 2], batch_first=True).data if packed else case.inputs
    masks = torch.rand(1, *((5,) if packed else (3, 2)), case.grads[0].shape[-1]) < 0.8
    flat = [weight for layer in case.weights for side in layer for weight in native_fields(cell, side)]
    tensors = [inputs, *case.states, *flat]
    count = 1 + len(case.states)

    def run(*leaves: Tensor) -> list[Tensor]:
        hidden, cell_state = (*leaves[1:count], None)[:2]
        given = Given(leaves[0], hidden, cell_state, leaves[count:], case.lengths, masks)
        call = new_call(cell, given, 2, (False, True), packed, 1.25)
        return [value for value in autograd.run(call, given) if value is not None]

    leaves = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    assert torch.autograd.gradcheck(run, leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(run, leaves, fast_mode=True)


def native_fields(cell: str, side: Weights) -> list[Tensor | None]:
    return [getattr(side, name) for name in CELLS[cell].fields]


def test_a_drop_in_layer_makes_one_call_forward_and_one_backward(monkeypatch):
    seen = []

    class Spy:
        def __getattr__(self, name: str):
            return getattr(ENGINE, name)

        def forward(self, *arguments):
            seen.append("forward")
            ENGINE.forward(*arguments)

        def backward(self, *arguments):
            seen.append("backward")
            ENGINE.backward(*arguments)

    monkeypatch.setattr("nurt.kernels.native.engine.ENGINE", Spy())
    layer = nurt.nn.LSTM(3, 5, 3, dropout=0.5, bidirectional=True)
    layer(torch.randn(4, 2, 3))[0].sum().backward()
    assert seen == ["forward", "backward"]


def test_an_empty_batch_passes_through_a_stack():
    case = Case("lstm", 0, 4, 3, 5, 2, 2)
    results = case.run("native", dropout=0.5)
    assert results[0].shape == (0, 4, 10)
    assert all(not value.any() for value in results)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda w: [[w[0][0]], [w[0][0]]], ShapeError, "`weight_ih` of layer 1"),
        (
            lambda w: [w[0], [w[1][0]._replace(bias_hh=torch.ones(3, dtype=torch.float64))]],
            ShapeError,
            "`bias_hh` of layer 1",
        ),
        (lambda w: [w[0], [w[1][0]._replace(weight_hh=w[1][0].weight_hh.float())]], NurtTypeError, "`weight_hh`"),
        (lambda w: [w[0], [w[1][0], w[1][0]]], ShapeError, "wrong number of weights"),
    ],
)
def test_layers_that_do_not_fit_are_refused_by_name(change, error, said):
    case = Case("gru", 2, 3, 4, 5, 2, 1)
    with pytest.raises(error, match=said), use("native"):
        run_stack(RECURRENCES["gru"], case.inputs, tuple(case.states), change(case.weights))


@pytest.mark.parametrize("wrapped", [False, True])
def test_torch_hooks_on_saved_tensors_see_and_may_replace_what_is_kept(wrapped):
    torch.manual_seed(11)
    layer, inputs = nurt.nn.LSTM(3, 5, 2), torch.randn(4, 2, 3)
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t.clone())
    with hooks if wrapped else nullcontext():
        outputs, _ = layer(inputs)
    outputs.sum().backward()
    expected, _ = layer(inputs)
    grads = torch.autograd.grad(expected.sum(), list(layer.parameters()))
    for weight, grad in zip(layer.parameters(), grads, strict=True):
        assert_agree(weight.grad, grad, SAME_BITS, "gradient")


def test_packed_layers_take_no_copy_of_the_data_apart():
    layer = nurt.nn.GRU(3, 5, 2)
    packed = pack_padded_sequence(torch.randn(4, 2, 3), [4, 2])
    outputs, _ = layer(packed)
    assert isinstance(outputs, PackedSequence)
    assert outputs.data.is_contiguous()
