"""A whole network examined: right parts, right numbers, nothing changed, clear refusals."""

from __future__ import annotations

import copy
import dataclasses
import json

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from nurt.diagnostics import PARTS, Advice, LayerId, Scope, examine, gradient_by_lag, record
from nurt.diagnostics.examination.examining import NOTHING_TO_SAY
from nurt.errors import NonFiniteError, NurtTypeError, NurtValueError, ShapeError
from nurt.nn import GRU, LSTM, RNN
from nurt.standing import Standing, Verdict
from nurt.wording import Text


class Reader(nn.Module):
    def __init__(self, layer: nn.Module, times: int = 1) -> None:
        super().__init__()
        self.layer, self.times = layer, times
        self.head = nn.Linear(4, 2)

    def forward(self, inputs):
        outputs = [self.layer(inputs)[0] for _ in range(self.times)]
        return self.head(sum(outputs)[:, -1])


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("maker", [LSTM, GRU, RNN, nn.LSTM, nn.GRU, nn.RNN])
def test_every_kind_of_layer_gives_its_parts(maker) -> None:
    found = examine(Reader(maker(3, 4, num_layers=2, batch_first=True)), torch.randn(5, 12, 3))
    assert [layer.id for layer in found.layers] == [LayerId("layer", depth, "forward") for depth in range(2)]
    names = {name for name, _ in found.top.parts()}
    wanted = (set(PARTS) | {"products"}) - {"reach"}
    wanted -= {"paths"} if maker not in (LSTM, nn.LSTM) else set()
    wanted -= {"memory"} if maker in (RNN, nn.RNN) else set()
    assert names == wanted
    assert "truncation" not in {name for name, _ in found.layers[0].parts()}
    json.dumps(found.to_dict(), allow_nan=False)
    assert max(map(len, str(found).splitlines())) <= 80
    assert found.figures and found.plot().data


def test_parts_are_those_of_the_single_diagnostics() -> None:
    model, inputs = Reader(LSTM(3, 4, batch_first=True)), torch.randn(4, 9, 3)
    found = examine(model, inputs, lambda said: said.square().sum())
    with record(model) as seen:
        model(inputs).square().sum().backward()
    alone = gradient_by_lag(seen.layer("layer"))
    assert found.top.gradient.norms.mean == pytest.approx(alone.norms.mean)
    # With one layer the way through all layers is the way through this one.
    assert found.whole.norms.mean == pytest.approx(alone.norms.mean)
    assert found.loss == pytest.approx(float(model(inputs).square().sum().detach()))


def test_the_whole_way_is_the_gradient_of_the_lowest_states() -> None:
    model, inputs = Reader(LSTM(3, 4, num_layers=2, batch_first=True)).double(), torch.randn(2, 7, 3).double()
    found = examine(model, inputs)
    lower, upper = LSTM(3, 4, batch_first=True).double(), LSTM(4, 4, batch_first=True).double()
    for layer, depth in ((lower, 0), (upper, 1)):
        layer.load_state_dict(
            {name[:-1] + "0": value for name, value in model.layer.state_dict().items() if name.endswith(str(depth))}
        )
    # Of one row: dℓ/dh_t over all ways needs the states step by step.
    states, kept = None, []
    with torch.enable_grad():
        for step in range(7):
            _, states = lower(inputs[:, step : step + 1], states)
            states[0].retain_grad()
            kept.append(states[0])
        read = torch.cat([one[0].unsqueeze(1) for one in kept], dim=1)
        (model.head(upper(read)[0][:, -1]).square().mean() / 2).backward()
    norms = torch.stack([one.grad[0].norm(dim=-1).mean() for one in kept]).flip(0)
    assert found.whole.norms.mean == pytest.approx(norms.numpy(), rel=1e-9)


def test_only_what_was_asked_for() -> None:
    found = examine(Reader(GRU(3, 4, batch_first=True)), torch.randn(5, 6, 3), scope=Scope(("gates",)))
    assert [name for name, _ in found.top.parts()] == ["gates"]
    with pytest.raises(NurtValueError, match="no gradient to draw"):
        found.plot()


def test_cuts_are_said() -> None:
    found = examine(Reader(LSTM(3, 4, batch_first=True)), torch.randn(5, 6, 3), scope=Scope(rows=2, steps=4))
    assert found.rows == 2
    assert "first 2 of 5 rows" in found.notes[0].en
    assert "6 steps are more than 4" in found.notes[1].en
    assert found.top.jacobians is None


def test_the_model_is_left_as_it_was() -> None:
    model = Reader(LSTM(3, 4, batch_first=True))
    model(torch.randn(2, 5, 3)).sum().backward()
    before = {name: (one.clone(), one.grad.clone()) for name, one in model.named_parameters()}
    model.head.eval()
    examine(model, torch.randn(2, 5, 3))
    for name, one in model.named_parameters():
        assert torch.equal(one, before[name][0])
        assert torch.equal(one.grad, before[name][1])
    assert model.training and not model.head.training
    assert "forward" not in vars(model.layer)


def test_frozen_layers_are_examined_all_the_same() -> None:
    model, inputs = Reader(LSTM(3, 4, batch_first=True)), torch.randn(2, 6, 3)
    frozen = copy.deepcopy(model)
    frozen.layer.requires_grad_(False)
    curves = [examine(one, inputs).top.gradient.norms.mean for one in (model, frozen)]
    assert curves[0] == pytest.approx(curves[1])
    frozen.requires_grad_(False)
    assert examine(frozen, inputs).top.gradient.norms.mean == pytest.approx(curves[0])


def test_one_step_has_no_time() -> None:
    found = examine(Reader(LSTM(3, 4, batch_first=True)), torch.randn(2, 1, 3))
    assert found.verdict.standing is Standing.NOTE
    assert str(found.verdict) == "The sequence has one step: there is no time to look through."
    assert found.to_dict()["verdict"] == {"en": found.verdict.text.en, "pl": found.verdict.text.pl}
    assert "2 rows x 1 step:" in str(found)


def test_the_headline_is_the_first_advice() -> None:
    found = examine(Reader(LSTM(3, 4, batch_first=True)), torch.randn(2, 40, 3))
    assert found.advice[0].rule == "reach"
    assert found.headline == found.advice[0].text
    assert found.to_dict()["headline"] == {"en": found.headline.en, "pl": found.headline.pl}
    assert "No rule" in dataclasses.replace(found, advice=()).headline.en


def test_the_verdict_is_as_bad_as_the_worst_advice() -> None:
    found = examine(Reader(LSTM(3, 4, batch_first=True)), torch.randn(2, 40, 3), scope=Scope(("reach",)))
    good, note, bad, worse = (
        Advice("any", standing, Text(text, text.upper()))
        for standing, text in (
            (Standing.GOOD, "a"), (Standing.NOTE, "b"), (Standing.WARNING, "c"), (Standing.WARNING, "d"),
        )
    )  # fmt: skip
    for advice, verdict in (
        ((), Verdict(Standing.GOOD, NOTHING_TO_SAY)),
        ((good, note), Verdict(Standing.NOTE, good.text)),
        ((bad, good, worse), Verdict(Standing.WARNING, bad.text, (worse.text,))),
    ):
        assert dataclasses.replace(found, advice=advice).verdict == verdict
    told = dataclasses.replace(found, advice=(good, bad)).to_dict()
    assert told["verdict"] == {"en": "a c", "pl": "A C"}
    assert [one["level"] for one in told["advice"]] == ["good", "warning"]


def test_time_first_and_packed() -> None:
    layer = GRU(3, 4)
    inputs = torch.randn(6, 2, 3)
    first = examine(layer, inputs)
    layer.batch_first = True
    assert first.top.gradient.norms.mean == pytest.approx(
        examine(layer, inputs.transpose(0, 1)).top.gradient.norms.mean
    )
    packed = pack_sequence([torch.randn(6, 3), torch.randn(4, 3)])
    found = examine(layer, packed, lambda said: said[0].data.square().mean())
    assert found.rows == 2 and found.top.truncation is None
    with pytest.raises(NurtTypeError, match="no loss of its own"):
        examine(layer, packed)


def test_both_directions() -> None:
    found = examine(GRU(3, 4, batch_first=True, bidirectional=True), torch.randn(2, 6, 3))
    forward, backward = found.layers
    assert forward.truncation is not None
    # The reverse state at the last place has read one input only.
    assert len(backward.gradient.norms.mean) == 1


def test_refusals() -> None:
    inputs = torch.randn(2, 6, 3)
    model = Reader(LSTM(3, 4, batch_first=True))
    with pytest.raises(NurtTypeError, match="no recurrent layer"):
        examine(nn.Linear(3, 2), inputs)
    with pytest.raises(NurtTypeError, match="half precision"):
        examine(copy.deepcopy(model).half(), inputs.half())
    with pytest.raises(NurtValueError, match="used 2 times"):
        examine(Reader(LSTM(3, 4, batch_first=True), times=2), inputs)
    with pytest.raises(ShapeError):
        examine(model, torch.randn(2, 6, 5))
    with pytest.raises(NurtValueError, match="does not run on this batch"):
        examine(nn.Sequential(nn.Linear(5, 3), LSTM(3, 4, batch_first=True)), inputs)
    with pytest.raises(NurtValueError, match="no finite number"):
        examine(model, inputs, lambda said: said)
    with torch.no_grad():
        model.layer.weight_hh_l0[0, 0] = float("nan")
    with pytest.raises(NonFiniteError, match="weight_hh_l0"):
        examine(model, inputs)


def test_a_layer_without_gradient_is_named() -> None:
    model = nn.Sequential(GRU(3, 4, batch_first=True))
    found = examine(model, torch.randn(2, 6, 3), lambda said: said[0].detach().sum())
    assert found.top.gradient is None
    assert found.advice[0].rule == "unreached" and found.verdict.standing is Standing.WARNING
    assert found.headline.en.startswith("No gradient of the loss reaches 0, layer 0, forward:")
    assert "unreached" not in {one.rule for one in examine(model, torch.randn(2, 6, 3)).advice}
