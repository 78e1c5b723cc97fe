"""Whole networks whose examination is known by construction: what must be said of them, and what must not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.diagnostics.examination.networks import Last, biased, told
from torch import Tensor, nn

from nurt.diagnostics import Examination, Scope, examine
from nurt.standing import Standing

T, UNITS = 60, 6
HOLDS, FORGETS = 10.0, -2.0


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def levels(found: Examination) -> dict[str, set[str]]:
    """Return the levels of each rule that spoke."""
    return {rule: {level for level, _ in told(found, rule)} for rule in {one.rule for one in found.advice}}


def linear(factor: float, units: int = UNITS) -> nn.RNN:
    """Return rectified units that are never off; each multiplies its gradient by its recurrent weight per step."""
    layer = nn.RNN(1, units, batch_first=True, nonlinearity="relu")
    with torch.no_grad():
        layer.weight_hh_l0.copy_(factor * torch.eye(units))
        layer.weight_ih_l0.abs_()
        for bias in (layer.bias_ih_l0, layer.bias_hh_l0):
            bias.fill_(0.1)
    return layer


class Stack(nn.Module):
    """Layers one above the other, each beside a path around it where wanted, read at the last step."""

    def __init__(self, *layers: nn.Module, around: bool = False) -> None:
        super().__init__()
        self.layers, self.head, self.around = nn.ModuleList(layers), nn.Linear(UNITS, 1), around

    def forward(self, inputs: Tensor) -> Tensor:
        """Return one number per row."""
        for layer in self.layers:
            inputs = layer(inputs)[0] + (inputs if self.around else 0.0)
        return self.head(inputs[:, -1])


class Pair(nn.Module):
    """Two layers side by side that read the same inputs."""

    def __init__(self, first: nn.Module, second: nn.Module, use: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second, self.use = first, second, use

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what is made of the last outputs of both."""
        return self.use(self.first(inputs)[0][:, -1], self.second(inputs)[0][:, -1])


def wide(layer: Any) -> Any:
    """Return a layer with as many inputs as units, all of its input weights but those of a gate small."""
    layer.input_size = UNITS
    layer.weight_ih_l0 = nn.Parameter(layer.weight_ih_l0.repeat(1, UNITS) / UNITS)
    return layer


def test_layers_side_by_side_are_told_apart() -> None:
    model = Pair(biased("LSTM", {1: HOLDS}), biased("LSTM", {1: FORGETS}), lambda a, b: (a + b).sum(1))
    found = examine(model, torch.randn(8, T, 1))
    (bad, forgets), (good, holds) = told(found, "reach")
    assert (bad, good) == ("warning", "good")
    assert "second, layer 0" in forgets and "vanishes" in forgets
    assert "first, layer 0" in holds and f"over all {T} steps" in holds


@pytest.mark.parametrize(
    ("gate", "level", "words"),
    [
        (13.0, "warning", "less than 1 % of it is replaced: the layer hardly reads its inputs"),
        (5.0, "note", "its gradient passes, while little of each new input enters"),
    ],
)
def test_an_update_gate_that_is_shut_for_good_is_a_warning_and_a_long_memory_is_none(
    gate: float, level: str, words: str
) -> None:
    found = examine(Last(biased("GRU", {1: gate}), UNITS), torch.randn(8, T, 1))
    assert told(found, "saturation")[0][0] == level and words in told(found, "saturation")[0][1]
    assert told(found, "reach")[0][0] == "good"
    # The warning leads: the gradient of a state that nothing enters is no good news.
    assert (found.advice[0].rule == "saturation") == (level == "warning") == (found.advice[0].level.value == "warning")
    assert ("smaller bias" in found.headline.en) == (level == "warning")


@pytest.mark.parametrize(
    ("factor", "reaches", "states"),
    [
        (1.0, "stays above 1 %", "neither part nor approach"),
        (0.5, "vanishes", ""),
        (1.25, "explodes", "neighbouring states diverge:"),
    ],
)
def test_one_eigenvalue(factor: float, reaches: str, states: str) -> None:
    found = examine(Last(linear(factor), UNITS), torch.rand(8, T, 1))
    assert reaches in told(found, "reach")[0][1]
    said = [text for _, text in told(found, "chaos")]
    assert (states in said[0]) if states else not said
    assert ("warning" in levels(found).get("chaos", set())) == (factor > 1.0)
    if factor == 1.0:
        assert "not decided" in said[0] and "would tell" not in said[0]


def test_an_explosion_in_one_direction_is_told_of_that_direction_alone() -> None:
    class Ends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.RNN(1, UNITS, batch_first=True, bidirectional=True)
            with torch.no_grad():
                for name, parameter in self.layer.named_parameters():
                    parameter.mul_(1e-9)
                    if "hh" in name and "weight" in name:
                        parameter.copy_((1.3 if "reverse" in name else 0.5) * torch.eye(UNITS))

        def forward(self, inputs: Tensor) -> Tensor:
            return self.layer(inputs)[1].sum(dim=(0, 2))

    found = examine(Ends(), torch.randn(8, T, 1))
    by_course = {("explodes" if "explodes" in text else "vanishes"): text for _, text in told(found, "reach")}
    assert "backward explodes" in by_course["explodes"] and "factor of 1.3 per step" in by_course["explodes"]
    assert "forward vanishes" in by_course["vanishes"]
    assert all("backward" in text for _, text in told(found, "chaos"))


def test_two_layers_that_hold_add_up_and_do_not_explode() -> None:
    class TimeFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.low, self.high = biased("LSTM", {1: HOLDS}), wide(biased("LSTM", {1: HOLDS}))
            self.low.batch_first = self.high.batch_first = False

        def forward(self, inputs: Tensor) -> Tensor:
            return self.high(self.low(inputs)[0])[0][-1].sum()

    model = TimeFirst()
    found = examine(model, torch.randn(100, 5, 1))
    assert (found.rows, found.steps) == (5, 100)
    assert told(found, "reach")[0][0] == "good"
    assert "warning" not in levels(found).get("growth", set())
    assert found.verdict.standing is Standing.NOTE


def test_the_encoder_and_the_decoder_have_reaches_of_their_own() -> None:
    class Translator(nn.Module):
        def __init__(self, bias: float) -> None:
            super().__init__()
            self.encoder, self.decoder = biased("LSTM", {1: bias}), biased("LSTM", {1: HOLDS})

        def forward(self, inputs: Tensor) -> Tensor:
            _, state = self.encoder(inputs)
            return self.decoder(inputs.new_zeros(len(inputs), 7, 1), state)[0].sum()

    for bias, level in ((HOLDS, "good"), (FORGETS, "warning")):
        said = {text.split(" in ")[1].split(",")[0]: one for one, text in told(_seen(Translator(bias)), "reach")}
        assert said == {"encoder": level, "decoder": "good"}


def _seen(model: nn.Module) -> Examination:
    return examine(model, torch.randn(8, T, 1))


def test_the_least_network_is_examined_without_a_warning() -> None:
    found = examine(nn.LSTM(1, 1, batch_first=True), torch.randn(1, 2, 1))
    assert found.verdict.standing is Standing.NOTE
    assert "over all 2 steps" in found.headline.en


@pytest.mark.parametrize("used", [True, False])
def test_a_layer_that_the_loss_does_not_read_is_named(used: bool) -> None:
    model = Pair(biased("GRU", {1: 3.0}), biased("GRU", {1: 3.0}), lambda a, b: (a + b if used else a).sum())
    said = told(_seen(model), "unreached")
    assert [level for level, _ in said] == ([] if used else ["warning"])
    assert used or ("second, layer 0" in said[0][1] and "first, layer" not in said[0][1])


@pytest.mark.parametrize("factor", [0.0, 1.0])
def test_a_loss_without_a_gradient_is_the_first_thing_said(factor: float) -> None:
    model = Last(biased("LSTM", {1: 3.0}), UNITS)
    found = examine(model, torch.randn(4, T, 1), lambda said: factor * said.sum())
    assert (found.advice[0].rule == "unreached") == (factor == 0.0)
    assert (found.verdict.standing is Standing.WARNING) == (factor == 0.0)


def test_a_path_around_layers_does_not_carry_what_no_state_carries() -> None:
    for factor, level in ((0.5, "warning"), (1.0, "good")):
        model = Stack(wide(linear(factor)), wide(linear(0.5)), around=True)
        assert told(examine(model, torch.rand(8, T, UNITS)), "reach")[0][0] == level


@pytest.mark.parametrize("scope", [Scope(), Scope(parts=("reach", "gates", "memory"))], ids=["whole", "quick"])
@pytest.mark.parametrize(("factor", "level"), [(6.0, "note"), (0.0, "warning")])
def test_a_short_memory_of_the_gate_is_no_warning_where_the_gradient_goes_another_way(
    factor: float, level: str, scope: Scope
) -> None:
    # Half of the state stays by the gate, and half of `factor` times the state comes by candidate and reset gate.
    layer = biased("GRU", {0: 0.0, 1: 0.0})
    with torch.no_grad():
        layer.weight_hh_l0[2 * UNITS :] = factor * torch.eye(UNITS)
        layer.weight_ih_l0[2 * UNITS :] *= 1e-9
    found = examine(Last(layer, UNITS), 1e-3 * torch.randn(8, T, 1), scope=scope)
    assert (level, "remembers by other paths" in told(found, "memory")[0][1]) == (
        told(found, "memory")[0][0],
        level == "note",
    )


@pytest.mark.parametrize(("bias", "leads"), [(-12.0, "saturation"), (1.0, "reach")])
def test_a_warning_leads_where_the_reach_is_good_news(bias: float, leads: str) -> None:
    found = examine(Last(biased("LSTM", {1: HOLDS, 3: bias}), UNITS), torch.randn(8, T, 1))
    assert found.advice[0].rule == leads
    assert str(found.verdict).startswith(found.headline.en)
    assert "The gradient holds" in found.verdict.text.en
