"""Every label that a diagnostic figure has is known in Polish; what is no label stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import nurt.nn
from nurt import plotting
from nurt.diagnostics import examine
from nurt.nn import CELLS, Recurrent
from nurt.reports.sections.labels import labelled, labels_of

# A weight has the name that it has in the code.
WEIGHTS = (
    "weight_", "bias_", "norm_", "peephole_", "input_real", "input_imaginary", "output_real", "output_imaginary",
    "nu_log", "theta_log", "gamma_log", "skip",
)  # fmt: skip


class Reader(nn.Module):
    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(width, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(inputs)[0][:, -1])


MODELS = {
    **{name: lambda name=name: Recurrent(CELLS[name](2, 3)) for name in CELLS},
    "two layers": lambda: Reader(nn.LSTM(2, 3, num_layers=2, batch_first=True), 3),
    "both ways": lambda: Reader(nurt.nn.GRU(2, 3, bidirectional=True, batch_first=True), 6),
    "the layer alone": lambda: nn.LSTM(2, 3, num_layers=2, batch_first=True),
}


def is_formula(label: str) -> bool:
    """Whether a label is symbols: no word of three letters in it that is no function."""
    words = "".join(one if one.isalpha() else " " for one in label).split()
    return all(len(one) < 3 or one in ("log", "max", "min", "sub", "sup") for one in words)


@pytest.mark.parametrize("name", MODELS)
def test_no_label_is_left_in_english(name: str) -> None:
    torch.manual_seed(0)
    found = examine(MODELS[name](), torch.randn(3, 12, 2))
    figures = [part.plot() for layer in found.layers for part_name, part in layer.parts() if part_name != "maps"]
    for figure in [*figures, found.plot()]:
        before = labels_of(figure)
        after = labels_of(labelled(figure, "pl"))
        assert len(before) == len(after)
        for english, polish in zip(before, after, strict=True):
            same = is_formula(english) or english.startswith(WEIGHTS)
            assert same or english != polish, english


def test_in_english_nothing_changes() -> None:
    figure: Any = plotting.new_figure("", "step t", "norm")
    assert labelled(figure, "en") is figure and labels_of(figure) == ["step t", "norm"]


def test_numbers_and_names_within_labels() -> None:
    figure: Any = plotting.new_figure("", "share above 0.9", "step t")
    figure.add_scatter(x=[0], y=[0], name="encoder, layer 1, backward, state")
    figure.add_scatter(x=[0], y=[0], name="my branch: by way of all layers, inputs")
    figure.add_scatter(x=[0], y=[0], name="weight_hh")
    assert labels_of(labelled(figure, "pl")) == [
        "część powyżej 0,9", "krok t", "encoder, warstwa 1, wstecz, stan",
        "my branch: przez wszystkie warstwy, wejścia", "weight_hh",
    ]  # fmt: skip
    assert figure.layout.separators[0] == ","
