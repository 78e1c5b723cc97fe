"""Looking into a forecaster: its network examined on windows of the data, with the loss it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from torch import Tensor

from nurt.data.scaling import standardise
from nurt.data.series import Series
from nurt.data.windows import Origins, Windows
from nurt.diagnostics import Examination, Scope, examine
from nurt.errors import DataError
from nurt.tasks.forecasting.forecaster import Forecaster
from nurt.tasks.forecasting.losses import LOSSES
from nurt.tasks.forecasting.problem import to_tensors

__all__ = ["QUICK", "examine_forecaster"]

QUICK: Final = Scope(parts=("reach", "truncation", "gates", "memory"), rows=8)
"""What a forecast run looks at on the side: a fraction of a second."""

# Windows that are looked through for some with an observation and a target.
_TRIED = 512


def examine_forecaster(forecaster: Forecaster, series: Sequence[Series], scope: Scope) -> Examination:
    """Examine the network of a fitted forecaster on windows spread evenly over the data.

    The loss is the one it was trained on; of a recursive forecaster, that of the first step, before anything is fed
    back.

    Raises:
        DataError: no series holds a window with a target.
    """
    network = forecaster.fitted_network()
    steps = forecaster.horizon if forecaster.strategy == "direct" else 1
    windows = Windows(series, forecaster.look_back, steps)
    origins = _spread(windows, scope.rows)
    inputs, covariates, targets = to_tensors(
        windows, origins, forecaster.covariate_scaling_, network.head.median.weight
    )
    statistics = network.statistics(inputs)
    wanted = standardise(targets, statistics.anchor, statistics.scale)
    loss_of = LOSSES[forecaster.loss]

    def loss(said: Any) -> Tensor:
        return loss_of(said, wanted, network.design.quantiles)

    return examine(network, (inputs, covariates, statistics, steps), loss, scope=scope)


def _spread(windows: Windows, rows: int) -> Origins:
    """Return ``rows`` origins, evenly spread over those with an observed input and a known target."""
    every = windows.origins
    tried = every[_even(len(every), _TRIED)]
    usable = np.flatnonzero(windows.gather(tried).learnable) if len(tried) else np.zeros(0, dtype=int)
    if not len(usable):
        raise DataError(
            "No window of the data can be examined.",
            expected=f"a series of at least {windows.look_back + windows.horizon} observations, look-back and horizon",
            got=", ".join(str(len(one)) for one in windows.series),
            cure="Give more history.",
        )
    return tried[usable[_even(len(usable), rows)]]


def _even(count: int, wanted: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(int)) if count else np.zeros(0, int)
