"""Several series in one long frame, with a covariate; the forecast is a frame of the same kind."""

import numpy as np
import polars as pl

import nurt
from nurt.data import from_frame


def shops(days: int = 300, seed: int = 0) -> pl.DataFrame:
    """Return daily sales of two shops; rain lowers the sales of the following day."""
    random = np.random.RandomState(seed)
    frames = []
    for shop, level in (("harbour", 200.0), ("station", 80.0)):
        rain = random.rand(days)
        sales = 1 + 0.2 * np.sin(2 * np.pi * np.arange(days) / 7) + 0.05 * random.standard_normal(days)
        sales[1:] -= 0.3 * rain[:-1]
        sales[20:23] = np.nan  # closed: missing, not zero
        frames.append(pl.DataFrame({"shop": shop, "day": np.arange(days), "sales": level * sales, "rain": rain}))
    return pl.concat(frames)


def main(epochs: int = 60) -> None:
    frame = shops()
    columns = {"target": "sales", "time": "day", "series": "shop", "past_covariates": ["rain"]}
    for note in from_frame(frame, **columns).notes:
        print("note:", note)

    training = nurt.TrainingSettings(epochs=epochs)
    model = nurt.Forecaster("gru", look_back=21, horizon=7, season=7, training=training, alias="GRU")
    model.fit(frame.filter(pl.col("day") < 250), **columns)

    forecast = model.predict(frame, level=(80,), **columns)
    print(forecast.head(8))

    result = model.backtest(frame, **columns)
    print(result)


if __name__ == "__main__":
    main()
