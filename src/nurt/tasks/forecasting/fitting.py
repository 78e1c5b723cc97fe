"""From a learning problem to a trained network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from nurt.data.scaling import FittedScaling, WindowStatistics
from nurt.tasks.forecasting.network import ForecastNetwork, NetworkDesign
from nurt.tasks.forecasting.problem import CHUNK, ForecastObjective, Problem, to_tensors
from nurt.training import Checkpoint, Listener, TrainingRecord, TrainingSettings, train

__all__ = ["Sitting", "fit_network"]


@dataclass(frozen=True)
class Sitting:
    """How one training run talks to the outside: who listens, where it is kept, whether it goes on."""

    listener: Listener | None = None
    checkpoint: Checkpoint | None = None
    resume: bool = False


def fit_network(
    problem: Problem,
    design: NetworkDesign,
    scaling: FittedScaling,
    loss: str,
    settings: TrainingSettings,
    sitting: Sitting,
) -> tuple[ForecastNetwork, TrainingRecord]:
    """Build, initialise and train a network; the caller's random state is left as it was.

    Where windows are anchored at their last value, training starts at the forecast that repeats it: whatever the
    network then says beyond that, it has learnt.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = ForecastNetwork(design, scaling)
    if isinstance(scaling, WindowStatistics) and scaling.anchor == "last":
        network.head.start_at_repeat(_changes(problem, network))
    record = train(
        network,
        ForecastObjective(problem, loss, steps=problem.windows.horizon),
        settings,
        listener=sitting.listener,
        checkpoint=sitting.checkpoint,
        resume=sitting.resume,
    )
    return network, record


@torch.no_grad()
def _changes(problem: Problem, network: ForecastNetwork) -> np.ndarray:
    """Return y_{t+k} - anchor of the training windows, in units of each window's own one-step change."""
    parts = []
    like = torch.zeros(0, dtype=torch.float64)
    steps = network.head.steps
    for first in range(0, len(problem.training), CHUNK):
        origins = problem.training[first : first + CHUNK]
        inputs, _, targets = to_tensors(problem.windows, origins, problem.covariates, like)
        statistics = network.statistics(inputs)
        parts.append(((targets - statistics.anchor) / (statistics.scale * statistics.change))[:, :steps].numpy())
    return np.concatenate(parts)
