"""Find a leak without reading the pipeline: change the future, and see whether the forecast notices."""

import numpy as np

from nurt.data.synthetic import random_walk
from nurt.evaluation.forecasts.audits import leakage
from nurt.evaluation.forecasts.baselines import Linear

KNOWN = 300  # rows that may be learnt from
KERNEL = np.ones(5) / 5


def centred(values: np.ndarray) -> np.ndarray:
    """Return the mean of each value and two on either side: the usual smoothing, and a leak."""
    return np.convolve(np.pad(values, 2, mode="edge"), KERNEL, mode="valid")


def trailing(values: np.ndarray) -> np.ndarray:
    """Return the mean of each value and the four before it."""
    return np.convolve(np.pad(values, (4, 0), mode="edge"), KERNEL, mode="valid")


def pipeline(smooth, values: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """Smooth, fit on the known rows, forecast one step ahead."""
    smoothed = smooth(values)
    return Linear(look_back=10, horizon=1).fit([smoothed[:KNOWN]]).forecast(smoothed, origins, 1)[:, 0]


def main() -> None:
    values = random_walk(seed=2, n=400)
    origins = np.arange(KNOWN - 1, len(values) - 1)
    errors = {}
    for smooth in (centred, trailing):

        def at_cutoff(data: np.ndarray, smooth=smooth) -> np.ndarray:
            return pipeline(smooth, data, np.array([KNOWN - 1]))

        print(f"{smooth.__name__}: {leakage.future_scramble(at_cutoff, values, cutoff=KNOWN - 1)}")
        errors[smooth.__name__] = float(np.abs(pipeline(smooth, values, origins) - values[origins + 1]).mean())
    print(leakage.price_of_leak(errors["trailing"], errors["centred"]))

    # Where the steps of a pipeline can be named, the linter asks about each of them.
    series = leakage.SeriesFacts("y", len(values), train_end=KNOWN, validation_end=KNOWN)
    smoothing = leakage.TransformFacts("smoothing", "centred window")
    facts = leakage.PipelineFacts(look_back=10, horizon=1, series=(series,), transforms=(smoothing,))
    print(leakage.lint_leakage(facts, rules=["L06"]))


if __name__ == "__main__":
    main()
