"""Data with known laws: series to forecast, and the benchmarks of long memory with what costs nothing on them.

Every generator has a seed of its own and disturbs no other stream. A benchmark is a value: it names its definition,
draws examples, and knows the loss of the best answer that looks at no input (``baseline_loss``).
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
