"""Recipes for initial weights: each by the property that defines it."""

from __future__ import annotations

import math

import pytest
import torch
from tests.cells import DENSE

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.nn import GRU, LSTM, RNN, CIFGLSTMCell, ElmanCell, GRUCell, LSTMCell, ProjectedLSTMCell, build, init
from nurt.nn.gates import gate_weights

IN, H = 3, 17
GATED = [kind for kind in DENSE if "lstm" in kind]
LAYERS = {
    **{kind: lambda kind=kind: DENSE[kind](IN, H) for kind in DENSE},
    "LSTM": lambda: LSTM(IN, H, 2, bidirectional=True),
    "GRU": lambda: GRU(IN, H, 2),
    "torch.LSTM": lambda: torch.nn.LSTM(IN, H, 2, bidirectional=True),
    "torch.GRUCell": lambda: torch.nn.GRUCell(IN, H),
    "stack": lambda: torch.nn.Sequential(build("lstm", IN, H, 2, bidirectional=True)),
}
RECIPES = {
    "torch_default_": (lambda module, generator: init.torch_default_(module, generator=generator), list(LAYERS)),
    "orthogonal_": (lambda module, generator: init.orthogonal_(module, generator=generator), list(LAYERS)),
    "chrono_": (lambda module, generator: init.chrono_(module, 50, generator=generator), [*GATED, "gru", "GRU"]),
    "identity_": (lambda module, generator: init.identity_(module, generator=generator), ["linear", "elman"]),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_generator_repeats_a_recipe_and_leaves_torchs_own_alone(recipe):
    run, kinds = RECIPES[recipe]
    for kind in kinds:
        torch.manual_seed(1)
        modules = [LAYERS[kind]() for _ in range(3)]
        modules[1].load_state_dict(modules[0].state_dict())
        modules[2].load_state_dict(modules[0].state_dict())
        before = torch.get_rng_state()
        for module, seed in zip(modules, (5, 5, 6), strict=True):
            run(module, torch.Generator().manual_seed(seed))
        assert torch.equal(torch.get_rng_state(), before)
        first, second, third = (torch.cat([each.flatten() for each in module.parameters()]) for module in modules)
        assert torch.equal(first, second)
        assert not torch.equal(first, third)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_default_fills_the_interval_of_plus_minus_one_over_root_h(kind):
    torch.manual_seed(3)
    module = LAYERS[kind]()
    for part in gate_weights("test", module):
        with torch.no_grad():
            part.weight_hh.fill_(7)
    init.torch_default_(module)
    for part in gate_weights("test", module):
        for tensor in (part.weight_ih, part.weight_hh, part.bias_ih, part.bias_hh):
            assert 0.8 / math.sqrt(H) < tensor.abs().max() <= 1 / math.sqrt(H)


def test_the_default_gives_the_numbers_torch_gives():
    torch.manual_seed(3)
    theirs = torch.nn.LSTM(IN, H, 2)
    ours = LSTM(IN, H, 2)
    torch.manual_seed(3)
    init.torch_default_(ours)
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in theirs.state_dict().items())


@pytest.mark.parametrize("gain", [1.0, 0.5])
@pytest.mark.parametrize("kind", LAYERS)
def test_each_gate_is_orthogonal_on_its_own(kind, gain):
    module = LAYERS[kind]().double()
    init.orthogonal_(module, gain)
    blocks = [block for part in gate_weights("test", module) for block in part.recurrent_blocks()]
    assert all(block.shape == (H, H) for block in blocks)
    for block in blocks:
        torch.testing.assert_close(block.T @ block, gain**2 * torch.eye(H, dtype=torch.float64))
    assert all(not torch.equal(block, blocks[0]) for block in blocks[1:])


def test_a_projected_block_has_orthonormal_columns():
    cell = ProjectedLSTMCell(IN, H, 4).double()
    init.orthogonal_(cell)
    for block in cell.weight_hh.chunk(4):
        torch.testing.assert_close(block.T @ block, torch.eye(4, dtype=torch.float64))


@pytest.mark.parametrize("kind", [*GATED, "LSTM", "torch.LSTM", "stack"])
def test_the_forget_biases_sum_to_the_value_exactly_and_the_others_stay(kind):
    module = LAYERS[kind]()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    init.forget_bias_(module, 0.7)
    first = 0 if kind == "cifg_lstm" else H
    biases = 0
    for name, value in module.state_dict().items():
        if "bias_ih" in name or "bias_hh" in name:
            biases += 1
            expected = 0.7 if "bias_ih" in name else 0.0
            assert torch.equal(value[first : first + H], torch.full((H,), expected))
            rest = torch.ones(len(value), dtype=torch.bool)
            rest[first : first + H] = False
            assert torch.equal(value[rest], before[name][rest])
        else:
            assert torch.equal(value, before[name])
    assert biases >= 2


@pytest.mark.parametrize("longest", [2, 3, 1000])
@pytest.mark.parametrize("kind", [*GATED, "gru", "reset_before_gru"])
def test_chrono_spreads_the_time_scales_evenly_up_to_the_longest(kind, longest):
    units = 4000
    cell = DENSE[kind](1, units)
    init.chrono_(cell, longest, generator=torch.Generator().manual_seed(2))
    (part,) = gate_weights("test", cell)
    kept = part.rows("f" if "f" in part.order else "z")
    total = (part.bias_ih + part.bias_hh)[kept].double()
    steps = 1 / (1 - torch.sigmoid(total))
    assert steps.min() >= 2 - 1e-4
    assert steps.max() <= longest * (1 + 1e-4)
    # Evenly: the quartiles of 1 + e^b, uniform from 2 to T.
    for share in (0.25, 0.5, 0.75):
        wanted = 2 + share * (longest - 2)
        assert steps.quantile(share).item() == pytest.approx(wanted, rel=0.06)
    if "i" in part.order:
        assert torch.equal((part.bias_ih + part.bias_hh)[part.rows("i")].double(), -total)
        assert torch.equal(part.bias_hh[part.rows("i")], torch.zeros(units))


def test_the_identity_keeps_a_state_that_nothing_is_added_to():
    for make in (lambda: ElmanCell(IN, H, nonlinearity="relu"), lambda: RNN(IN, H, 2), lambda: build("linear", IN, H)):
        module = make()
        init.identity_(module, scale=0.5, std=0.01)
        for part in gate_weights("test", module):
            assert torch.equal(part.weight_hh, 0.5 * torch.eye(H))
            assert 0 < part.weight_ih.std() < 0.02
            assert part.bias_ih.abs().max() == part.bias_hh.abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("radius", [0.3, 1.0, 1.25])
@pytest.mark.parametrize("kind", LAYERS)
def test_each_gate_has_the_spectral_radius_asked_for_and_its_old_directions(kind, radius, dtype):
    module = LAYERS[kind]().to(dtype)
    before = [block.clone() for part in gate_weights("test", module) for block in part.recurrent_blocks()]
    init.spectral_radius_(module, radius)
    after = [block for part in gate_weights("test", module) for block in part.recurrent_blocks()]
    for old, new in zip(before, after, strict=True):
        found = torch.linalg.eigvals(new.detach().double()).abs().max().item()
        assert found == pytest.approx(radius, rel=1e-6)
        torch.testing.assert_close(new / new.norm(), old / old.norm())


@pytest.mark.parametrize("recipe", ["orthogonal_", "identity_", "spectral_radius_"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_numbers_out_of_range_are_refused(recipe, value):
    with pytest.raises(NurtValueError, match=rf"{recipe}: `\w+` is out of range"):
        getattr(init, recipe)(ElmanCell(IN, H), value)


def test_what_a_recipe_cannot_do_is_refused():
    with pytest.raises(NurtTypeError, match="no such gate"):
        init.forget_bias_(GRUCell(IN, H))
    with pytest.raises(NurtTypeError, match="no such gate"):
        init.chrono_(ElmanCell(IN, H), 9)
    with pytest.raises(NurtTypeError, match="has no biases"):
        init.forget_bias_(LSTM(IN, H, bias=False))
    with pytest.raises(NurtTypeError, match="has gates"):
        init.identity_(CIFGLSTMCell(IN, H))
    with pytest.raises(NurtValueError, match="2 steps or more"):
        init.chrono_(LSTMCell(IN, H), 1)
    with pytest.raises(NurtTypeError, match="not a number"):
        init.chrono_(LSTMCell(IN, H), "9")
    with pytest.raises(NurtValueError, match="not finite"):
        init.forget_bias_(LSTMCell(IN, H), float("inf"))
    with pytest.raises(ShapeError, match="not square"):
        init.spectral_radius_(ProjectedLSTMCell(IN, H, 4), 1.0)
    nilpotent = ElmanCell(IN, 2)
    with torch.no_grad():
        nilpotent.weight_hh.copy_(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    with pytest.raises(NurtValueError, match="spectral radius of 0"):
        init.spectral_radius_(nilpotent, 1.0)
