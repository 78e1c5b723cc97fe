"""Keep a forecaster in one file that runs no code when it is read, and that cannot be damaged unnoticed."""

from pathlib import Path

import nurt
from nurt.data.synthetic import noisy_sine
from nurt.errors import ModelFileError


def main(epochs: int = 20) -> None:
    series = noisy_sine(seed=0)
    training = nurt.TrainingSettings(epochs=epochs)
    model = nurt.Forecaster("elman", look_back=20, horizon=5, hidden=8, training=training).fit(series)
    file = Path("model.safetensors")
    model.save(file)

    again = nurt.Forecaster.load(file)
    print(again, "in", file.stat().st_size, "bytes")
    print("the same forecast, bit for bit:", bool((again.predict(series) == model.predict()).all()))

    content = bytearray(file.read_bytes())
    content[-40] ^= 1  # a single bit
    file.write_bytes(content)
    try:
        nurt.Forecaster.load(file)
    except ModelFileError as error:
        print(error)


if __name__ == "__main__":
    main()
