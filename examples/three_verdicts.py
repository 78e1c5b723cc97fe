"""Three series with known laws, and three different verdicts on a network."""

import tempfile
from pathlib import Path

import numpy as np

from nurt import ForecastPlan, run_forecast
from nurt.data import from_arrays
from nurt.data.synthetic import random_walk


def autoregression(n: int, seed: int = 0) -> np.ndarray:
    """Return y_t = 1.6 y_{t-1} - 0.9 y_{t-2} + noise: a pseudo-cycle whose best forecast is linear."""
    noise = np.random.RandomState(seed).standard_normal(n)
    y = np.zeros(n)
    for t in range(2, n):
        y[t] = 1.6 * y[t - 1] - 0.9 * y[t - 2] + noise[t]
    return y


def mackey_glass(n: int, noise: float = 0.01, seed: int = 0) -> np.ndarray:
    """Return y' = 0.2 y(t-17)/(1 + y(t-17)^10) - 0.1 y every 3 time units, slightly noisy (mackey1977oscillation)."""
    per_unit, delay, every = 10, 170, 30
    y = [1.2] * delay
    for _ in range(every * n + 2000):
        late = y[-delay]
        y.append(y[-1] + (0.2 * late / (1 + late**10) - 0.1 * y[-1]) / per_unit)
    return np.array(y[-every * n :: every]) + noise * np.random.RandomState(seed).standard_normal(n)


def main(epochs: int = 80) -> None:
    for name, series, scaling in (
        ("random walk", random_walk(seed=1, n=800), "window"),  # wanders: each window has a level of its own
        ("autoregression", autoregression(800), "standard"),  # stays around one level
        ("Mackey-Glass equation", mackey_glass(800), "standard"),
    ):
        plan = ForecastPlan(recipe="plain", look_back=20, horizon=8, scaling=scaling, epochs=epochs)
        with tempfile.TemporaryDirectory() as folder:
            run = run_forecast(from_arrays(series), plan, out=Path(folder))
        errors = {"LSTM": run.backtest.metrics.mae} | {key: one.mae for key, one in run.backtest.baselines.items()}
        print(f"{name}: " + ", ".join(f"{key} {errors[key]:.3g}" for key in ("LSTM", "naive", "linear")))
        print(f"  {run.verdict.text}")


if __name__ == "__main__":
    main()
