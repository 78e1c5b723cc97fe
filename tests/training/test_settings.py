from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch

from nurt.errors import NurtTypeError, NurtValueError
from nurt.training import ClipByNorm, ClipByValue, CosineDecay, ReduceOnPlateau, TrainingSettings
from nurt.training.settings import (
    best_index,
    clipping_from_dict,
    clipping_to_dict,
    epochs_without_improvement,
    out_of_patience,
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", -1),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("clip_norm", 0.0),
        ("clip_norm", -1.0),
        ("clip_value", 0.0),
        ("weight_decay", -0.1),
        ("weight_decay", math.nan),
        ("patience", 0),
        ("epochs", 10**9 + 1),
        ("batch_size", 10**20),
        ("patience", 10**20),
        ("seed", -1),
        ("seed", 2**63),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(name, value):
    with pytest.raises(NurtValueError, match=f"`{name}`"):
        TrainingSettings(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 1.5),
        ("batch_size", True),
        ("learning_rate", "0.1"),
        ("clip_norm", "none"),
        ("clip_value", "none"),
        ("decay", "cosine"),
        ("shuffle", 1),
        ("seed", None),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(name, value):
    with pytest.raises(NurtTypeError, match=f"`{name}`"):
        TrainingSettings(**{name: value})


def test_no_clipping_no_patience_and_no_epochs_are_allowed():
    settings = TrainingSettings(epochs=0, clip_norm=None, patience=None)
    assert settings.rate(1, []) == settings.learning_rate


def test_gradients_are_clipped_in_one_way():
    assert TrainingSettings(clip_norm=0.5).clipping == ClipByNorm(0.5)
    assert TrainingSettings(clip_norm=None, clip_value=0.5).clipping == ClipByValue(0.5)
    assert TrainingSettings(clip_norm=None).clipping is None
    with pytest.raises(NurtValueError, match="in two ways"):
        TrainingSettings(clip_norm=0.5, clip_value=0.5)


def test_settings_are_frozen_and_json_ready():
    settings = TrainingSettings(decay=ReduceOnPlateau(patience=3))
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.epochs = 3
    values = json.loads(json.dumps(settings.to_dict()))
    assert values["decay"] == {"kind": "ReduceOnPlateau", "factor": 0.5, "patience": 3, "minimum": 1e-6}


def test_only_what_says_when_to_stop_may_change_on_resume():
    base = TrainingSettings(epochs=5, patience=3)
    assert base.binding() == TrainingSettings(epochs=9, patience=None).binding()
    assert base.binding() != TrainingSettings(epochs=5, patience=3, seed=1).binding()
    cosine = TrainingSettings(epochs=5, decay=CosineDecay())
    assert cosine.binding() != TrainingSettings(epochs=9, decay=CosineDecay()).binding()


@pytest.mark.parametrize("kind", [ClipByNorm, ClipByValue])
@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan, math.inf])
def test_a_limit_that_limits_nothing_is_refused(kind, limit):
    with pytest.raises(NurtValueError, match="`limit`"):
        kind(limit)


@pytest.mark.parametrize("kind", [ClipByNorm, ClipByValue])
@pytest.mark.parametrize("limit", [None, True, "1"])
def test_a_limit_that_is_no_number_is_refused(kind, limit):
    with pytest.raises(NurtTypeError, match="`limit`"):
        kind(limit)


def test_a_negative_epsilon_is_refused():
    with pytest.raises(NurtValueError, match="`epsilon`"):
        ClipByNorm(1.0, epsilon=-1e-6)


def test_the_coefficient_is_limit_over_norm_and_never_above_one():
    assert ClipByNorm(1.0).coefficient(5.0) == 0.2
    assert ClipByNorm(1.0, epsilon=1e-6).coefficient(5.0) == 1.0 / (5.0 + 1e-6)
    assert ClipByNorm(1.0).coefficient(1.0) == ClipByNorm(1.0).coefficient(0.0) == 1.0
    assert ClipByNorm(1.0, epsilon=1e-6).coefficient(1.0) < 1.0


@pytest.mark.parametrize("clipping", [None, ClipByNorm(0.3, 1e-6), ClipByValue(2.0)])
def test_a_limit_survives_json(clipping):
    assert clipping_from_dict(json.loads(json.dumps(clipping_to_dict(clipping)))) == clipping


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


@pytest.mark.parametrize(("losses", "best"), [([3.0], 0), ([3.0, 1.0, 2.0], 1), ([2.0, 1.0, 1.0], 1), ([0.0, 0.5], 0)])
def test_the_first_of_the_lowest_losses_is_the_best(losses, best):
    assert best_index(losses) == best


def test_an_equal_loss_is_no_improvement():
    assert epochs_without_improvement([5.0, 4.0, 4.0, 4.5]) == 2
    assert epochs_without_improvement([5.0, 4.0]) == 0
    assert epochs_without_improvement([]) == 0


def test_patience_ends_after_exactly_that_many_epochs_without_improvement():
    losses = [3.0, 2.0, 2.5, 2.4, 2.3]
    assert out_of_patience(losses, 3)
    assert not out_of_patience(losses[:-1], 3)
    assert not out_of_patience(losses, 4)
    assert not out_of_patience(losses, None)
