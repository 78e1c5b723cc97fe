"""Every rule on numbers made for it: it speaks above its threshold and is silent below."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from nurt.diagnostics import (
    BatchCurve,
    GateStatistics,
    GradientByLag,
    LayerFindings,
    LayerId,
    LyapunovExponents,
    Saturation,
    UnitMemory,
    UnitStatistics,
    weight_spectrum,
)
from nurt.diagnostics.examination.verdict import advise, chaos, growth, hump, idle, memory, reach, saturation

HERE = LayerId("layer", 0, "forward")
PLAIN = LayerFindings(HERE, "lstm", 60)


def gradient(norms: np.ndarray, horizon: int | None) -> GradientByLag:
    return GradientByLag(HERE, BatchCurve(norms, norms, norms, norms, np.ones(len(norms))), 0.01, horizon)


def remembering(half_life: float) -> UnitMemory:
    empty = torch.zeros(1, 60, 2)
    return UnitMemory(HERE, "forget", np.full(2, np.log(0.5) / half_life), empty, empty[..., 0])


def gates(left: float, right: float, dead: bool = False) -> GateStatistics:
    one = Saturation(np.full(2, left), np.full(2, right), np.full(2, 0.5))
    units = UnitStatistics(np.zeros(2), np.zeros(2, bool), np.array([dead, False]))
    return GateStatistics(HERE, 0.1, 0.9, 0.9, {"forget": one}, units, {})


def exponents(*largest: float) -> LyapunovExponents:
    values = torch.tensor(largest, dtype=torch.float64).unsqueeze(1)
    return LyapunovExponents(HERE, values, 0, torch.full((len(largest),), 60), values.unsqueeze(1), 4)


@pytest.mark.parametrize(
    ("horizon", "level", "words"),
    [(14, "warning", "after 14 steps"), (40, "note", "after 40 steps, of 60"), (None, "good", "all 60 steps")],
)
def test_reach(horizon: int | None, level: str, words: str) -> None:
    found = reach(gradient(np.ones(60), horizon), PLAIN)
    assert found is not None
    assert found.level == level
    assert words in found.text


def test_a_cut_curve_claims_no_more_than_it_saw() -> None:
    found = reach(gradient(np.ones(30), None), PLAIN)
    assert found is not None
    assert "over the 30 steps that it was followed" in found.text


def test_the_remedy_fits_the_recurrence() -> None:
    short = gradient(np.ones(60), 3)
    assert "chrono" in reach(short, dataclasses.replace(PLAIN, memory=remembering(2.0))).text
    assert "orthogonal" in reach(short, PLAIN).text


def test_growth() -> None:
    assert growth(gradient(np.array([1.0, 9.0]), None)) is None
    assert "factor of 11 over 1 step:" in growth(gradient(np.array([1.0, 11.0]), None)).text


def test_memory() -> None:
    short, long = (memory([dataclasses.replace(PLAIN, memory=remembering(one))]) for one in (2.0, 60.0))
    assert short.level == "warning"
    assert "after 2 steps" in short.text
    assert "less than 0.01 %" in short.text
    assert long.level == "note"
    assert memory([PLAIN]) is None


def test_saturation() -> None:
    assert saturation(dataclasses.replace(PLAIN, gates=gates(0.5, 0.4))) is None
    assert "closed 95 %" in saturation(dataclasses.replace(PLAIN, gates=gates(0.95, 0.0))).text
    assert "open 92 %" in saturation(dataclasses.replace(PLAIN, gates=gates(0.0, 0.92))).text


def test_idle() -> None:
    assert idle(dataclasses.replace(PLAIN, gates=gates(0.0, 0.0))) is None
    assert "1 of 2 units are zero" in idle(dataclasses.replace(PLAIN, gates=gates(0.0, 0.0, dead=True))).text


def test_chaos_needs_more_than_luck() -> None:
    assert chaos(dataclasses.replace(PLAIN, lyapunov=exponents(0.5, -0.3))) is None
    assert chaos(dataclasses.replace(PLAIN, lyapunov=exponents(0.5))) is None
    assert chaos(dataclasses.replace(PLAIN, lyapunov=exponents(-0.5, -0.4))) is None
    assert "+0.450" in chaos(dataclasses.replace(PLAIN, lyapunov=exponents(0.5, 0.4))).text


def test_hump() -> None:
    jordan, normal = (weight_spectrum(np.array([[0.9, off], [0.0, 0.9]]), "W_hh") for off in (5.0, 0.0))
    assert "grow to 19.4 at 9" in hump(dataclasses.replace(PLAIN, spectra=(jordan,))).text
    assert hump(dataclasses.replace(PLAIN, spectra=(normal,))) is None
    # One gate of several says nothing of the network.
    assert hump(dataclasses.replace(PLAIN, spectra=(jordan, jordan))) is None


def test_nothing_measured_nothing_said() -> None:
    assert advise([PLAIN]) == ()
    assert [one.rule for one in advise([dataclasses.replace(PLAIN, steps=1)])] == ["length"]
