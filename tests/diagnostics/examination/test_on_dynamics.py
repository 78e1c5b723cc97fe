"""Chaos and contraction on networks of which it is known; matrices that eigenvalues misdescribe."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from tests.diagnostics.examination.networks import Last, biased, random_tanh, told
from torch import nn

from nurt.diagnostics import LayerFindings, LayerId, LyapunovExponents, Scope, examine, weight_spectrum
from nurt.diagnostics.examination.on_dynamics import chaos, hump

HERE = LayerId("layer", 0, "forward")
PLAIN = LayerFindings(HERE, "lstm", 60)
DYNAMICS = Scope(("lyapunov",))


def exponents(*largest: float, steps: int = 90, later: tuple[float, ...] = ()) -> LayerFindings:
    """Return a layer that grows at one rate per row all the time, or at another in the later half."""
    values = torch.tensor(largest, dtype=torch.float64).unsqueeze(1)
    growth = values.unsqueeze(1).repeat(1, steps, 1)
    if later:
        growth[:, steps // 2 :, 0] = torch.tensor(later, dtype=torch.float64)[:, None]
    found = LyapunovExponents(HERE, values, 0, torch.full((len(largest),), steps), growth, 4)
    return dataclasses.replace(PLAIN, lyapunov=found)


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (exponents(0.5, 0.4, 0.45, 0.5), "warning"),
        # One row, or one odd row among few, decides nothing.
        (exponents(0.5), "note"),
        (exponents(-0.5), None),
        (exponents(0.5, -0.3), "note"),
        (exponents(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, -0.6), "note"),
        (exponents(0.1, 0.1, 0.1, float("-inf")), "note"),
        # Too few steps for so small an exponent.
        (exponents(0.02, 0.021, 0.019, 0.02, steps=80), "note"),
        (exponents(0.02, 0.021, 0.019, 0.02, steps=110), "warning"),
        # A growth that ends was one of the transient.
        (exponents(0.5, 0.4, 0.45, 0.5, later=(0.0, 0.001, -0.001, 0.0)), "note"),
        (exponents(0.5, 0.4, 0.45, 0.5, later=(-0.1, -0.11, -0.1, -0.12)), None),
        (exponents(-0.5, -0.4, -0.45), None),
        (exponents(float("-inf"), float("-inf")), None),
        (exponents(float("nan"), float("nan")), None),
        (PLAIN, None),
    ],
)
def test_chaos_needs_an_interval_above_zero_and_growth(found: LayerFindings, level: str | None) -> None:
    said = chaos(found)
    assert (None if said is None else said.level.value) == level
    if said is not None:
        assert ("not decided" in said.text.en) == (level == "note")
        assert ("nie rozstrzygnięto" in said.text.pl) == (level == "note")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("gain", "level"), [(0.6, None), (1.0, "none"), (2.5, "warning")])
def test_a_random_network_is_chaotic_beyond_its_critical_gain_alone(gain: float, level: str | None, seed: int) -> None:
    torch.manual_seed(seed)
    inputs = torch.zeros(8, 128, 1)
    inputs[:, 0] = torch.randn(8, 1)
    levels = [one for one, _ in told(examine(Last(random_tanh(gain, seed=seed), 100), inputs, scope=DYNAMICS), "chaos")]
    if level == "none":
        assert "warning" not in levels
    else:
        assert levels == ([] if level is None else [level])


@pytest.mark.parametrize("seed", range(4))
def test_one_unit_is_no_chaos(seed: int) -> None:
    torch.manual_seed(seed)
    for layer in (nn.LSTM(1, 1, batch_first=True), nn.RNN(1, 1, batch_first=True), biased("LSTM", {1: 10.0}, units=1)):
        found = examine(Last(layer, 1), torch.randn(8, 60, 1), scope=DYNAMICS)
        assert "warning" not in [level for level, _ in told(found, "chaos")]


def test_an_examination_discards_the_transient() -> None:
    found = examine(nn.GRU(1, 3, batch_first=True), torch.randn(4, 40, 1), scope=DYNAMICS).top.lyapunov
    assert found is not None
    assert (found.discarded, found.steps.tolist()) == (10, [30] * 4)


def test_hump() -> None:
    jordan, normal = (weight_spectrum(np.array([[0.9, off], [0.0, 0.9]]), "W_hh") for off in (5.0, 0.0))
    found = hump(dataclasses.replace(PLAIN, spectra=(jordan,)))
    assert found is not None and "grow to 19.4 at 9" in found.text.en and "do 19,4 przy 9" in found.text.pl
    assert hump(dataclasses.replace(PLAIN, spectra=(normal,))) is None
    # One gate of several says nothing of the network.
    assert hump(dataclasses.replace(PLAIN, spectra=(jordan, jordan))) is None
