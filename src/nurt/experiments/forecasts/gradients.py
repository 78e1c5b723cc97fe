"""How much each past step of a window still counts for the loss of a one-step forecast."""

from __future__ import annotations

import numpy as np
import torch

from nurt.data import Series
from nurt.data.scaling import standardise
from nurt.data.windows import Origins, Windows
from nurt.kernels import recording
from nurt.tasks.forecasting import Forecaster
from nurt.tasks.forecasting.problem import to_tensors

__all__ = ["total_gradients"]

WINDOWS = 64


def total_gradients(forecaster: Forecaster, series: Series, known: int) -> np.ndarray:
    """Return ‖dℓ/dh_t‖ over all paths, mean over windows of the test part, (L, T).

    ℓ is the squared error of the forecast one step ahead; dropout is off.

    Args:
        forecaster: fitted.
        series: the series.
        known: rows before the test part.
    """
    network = forecaster.fitted_network()
    network.eval()
    windows = Windows([series], forecaster.look_back, 1)
    last = min(len(series) - 1, known - 1 + WINDOWS)
    origins = Origins.of_series([np.arange(known - 1, last)])
    inputs, extra, targets = to_tensors(windows, origins, forecaster.covariate_scaling_, network.head.median.weight)
    units = network.statistics(inputs)
    with recording() as records:
        said = network(inputs, extra, units, steps=1)
    wanted = standardise(targets, units.anchor, units.scale)
    (said[:, :1, network.head.middle] - wanted).square().sum().backward()
    network.zero_grad()
    found = [one.grad_hidden for one in records]
    return np.stack([torch.linalg.vector_norm(g, dim=-1).mean(dim=0).numpy() for g in found if g is not None])
