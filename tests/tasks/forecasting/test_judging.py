"""Every forecaster that nurt can build sees all of its window at every step, and nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nurt.data.scaling import SCALINGS
from nurt.tasks.forecasting.judging import audit_reach
from nurt.tasks.forecasting.network import ForecastNetwork, NetworkDesign

LOOK_BACK, HORIZON = 60, 30


def _network(cell: str, strategy: str, scaling: str, **told: object) -> ForecastNetwork:
    design = {"layers": 1, "hidden": 8, "dropout": 0.2, "horizon": HORIZON, "quantiles": (0.1, 0.5, 0.9)}
    torch.manual_seed(0)
    fitted = SCALINGS[scaling].fit([torch.randn(200).cumsum(0).double().numpy()])
    return ForecastNetwork(NetworkDesign(cell=cell, strategy=strategy, **design | told), fitted)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("cell", ["linear", "elman", "lstm", "gru"])
def test_all_inputs_reach_all_steps_of_every_cell(cell: str, strategy: str) -> None:
    report = audit_reach(_network(cell, strategy, "window"), LOOK_BACK)
    assert report.verdict == "pass"
    assert report.latest_input.tolist() == [LOOK_BACK] * HORIZON
    assert report.earliest_input.tolist() == [1] * HORIZON


@pytest.mark.parametrize("scaling", sorted(SCALINGS))
@pytest.mark.parametrize("layers", [1, 3])
def test_scaling_and_depth_hide_nothing(scaling: str, layers: int) -> None:
    report = audit_reach(_network("lstm", "direct", scaling, layers=layers), LOOK_BACK)
    assert (report.verdict, set(report.latest_input.tolist())) == ("pass", {LOOK_BACK})


def test_covariates_are_audited_as_a_group_of_their_own() -> None:
    report = audit_reach(_network("gru", "direct", "window", covariates=2, mask=True), LOOK_BACK)
    assert [one.group for one in report.reach] == ["target", "past covariates"]
    assert all(set(one.latest.tolist()) == {LOOK_BACK} for one in report.reach)


class _Blind(ForecastNetwork):
    """Reads step k where a head over per-step outputs would: 30 - k observations before the newest."""

    def forward(
        self, inputs: Tensor, covariates: Tensor, statistics: object = None, steps: int | None = None
    ) -> Tensor:
        assert covariates.shape[-1] == 0
        assert steps is None
        statistics = statistics or self.statistics(inputs)
        units = ((inputs - statistics.anchor) / statistics.scale).unsqueeze(-1)
        outputs, _ = self.encoder(units)
        return torch.cat([self.head(outputs[:, t], statistics.change)[:, :1] for t in range(-HORIZON, 0)], dim=1)


class _Late(ForecastNetwork):
    """Drops the newest observation, as a window cut off by one does."""

    def forward(
        self, inputs: Tensor, covariates: Tensor, statistics: object = None, steps: int | None = None
    ) -> Tensor:
        return super().forward(inputs[:, :-1], covariates[:, :-1], statistics, steps)


@pytest.mark.parametrize(("kind", "newest"), [(_Blind, [31, 32, 40, 50, 60]), (_Late, [59] * 5)])
def test_a_network_that_misses_the_newest_values_is_caught(kind: type[ForecastNetwork], newest: list[int]) -> None:
    whole = _network("lstm", "direct", "window")
    blind = kind(whole.design, whole.scaling)
    report = audit_reach(blind, LOOK_BACK)
    assert report.verdict == "warning"
    assert [int(report.latest_input[k - 1]) for k in (1, 2, 10, 20, 30)] == newest
