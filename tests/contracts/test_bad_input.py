"""Input that does not fit, over every way in: a clear error of our own, or the right answer; never a crash."""

from __future__ import annotations

import warnings

import pytest
import torch
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree

from nurt.errors import NurtError, NurtTypeError, NurtValueError, ShapeError
from nurt.kernels import Weights, run, threads, use
from nurt.kernels.reference import RECURRENCES
from nurt.nn import GRU, LSTM, RNN, Bidirectional, GRUCell, LSTMCell, Recurrent, build, unroll

B, T, IN, H = 2, 7, 3, 5


def layers(inputs: int = IN, hidden: int = H):
    """Return every way in, called as ``run(inputs, lengths=…)`` and giving outputs (B, T, ·) and a state."""
    cell = LSTMCell(inputs, hidden)
    return {
        "RNN": RNN(inputs, hidden, batch_first=True),
        "GRU": GRU(inputs, hidden, 2, batch_first=True, bidirectional=True),
        "LSTM": LSTM(inputs, hidden, batch_first=True),
        "unroll": lambda x, state=None, lengths=None: unroll(cell, x, state, lengths),
        "Recurrent": Recurrent(LSTMCell(inputs, hidden), reverse=True),
        "Stack": build("gru", inputs, hidden, num_layers=2),
        "Bidirectional": Bidirectional(GRUCell(inputs, hidden), LSTMCell(inputs, hidden)),
        "native": _native(LSTM(inputs, hidden, 2, batch_first=True)),
    }


def _native(layer):
    """Return the layer forced onto the native rung."""

    class Forced(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, *arguments, **options):
            with use("native"):
                return self.layer(*arguments, **options)

    return Forced()


WAYS = list(layers())
ANY_ERROR = (NurtTypeError, NurtValueError)


def made(way: str, inputs: int = IN, hidden: int = H):
    torch.manual_seed(5)
    return layers(inputs, hidden)[way]


def sequences(*shape: int) -> torch.Tensor:
    return torch.randn(*(shape or (B, T, IN)), generator=torch.Generator().manual_seed(7))


def refused(call, *kinds: type[Exception]) -> NurtError:
    """Return the error of our own that ``call`` ends in; its message says what was expected and given."""
    with pytest.raises(kinds) as caught:
        call()
    assert isinstance(caught.value, NurtError)
    assert caught.value.expected
    assert caught.value.got
    return caught.value


WRONG_INPUTS = {
    "no axes": lambda x: x[0, 0, 0],
    "one axis": lambda x: x[0, 0],
    "four axes": lambda x: x[None],
    "features": lambda x: x[..., :2],
    "no step": lambda x: x[:, :0],
    "half": lambda x: x.half(),
    "bfloat16": lambda x: x.bfloat16(),
    "double": lambda x: x.double(),
    "whole": lambda x: x.int(),
    "bool": lambda x: x > 0,
    "complex": lambda x: x.to(torch.complex64),
    "meta": lambda x: x.to("meta"),
    "sparse": lambda x: x.to_sparse(),
    "sparse with a gradient": lambda x: x.to_sparse().requires_grad_(),
    "mkldnn": lambda x: x.to_mkldnn(),
    "nested": lambda x: torch.nested.nested_tensor([x[0, :2], x[1]], layout=torch.jagged),
    "list": lambda x: x.tolist(),
    "array": lambda x: x.numpy(),
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("wrong", WRONG_INPUTS)
@pytest.mark.parametrize("way", WAYS)
def test_inputs_that_do_not_fit_are_refused(way, wrong):
    layer = made(way)
    with warnings.catch_warnings():
        # torch says that jagged layouts are new.
        warnings.simplefilter("ignore", UserWarning)
        given = WRONG_INPUTS[wrong](sequences())
    refused(lambda: layer(given), *ANY_ERROR)


WRONG_LENGTHS = {
    "above T": [T + 1, 1],
    "below zero": [1, -1],
    "float": [1.0, 2.0],
    "float tensor": torch.tensor([1.0, 2.0]),
    "bool": [True, False],
    "complex": [1j, 2],
    "too few": [1],
    "too many": torch.tensor([1, 1, 1]),
    "a number": 3,
    "two axes": torch.ones(B, 1, dtype=torch.int64),
    "uneven": [[1], [2, 3]],
    "holes": [None, 1],
    "text": "ab",
    "beyond int64": [2**70, 1],
    "meta": torch.ones(B, dtype=torch.int64, device="meta"),
    "sparse": torch.tensor([1, 2]).to_sparse(),
    "an object": object(),
}


@pytest.mark.parametrize("wrong", WRONG_LENGTHS)
@pytest.mark.parametrize("way", WAYS)
def test_lengths_that_do_not_fit_are_refused(way, wrong):
    layer = made(way)
    error = refused(lambda: layer(sequences(), lengths=WRONG_LENGTHS[wrong]), *ANY_ERROR)
    assert "length" in str(error)


RIGHT_LENGTHS = {
    "int8": torch.tensor([6, 2], dtype=torch.int8),
    "uint64": torch.tensor([6, 2], dtype=torch.uint64),
    "tuple": (6, 2),
    "every other": torch.tensor([6, 7, 2, 7])[::2],
    "array": torch.tensor([6, 2]).numpy(),
}


@pytest.mark.parametrize("kind", RIGHT_LENGTHS)
@pytest.mark.parametrize("way", WAYS)
def test_lengths_of_any_whole_numbers_mean_the_same(way, kind):
    layer, x = made(way), sequences()
    assert torch.equal(layer(x, lengths=RIGHT_LENGTHS[kind])[0], layer(x, lengths=torch.tensor([6, 2]))[0])


@pytest.mark.parametrize("way", WAYS)
def test_expanded_lengths_are_read_row_by_row(way):
    layer, x = made(way), sequences(70, T, IN)
    assert torch.equal(layer(x, lengths=torch.tensor(3).expand(70))[0], layer(x, lengths=[3] * 70)[0])


@pytest.mark.parametrize("way", WAYS)
def test_lengths_that_change_after_the_call_do_not_reach_its_gradient(way):
    layer, gradients = made(way), []
    for change in (False, True):
        x, lengths = sequences().requires_grad_(), torch.tensor([3, 2])
        total = layer(x, lengths=lengths)[0].square().sum()
        if change:
            lengths.fill_(T)
        gradients += torch.autograd.grad(total, x)
    assert torch.equal(*gradients)


def leaves(state):
    """Return the tensors of a state, however nested."""
    return (state,) if isinstance(state, torch.Tensor) else tuple(leaf for part in state for leaf in leaves(part))


def mapped(state, change):
    """Return the nested state with every tensor changed."""
    if isinstance(state, torch.Tensor):
        return change(state)
    return tuple(mapped(part, change) for part in state)


WRONG_STATES = {
    "batch": lambda h: torch.zeros(*h.shape[:-2], h.shape[-2] + 1, h.shape[-1]),
    "features": lambda h: h[..., :-1],
    "axes": lambda h: h[None, None],
    "double": lambda h: h.double(),
    "whole": lambda h: h.int(),
    "meta": lambda h: h.to("meta"),
    "sparse": lambda h: h.detach().to_sparse(),
    "a number": lambda _: 0.0,
}


@pytest.mark.parametrize("wrong", WRONG_STATES)
@pytest.mark.parametrize("way", WAYS)
def test_states_that_do_not_fit_are_refused(way, wrong):
    layer, x = made(way), sequences()
    state = mapped(layer(x)[1], WRONG_STATES[wrong])
    refused(lambda: layer(x, state), *ANY_ERROR)


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("RNN", "GRU")])
def test_a_state_with_parts_too_many_or_too_few_is_refused(way):
    layer, x = made(way), sequences()
    state = tuple(layer(x)[1])
    for wrong in ((*state, state[0]), state[:-1]):
        refused(lambda wrong=wrong: layer(x, wrong), *ANY_ERROR)


LAYOUTS = {
    "time first": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "features first": lambda x: x.permute(2, 0, 1).contiguous().permute(1, 2, 0),
    "every other": lambda x: x.repeat_interleave(2, dim=1)[:, ::2],
    "gaps between features": lambda x: x.repeat_interleave(2, dim=2)[..., ::2],
    "odd place in memory": lambda x: torch.cat([x.new_zeros(1), x.flatten()])[1:].view(x.shape),
    "expanded over the batch": lambda x: x[:1].expand_as(x),
    "expanded over time": lambda x: x[:, :1].expand_as(x),
    "flipped": lambda x: x.flip(1).flip(1),
    "parameter": torch.nn.Parameter,
    "subclass": lambda x: x.as_subclass(Labelled),
}


class Labelled(torch.Tensor):
    """A tensor that only its type tells from others."""


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("way", WAYS)
def test_inputs_mean_the_same_however_they_lie_in_memory(way, layout):
    layer, x = made(way), LAYOUTS[layout](sequences())
    straight = x.detach().as_subclass(torch.Tensor).clone(memory_format=torch.contiguous_format)
    assert torch.equal(layer(x)[0].as_subclass(torch.Tensor), layer(straight)[0])


@pytest.mark.parametrize("way", WAYS)
def test_a_negated_view_is_read_as_what_it_means(way):
    layer, x = made(way, inputs=1), torch.complex(sequences(B, T, 1), sequences(B, T, 1)).conj().imag
    assert x.is_neg()
    assert torch.equal(layer(x)[0], layer(x.resolve_neg())[0])


SIZES = [1, 15, 16, 17, 31, 33, 50, 63]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", [way for way in WAYS if way != "unroll"])
def test_sizes_around_those_of_vectors_agree_with_the_reference(way, size):
    layer = made(way, inputs=SIZES[-1 - SIZES.index(size)], hidden=size).double()
    x = sequences(3, 4, SIZES[-1 - SIZES.index(size)]).double().requires_grad_()
    results = []
    for rung in ("native", "reference"):
        with use(rung):
            outputs, state = layer(x, lengths=[4, 1, 3])
        flat = torch.cat([outputs.flatten(), *(leaf.flatten() for leaf in leaves(state))])
        gradients = torch.autograd.grad(flat.square().sum(), [x, *layer.parameters()])
        # Together, because the terms of a lone element may cancel, and then it says nothing.
        results.append((flat, torch.cat([gradient.flatten() for gradient in gradients])))
    assert_agree(results[0][0], results[1][0], OUTPUTS[torch.float64], f"outputs of {size} units")
    assert_agree(results[0][1], results[1][1], GRADIENTS[torch.float64], f"gradients of {size} units")


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_without_rows_has_no_outputs_and_zero_gradients(way):
    layer = made(way)
    x = sequences()[:0].requires_grad_()
    outputs, state = layer(x)
    assert outputs.shape[:2] == (0, T)
    weights = list(layer.parameters()) if isinstance(layer, torch.nn.Module) else []
    total = outputs.sum() + sum(leaf.sum() for leaf in leaves(state))
    for weight, gradient in zip([x, *weights], torch.autograd.grad(total, [x, *weights]), strict=True):
        assert gradient.shape == weight.shape
        assert not gradient.any()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e38])
@pytest.mark.parametrize("where", ["inputs", "weight_hh", "bias_ih"])
@pytest.mark.parametrize("way", ["RNN", "LSTM", "GRU"])
def test_numbers_that_are_none_come_out_where_the_reference_has_them(way, where, value):
    layer = made(way)
    x = sequences()
    if where == "inputs":
        x[1, 3, 0] = value
    else:
        with torch.no_grad():
            getattr(layer, f"{where}_l0").view(-1)[2] = value
    with use("native"):
        outputs, _ = layer(x)
    with use("reference"):
        expected, _ = layer(x)
    assert torch.equal(outputs.isnan(), expected.isnan())
    torch.testing.assert_close(outputs, expected, rtol=1e-5, atol=2e-6, equal_nan=True)


@pytest.mark.parametrize("name", ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
@pytest.mark.parametrize(
    "wrong",
    [lambda w: w[:-1], lambda w: torch.cat([w, w]), lambda w: w[None], lambda w: w.double(), lambda w: w.to("meta")],
    ids=["short", "long", "axes", "double", "meta"],
)
@pytest.mark.parametrize("way", ["LSTM", "Recurrent"])
def test_assigned_weights_that_do_not_fit_are_refused(way, name, wrong):
    layer = made(way)
    owner, place = (layer, f"{name}_l0") if way == "LSTM" else (layer.cell, name)
    setattr(owner, place, torch.nn.Parameter(wrong(getattr(owner, place).detach())))
    refused(lambda: layer(sequences()), *ANY_ERROR)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("way", WAYS)
def test_without_gradients_the_numbers_are_the_same_and_no_graph_is_kept(way, mode):
    layer, x = made(way), sequences().requires_grad_()
    expected, _ = layer(x)
    with mode():
        outputs, state = layer(x)
    assert torch.equal(outputs, expected)
    assert not any(leaf.requires_grad for leaf in (outputs, *leaves(state)))


@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [
        ("weight_hh", None, NurtTypeError), ("weight_hh", torch.ones(20, 5).double(), NurtTypeError),
        ("weight_hh", torch.ones(20), ShapeError), ("weight_hh", torch.ones(0, 0), ShapeError),
        ("weight_ih", torch.ones(20, 4), ShapeError), ("bias_ih", torch.zeros(19), ShapeError),
        ("hidden", torch.ones(1, 5), ShapeError), ("cell", torch.ones(2, 5).to_sparse(), NurtTypeError),
        ("inputs", torch.ones(2, 7, 4), ShapeError), ("inputs", torch.ones(2, 0, 3), ShapeError),
        ("lengths", torch.tensor([1]), ShapeError), ("lengths", torch.tensor([1.0, 2.0]), NurtTypeError),
    ],
)  # fmt: skip
def test_arguments_of_the_native_call_that_do_not_fit_are_refused(argument, value, error):
    arguments = {"inputs": sequences(), "weight_ih": torch.ones(20, 3), "weight_hh": torch.ones(20, 5), "bias_ih": None}
    arguments |= {"hidden": torch.zeros(2, 5), "cell": torch.zeros(2, 5), "lengths": None} | {argument: value}
    weights = Weights(arguments["weight_ih"], arguments["weight_hh"], arguments["bias_ih"])
    recurrence = RECURRENCES["lstm"]
    state = recurrence.state(arguments["hidden"], arguments["cell"])

    def call():
        with use("native"):
            run(recurrence, arguments["inputs"], state, weights, lengths=arguments["lengths"])

    refused(call, error)


@pytest.mark.parametrize("count", [0, 2.5, True])
def test_impossible_numbers_of_threads_are_refused(count):
    def call():
        with threads(count):
            pass

    refused(call, NurtValueError)
