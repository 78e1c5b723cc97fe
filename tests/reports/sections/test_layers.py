"""The table of layers says what the findings say: medians of the rows, in either language."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nurt.diagnostics import Scope, examine
from nurt.nn import RNN
from nurt.reports.sections.layers import findings, layer_rows, layer_table, layer_titles, reach_picture


class Reader(nn.Module):
    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(width, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(inputs)[0][:, -1])


def exploding() -> nn.Module:
    torch.manual_seed(0)
    net = nn.RNN(1, 50, batch_first=True, bias=False)
    with torch.no_grad():
        net.weight_hh_l0.copy_(3 * torch.randn(50, 50) / 50**0.5)
    return net


def keeping() -> nn.Module:
    """Gates that do not look at the state, and a forget gate that stays open."""
    torch.manual_seed(0)
    net = nn.LSTM(1, 8, batch_first=True)
    with torch.no_grad():
        net.weight_hh_l0.zero_()
        net.bias_hh_l0.zero_()
        net.bias_ih_l0.zero_()
        net.bias_ih_l0[8:16] = 10.0
    return Reader(net, 8)


def forgetting() -> nn.Module:
    torch.manual_seed(0)
    net = nn.LSTM(1, 8, batch_first=True)
    with torch.no_grad():
        net.bias_ih_l0[8:16] = -10.0
    return Reader(net, 8)


def test_the_course_of_the_gradient_is_that_of_the_findings() -> None:
    inputs = 0.1 * torch.randn(8, 60, 1, generator=torch.Generator().manual_seed(1))
    for model, words in ((exploding(), ("explodes", "eksplodujący")), (keeping(), ("holds", "utrzymuje się")),
                         (forgetting(), ("vanishes", "zanikający"))):  # fmt: skip
        found = examine(model, inputs)
        for language, word in zip(("en", "pl"), words, strict=True):
            (row,) = layer_rows(found, language)
            assert row[1].startswith(word)
    vanishing = examine(forgetting(), inputs)
    assert layer_rows(vanishing, "en")[0][:2] == ["0, forward", f"vanishes, {vanishing.top.gradient.horizon}"]
    assert layer_rows(vanishing, "pl")[0][0] == "0, w przód"


def test_one_odd_row_does_not_decide() -> None:
    torch.manual_seed(1)
    model = Reader(nn.GRU(1, 16, batch_first=True), 16)
    with torch.no_grad():
        model.layer.weight_ih_l0[16:32] *= 20
    x = torch.randn(9, 50, 1)
    x[0] = x[0].abs() + 1
    found, other = (examine(model, one, scope=Scope(rows=16)) for one in (x, x[1:]))
    rows, without, cells = found.layers[0], other.layers[0], layer_rows(found, "en")[0]
    assert abs(rows.gradient.horizon - without.gradient.horizon) <= 3
    assert cells[1] == f"vanishes, {rows.gradient.horizon}"
    assert cells[5].replace("−", "-") == f"{rows.lyapunov.largest:.3g}"
    assert rows.lyapunov.largest == pytest.approx(float(np.nanmedian(rows.lyapunov.exponents[:, 0].numpy())))


def test_the_gate_that_stands_most_is_named_with_its_end() -> None:
    inputs = torch.randn(8, 20, 1, generator=torch.Generator().manual_seed(1))
    kept = examine(keeping(), inputs)
    assert layer_rows(kept, "en")[0][3].startswith("forget, open 100")
    assert layer_rows(kept, "pl")[0][3].endswith("otwarta 100\N{NO-BREAK SPACE}%")
    assert layer_rows(examine(forgetting(), inputs), "en")[0][3].startswith("forget, closed 100")
    torch.manual_seed(0)
    at_rest = examine(Reader(nn.GRU(1, 4, batch_first=True), 4), 0.1 * inputs)
    assert [layer_rows(at_rest, language)[0][3] for language in ("en", "pl")] == ["in range", "w zakresie"]


def test_layers_of_several_modules_are_named_in_full() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.GRU(1, 3, batch_first=True), nn.GRU(3, 2, batch_first=True)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(inputs)[0])[0][:, -1]

    found = examine(Two(), torch.randn(2, 5, 1))
    assert [row[0] for row in layer_rows(found, "en")] == ["first, layer 0, forward", "second, layer 0, forward"]


def test_what_was_not_looked_at_is_a_dash() -> None:
    found = examine(RNN(2, 3, batch_first=True), torch.randn(2, 5, 2), scope=Scope(("lyapunov",)))
    assert layer_rows(found, "en")[0][1:5] == ["–"] * 4
    assert reach_picture(found) is None


@pytest.mark.parametrize("language", ["en", "pl"])
def test_every_row_fits_the_titles(language: str) -> None:
    found = examine(keeping(), torch.randn(3, 20, 1))
    assert len(layer_titles(language)) == len(layer_rows(found, language)[0])
    assert "<sub>max</sub>" in layer_table(found, language)
    assert found.advice[0].text[language][:20] in findings(found, language)
    picture = reach_picture(found, language)
    assert picture is not None and picture.lead == {"en": "How to read this.", "pl": "Jak to czytać."}[language]


def test_numbers_have_the_decimal_sign_of_the_language() -> None:
    found = examine(keeping(), torch.randn(3, 20, 1))
    (polish,), (english,) = (layer_rows(found, language) for language in ("pl", "en"))
    assert "," in polish[4] and "." not in "".join(polish[4:])
    assert "." in english[4]
