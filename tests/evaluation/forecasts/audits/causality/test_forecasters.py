"""Descriptions of forecasters refuse what cannot be audited."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.audits.causality import BlackBox, Channels, Differentiable, fitted_copy, structure_copy


@pytest.mark.parametrize(
    "groups",
    [{"target": ()}, {"target": (0, 2)}, {"target": (0,), "past": (0,)}, {"target": (1,)}],
    ids=["no target", "a hole", "shared", "not from 0"],
)
def test_groups_must_cover_the_channels_once(groups):
    with pytest.raises(NurtValueError, match="do not cover"):
        Channels(**groups)


def test_groups_without_channels_are_not_listed():
    channels = Channels(target=(1,), past=(0, 2))
    assert dict(channels.groups) == {"target": (1,), "past covariates": (0, 2)}
    assert channels.count == 3


@pytest.mark.parametrize("kind", [Differentiable, BlackBox])
def test_future_covariates_need_future_steps(kind):
    with pytest.raises(NurtValueError, match="no future steps"):
        kind(lambda inputs: inputs, channels=Channels(future=(1,)))


def test_a_fitted_copy_keeps_the_weights_and_leaves_the_module_alone():
    module = nn.Sequential(nn.Linear(3, 5), nn.Dropout(0.5)).train()
    drawn = fitted_copy(module)
    assert torch.equal(drawn[0].weight, module[0].weight.double())
    assert not drawn.training
    assert not any(parameter.requires_grad for parameter in drawn.parameters())
    assert module.training
    assert module[0].weight.dtype == torch.float32
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_a_structure_copy_redraws_every_parameter_and_keeps_buffers():
    module = nn.Sequential(nn.Linear(40, 50), nn.BatchNorm1d(50))
    nn.init.zeros_(module[0].weight)
    module[1].running_mean.fill_(4.0)
    drawn = structure_copy(module)
    assert (drawn[0].weight != 0).all()
    assert abs(float(drawn[0].weight.std()) - 0.1) < 0.01
    assert (module[0].weight == 0).all()
    assert (drawn[1].running_mean == 4.0).all()


def test_the_draw_depends_on_its_seed_alone_and_spares_the_global_generator():
    module = nn.LSTM(2, 3)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, other, third = structure_copy(module, 5), structure_copy(module, 5), structure_copy(module, 6)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.weight_hh_l0, other.weight_hh_l0)
    assert not torch.equal(one.weight_hh_l0, third.weight_hh_l0)
