"""The noisy sine: reference errors of the baselines, and the verdict on a network that reaches them or not."""

from __future__ import annotations

import dataclasses

import pytest

from nurt.experiments import find, run
from nurt.experiments.sine import SineResult, noiseless_error


@pytest.mark.parametrize(
    ("seed", "look_back", "autoregression", "repeat"),
    [(0, 10, 0.018701, 0.48736), (42, 10, 0.021192, 0.46464), (0, 20, 0.017127, None), (42, 20, 0.021907, None)],
)
def test_what_costs_nothing_is_as_tabled(
    seed: int, look_back: int, autoregression: float, repeat: float | None
) -> None:
    settings = dataclasses.replace(find("sine").settings(seed=seed), look_back=look_back, epochs=1, repeats=1)
    result = run("sine", settings=settings)
    assert isinstance(result, SineResult)
    assert result.autoregression == pytest.approx(autoregression, rel=1e-4)
    if repeat is not None:
        assert result.repeat == pytest.approx(repeat, rel=1e-4)
    assert result.floor == pytest.approx(0.4**2 / 12)
    assert result.expected_repeat == pytest.approx(0.48636, abs=1e-5)
    assert result.variance == pytest.approx({0: 0.51233, 42: 0.51220}[seed], abs=1e-5)
    assert result.verdict.standing == "missed"
    assert "not reached AR" in result.verdict.text.en


def test_two_linear_units_continue_a_sine() -> None:
    assert noiseless_error(500) < 1e-12


@pytest.mark.slow
def test_after_300_epochs_the_network_reaches_the_autoregression() -> None:
    result = run("sine")
    assert isinstance(result, SineResult)
    assert result.verdict.standing == "reached"
    assert all(0.0165 < error < 0.0195 for error in result.errors)
    assert result.updates == 3 * 300 * 13


@pytest.mark.parametrize(
    ("error", "fit", "repeating"),
    [
        (0.0205, "Both forecasts are equally close", "23 times the error of the worst other"),
        (0.06, "is 3 times that of the autoregression", "8 times the error of the worst other"),
        (0.6, "is 30 times that of the autoregression", "is not the worst"),
    ],
)
def test_captions_follow_the_errors(error: float, fit: str, repeating: str) -> None:
    settings = dataclasses.replace(find("sine").settings(), observations=100, epochs=1, repeats=1)
    result = run("sine", settings=settings)
    assert isinstance(result, SineResult)
    series, errors = dataclasses.replace(result, errors=(error,), autoregression=0.02, repeat=0.48).figures()
    assert fit in series.how_to_read.en
    assert ("equally close" in series.how_to_read.en) is (error < 0.021)
    assert repeating in errors.how_to_read.en
    assert ("is not the worst" in errors.how_to_read.en) is (error > 0.48)


@pytest.mark.slow
def test_twenty_epochs_do_not() -> None:
    result = run("sine", "too-short")
    assert isinstance(result, SineResult)
    assert result.verdict.standing == "missed"
    assert min(result.errors) > 2 * result.autoregression
