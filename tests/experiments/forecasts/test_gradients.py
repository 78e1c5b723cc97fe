"""The total gradient over a window against autograd through a loop of cells."""

from __future__ import annotations

import numpy as np
import torch

from nurt.data import Series
from nurt.data.synthetic import noisy_sine
from nurt.experiments.forecasts.gradients import total_gradients
from nurt.tasks.forecasting import ForecastPlan
from nurt.tasks.forecasting.problem import series_until


def test_total_gradients_are_those_of_autograd() -> None:
    series = Series(noisy_sine(0, 60))
    plan = ForecastPlan(recipe="sine", look_back=5, horizon=1, cell="elman", hidden=3, epochs=1)
    forecaster = plan.forecaster().fit([series_until(series, 50)])
    found = total_gradients(forecaster, series, 50)

    weights = {name: value.detach() for name, value in forecaster.fitted_network().encoder.named_parameters()}
    by_end = {name.rsplit(".", 1)[-1].removesuffix("_l0"): value for name, value in weights.items()}
    head = forecaster.fitted_network().head.median
    windows = np.stack([series.values[i - 5 : i] for i in range(50, 60)])
    targets = torch.tensor(series.values[50:60], dtype=head.weight.dtype)
    state = torch.zeros(10, 3, dtype=head.weight.dtype)
    states = []
    for step in range(5):
        inputs = torch.tensor(windows[:, step : step + 1], dtype=head.weight.dtype)
        added = inputs @ by_end["weight_ih"].T + state @ by_end["weight_hh"].T
        added = added + by_end["bias_ih"] + by_end.get("bias_hh", 0.0)
        state = torch.tanh(added).requires_grad_()
        state.retain_grad()
        states.append(state)
    (head(state)[:, 0] - targets).square().sum().backward()
    expected = [one.grad.norm(dim=-1).mean() for one in states if one.grad is not None]
    np.testing.assert_allclose(found, [[float(one) for one in expected]], rtol=1e-4)
