"""The audit finds the reach of heads whose reach is known, in every view and by every probe."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.audits.causality import (
    BlackBox,
    Channels,
    Differentiable,
    ProbeSettings,
    audit_causality,
    fitted_copy,
    structure_copy,
)

STEPS = (1, 2, 10, 20, 30)
AT_STEPS = ProbeSettings(steps=STEPS)


def test_known_heads_have_their_known_reach(cell, known, differentiable):
    forecaster = differentiable(cell, 30, known.head, scaled=known.scaled, sees_future=known.sees_future)
    report = audit_causality(forecaster, look_back=60, horizon=30, settings=AT_STEPS)
    assert report.verdict == known.verdict
    assert report.latest_input.tolist() == list(known.latest)
    assert report.latest_input_total.tolist() == list(known.total)
    assert report.earliest_input.tolist() == [1] * 5
    assert report.blind_newest.tolist() == [max(60 - latest, 0) for latest in known.latest]


def test_window_scaling_is_seen_through_without_a_learned_callable(cell, network):
    """Swapping neighbours leaves the statistics alone, so the blind head shows although every input leaks in."""
    net = network(cell, 30, "cut", scaled=True)
    report = audit_causality(Differentiable(net), look_back=60, horizon=30, settings=AT_STEPS)
    assert report.latest_input_total.tolist() == [60] * 5
    assert report.latest_input.tolist() == [31, 32, 40, 50, 60]
    assert report.verdict == "warning"
    assert "swap" in report.probes
    assert "shows no effect of the newest 29 values" in report.text


@pytest.mark.parametrize("scaled", [False, True])
def test_black_boxes_show_the_same_blindness(cell, scaled, network):
    def outside(head):
        net = network(cell, 30, head, scaled=scaled)
        return BlackBox(lambda inputs: net(torch.tensor(inputs)).numpy())

    blind = audit_causality(outside("cut"), look_back=60, horizon=30, settings=AT_STEPS)
    assert blind.latest_input.tolist() == [31, 32, 40, 50, 60]
    assert blind.verdict == "warning"
    healthy = audit_causality(outside("last"), look_back=60, horizon=30, settings=AT_STEPS)
    assert healthy.latest_input.tolist() == [60] * 5
    assert healthy.verdict in ("pass", "info")


def test_a_black_box_may_hold_its_statistics_fixed(network):
    net = network("gru", 30, "cut", scaled=True)
    box = BlackBox(
        lambda inputs: net(torch.tensor(inputs)).numpy(),
        lambda inputs, reference: net(torch.tensor(inputs), torch.tensor(reference)).numpy(),
    )
    report = audit_causality(box, look_back=60, horizon=30, settings=AT_STEPS)
    assert report.latest_input.tolist() == [31, 32, 40, 50, 60]
    assert report.probes == "perturbation"


@pytest.mark.parametrize("horizon", [1, 7, 12, 13, 17])
def test_no_verdict_flips_where_horizon_meets_look_back(cell, horizon, differentiable):
    healthy = audit_causality(differentiable(cell, horizon, "last", scaled=True), look_back=13, horizon=horizon)
    assert healthy.verdict == "pass"
    assert healthy.latest_input.tolist() == [13] * horizon
    if 1 < horizon <= 13:
        blind = audit_causality(differentiable(cell, horizon, "cut"), look_back=13, horizon=horizon)
        assert blind.verdict == "warning"
        assert blind.blind_newest.tolist() == list(range(horizon - 1, -1, -1))


def test_a_cut_head_with_one_step_is_healthy(differentiable):
    report = audit_causality(differentiable("lstm", 1, "cut"), look_back=9, horizon=1)
    assert report.verdict == "pass"


@pytest.mark.parametrize("look_back", [1, 2, 3])
def test_the_shortest_windows_are_audited(look_back, network):
    report = audit_causality(Differentiable(network("rnn", 3, "last")), look_back=look_back, horizon=3)
    assert report.verdict == "pass"
    assert report.latest_input.tolist() == [look_back] * 3


def test_a_head_that_starts_at_zero_needs_the_structure_copy():
    class Anchored(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.GRU(1, 5, batch_first=True)
            self.head = nn.Linear(5, 4)
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)

        def forward(self, inputs, reference=None):
            anchor = (inputs if reference is None else reference)[:, -1]
            return anchor + self.head(self.encoder(inputs - anchor[:, None])[0][:, -1])

    untrained = fitted_copy(Anchored())
    as_is = audit_causality(Differentiable(untrained, untrained), look_back=12, horizon=4)
    assert as_is.latest_input.tolist() == [0] * 4
    assert as_is.latest_input_total.tolist() == [12] * 4
    assert any("structure_copy" in note for note in as_is.notes)
    redrawn = structure_copy(Anchored())
    assert audit_causality(Differentiable(redrawn, redrawn), look_back=12, horizon=4).verdict == "pass"


def test_perturbation_finds_what_gradients_cannot_see():
    def steps_up(inputs):
        """Rounding and detach leave no gradient, yet inputs 2 and 5 matter."""
        return torch.stack([inputs[:, 1, 0].round(), inputs[:, 4, 0].detach() * 2.0], dim=1)

    report = audit_causality(Differentiable(steps_up, lambda inputs, _: steps_up(inputs)), look_back=5, horizon=2)
    assert report.latest_input.tolist() == [2, 5]
    assert report.earliest_input.tolist() == [2, 5]


def test_gradients_find_what_perturbation_has_lost(differentiable):
    """The oldest of 120 inputs is remembered far below rounding: decayed, and never called blind."""
    forecaster = differentiable("lstm", 2, "last")
    report = audit_causality(forecaster, look_back=120, horizon=2, settings=ProbeSettings(windows=2))
    assert report.verdict == "pass"
    assert report.classes[0, 0] == 1
    assert report.classes[0, -1] == 2
    outside = audit_causality(
        BlackBox(lambda inputs: forecaster.evaluate(inputs)),
        look_back=120,
        horizon=2,
        settings=ProbeSettings(windows=2),
    )
    assert outside.verdict == "info"
    assert outside.earliest_input.min() > 1
    assert "no measurable influence" in outside.text


def test_scaling_by_future_values_is_a_look_ahead():
    def scaled_by_everything(inputs):
        return inputs[:, 4:5, 0] / inputs[..., 0].abs().amax(dim=1, keepdim=True) * torch.ones(1, 2, dtype=inputs.dtype)

    report = audit_causality(Differentiable(scaled_by_everything, sees_future=True), look_back=5, horizon=2)
    assert report.verdict == "error"
    assert "after the origin" in report.text


def test_a_decoder_that_sees_the_next_true_value_is_an_error():
    """Teacher forcing left on: step k reads the true value of step k - 1."""

    def forced(inputs):
        return inputs[:, 5:8, 0].cumsum(dim=1)

    report = audit_causality(Differentiable(forced, sees_future=True), look_back=6, horizon=3)
    assert report.verdict == "error"
    assert report.target.lead.tolist() == [0, 1, 2]
    first = Differentiable(lambda inputs: forced(inputs)[:, :1], sees_future=True)
    assert audit_causality(first, look_back=6, horizon=1).target.lead.tolist() == [0]


def test_past_covariates_are_judged_on_their_own():
    """The target is seen up to its newest value, the covariate only up to its third newest."""

    def forecast(inputs):
        return (inputs[:, :, 0].sum(dim=1) + inputs[:, :-2, 1].sum(dim=1))[:, None].repeat(1, 2)

    described = Differentiable(forecast, lambda inputs, _: forecast(inputs), Channels(target=(0,), past=(1,)))
    report = audit_causality(described, look_back=7, horizon=2)
    target, past = report.reach
    assert (target.group, past.group) == ("target", "past covariates")
    assert target.latest.tolist() == [7, 7]
    assert past.latest.tolist() == [5, 5]
    assert report.verdict == "warning"
    assert "past covariates" in report.text


def test_channels_that_cancel_are_still_seen():
    def difference(inputs):
        return (inputs[:, -1, 0] - inputs[:, -1, 1])[:, None]

    alike = np.repeat(np.random.default_rng(0).standard_normal((2, 4, 1)), 2, axis=2)
    box = BlackBox(difference, channels=Channels(target=(0, 1)))
    report = audit_causality(box, look_back=4, horizon=1, windows=alike)
    assert report.latest_input.tolist() == [4]


def test_known_future_covariates_may_reach_ahead_and_are_reported():
    def forecast(inputs):
        return (
            inputs[:, 3:4, 0]
            + inputs[:, 4:, 1].sum(dim=1, keepdim=True)
            + inputs[:, :4].sum(dim=(1, 2))[:, None].repeat(1, 3)
        )

    described = Differentiable(
        forecast, lambda inputs, _: forecast(inputs), Channels(target=(0,), future=(1,)), sees_future=True
    )
    report = audit_causality(described, look_back=4, horizon=3)
    assert report.verdict == "pass"
    assert report.reach[1].lead.tolist() == [3, 3, 3]
    assert any("known in advance" in note for note in report.notes)


def test_quantile_forecasts_are_audited_as_a_whole():
    """The median reads only the last value, the spread the whole window."""

    def quantiles(inputs):
        median = inputs[:, -1, 0]
        spread = inputs[..., 0].pow(2).sum(dim=1)
        return torch.stack([median - spread, median, median + spread], dim=-1)[:, None].repeat(1, 2, 1)

    report = audit_causality(Differentiable(quantiles, lambda inputs, _: quantiles(inputs)), look_back=5, horizon=2)
    assert report.verdict == "pass"
    # The two outer quantiles must not cancel: 1:1 weights would add up to the median.
    assert (report.classes == 2).all()


def test_repeating_the_last_value_reads_one_input_and_is_only_remarked_on():
    naive = BlackBox(lambda inputs: np.repeat(inputs[:, -1], 3, axis=1))
    report = audit_causality(naive, look_back=8, horizon=3)
    assert report.verdict == "info"
    assert report.latest_input.tolist() == report.earliest_input.tolist() == [8, 8, 8]


def test_a_constant_forecast_reads_nothing():
    report = audit_causality(BlackBox(lambda inputs: np.full((len(inputs), 2), 3.5)), look_back=8, horizon=2)
    assert report.verdict == "warning"
    assert report.blind_newest.tolist() == [8, 8]
    assert "reads nothing" in report.text


def test_float32_black_boxes_are_judged_with_float32_rounding():
    """The scale is summed in float32, so every swap moves the answer by about 1e-7."""

    def forecast(inputs):
        units = inputs[..., 0].astype(np.float32)
        scale = np.cumsum(np.abs(units), axis=1)[:, -1:]
        return units[:, :8] @ np.arange(1.0, 9.0, dtype=np.float32)[:, None] / scale

    report = audit_causality(BlackBox(forecast), look_back=14, horizon=1)
    assert report.latest_input_total.tolist() == [14]
    assert report.latest_input.tolist() == [8]


def test_the_swap_probe_cannot_tell_the_last_two_inputs_from_the_one_before(network):
    net = network("gru", 6, "cut", scaled=True)
    report = audit_causality(Differentiable(net), look_back=12, horizon=6)
    assert report.blind_newest.tolist() == [5, 4, 3, 0, 0, 0]
    assert any("last two inputs" in note for note in report.notes)


def test_long_horizons_are_sampled_and_said_so():
    naive = BlackBox(lambda inputs: np.repeat(inputs[:, -1], 200, axis=1))
    report = audit_causality(naive, look_back=3, horizon=200, settings=ProbeSettings(most_steps=7))
    assert report.steps[:2] == (1, 2)
    assert report.steps[-1] == 200
    assert len(report.steps) <= 7
    assert "of 200 forecast steps" in report.notes[0]


def test_windows_of_the_callers_own_are_used(network):
    """A ReLU that is shut for every one of the given windows passes nothing; random walks would open it."""

    def forecast(inputs):
        return inputs[:, -1] + torch.relu(inputs[:, 0] - 1e9)

    shut = np.linspace(1.0, 2.0, 30).reshape(2, 5, 3)[:, :, :1]
    opened = shut + np.where(np.arange(5) == 0, 2e9, 0.0)[None, :, None]
    described = Differentiable(forecast, lambda inputs, _: forecast(inputs))
    assert audit_causality(described, look_back=5, horizon=1, windows=shut).earliest_input.tolist() == [5]
    assert audit_causality(described, look_back=5, horizon=1, windows=opened).earliest_input.tolist() == [1]


def test_the_same_seed_gives_the_same_report_and_global_generators_are_left_alone(network):
    forecaster = Differentiable(network("lstm", 4, "last", scaled=True))
    torch.manual_seed(3)
    np.random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    one, other = (audit_causality(forecaster, look_back=9, horizon=4).to_dict() for _ in range(2))
    assert one == other
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()


def test_a_wrong_shape_is_refused_with_the_shape_expected():
    with pytest.raises(ShapeError, match=r"\(\d+, 4\)"):
        audit_causality(BlackBox(lambda inputs: inputs[:, :3, 0]), look_back=8, horizon=4)
    with pytest.raises(ShapeError, match="do not fit"):
        audit_causality(BlackBox(lambda x: x[:, -1]), look_back=8, horizon=1, windows=np.zeros((2, 7, 1)))


def test_a_forecaster_that_draws_noise_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(NurtValueError, match="two answers"):
        audit_causality(
            BlackBox(lambda inputs: inputs[:, -1] + rng.standard_normal((len(inputs), 1))), look_back=5, horizon=1
        )


def test_answers_that_are_not_finite_are_refused():
    with pytest.raises(NurtValueError, match="not finite"):
        audit_causality(BlackBox(lambda inputs: inputs[:, -1] * np.nan), look_back=5, horizon=1)
    with pytest.raises(NurtValueError, match=r"gradient .* is NaN"):
        audit_causality(
            Differentiable(lambda inputs: (inputs[:, -1] - inputs[:, -1]).sqrt() + inputs[:, 0]), look_back=5, horizon=1
        )


@pytest.mark.parametrize(("look_back", "horizon"), [(0, 1), (1, 0)])
def test_nothing_to_audit_is_refused(look_back, horizon):
    with pytest.raises(NurtValueError, match="nothing to audit"):
        audit_causality(BlackBox(lambda inputs: inputs[:, -1]), look_back=look_back, horizon=horizon)


@pytest.mark.parametrize("steps", [(), (0,), (1, 5)])
def test_steps_outside_the_forecast_are_refused(steps):
    with pytest.raises(NurtValueError, match="leaves the forecast"):
        ProbeSettings(steps=steps).chosen(4)


def test_missing_values_in_given_windows_are_refused():
    windows = np.full((2, 5, 1), np.nan)
    with pytest.raises(NurtValueError, match="missing values"):
        audit_causality(BlackBox(lambda inputs: inputs[:, -1]), look_back=5, horizon=1, windows=windows)


def test_the_report_is_plain_json(differentiable):
    report = audit_causality(differentiable("rnn", 5, "cut"), look_back=7, horizon=5)
    shown = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert shown["verdict"] == "warning"
    assert shown["latest_input"] == [3, 4, 5, 6, 7]
    assert shown["reach"][0]["classes"][0] == "###····"
