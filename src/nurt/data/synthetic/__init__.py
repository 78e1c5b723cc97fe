"""Synthetic data with known laws: series to forecast, and long-memory benchmarks with their baselines.

Every generator takes its own seed and changes no other random stream. A benchmark is a frozen value: its fields define
it, ``draw`` gives examples, and ``baseline_loss`` is the loss of the best answer that ignores the input.
"""

from nurt.data.synthetic.benchmark import AbstractBenchmark, Examples
from nurt.data.synthetic.per_sequence import AddingProblem, AddingProblem1997, TemporalOrder
from nurt.data.synthetic.per_step import CopyingMemory, Echo, FlipFlop
from nurt.data.synthetic.series import noisy_sine, random_walk, seasonal

__all__ = [
    "AbstractBenchmark",
    "AddingProblem",
    "AddingProblem1997",
    "CopyingMemory",
    "Echo",
    "Examples",
    "FlipFlop",
    "TemporalOrder",
    "noisy_sine",
    "random_walk",
    "seasonal",
]
