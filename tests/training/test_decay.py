from __future__ import annotations

import math

import pytest
import torch

from nurt.errors import NurtValueError
from nurt.training import CosineDecay, ReduceOnPlateau


def test_a_plateau_halves_the_rate_once_per_patience():
    decay = ReduceOnPlateau(factor=0.5, patience=2, minimum=0.0)
    losses = [5.0, 4.0, 4.0, 4.1, 3.0, 3.0, 3.0, 3.0, 3.0]
    rates = [decay.rate(1.0, epoch + 1, 99, losses[:epoch]) for epoch in range(len(losses) + 1)]
    assert rates == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_the_rate_never_falls_below_the_minimum_nor_rises_to_it():
    flat = [1.0] * 40
    assert ReduceOnPlateau(0.1, 1, minimum=0.02).rate(1.0, 41, 99, flat) == 0.02
    assert ReduceOnPlateau(0.1, 1, minimum=0.02).rate(0.001, 41, 99, flat) == 0.001


@pytest.mark.parametrize("minimum", [0.0, 0.003])
def test_the_cosine_is_that_of_torch(minimum):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=7, eta_min=minimum)
    for epoch in range(1, 8):
        ours = CosineDecay(minimum).rate(0.1, epoch, 7, [])
        assert math.isclose(ours, optimizer.param_groups[0]["lr"], rel_tol=1e-12, abs_tol=1e-15)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: ReduceOnPlateau(factor=1.0), "factor"),
        (lambda: ReduceOnPlateau(factor=math.nan), "factor"),
        (lambda: ReduceOnPlateau(patience=0), "patience"),
        (lambda: ReduceOnPlateau(minimum=-1.0), "minimum"),
        (lambda: CosineDecay(minimum=math.inf), "minimum"),
    ],
)
def test_a_decay_that_cannot_work_is_refused(build, word):
    with pytest.raises(NurtValueError, match=word):
        build()
