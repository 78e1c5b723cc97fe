"""A training that breaks down says where: in which layer, at which step, on which rows."""

import json

import nurt
from nurt.data.synthetic import noisy_sine
from nurt.errors import NonFiniteError


def main() -> None:
    # A linear recurrence has nothing that bounds its state, and this rate is far too high.
    reckless = nurt.TrainingSettings(learning_rate=1e6, clip_norm=None, epochs=5)
    model = nurt.Forecaster("linear", look_back=60, horizon=5, training=reckless)
    try:
        model.fit(noisy_sine(seed=0))
    except NonFiniteError as error:
        print(error)
        shown = ("cause", "module", "module_type", "time_step", "step", "gradient_norms")
        print(json.dumps({name: error.record[name] for name in shown}))


if __name__ == "__main__":
    main()
