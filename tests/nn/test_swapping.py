"""Torch's layers inside a model replaced by nurt's, and back."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree
from torch import nn

import nurt.nn
from nurt.errors import NurtTypeError


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(3, 5, 2, batch_first=True, dropout=0.3, bidirectional=True)
        self.blocks = nn.ModuleList([nn.GRU(10, 4), nn.Sequential(nn.RNN(4, 4, nonlinearity="relu", bias=False))])
        self.again = self.blocks[0]
        self.projected = nn.LSTM(4, 5, proj_size=2)
        self.head = nn.Linear(2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in (self.encoder, self.blocks[0], self.blocks[1], self.projected):
            x, _ = layer(x)
        return self.head(x)


PLACES = ["encoder", "blocks.0", "blocks.1.0", "again", "projected"]


def test_a_model_computes_the_same_after_the_swap_and_after_the_way_back():
    model, x = Model().eval(), torch.randn(4, 6, 3)
    expected, parameters, names = model(x), list(model.parameters()), list(model.state_dict())
    generator = torch.get_rng_state()
    assert nurt.nn.swap(model) == PLACES
    assert isinstance(model.encoder, nurt.nn.LSTM)
    assert isinstance(model.blocks[1][0], nurt.nn.RNN)
    assert model.again is model.blocks[0]
    assert_agree(model(x), expected, OUTPUTS[torch.float32], "swapped")
    assert nurt.nn.swap_back(model) == PLACES
    assert type(model.encoder) is nn.LSTM
    assert model.again is model.blocks[0]
    assert torch.equal(model(x), expected)
    assert list(model.state_dict()) == names
    assert all(one is other for one, other in zip(model.parameters(), parameters, strict=True))
    assert torch.equal(torch.get_rng_state(), generator)


def test_an_optimizer_and_frozen_and_tied_weights_go_on():
    model = nn.ModuleDict({"one": nn.GRU(4, 4), "two": nn.GRU(4, 4)})
    model["two"].weight_hh_l0 = model["one"].weight_hh_l0
    model["one"].weight_ih_l0.requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    nurt.nn.swap(model)
    assert model["two"].weight_hh_l0 is model["one"].weight_hh_l0
    before = model["two"].weight_hh_l0.detach().clone(), model["one"].weight_ih_l0.detach().clone()
    model["two"](model["one"](torch.randn(3, 2, 4))[0])[0].sum().backward()
    optimizer.step()
    assert not torch.equal(model["two"].weight_hh_l0, before[0])
    assert torch.equal(model["one"].weight_ih_l0, before[1])


def test_hooks_and_the_mode_stay():
    model, seen = nn.Sequential(nn.LSTM(3, 5)), []
    model[0].register_forward_hook(lambda module, *_: seen.append(type(module)))
    model[0].eval()
    nurt.nn.swap(model)
    model(torch.randn(4, 2, 3))
    assert seen == [nurt.nn.LSTM]
    assert not model[0].training


def test_subclasses_are_left_alone_and_a_second_swap_finds_nothing():
    class Own(nn.GRU):
        pass

    model = nn.ModuleList([Own(3, 5), nn.Linear(3, 5), nn.GRU(3, 5)])
    assert nurt.nn.swap(model) == ["2"]
    assert nurt.nn.swap(model) == []
    assert type(model[0]) is Own


@pytest.mark.parametrize("function", [nurt.nn.swap, nurt.nn.swap_back])
def test_a_lone_layer_is_refused_because_nothing_holds_it(function):
    layer = nn.LSTM(3, 5) if function is nurt.nn.swap else nurt.nn.LSTM(3, 5)
    with pytest.raises(NurtTypeError, match=r"from_torch|to_torch"):
        function(layer)
    with pytest.raises(NurtTypeError, match="not a module"):
        function("model")
