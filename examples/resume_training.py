"""Stop a training in the middle, go on from its checkpoint, and get the same weights to the last bit."""

import tempfile
from pathlib import Path

import torch

import nurt
from nurt.data.synthetic import noisy_sine
from nurt.tasks.running import TrainingSession
from nurt.training import Checkpoint, Event, StepEnded


class PowerCut(Exception):
    """Stands for whatever may end a program without warning."""


def cut_at(step: int):
    """Return a listener that ends the program after so many optimiser steps."""
    seen = 0

    def listen(event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, StepEnded)
        if seen == step:
            raise PowerCut

    return listen


def main(epochs: int = 20) -> None:
    series = noisy_sine(seed=0)
    training = nurt.TrainingSettings(epochs=epochs, batch_size=32)

    def fresh() -> nurt.Forecaster:
        # With start and scaling named, the one training is all there is.
        named = {"start": "naive", "scaling": "window", "refit": "none", "members": 1}
        return nurt.Forecaster(look_back=20, horizon=5, hidden=8, dropout=0.2, training=training, **named)

    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "run.safetensors", every_steps=7)
        try:
            fresh().fit(series, session=TrainingSession(cut_at(12), checkpoint))
        except PowerCut:
            print("cut after step 12; the checkpoint stands at step 7, in the middle of an epoch")
        resumed = fresh().fit(series, session=TrainingSession(checkpoint=checkpoint, resume=True))

    whole = fresh().fit(series)
    pairs = zip(resumed.network_.parameters(), whole.network_.parameters(), strict=True)
    print("same weights as without the cut:", all(torch.equal(one, other) for one, other in pairs))
    print("epochs:", resumed.training_record_.epochs, "stopped by:", resumed.training_record_.stopped_by)


if __name__ == "__main__":
    main()
