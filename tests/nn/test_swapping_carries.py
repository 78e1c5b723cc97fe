"""What a person has put on a layer goes along when it is replaced, or the layer stays and the report says so."""

from __future__ import annotations

import copy
import re
import types
import warnings

import pytest
import torch
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree, conditioned
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

import nurt.nn
from nurt.errors import UnavailableError

W = "weight_hh_l0"


class Halved(nn.Module):
    def forward(self, weight):
        return weight / 2


def hooked(layer):
    layer.register_forward_pre_hook(lambda _, given: (given[0] * 2, *given[1:]))
    layer.register_forward_hook(lambda *given: (given[2][0] + 1, given[2][1]))
    layer.register_full_backward_hook(lambda _module, grads, _: (grads[0] * 3, *grads[1:]))


def old_norm(function):
    def dressed(layer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            function(layer, W)

    return dressed


def dropped(layer):
    """As AWD does it: the parameter goes under another name, and each call computes the weight from it."""
    raw = getattr(layer, W)
    del layer._parameters[W]
    layer.register_parameter("raw", nn.Parameter(raw.detach().clone()))

    def computed(module, _):
        setattr(module, W, module.raw * (torch.arange(module.raw.shape[1]) % 2))

    setattr(layer, W, layer.raw * 1)
    layer.register_forward_pre_hook(computed)


def extras(layer):
    layer.register_buffer("running", torch.ones(2))
    layer.register_buffer("passing", torch.ones(2), persistent=False)
    layer.extra = nn.Linear(2, 2)
    layer.remark = "read"
    layer.flatten_parameters = lambda: None


DRESSINGS = {
    "hooks": hooked,
    "extras": extras,
    "pruned": lambda layer: prune.l1_unstructured(layer, W, 0.5),
    "pruned twice": lambda layer: [prune.l1_unstructured(layer, W, 0.5), prune.random_structured(layer, W, 0.3, dim=0)],
    "pruned for good": lambda layer: [prune.l1_unstructured(layer, W, 0.5), prune.remove(layer, W)],
    "weight norm": lambda layer: parametrizations.weight_norm(layer, W),
    "orthogonal": lambda layer: parametrizations.orthogonal(layer, W),
    "two parametrisations": lambda layer: [
        parametrize.register_parametrization(layer, W, Halved()),
        parametrize.register_parametrization(layer, W, Halved()),
        parametrize.register_parametrization(layer, "bias_ih_l0", Halved()),
    ],
    "old weight norm": old_norm(nn.utils.weight_norm),
    "old spectral norm": old_norm(nn.utils.spectral_norm),
    "weight drop": dropped,
    "frozen": lambda layer: getattr(layer, W).requires_grad_(False),
}


@pytest.mark.parametrize("dressing", DRESSINGS)
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_dressed_layer_computes_trains_and_saves_the_same_after_the_swap_and_back(kind, dressing):
    layer = getattr(nn, kind)(4, 4, 2, bidirectional=True, dtype=torch.float64)
    DRESSINGS[dressing](layer)
    model = nn.ModuleList([layer]).eval()
    # The norm of a weight divides its gradient: what a rounding of the inputs does to the oracle is allowed too.
    twin, near = (
        nn.ModuleList([getattr(nn, kind)(4, 4, 2, bidirectional=True, dtype=torch.float64)]) for _ in range(2)
    )
    for other in (twin, near):
        DRESSINGS[dressing](other[0])
        other.eval().load_state_dict(model.state_dict())
    assert list(model.state_dict()) == list(twin.state_dict())
    parameters = list(model.parameters())
    inputs = torch.randn(5, 2, 4, dtype=torch.float64)
    for change, expected_kind in ((nurt.nn.swap, getattr(nurt.nn, kind)), (nurt.nn.swap_back, getattr(nn, kind))):
        report = change(model)
        assert report == ["0"]
        assert report.passed_over == {}
        assert isinstance(model[0], expected_kind)
        assert list(model.state_dict()) == list(twin.state_dict())
        assert all(one is other for one, other in zip(model.parameters(), parameters, strict=True))
        results = []
        for each, factor in ((model, 1.0), (twin, 1.0), (near, 1.0 + torch.finfo(torch.float64).eps)):
            given = (inputs * factor).requires_grad_()
            each.zero_grad()
            outputs, _ = each[0](given)
            outputs.square().sum().backward()
            results.append([outputs, given.grad, *[one.grad for one in each.parameters()]])
        for index, (one, other, moved) in enumerate(zip(*results, strict=True)):
            assert (one is None) == (other is None)
            if one is not None:
                allowed = conditioned((GRADIENTS if index else OUTPUTS)[torch.float64], other, moved)
                assert_agree(one, other, allowed, f"{dressing} {index}")
        assert vars(model[0]).keys() & {"remark"} == vars(twin[0]).keys() & {"remark"}
        # A state saved on one side is read on the other.
        model.load_state_dict(twin.state_dict())


def test_what_has_been_carried_can_still_be_taken_off():
    model = nn.ModuleList([nn.LSTM(3, 4), nn.GRU(3, 4)])
    prune.l1_unstructured(model[0], W, 0.5)
    handle = model[1].register_forward_hook(lambda *_: pytest.fail("the hook was removed"))
    parametrize.register_parametrization(model[1], W, Halved())
    halved = model[1].weight_hh_l0.detach().clone()
    nurt.nn.swap(model)
    prune.remove(model[0], W)
    assert isinstance(model[0]._parameters[W], nn.Parameter)
    handle.remove()
    parametrize.remove_parametrizations(model[1], W)
    assert type(model[1]) is nurt.nn.GRU
    assert torch.equal(model[1].weight_hh_l0, halved)
    model[1](torch.randn(5, 2, 3))


def test_hooks_of_the_state_dict_know_the_new_layer():
    model, seen = nn.ModuleList([nn.LSTM(3, 4)]), []
    model[0].register_state_dict_post_hook(lambda module, *_: seen.append(("post", type(module))))
    model[0].register_state_dict_pre_hook(lambda module, *_: seen.append(("pre", type(module))))
    model[0].register_load_state_dict_pre_hook(lambda module, *_: seen.append(("load", type(module))))
    model[0].register_load_state_dict_post_hook(lambda module, *_: seen.append(("loaded", type(module))))
    nurt.nn.swap(model)
    model.load_state_dict(model.state_dict())
    assert seen == [(name, nurt.nn.LSTM) for name in ("pre", "post", "load", "loaded")]


def patched(layer):
    layer.forward = types.MethodType(lambda *_: ("patched",), layer)


class Holder(nn.Module):
    """Holds a layer as the case says, and beside it one that can be replaced."""

    def __init__(self, hold) -> None:
        super().__init__()
        self.free = nn.GRU(3, 4)
        hold(self, nn.LSTM(3, 4))


class Own(nn.LSTM):
    pass


class Gated(nn.GRUCell):
    pass


def in_a_list(model, layer):
    model.parts = [layer, nn.Linear(3, 3)]


def in_a_list_and_registered(model, layer):
    model.parts = {"all": (layer,)}
    model.layer = layer


def inside_a_listed_module(model, layer):
    model.parts = [nn.Sequential(layer)]


def compiled_in_place(model, layer):
    layer.compile(backend="eager")
    model.layer = layer


def with_a_step_of_its_own(model, layer):
    layer.permute_hidden = lambda hx, _: hx
    model.layer = layer


def with_a_bound_method(model, layer):
    layer.before = layer.forward
    model.layer = layer


def with_a_name_of_ours(model, layer):
    layer.regularisation = 0.3
    model.layer = layer


PASSED_OVER = {
    "a forward on the object": (
        lambda model, layer: [patched(layer), setattr(model, "layer", layer)],
        "layer",
        "forward",
    ),
    "a subclass": (lambda model, _: setattr(model, "layer", Own(3, 4)), "layer", "Own is a subclass of LSTM"),
    "a subclass of a cell": (lambda model, _: setattr(model, "cell", Gated(3, 4)), "cell", "Gated is a subclass"),
    "a list": (in_a_list, "parts[0]", "no module is looked up"),
    "a list and a register": (in_a_list_and_registered, "layer", r"also holds it in parts\['all'\]\[0\]"),
    "a module in a list": (inside_a_listed_module, "parts[0]", "no module is looked up"),
    "compiled": (
        lambda model, layer: setattr(model, "layer", torch.compile(layer, backend="eager")),
        "layer._orig_mod",
        "compiled",
    ),
    "compiled in place": (compiled_in_place, "layer", "compiled in place"),
    "a part of forward on the object": (with_a_step_of_its_own, "layer", "`permute_hidden` of its own"),
    "a method bound to it": (with_a_bound_method, "layer", "`before` is a method"),
    "a name of ours": (with_a_name_of_ours, "layer", "`regularisation` has been put on it"),
}


@pytest.mark.parametrize("case", PASSED_OVER)
def test_what_cannot_go_along_stays_as_it_is_and_is_told(case):
    hold, place, why = PASSED_OVER[case]
    model = Holder(hold)
    before = {name: module for name, module in model.named_modules() if name != "free"}
    report = nurt.nn.swap(model)
    assert list(report) == ["free"]
    assert type(model.free) is nurt.nn.GRU
    assert re.search(why, report.passed_over[place])
    assert f"passed over: {place}" in str(report)
    after = {name: module for name, module in model.named_modules() if name != "free"}
    assert before.keys() == after.keys()
    assert all(after[name] is module for name, module in before.items())


def test_a_forward_put_on_torchs_class_is_not_lost(monkeypatch):
    monkeypatch.setattr(nn.GRU, "forward", lambda _, x: ("patched", x))
    model = nn.ModuleList([nn.GRU(3, 4), nn.LSTM(3, 4)])
    report = nurt.nn.swap(model)
    assert report == ["1"]
    assert "class GRU" in report.passed_over["0"]
    assert model[0](1) == ("patched", 1)


def test_what_every_module_has_may_be_replaced_on_the_object():
    model, seen = nn.ModuleList([nn.GRU(3, 4)]), []
    model[0].train = lambda mode=True: seen.append(mode)
    assert nurt.nn.swap(model) == ["0"]
    model[0].train(False)
    assert seen == [False]


def test_nothing_is_changed_where_one_layer_is_refused():
    model = nn.ModuleList([nurt.nn.LSTM(3, 4), nurt.nn.GRU(3, 4, gradient_clip=1.0)])
    before = list(model)
    with pytest.raises(UnavailableError, match="gradient_clip"):
        nurt.nn.swap_back(model)
    assert all(one is other for one, other in zip(model, before, strict=True))


def test_cells_are_replaced_too_and_explain_tells_what_is_left():
    model = nn.ModuleDict({"cell": nn.LSTMCell(3, 4), "own": Own(3, 4), "gru": nn.GRU(3, 4)})
    copied = copy.deepcopy(model)
    assert nurt.nn.swap(model) == ["cell", "gru"]
    told = nurt.nn.explain(model)
    assert set(told.parts) == {"cell", "gru"}
    assert told.rungs == ("native",)
    assert list(told.foreign) == ["own"]
    assert "own: " in str(told)
    assert "torch runs it" in str(told)
    x, state = torch.randn(2, 3), (torch.randn(2, 4), torch.randn(2, 4))
    for one, other in zip(model["cell"](x, state), copied["cell"](x, state), strict=True):
        assert_agree(one, other, OUTPUTS[torch.float32], "cell")
    assert nurt.nn.swap_back(model) == ["cell", "gru"]
    assert type(model["cell"]) is nn.LSTMCell


def test_a_lone_layer_is_copied_with_all_that_has_been_put_on_it():
    layer = nn.LSTM(3, 4)
    prune.l1_unstructured(layer, W, 0.5)
    layer.register_forward_hook(lambda *given: (given[2][0] + 1, given[2][1]))
    ours, inputs = nurt.nn.from_torch(layer), torch.randn(5, 2, 3)
    assert_agree(ours(inputs)[0], layer(inputs)[0], OUTPUTS[torch.float32], "outputs")
    assert list(ours.state_dict()) == list(layer.state_dict())
    with torch.no_grad():
        ours.weight_hh_l0_orig.zero_()
    assert layer.weight_hh_l0_orig.abs().sum() > 0
    theirs = nurt.nn.to_torch(ours)
    assert type(theirs) is nn.LSTM
    assert_agree(theirs(inputs)[0], ours(inputs)[0], OUTPUTS[torch.float32], "outputs")


def test_a_lone_layer_that_cannot_be_copied_whole_is_refused():
    layer = nn.LSTM(3, 4)
    patched(layer)
    with pytest.raises(UnavailableError, match="`forward` of its own"):
        nurt.nn.from_torch(layer)
    layer = nn.GRU(3, 4)
    raw = layer._parameters.pop(W)
    setattr(layer, W, raw * 2)
    with pytest.raises(UnavailableError, match="computation outside"):
        nurt.nn.from_torch(layer)
    cell = nn.GRUCell(3, 4)
    cell.register_forward_hook(lambda *_: None)
    with pytest.raises(UnavailableError, match="hooks"):
        nurt.nn.from_torch(cell)
