"""Forecast a series with a GRU, and ask whether the network earns its keep."""

import nurt
from nurt.data.synthetic import noisy_sine
from nurt.evaluation.forecasts.verdict import judge

series = noisy_sine(seed=0)  # 500 numbers; a pandas, polars or Arrow frame does as well
model = nurt.Forecaster("gru", look_back=20, horizon=10, scaling="standard")
model.fit(series[:400])

forecast = model.predict(level=(80,))
for low, middle, high in zip(forecast["lo-80"], forecast["forecast"], forecast["hi-80"], strict=True):
    print(f"{middle:6.2f}   80 % band {low:6.2f} … {high:5.2f}")

result = model.backtest(series)  # judged on the last 100 numbers, which it has not seen
print(result)
print(judge(result, best_baseline="linear"))
