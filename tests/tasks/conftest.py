"""Small series and quick forecasters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nurt.tasks.forecasting import Forecaster
from nurt.training import TrainingSettings


@pytest.fixture
def walk() -> np.ndarray:
    """A walk with momentum, so that there is something to learn, of an awkward length."""
    steps = np.random.default_rng(3).normal(0.0, 0.02, 257)
    for t in range(1, len(steps)):
        steps[t] += 0.9 * steps[t - 1]
    return 4.0 + steps.cumsum()


@pytest.fixture
def quick() -> Callable[..., Forecaster]:
    """Return a maker of forecasters that train for two epochs."""

    def make(**told: object) -> Forecaster:
        epochs = told.pop("epochs", 2)
        settings = {
            # From the level of the window, with nothing to choose.
            "cell": "lstm",
            "strategy": "direct",
            "start": "anchor",
            "scaling": "window",
            "transform": "none",
            "calendar": "no",
            "refit": "none",
            "members": 1,
            "dropout": 0.0,
            "look_back": 17,
            "horizon": 5,
            "hidden": 6,
            "training": TrainingSettings(epochs=epochs, batch_size=16, learning_rate=0.02),
        }
        return Forecaster(**settings | told)

    return make
