"""Descriptions of forecasters refuse what cannot be audited."""

from __future__ import annotations

import pytest

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.audits.causality import BlackBox, Channels, Differentiable


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
