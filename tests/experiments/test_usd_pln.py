"""The dollar: no network beats repeating the last rate, and the verdict says so."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from nurt.errors import DataError
from nurt.experiments import find, run
from nurt.experiments.usd_pln import USDPLNResult


@pytest.fixture(scope="module")
def archives(shared_data: Path) -> list[Path]:
    return sorted(shared_data.glob("nbp/archiwum_tab_a_*.csv"))


def test_what_costs_nothing_is_as_tabled(archives: list[Path]) -> None:
    settings = dataclasses.replace(find("usd-pln").settings(), recipe="default", epochs=1, horizon=1)
    result = run("usd-pln", settings=settings, files=archives)
    assert isinstance(result, USDPLNResult)
    assert (result.observations, len(result.actual)) == (1009, 190)
    assert (result.days[0], result.days[-1]) == ("2024-03-28", "2024-12-31")
    assert result.one_step["naive"] == pytest.approx((0.015937, 0.020952), abs=1e-6)
    tabled = {"AR(1)": 0.015891, "AR(5)": 0.015901, "AR(20)": 0.015959, "AR(60)": 0.016317, "mean": 0.1858}
    for name, expected in tabled.items():
        assert result.one_step[name][0] == pytest.approx(expected, rel=1e-3), name
    assert result.ranges[0] == pytest.approx([3.6545, 5.0381])
    assert result.ranges[0, 0] < result.ranges[1, 0] and result.ranges[1, 1] < result.ranges[0, 1]


def test_a_year_ahead_the_rate_leaves_what_the_scaler_saw(archives: list[Path]) -> None:
    settings = dataclasses.replace(find("usd-pln").settings("out-of-range"), epochs=1, horizon=1, recipe="default")
    result = run("usd-pln", settings=settings, files=archives)
    assert isinstance(result, USDPLNResult)
    assert result.ranges.ravel() == pytest.approx([3.6545, 4.1893, result.ranges[1, 0], 5.0381])
    (low, high), (_, greatest) = result.ranges
    assert (greatest - low) / (high - low) == pytest.approx(2.59, abs=0.005)
    assert result.days[0].startswith("2022-01") and result.days[-1].startswith("2022-12")


def test_a_run_on_files_of_ones_own(own_files: dict[str, list[Path]]) -> None:
    settings = dataclasses.replace(find("usd-pln").settings(), look_back=10, horizon=4, epochs=1)
    result = run("usd-pln", settings=settings, files=own_files["usd-pln"])
    assert isinstance(result, USDPLNResult)
    own = np.abs(result.actual - result.forecast).mean()
    assert result.score is not None
    assert result.score.value == pytest.approx(own)
    assert result.skill == pytest.approx(1 - (result.one_step["LSTM"][1] / result.one_step["naive"][1]) ** 2)
    assert result.gradients.shape == (3, 10)
    assert np.isfinite(result.gradients).all() and (result.gradients > 0).all()
    assert result.verdict.standing == "missed"
    assert "not better than repeating" in result.verdict.text.en
    assert result.updates == 4


def test_one_year_is_not_two(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("day,1USD\n" + "".join(f"2021-01-{day:02},{4 + day / 100}\n" for day in range(1, 31)))
    with pytest.raises(DataError, match="two years"):
        run("usd-pln", "out-of-range", files=[path])


@pytest.mark.slow
def test_the_handout_costs_twice_what_repeating_costs(archives: list[Path]) -> None:
    result = run("usd-pln", files=archives)
    assert isinstance(result, USDPLNResult)
    assert 0.025 < result.one_step["LSTM"][0] < 0.04
    assert result.skill < -1
    assert result.verdict.standing == "missed"
