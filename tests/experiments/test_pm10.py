"""PM10: the baselines are as published, and combinations are judged from every seed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from nurt.experiments import find, run
from nurt.experiments.pm10 import PM10Result


def test_what_costs_nothing_is_as_tabled(shared_data: Path) -> None:
    settings = dataclasses.replace(find("pm10").settings("quick"), hidden=(2,), horizons=(1,))
    result = run("pm10", settings=settings, files=[shared_data / "gios" / "KrakowKrasinskiegoPM10.csv"])
    assert isinstance(result, PM10Result)
    assert (result.hours, result.missing, result.tested) == (17544, 2, 3509)
    tabled = [(4.729, 8.175), (14.637, 20.878), (18.509, 25.427)]
    assert [(one.mae, one.rmse) for one in result.free[:3]] == [pytest.approx(one, abs=0.0005) for one in tabled]


def test_every_combination_is_trained_from_every_seed(own_files: dict[str, list[Path]]) -> None:
    settings = dataclasses.replace(
        find("pm10").settings(), cells=("gru",), hidden=(2, 3), horizons=(1, 3), repeats=2, epochs=1
    )
    result = run("pm10", settings=settings, files=own_files["pm10"])
    assert isinstance(result, PM10Result)
    assert [one.design.name for one in result.designs] == ["GRU 1×2, 24 h", "GRU 1×3, 24 h"]
    bars = np.min([one.errors for one in result.free], axis=0)
    for one in result.designs:
        assert one.errors.shape == (2, 2)
        assert one.errors[0, 0] != one.errors[1, 0]
        assert one.better == tuple(one.errors.max(axis=0) < bars)
    won = sum(sum(one.better) for one in result.designs)
    assert f"In {won} of 4 cases" in result.verdict.text.en
    assert result.verdict.standing == {0: "missed", 4: "reached"}.get(won, "partly")


def test_the_full_study_has_every_combination() -> None:
    full = find("pm10").settings("full")
    assert (full.cells, full.layers, full.hidden, full.look_backs) == (
        ("elman", "gru", "lstm"), (1, 2, 3), (8, 32, 64), (24, 48, 168)
    )  # fmt: skip
    assert (full.horizons, full.repeats) == ((1, 6, 24), 3)
