from __future__ import annotations

import dataclasses
import json
import math

import pytest

from nurt.errors import NurtTypeError, NurtValueError
from nurt.training import ClipByNorm, ClipByValue, CosineDecay, ReduceOnPlateau, TrainingSettings


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
