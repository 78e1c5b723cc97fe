"""What the network is before it has learnt anything, and what its quantiles look like."""

import numpy as np

import nurt
from nurt.data.synthetic import noisy_sine, random_walk


def untrained(series: np.ndarray, **told: object) -> nurt.Forecaster:
    """Return a forecaster that has looked at the size of changes, and taken no step of training."""
    training = nurt.TrainingSettings(epochs=0)
    return nurt.Forecaster("lstm", 20, 5, start="naive", training=training, **told).fit(series)


def main(epochs: int = 30) -> None:
    walk = random_walk(seed=4, n=400)
    forecast = untrained(walk).predict()
    print("repeats the last value, bit for bit:", bool((forecast == walk[-1]).all()))

    lower, upper = (untrained(walk).predict(level=(80,))[side] for side in ("lo-80", "hi-80"))
    print("width of the 80 % band by step:", (upper - lower).round(1))

    wave = noisy_sine(seed=0)
    print("mean absolute error on a noisy sine, 10 steps ahead:")
    for strategy in ("direct", "recursive"):
        training = nurt.TrainingSettings(epochs=epochs)
        model = nurt.Forecaster("gru", 20, 10, strategy=strategy, scaling="standard", training=training)
        result = model.fit(wave[:400]).backtest(wave)
        naive = result.baselines["naive"].mae
        print(f"  {strategy:<10}{result.metrics.mae:.3f}   repeating the last value {naive:.3f}")


if __name__ == "__main__":
    main()
