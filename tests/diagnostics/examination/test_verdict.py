"""The findings in their order, in both languages; and the window of truncation."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch
from tests.diagnostics.examination.networks import Last, biased, random_tanh
from torch import nn

from nurt.diagnostics import Branch, Examination, LayerFindings, LayerId, examine
from nurt.diagnostics.examination.verdict import advise, window
from nurt.nn import LinearCell, LinearState, Recurrent
from nurt.standing import Standing

PLAIN = LayerFindings(LayerId("layer", 0, "forward"), "lstm", 60)


def test_nothing_measured_nothing_said() -> None:
    assert advise([PLAIN]) == ()
    assert advise([PLAIN], [Branch((PLAIN,), "last", None, False)]) == ()
    assert [one.rule for one in advise([dataclasses.replace(PLAIN, steps=1)])] == ["length"]
    assert advise([]) != ()


def examined() -> list[Examination]:
    torch.manual_seed(0)
    bidirectional = Last(nn.GRU(1, 6, 2, batch_first=True, bidirectional=True), 12)
    odd = biased("GRU", {1: 0.0})
    with torch.no_grad():
        odd.weight_ih_l0[6:12] = 30.0
    rows = torch.zeros(8, 50, 1)
    rows[0] = 1.0
    closed = biased("LSTM", {0: -6.0, 1: -6.0, 2: 6.0, 3: -6.0})
    return [
        examine(Last(biased("LSTM", {1: 10.0}), 6), torch.randn(8, 60, 1)),
        examine(Last(random_tanh(3.0), 100), 0.1 * torch.randn(8, 120, 1)),
        examine(bidirectional, torch.randn(8, 30, 1)),
        examine(Last(odd, 6), rows),
        examine(Last(closed, 6), torch.randn(9, 40, 1)),
        examine(nn.LSTM(1, 4, batch_first=True), torch.randn(2, 1, 1)),
        examine(nn.LSTM(1, 4, batch_first=True), torch.randn(2, 200, 1)),
    ]


def test_every_finding_is_said_in_both_languages() -> None:
    found = examined()
    rules = {advice.rule for one in found for advice in one.advice}
    assert rules >= {"reach", "one-step", "rows", "memory", "window", "saturation", "chaos", "length"}
    for text in (text for one in found for text in (*(each.text for each in one.advice), *one.notes)):
        assert "{" not in text.en + text.pl
        assert text.en != text.pl and text.pl.strip()
        # Numbers are the same; signs and words differ.
        numbers = [re.findall(r"\d+", words.replace(",", ".")) for words in (text.en, text.pl)]
        assert sorted(numbers[0]) == sorted(numbers[1]), text
        assert not re.search(r"\b(the|of|steps|is|gradient of|median)\b", text.pl), text.pl


def test_the_worst_of_the_branches_comes_first() -> None:
    torch.manual_seed(0)
    good = examine(Last(biased("LSTM", {1: 10.0}), 6), torch.rand(4, 60, 1)).branches
    bad = examine(Last(biased("LSTM", {1: 0.0}), 6), torch.rand(4, 60, 1)).branches
    layers = [one.layers[0] for one in (*good, *bad)]
    assert [one.level for one in advise(layers, (*good, *bad)) if one.rule == "reach"] == [
        Standing.WARNING,
        Standing.GOOD,
    ]


@pytest.mark.parametrize(("factor", "steps", "least"), [(0.5, 40, 5), (0.7, 40, 9), (1.0, 12, None), (1.0, 40, 38)])
def test_the_window_of_truncation_follows_from_the_factor(factor: float, steps: int, least: int | None) -> None:
    layer = Recurrent(LinearCell(1, 1)).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.cell.bias_ih.fill_(1.0 - factor)
        layer.cell.weight_hh.fill_(factor)
    # At rest at h = 1 the use k steps back adds w^k: K steps leave out w^K of the whole, or 1 - K / T for w = 1.
    start = LinearState(torch.ones(4, 1, dtype=torch.float64))
    found = examine(layer, (torch.zeros(4, steps, 1, dtype=torch.float64), start))
    said = window(found.layers[0])
    if least is None:
        assert said is None
    else:
        assert said is not None and f"cut off after {least} steps" in said.text.en
    assert window(PLAIN) is None
