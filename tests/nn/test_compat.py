"""The drop-in layers as objects: signature, first weights, state_dict, copies, and what they refuse."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
import typing
import warnings

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

import nurt.nn
from nurt.errors import NurtError, UnavailableError
from nurt.kernels import use
from nurt.nn import GRU, LSTM, RNN

KINDS = ["RNN", "GRU", "LSTM"]
SETTINGS = [
    {},
    {"num_layers": 3, "bidirectional": True},
    {"bias": False, "batch_first": True, "dtype": torch.float64},
    {"num_layers": 2, "dropout": 0.25},
]


def pair(kind: str, *arguments, **options):
    return getattr(nurt.nn, kind)(*arguments, **options), getattr(torch.nn, kind)(*arguments, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_the_constructor_has_torchs_arguments_in_torchs_order_with_torchs_defaults(kind):
    documented = typing.get_overloads(getattr(torch.nn, kind).__init__)[0]
    wanted = inspect.signature(documented).parameters
    mine = inspect.signature(getattr(nurt.nn, kind).__init__).parameters
    own = ["regularisation", "gradient_clip"]
    assert list(mine) == [*wanted, *own]
    assert all(mine[name].kind is inspect.Parameter.KEYWORD_ONLY for name in own)
    mine = {name: mine[name] for name in wanted}
    assert [parameter.default for parameter in mine.values()] == [parameter.default for parameter in wanted.values()]
    assert [parameter.kind for parameter in mine.values()] == [parameter.kind for parameter in wanted.values()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_has_torchs_arguments_and_its_own_by_keyword_alone(kind):
    wanted = list(inspect.signature(getattr(torch.nn, kind).forward).parameters.values())
    *mine, lengths, gradient = inspect.signature(getattr(nurt.nn, kind).forward).parameters.values()
    assert [(each.name, each.default) for each in mine] == [(each.name, each.default) for each in wanted]
    assert (lengths.name, lengths.kind, lengths.default) == ("lengths", inspect.Parameter.KEYWORD_ONLY, None)
    assert (gradient.name, gradient.kind) == ("gradient", inspect.Parameter.KEYWORD_ONLY)
    assert gradient.default == nurt.nn.Exact()


@pytest.mark.parametrize("settings", [*SETTINGS, {"proj_size": 2, "num_layers": 2, "bidirectional": True}])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_first_weights_under_the_same_names(kind, settings):
    if "proj_size" in settings and kind != "LSTM":
        for module in (nurt.nn, torch.nn):
            with pytest.raises(ValueError, match="proj"):
                getattr(module, kind)(3, 5, **settings)
        return
    torch.manual_seed(59)
    mine = getattr(nurt.nn, kind)(3, 5, **settings)
    after_mine = torch.rand(1)
    torch.manual_seed(59)
    theirs = getattr(torch.nn, kind)(3, 5, **settings)
    assert torch.equal(after_mine, torch.rand(1))
    assert list(mine.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        assert torch.equal(mine.state_dict()[name], value)
    assert [name for name, _ in mine.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    torch.manual_seed(61)
    mine.reset_parameters()
    torch.manual_seed(61)
    theirs.reset_parameters()
    assert torch.equal(mine.weight_hh_l0, theirs.weight_hh_l0)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_attributes_and_print_are_torchs(kind, settings):
    mine, theirs = pair(kind, 3, 5, **settings)
    assert repr(mine) == repr(theirs)
    for name in ("mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "proj_size"):
        assert getattr(mine, name) == getattr(theirs, name)
    names = {id(parameter): name for name, parameter in mine.named_parameters()}
    their_names = {id(parameter): name for name, parameter in theirs.named_parameters()}
    assert [[names[id(each)] for each in part] for part in mine.all_weights] == [
        [their_names[id(each)] for each in part] for part in theirs.all_weights
    ]
    assert mine.flatten_parameters() is None


def test_a_positional_nonlinearity_comes_fourth_as_in_torch():
    assert RNN(3, 5, 1, "relu").mode == torch.nn.RNN(3, 5, 1, "relu").mode == "RNN_RELU"


def test_a_dropout_without_effect_is_warned_of_at_the_callers_line():
    for kind in KINDS:
        with pytest.warns(UserWarning, match="num_layers=1") as caught:
            getattr(nurt.nn, kind)(3, 5, dropout=0.2)
        assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "arguments",
    [
        {"dropout": 1.5},
        {"dropout": True},
        {"dropout": "a"},
        {"bias": 1},
        {"batch_first": None},
        {"num_layers": 0},
        {"num_layers": 1.5},
        {"hidden_size": 0},
        {"hidden_size": 2.5},
        {"input_size": -1},
        {"input_size": "3"},
        {"proj_size": -1},
        {"proj_size": 5},
        {"proj_size": 2.0},
    ],
    ids=str,
)
def test_what_torchs_constructor_refuses_is_refused_with_the_same_built_in_error(arguments):
    arguments = {"input_size": 3, "hidden_size": 5} | arguments
    kinds = ["LSTM"] if "proj_size" in arguments else KINDS
    for kind in kinds:
        with pytest.raises((ValueError, TypeError)) as theirs, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            getattr(torch.nn, kind)(**arguments)
        with pytest.raises(NurtError, match=rf"nurt.nn.{kind}: `{list(arguments)[-1]}|`\w+`") as mine:
            getattr(nurt.nn, kind)(**arguments)
        assert isinstance(mine.value, theirs.type)


def test_an_unknown_nonlinearity_is_refused_as_in_torch():
    with pytest.raises(ValueError, match="Expected 'tanh' or 'relu'; got 'sigmoid'"):
        RNN(3, 5, nonlinearity="sigmoid")


def states(kind: str, *shape: int, dtype=torch.float32, device="cpu"):
    state = torch.zeros(*shape, dtype=dtype, device=device)
    return (state, state) if kind == "LSTM" else state


X = torch.ones(4, 2, 3)
REFUSED = {
    "one axis": (lambda _: (torch.ones(3),), r"Expected \(T, B, I\), or \(T, I\) for a single sequence; got \(3,\)"),
    "four axes": (lambda _: (torch.ones(1, 4, 2, 3),), "wrong number of axes"),
    "features": (
        lambda _: (torch.ones(4, 2, 7),),
        r"Expected \(T, B, 3\), because input_size=3 and batch_first=False; got \(4, 2, 7\)\.\n"
        "Pass inputs with 3 features, or build the layer with input_size=7",
    ),
    "no step": (lambda _: (torch.ones(0, 2, 3),), "no time step"),
    "no step, single": (lambda _: (torch.ones(0, 3),), "no time step"),
    "double input": (lambda _: (X.double(),), r"Expected torch.float32; got torch.float64"),
    "integer input": (lambda _: (X.long(),), "different dtypes"),
    "input elsewhere": (lambda _: (X.to("meta"),), "different devices"),
    "no tensor": (lambda _: ([1.0],), "Expected a Tensor or PackedSequence; got list"),
    "hx batch": (lambda kind: (X, states(kind, 1, 3, 5)), r"`h_0` of `hx` has .*\n.*\(1, 2, 5\).*got \(1, 3, 5\)"),
    "hx features": (lambda kind: (X, states(kind, 1, 2, 4)), r"got \(1, 2, 4\)"),
    "hx without batch": (lambda kind: (X, states(kind, 1, 5)), r"of a batch; got \(1, 5\)"),
    "hx with batch, single input": (lambda kind: (X[:, 0], states(kind, 1, 1, 5)), "of a single sequence"),
    "hx double": (lambda kind: (X, states(kind, 1, 2, 5, dtype=torch.float64)), "h_0 of hx"),
    "hx elsewhere": (lambda kind: (X, states(kind, 1, 2, 5, device="meta")), "different devices"),
    "hx of a packed batch": (
        lambda kind: (pack_padded_sequence(X, [4, 2]), states(kind, 1, 3, 5)),
        r"got \(1, 3, 5\)",
    ),
    "features of a packed batch": (
        lambda _: (pack_padded_sequence(torch.ones(4, 2, 7), [4, 2]),),
        r"Expected \(sum of lengths, 3\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("kind", KINDS)
def test_what_torch_refuses_in_a_call_is_refused_with_the_same_built_in_error(kind, case):
    make, message = REFUSED[case]
    mine, theirs = pair(kind, 3, 5)
    with pytest.raises(Exception) as expected:
        theirs(*make(kind))
    with pytest.raises(NurtError, match=message) as caught:
        mine(*make(kind))
    assert isinstance(caught.value, expected.type)
    assert str(caught.value).startswith(f"nurt.nn.{kind}: ")


DATA = torch.ones(9, 3)


def by_hand(sizes, *orders, dtype=torch.int64):
    return PackedSequence(DATA, torch.tensor(sizes, dtype=dtype), *(torch.tensor(order) for order in orders))


CONTRADICTIONS = {
    "rising": lambda: by_hand([2, 3, 4]),
    "too many rows": lambda: by_hand([5, 4, 3]),
    "below nothing": lambda: by_hand([5, 5, -1]),
    "no step": lambda: by_hand([]),
    "fractions": lambda: by_hand([5, 4], dtype=torch.float32),
    "int32": lambda: by_hand([5, 4], dtype=torch.int32),
    "a matrix": lambda: by_hand([[5, 4]]),
    "rows that are not there": lambda: by_hand([5, 4], [0, 1, 2, 3, 9], [0, 1, 2, 3, 9]),
    "an order of fractions": lambda: by_hand([5, 4], [0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 3.0, 4.0]),
}
# Torch does not look at these, and what it computes is not what was asked for.
UNSEEN = {
    "too few rows": lambda: by_hand([3, 2, 1]),
    "an order of fewer rows": lambda: by_hand([5, 4], [0, 1, 2], [0, 1, 2]),
}


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("case", [*CONTRADICTIONS, *UNSEEN])
@pytest.mark.parametrize("kind", KINDS)
def test_a_packed_sequence_that_contradicts_itself_is_refused_with_torchs_types(kind, case, bidirectional):
    mine, theirs = pair(kind, 3, 5, bidirectional=bidirectional)
    packed = (CONTRADICTIONS | UNSEEN)[case]()
    with pytest.raises(NurtError, match=rf"nurt.nn.{kind}: .*packed `input`") as caught:
        mine(packed)
    assert "pack_padded_sequence" in str(caught.value)
    if case in CONTRADICTIONS and not (bidirectional is False and case in ("fractions", "int32")):
        with pytest.raises(Exception) as expected:
            theirs(packed)
        assert isinstance(caught.value, expected.type)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_without_rows_and_batches_of_none_are_what_they_are_in_torch(kind):
    mine, theirs = pair(kind, 3, 5)
    mine.load_state_dict(theirs.state_dict())
    for given in (torch.ones(4, 0, 3), by_hand([5, 4, 0])):
        (output, finals), (expected, expected_finals) = mine(given), theirs(given)
        assert_agree(getattr(output, "data", output), getattr(expected, "data", expected), OUTPUTS[torch.float32], "y")
        for one, other in zip(finals, expected_finals, strict=True):
            assert_agree(one, other, OUTPUTS[torch.float32], "final state")


@pytest.mark.parametrize("kind", ["RNN", "GRU"])
def test_a_projection_is_refused_as_in_torch_whatever_its_size(kind):
    for size in (0, 2):
        with pytest.raises(ValueError, match="no projected recurrence"):
            getattr(nurt.nn, kind)(3, 5, proj_size=size)


def test_states_of_the_other_kind_are_refused():
    state = torch.zeros(1, 2, 5)
    with pytest.raises(NurtError, match="not a pair"):
        LSTM(3, 5)(X, state)
    with pytest.raises(NurtError, match=r"Expected \(h_0, c_0\); got 3 of them"):
        LSTM(3, 5)(X, (state, state, state))
    with pytest.raises(NurtError, match="`c_0` of `hx` is not a tensor"):
        LSTM(3, 5)(X, (state, None))
    with pytest.raises(NurtError, match="`c_0` of `hx` has the wrong shape"):
        LSTM(3, 5, proj_size=2)(X, (torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)))
    with pytest.raises(NurtError, match="got tuple"):
        GRU(3, 5)(X, (state, state))


def test_lengths_that_do_not_fit_are_refused():
    layer = LSTM(3, 5)
    with pytest.raises(ValueError, match="row 1"):
        layer(X, lengths=[4, 5])
    with pytest.raises(TypeError, match="leave `lengths` out"):
        layer(pack_padded_sequence(X, [4, 2]), lengths=[4, 2])
    with pytest.raises(TypeError, match="single sequence"):
        layer(X[:, 0], lengths=[4])


def test_a_forced_rung_that_cannot_serve_is_an_error():
    with use("torch"), pytest.raises(UnavailableError, match="complex64"):
        GRU(3, 5, dtype=torch.complex64)(X.to(torch.complex64))


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_of_sequences_packed_by_torch_goes_through_in_its_own_order(kind):
    mine, theirs = pair(kind, 3, 5, bidirectional=True)
    mine.load_state_dict(theirs.state_dict())
    packed = pack_sequence([torch.randn(length, 3) for length in (2, 5, 1)], enforce_sorted=False)
    (output, finals), (expected, expected_finals) = mine(packed), theirs(packed)
    assert_agree(output.data, expected.data, OUTPUTS[torch.float32], "output")
    assert torch.equal(output.unsorted_indices, packed.unsorted_indices)
    for one, other in zip(finals, expected_finals, strict=True):
        assert_agree(one, other, OUTPUTS[torch.float32], "final state")


@pytest.mark.parametrize("rung", ["torch", "reference"])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_keep_dtype_in_half_precision_and_under_autocast(kind, rung):
    layer = getattr(nurt.nn, kind)(3, 5, 2)
    with use(rung):
        assert layer(X)[0].dtype == torch.float32
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.isfinite(layer(X)[0]).all()
            assert torch.isfinite(layer(X.bfloat16())[0]).all()
        for dtype in (torch.bfloat16, torch.float16, torch.float64):
            assert layer.to(dtype)(X.to(dtype))[0].dtype == dtype


def test_a_layer_can_be_built_without_memory_and_on_another_default_dtype():
    assert LSTM(3, 5, device="meta")(X.to("meta"))[0].shape == (4, 2, 5)
    previous = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert GRU(3, 5).weight_ih_l0.dtype == torch.float64
    finally:
        torch.set_default_dtype(previous)


@pytest.mark.parametrize("kind", KINDS)
def test_copies_and_saved_layers_compute_the_same_and_share_nothing(kind):
    layer = getattr(nurt.nn, kind)(3, 5, 2)
    stream = io.BytesIO()
    torch.save(layer, stream)
    stream.seek(0)
    for twin in (copy.deepcopy(layer), torch.load(stream, weights_only=False)):
        assert torch.equal(twin(X)[0], layer(X)[0])
        with torch.no_grad():
            twin.weight_hh_l1.zero_()
        assert not torch.equal(twin(X)[0], layer(X)[0])


@pytest.mark.parametrize("rung", ["native", "torch", "adjoint", "reference"])
def test_parametrised_assigned_and_substituted_weights_are_seen(rung):
    class Negated(torch.nn.Module):
        def forward(self, weight):
            return -weight

    layer, plain = GRU(3, 5), GRU(3, 5)
    plain.load_state_dict(
        {name: -value if "weight_hh" in name else value for name, value in layer.state_dict().items()}
    )
    with use(rung):
        expected, _ = plain(X)
        substituted, _ = torch.func.functional_call(layer, {"weight_hh_l0": -layer.weight_hh_l0}, (X,))
        torch.testing.assert_close(substituted, expected)
        torch.nn.utils.parametrize.register_parametrization(layer, "weight_hh_l0", Negated())
        torch.testing.assert_close(layer(X)[0], expected)
        layer(X)[0].sum().backward()
        assert layer.parametrizations.weight_hh_l0.original.grad is not None
        plain.weight_hh_l0 = torch.nn.Parameter(torch.zeros(15, 5))
        assert not torch.equal(plain(X)[0], expected)


@pytest.mark.parametrize("rung", ["native", "torch", "adjoint", "reference"])
def test_frozen_and_shared_weights_get_the_gradients_they_should(rung):
    layer = LSTM(5, 5, 2)
    layer.weight_ih_l0.requires_grad_(False)
    layer.weight_hh_l1 = layer.weight_hh_l0
    with use(rung):
        layer(torch.randn(4, 2, 5))[0].sum().backward()
    assert layer.weight_ih_l0.grad is None
    separate = copy.deepcopy(layer)
    separate.weight_hh_l1 = torch.nn.Parameter(separate.weight_hh_l0.detach().clone())
    assert len(list(separate.parameters())) == len(list(layer.parameters())) + 1
    inputs = torch.randn(4, 2, 5)
    layer.zero_grad()
    separate.zero_grad()
    with use(rung):
        layer(inputs)[0].sum().backward()
        separate(inputs)[0].sum().backward()
    torch.testing.assert_close(layer.weight_hh_l0.grad, separate.weight_hh_l0.grad + separate.weight_hh_l1.grad)


def ran(name):
    def fail(*_, **__):
        raise AssertionError(f"torch's own {name} ran")

    return fail


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_an_rnnbase_and_nothing_of_torchs_own_runs(kind, monkeypatch):
    layer = getattr(nurt.nn, kind)(3, 5, 2)
    assert isinstance(layer, torch.nn.RNNBase)
    # So that people's programs may ask for the names of the weights as they do of torch's layers.
    theirs = getattr(torch.nn, kind)(3, 5, 2)
    assert layer._all_weights == theirs._all_weights
    assert [one.shape for one in layer._flat_weights] == [one.shape for one in theirs._flat_weights]
    for name, value in vars(torch.nn.RNNBase).items():
        if callable(value):
            monkeypatch.setattr(torch.nn.RNNBase, name, ran(name))
    layer = getattr(nurt.nn, kind)(3, 5, 2)
    layer.weight_hh_l0 = torch.nn.Parameter(torch.zeros_like(layer.weight_hh_l0))
    layer.to(torch.float64).float().half().float().flatten_parameters()
    layer.reset_parameters()
    twin = pickle.loads(pickle.dumps(copy.deepcopy(layer)))
    twin.load_state_dict(layer.state_dict())
    assert torch.equal(twin(X)[0], layer(X)[0])
    assert repr(twin)
    layer._replicate_for_data_parallel()
    assert layer.all_weights
    torch.func.functional_call(layer, dict(layer.named_parameters()), (X,))


def test_initialising_by_rnnbase_finds_layers_of_torch_and_of_nurt():
    def initialised(module):
        if isinstance(module, torch.nn.RNNBase):
            for name, weight in module.named_parameters():
                torch.nn.init.constant_(weight, 0.25 if "weight" in name else 0.0)

    for kind in KINDS:
        for layer in pair(kind, 3, 5, 2):
            layer.apply(initialised)
            assert all(float(one.detach().abs().max()) in (0.0, 0.25) for one in layer.parameters())


def test_a_wrong_state_dict_is_refused_by_torch_itself():
    with pytest.raises(RuntimeError, match="weight_ih_l1"):
        LSTM(3, 5, 2).load_state_dict(LSTM(3, 5).state_dict())
