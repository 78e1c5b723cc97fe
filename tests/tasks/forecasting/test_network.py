"""Quantiles never cross, the untrained head repeats the anchor bit for bit, losses see known cells alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nurt.data.scaling import WindowStatistics
from nurt.errors import NurtValueError
from nurt.nn import CELLS
from nurt.tasks.forecasting.network import LOSSES, ForecastNetwork, ForecastNetworks, NetworkDesign, QuantileHead

THREE = (0.1, 0.5, 0.9)
LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


@given(hidden=st.integers(1, 9), steps=st.integers(1, 7), batch=st.integers(1, 5), size=st.floats(0.1, 100.0))
def test_quantiles_ascend_whatever_the_weights(hidden: int, steps: int, batch: int, size: float) -> None:
    head = QuantileHead(hidden, steps, LEVELS)
    generator = torch.Generator().manual_seed(hidden * 100 + steps)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_(0.0, size, generator=generator)
    state = torch.randn(batch, hidden, generator=generator)
    quantiles = head(state, torch.rand(batch, 1, generator=generator))
    assert quantiles.shape == (batch, steps, len(LEVELS))
    assert (quantiles.diff(dim=-1) >= 0).all()


def test_the_middle_quantile_is_the_linear_read_out() -> None:
    head = QuantileHead(3, 2, LEVELS)
    state = torch.tensor([[0.3, -1.2, 0.7]])
    torch.testing.assert_close(head(state, torch.ones(1, 1))[..., 2], head.median(state))


def test_starting_at_repeat_gives_zero_and_the_spread_of_the_training_changes() -> None:
    head = QuantileHead(4, 3, LEVELS).double()
    changes = np.random.default_rng(0).normal(size=(4001, 3)) * np.array([1.0, 2.0, 5.0])
    head.start_at(changes)
    quantiles = head(torch.randn(2, 4, dtype=torch.float64), torch.full((2, 1), 1.7, dtype=torch.float64))
    assert torch.equal(quantiles[..., 2], torch.zeros(2, 3, dtype=torch.float64))
    expected = np.quantile(changes, LEVELS, axis=0).T
    expected = 1.7 * (expected - expected[:, [2]])
    np.testing.assert_allclose(quantiles[0].detach().numpy(), expected, rtol=1e-9)


def test_a_step_never_observed_does_not_spoil_the_start() -> None:
    head = QuantileHead(2, 2, LEVELS)
    changes = np.column_stack([np.arange(7.0), np.full(7, np.nan)])
    head.start_at(changes)
    assert torch.isfinite(head(torch.ones(1, 2), torch.ones(1, 1))).all()


@pytest.mark.parametrize("levels", [(0.1, 0.9), (0.9, 0.5), (0.5, 0.5, 0.9)])
def test_levels_without_a_middle_or_out_of_order_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(NurtValueError, match=r"0\.5 among them"):
        QuantileHead(2, 1, levels)


def test_pinball_equals_the_worked_example() -> None:
    # Forecasts 18 and 20 of the 0.9 quantile where 16 and 22 come true cost 0.2 and 1.8.
    quantiles = torch.tensor([[[18.0], [20.0]]])
    assert LOSSES["quantile"](quantiles, torch.tensor([[16.0, 22.0]]), (0.9,)).item() == pytest.approx(1.0)


@pytest.mark.parametrize(("name", "expected"), [("squared", 2.5), ("absolute", 1.5)])
def test_point_losses_look_at_the_middle_only(name: str, expected: float) -> None:
    quantiles = torch.tensor([[[-9.0, 1.0, 9.0], [-9.0, 2.0, 9.0]]])
    assert LOSSES[name](quantiles, torch.tensor([[2.0, 4.0]]), THREE).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_missing_truth_changes_neither_loss_nor_gradient(name: str) -> None:
    target = torch.tensor([[0.3, float("nan"), -0.7]])
    quantiles = torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    loss = LOSSES[name](quantiles, target, THREE)
    (gradient,) = torch.autograd.grad(loss, quantiles)
    assert torch.isfinite(gradient).all()
    assert (gradient[0, 1] == 0).all()
    torch.testing.assert_close(loss, LOSSES[name](quantiles[:, [0, 2]], target[:, [0, 2]], THREE))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_batch_without_any_truth_has_a_loss_of_zero(name: str) -> None:
    quantiles = torch.randn(2, 3, 3, requires_grad=True)
    loss = LOSSES[name](quantiles, torch.full((2, 3), float("nan")), THREE)
    (gradient,) = torch.autograd.grad(loss, quantiles)
    assert loss.item() == 0.0
    assert (gradient == 0).all()


STRATEGIES = ("parallel", "direct", "recursive")


def _network(strategy: str, **told: object) -> ForecastNetwork:
    design = {"layers": 1, "hidden": 5, "dropout": 0.0, "horizon": 7, "quantiles": THREE, "cell": "gru"}
    torch.manual_seed(0)
    return ForecastNetwork(NetworkDesign(strategy=strategy, **design | told), WindowStatistics("last", "window"))


@pytest.mark.parametrize("segment", [1, 2, 3, 7])
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_every_cell_decodes_all_segments_at_once(cell: str, segment: int) -> None:
    network = _network("parallel", cell=cell, segment=segment, layers=2, mask=True, covariates=2, known=3, series=2)
    inputs = torch.randn(4, 11)
    inputs[1, 3] = float("nan")
    given = {"known": torch.randn(4, 18, 3), "series": torch.tensor([0, 1, 2, 1])}
    quantiles = network(inputs, torch.randn(4, 11, 2), **given)
    assert quantiles.shape == (4, 7, 3)
    assert torch.isfinite(quantiles).all()
    assert (quantiles.diff(dim=-1) >= 0).all()


def test_the_parallel_decoder_is_a_step_of_the_encoder_for_each_segment() -> None:
    network = _network("parallel", segment=3).double().eval()
    inputs = torch.randn(2, 6, dtype=torch.float64)
    units = network.statistics(inputs)
    found = network(inputs, inputs.new_empty(2, 6, 0), units)[..., 1]
    scaled = ((inputs - units.anchor) / units.scale).unsqueeze(-1)
    segments = torch.relu(network.reading(scaled.reshape(2, 2, 3)))
    _, (state,) = network.encoder(segments)
    cell = network.encoder.layers[0].cell
    for place in range(3):
        after = cell.step(network.places.weight[place].expand(2, -1), state).hidden
        steps = network.head.median(after)
        last = min(7, 3 * place + 3)
        torch.testing.assert_close(found[:, 3 * place : last], steps[:, : last - 3 * place])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_untrained_network_adds_nothing_and_its_fan_is_that_of_the_residuals(strategy: str) -> None:
    network = _network(strategy, segment=2 if strategy == "parallel" else 1).double()
    steps = 1 if strategy == "recursive" else 7
    grows = np.arange(1.0, steps + 1)
    residuals = np.random.default_rng(0).normal(size=(3001, steps)) * grows
    network.start_at(residuals)
    inputs = torch.randn(3, 9, dtype=torch.float64)
    units = network.statistics(inputs)
    quantiles = network(inputs, inputs.new_empty(3, 9, 0), units)
    assert torch.equal(quantiles[..., 1], torch.zeros(3, 7, dtype=torch.float64))
    width = ((quantiles[..., 2] - quantiles[..., 0]) / units.change)[0, :steps].detach().numpy()
    wanted = np.quantile(residuals, 0.9, axis=0) - np.quantile(residuals, 0.1, axis=0)
    np.testing.assert_allclose(width, wanted, rtol=0.1)


@pytest.mark.parametrize("strategy", ["parallel", "direct"])
def test_what_is_known_ahead_of_a_step_reaches_it(strategy: str) -> None:
    network = _network(strategy, known=2).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0.0, 0.3)
    inputs, known = torch.randn(1, 9), torch.randn(1, 16, 2, requires_grad=True)
    quantiles = network(inputs, inputs.new_empty(1, 9, 0), known=known)
    for step in range(7):
        (gradient,) = torch.autograd.grad(quantiles[0, step, 1], known, retain_graph=True)
        reached = gradient[0, 9:].abs().sum(dim=-1) > 0
        assert reached.tolist() == [place == step for place in range(7)]
        assert gradient[0, :9].abs().sum() > 0


def test_a_series_that_was_not_met_is_one_of_its_own() -> None:
    network = _network("parallel", series=2).eval()
    inputs = torch.randn(1, 9)
    nothing = inputs.new_empty(1, 9, 0)
    first, second, unmet, none = (
        network(inputs, nothing, series=None if index is None else torch.tensor([index])) for index in (0, 1, 2, None)
    )
    assert torch.equal(unmet, none)
    assert not torch.equal(first, second)
    assert not torch.equal(first, unmet)


def test_members_are_averaged_by_quantile() -> None:
    members = [_network("direct"), _network("direct")]
    with torch.no_grad():
        members[1].head.median.bias += 1.0
    inputs = torch.randn(2, 9)
    nothing = inputs.new_empty(2, 9, 0)
    wanted = (members[0](inputs, nothing) + members[1](inputs, nothing)) / 2
    torch.testing.assert_close(ForecastNetworks(members)(inputs, nothing), wanted)


@pytest.mark.parametrize("told", [{"covariates": 1}, {"known": 1}, {"segment": 2}])
def test_a_recursive_network_refuses_what_it_cannot_feed_back(told: dict[str, int]) -> None:
    with pytest.raises(NurtValueError, match="recursive"):
        _network("recursive", **told)
