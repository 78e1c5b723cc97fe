"""Whether the gradient vanishes, holds or explodes, on networks of which it is known."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch
from tests.diagnostics.examination.networks import Last, biased, diagonal, random_tanh, reach_of, told
from torch import Tensor, nn

import nurt.nn
from nurt.diagnostics import BatchCurve, Branch, GradientByLag, LayerFindings, LayerId
from nurt.diagnostics.examination.on_reach import disagreement, growth, one_step, reach

T = 60
HERE = LayerId("layer", 0, "forward")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def curve(values: Any) -> BatchCurve:
    median = np.asarray(values, dtype=float)
    return BatchCurve(median, median, median, median, np.ones(len(median), dtype=int))


def branch(state: Any, last_lag: Any = (), steps: int = T, read_at: str = "last", **options: Any) -> Branch:
    """Return a branch of one layer whose gradients of state and inputs have these norms."""
    found = GradientByLag(HERE, ("hidden", "cell"), curve(state), curve(state), curve(state), 0.01, np.array(last_lag))
    return Branch((LayerFindings(HERE, "lstm", steps, **options),), read_at, found, True)


def lru(size: float) -> nurt.nn.Recurrent:
    """Return a linear recurrent unit whose eigenvalues all have one size."""
    return nurt.nn.Recurrent(nurt.nn.LRUCell(1, 6, r_min=size - 1e-4, r_max=size, max_phase=0.1))


def identity(factor: float) -> nn.RNN:
    layer = nn.RNN(1, 6, batch_first=True, nonlinearity="relu")
    with torch.no_grad():
        layer.weight_hh_l0.copy_(factor * torch.eye(6))
        layer.weight_ih_l0.fill_(1.0)
        layer.bias_ih_l0.zero_()
        layer.bias_hh_l0.zero_()
    return layer


HOLDING = {
    "lstm, forget gate open": (lambda: biased("LSTM", {1: 10.0}), 6),
    "gru, update gate open": (lambda: biased("GRU", {1: 6.0}), 6),
    "minGRU, update gate closed": (lambda: diagonal("MinGRUCell", -6.0), 6),
    "minLSTM, forget gate far above the input gate": (lambda: long_min_lstm(), 6),
    "LRU of size 0.999": (lambda: lru(0.999), 6),
    "identity": (lambda: identity(1.0), 6),
    "projected lstm": (lambda: projected(), 3),
}


def long_min_lstm() -> nurt.nn.Recurrent:
    layer = diagonal("MinLSTMCell", 0.0)
    with torch.no_grad():
        layer.cell.weight_ih[6:12] = 0.0
        layer.cell.bias_ih[6:12] = -8.0
    return layer


def projected() -> nn.LSTM:
    layer = nn.LSTM(1, 6, proj_size=3, batch_first=True)
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
        layer.bias_ih_l0[6:12] = 10.0
    return layer


VANISHING = {
    "lstm, forget gate half open": (lambda: biased("LSTM", {1: 0.0}), 6, 0.5),
    "lstm, forget gate closed": (lambda: biased("LSTM", {1: -5.0}), 6, float(torch.sigmoid(torch.tensor(-5.0)))),
    "minGRU, update gate half open": (lambda: diagonal("MinGRUCell", 0.0), 6, 0.5),
    "LRU of size 0.6": (lambda: lru(0.6), 6, 0.6),
    "identity by 0.7": (lambda: identity(0.7), 6, 0.7),
}


@pytest.mark.parametrize("name", HOLDING)
def test_a_memory_that_holds_is_not_told_that_it_hardly_learns(name: str) -> None:
    layer, width = HOLDING[name]
    found = reach_of(Last(layer(), width), torch.rand(8, T, 1))
    ((level, words),) = told(found, "reach")
    assert level == "good"
    assert words.startswith("The gradient holds: that of the whole state")
    assert f"all {T} steps" in words and "hardly" not in words
    assert found.branches[0].gradient.course == "holds"


@pytest.mark.parametrize("name", VANISHING)
def test_a_memory_that_fades_is_told_its_factor(name: str) -> None:
    layer, width, factor = VANISHING[name]
    found = reach_of(Last(layer(), width), torch.rand(8, T, 1))
    ((level, words),) = told(found, "reach")
    assert level == "warning"
    assert words.startswith("The gradient vanishes: ")
    assert "hardly contribute to training" in words
    assert found.whole.factor == pytest.approx(factor, rel=0.02)
    assert f"by a factor of {found.whole.factor:.3g}"[:20] in words
    # The share is 1 % after ln 100 / -ln f steps.
    assert found.whole.horizon == pytest.approx(np.log(0.01) / np.log(factor), abs=1.5)


def test_a_gradient_that_grows_explodes_in_words() -> None:
    found = reach_of(Last(random_tanh(3.0), 100), 0.1 * torch.randn(8, 120, 1))
    ((level, words),) = told(found, "reach")
    assert level == "warning"
    assert "explodes" in words and "per step" in words and "stays above" not in words
    assert 1.2 < found.whole.factor < 1.5
    assert f"a factor of {found.whole.factor:.3g} per step" in words
    assert not told(found, "growth")


def test_beyond_all_numbers_it_explodes_too() -> None:
    inputs = torch.zeros(4, 600, 1)
    inputs[:, -1] = 1.0
    linear = nurt.nn.Recurrent(nurt.nn.LinearCell(1, 6))
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.zero_()
        linear.cell.weight_ih.fill_(1.0)
        linear.cell.weight_hh.copy_(1.5 * torch.eye(6))
    found = reach_of(Last(linear, 6), inputs)
    ((level, words),) = told(found, "reach")
    assert level == "warning"
    # 1.5^219 is the first power of it beyond single precision; what arrives at the end is smaller than 1.
    assert 218 <= found.whole.overflow <= 240
    assert f"no finite number from {found.whole.overflow} steps before the loss on" in words
    assert found.layers[0].truncation is None


@pytest.mark.parametrize(("factor", "speaks"), [(1.02, False), (1.05, True)])
def test_growth_short_of_an_explosion_is_told_above_its_threshold(factor: float, speaks: bool) -> None:
    layer = identity(factor)
    found = reach_of(Last(layer, 6), torch.rand(4, T, 1))
    assert told(found, "reach")[0][0] == "good"
    assert bool(told(found, "growth")) == speaks
    if speaks:
        assert f"by a factor of {factor**T:.3g} over {T} steps, {factor} per step" in told(found, "growth")[0][1]


def test_one_bit_kept_by_gates_that_open_once_is_reached_by_the_inputs() -> None:
    layer = nn.LSTM(2, 1, batch_first=True).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0[0], layer.weight_ih_l0[0, 1] = -20.0, 30.0
        layer.bias_ih_l0[1] = float(torch.logit(torch.tensor(0.9)))
        layer.weight_ih_l0[2, 0] = 1.0
    inputs = torch.zeros(8, 80, 2, dtype=torch.float64)
    inputs[:, 0, 0], inputs[:, 0, 1] = 1.0, 1.0
    ((level, words),) = told(reach_of(Last(layer, 1), inputs), "reach")
    assert level == "good"
    assert "that of the inputs x, ‖∂L/∂x‖, reaches back over all 80 steps" in words
    assert "That of the whole state (h, c) falls below it" not in words
    # With the gate open at the last step alone nothing of the kind is there to find.
    ((level, words),) = told(reach_of(Last(layer, 1), inputs.flip(1)), "reach")
    assert level == "note" and "after 43 steps" in words


def test_where_the_inputs_reach_much_less_far_than_the_state_both_are_told() -> None:
    layer = nurt.nn.Recurrent(nurt.nn.LRUCell(1, 2)).double()
    with torch.no_grad():
        layer.cell.nu_log.copy_(torch.log(-torch.log(torch.tensor([0.5, 0.99]))))
        layer.cell.theta_log.fill_(-20.0)
        # The slow mode takes almost nothing in, and is read all the more.
        layer.cell.gamma_log.copy_(torch.tensor([0.0, -12.0]))
        layer.cell.input_real.fill_(1.0)
        layer.cell.output_real.copy_(torch.tensor([[1.0, 1.0], [1.0, 1.0]]))
        layer.cell.skip.zero_()
    ((level, words),) = told(reach_of(Last(layer, 2), torch.randn(4, T, 1).double()), "reach")
    assert level == "good" and "‖∂L/∂s‖, stays above 1 %" in words
    assert "That of the inputs x falls below it after 6 steps." in words


def test_a_large_input_long_ago_keeps_the_warning_away() -> None:
    inputs = torch.ones(4, T, 1)
    assert told(reach_of(Last(identity(0.7), 6), inputs), "reach")[0][0] == "warning"
    layer = nurt.nn.Recurrent(nurt.nn.LinearCell(1, 6))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.cell.weight_ih.fill_(1e-3)
        layer.cell.weight_hh.copy_(0.7 * torch.eye(6))
    inputs[:, 0] = 1e12
    ((level, words),) = told(reach_of(Last(layer, 6), inputs), "reach")
    assert level == "note"
    assert "steps farther away hold 100 % of the summed norms ‖K_s‖" in words


def test_losses_at_all_steps_are_told_how_far_each_goes_back() -> None:
    class Tagger(nn.Module):
        def __init__(self, layer: nn.Module) -> None:
            super().__init__()
            self.layer, self.head = layer, nn.Linear(6, 1)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.head(self.layer(inputs)[0])

    for bias, level, words in (
        (0.0, "warning", "hardly anything of that goes back farther"),
        (10.0, "good", "over all 60"),
    ):
        found = reach_of(Tagger(biased("LSTM", {1: bias})), torch.rand(8, T, 1))
        assert found.whole is None and found.branches[0].read_at == "several"
        assert (told(found, "reach")[0][0], words in told(found, "reach")[0][1]) == (level, True)
        assert "shorter window" not in told(found, "reach")[0][1]


@pytest.mark.parametrize("lower", [1.3, 0.7])
def test_of_losses_at_all_steps_a_layer_that_explodes_is_told_before_one_that_holds(lower: float) -> None:
    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lower, self.upper = identity(lower), nn.RNN(6, 6, batch_first=True, nonlinearity="relu")
            self.head = nn.Linear(6, 1)
            with torch.no_grad():
                self.upper.weight_hh_l0.copy_(torch.eye(6))
                self.upper.weight_ih_l0.copy_(torch.eye(6))
                self.upper.bias_ih_l0.zero_()
                self.upper.bias_hh_l0.zero_()

        def forward(self, inputs: Tensor) -> Tensor:
            return self.head(self.upper(self.lower(inputs)[0])[0])

    found = reach_of(Tagger(), torch.rand(4, T, 1))
    assert len(found.branches) == 1 and len(found.branches[0].layers) == 2
    ((level, words),) = told(found, "reach")
    assert (level, "explodes" in words) == (("warning", True) if lower > 1 else ("good", False))


@pytest.mark.parametrize("odd", [1, 0])
def test_one_odd_row_does_not_decide_and_is_told(odd: int) -> None:
    layer = biased("GRU", {1: 0.0})
    with torch.no_grad():
        layer.weight_ih_l0[6:12] = 30.0
    inputs = torch.zeros(8, 50, 1)
    inputs[:odd] = 1.0
    found = reach_of(Last(layer, 6), inputs)
    assert found.whole.horizon == 6
    ((level, _),) = told(found, "reach")
    assert level == "warning"
    assert len(told(found, "rows")) == odd
    if odd:
        assert "in 1 of 8 the gradient reaches" in told(found, "rows")[0][1]
    drawn = found.plot().data[0].y
    assert drawn == pytest.approx(found.whole.state.median / found.whole.state.median.max())


def test_every_branch_is_judged() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.short, self.long = biased("LSTM", {1: 0.0}), biased("LSTM", {1: 10.0})
            self.head = nn.Linear(12, 1)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.head(torch.cat([self.long(inputs)[0][:, -1], self.short(inputs)[0][:, -1]], dim=1))

    found = reach_of(Both(), torch.rand(8, T, 1))
    (first, second) = told(found, "reach")
    assert first[0] == "warning" and first[1].startswith("The gradient in short, layer 0, forward vanishes")
    assert second[0] == "good" and second[1].startswith("The gradient in long, layer 0, forward holds")
    assert found.headline == found.advice[0].text
    assert found.verdict.text.en == f"{first[1]} {second[1]}" and not found.verdict.warnings
    assert len(json.loads(json.dumps(found.to_dict(), allow_nan=False))["branches"]) == 2


@pytest.mark.parametrize(("bias", "level"), [(0.0, "warning"), (10.0, "good")])
def test_an_encoder_is_judged_by_its_own_steps(bias: float, level: str) -> None:
    class Translator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = biased("LSTM", {1: bias}), biased("LSTM", {1: 10.0})
            self.head = nn.Linear(6, 1)

        def forward(self, inputs: Tensor) -> Tensor:
            _, states = self.encoder(inputs)
            return self.head(self.decoder(inputs.new_ones(len(inputs), 10, 1), states)[0])

    found = reach_of(Translator(), torch.rand(8, T, 1))
    words = {one[1].partition(",")[0].removeprefix("The gradient in "): one for one in told(found, "reach")}
    assert words["encoder"][0] == level and f"{T}" in words["encoder"][1]
    assert words["decoder"][0] == "good" and "all 10 steps" in words["decoder"][1]


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("layers", [1, 2])
def test_the_last_output_of_a_bidirectional_layer_is_warned_of(kind: str, layers: int) -> None:
    class Reader(nn.Module):
        def __init__(self, read: Any) -> None:
            super().__init__()
            self.layer = getattr(nn, kind)(1, 6, layers, batch_first=True, bidirectional=True)
            self.head, self.read = nn.Linear(12, 1), read

        def forward(self, inputs: Tensor) -> Tensor:
            outputs, states = self.layer(inputs)
            hidden = states[0] if isinstance(states, tuple) else states
            return self.head(self.read(outputs, hidden))

    inputs = torch.randn(4, 30, 1)
    found = reach_of(Reader(lambda outputs, _: outputs[:, -1]), inputs)
    ((level, words),) = told(found, "one-step")
    assert level == "warning"
    assert f"layer, layer {layers - 1}, backward after its first step alone: of 30 steps" in words
    assert "h_n[-2] and h_n[-1]" in words
    for right in (
        lambda _, hidden: torch.cat([hidden[-2], hidden[-1]], dim=1),
        lambda outputs, _: outputs.mean(dim=1),
        lambda outputs, _: outputs.max(dim=1).values,
    ):
        assert not told(reach_of(Reader(right), inputs), "one-step")
    # Of the first output it is the forward half that has seen one step; of one step there is no more to see.
    found = reach_of(Reader(lambda outputs, _: outputs[:, 0]), inputs)
    assert f"layer {layers - 1}, forward after" in told(found, "one-step")[0][1]
    assert not told(reach_of(Reader(lambda outputs, _: outputs[:, -1]), inputs[:, :1]), "one-step")


def test_both_final_states_are_two_branches() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = nn.GRU(1, 6, batch_first=True, bidirectional=True), nn.Linear(12, 1)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.head(self.layer(inputs)[1].transpose(0, 1).flatten(1))

    found = reach_of(Reader(), torch.randn(4, 30, 1))
    assert [one.layers[0].id.direction for one in found.branches] == ["forward", "backward"]
    assert len(told(found, "reach")) == 2


# ---------------------------------------------------------------- single rules, on numbers


@pytest.mark.parametrize(
    ("factor", "level", "words"),
    [(0.7, "warning", "after 12 steps"), (0.9, "note", "after 43 steps, of 60"), (1.0, "good", "all 60 steps")],
)
def test_reach_by_its_thresholds(factor: float, level: str, words: str) -> None:
    found = reach(branch(factor ** np.arange(T)), alone=True)
    assert found is not None
    assert found.level == level
    assert words in found.text.en


@pytest.mark.parametrize(
    ("layer", "remedy"),
    [(lambda: biased("GRU", {1: 0.0}), "chrono"), (lambda: identity(0.5), "orthogonal"), (lambda: lru(0.5), "forgets")],
)
def test_the_remedy_fits_the_recurrence(layer: Any, remedy: str) -> None:
    assert remedy in told(reach_of(Last(layer(), 6), torch.rand(4, T, 1)), "reach")[0][1]


def test_a_cut_curve_claims_no_more_than_it_saw() -> None:
    found = reach(branch(np.ones(30)), alone=True)
    assert found is not None
    assert "over the 30 steps that it was followed" in found.text.en
    assert "30 kroków" in found.text.pl


def test_a_dip_is_not_passed_over() -> None:
    norms = np.ones(T)
    norms[20:40] = 1e-4
    found = reach(branch(norms), alone=True)
    assert found is not None and found.level == "good"
    assert "stays above" not in found.text.en and "though it is in between" in found.text.en


def test_nothing_measured_nothing_said() -> None:
    none = dataclasses.replace(branch(np.ones(T)), gradient=None)
    assert reach(none, alone=True) is growth(none) is disagreement(none) is None
    assert one_step(none, both_ways=True) is None
    first = branch(np.ones(1), read_at="first")
    assert reach(first, alone=True) is disagreement(first) is None
    assert "every other" not in one_step(first, both_ways=False).text.en
    assert "Take the last step" in one_step(first, both_ways=False).text.en


def test_rows_disagree_by_half_of_the_steps() -> None:
    assert disagreement(branch(0.7 ** np.arange(T), [12, 12, 41])) is None
    found = disagreement(branch(0.7 ** np.arange(T), [12, 12, np.nan, 42]))
    assert found is not None and "in 1 of 3" in found.text.en and "from 12 to 42 steps" in found.text.en
