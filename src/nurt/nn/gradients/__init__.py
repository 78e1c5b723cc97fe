"""Gradient methods: how the gradient goes back through time, as a value passed to a call.

``method.py`` holds the methods, ``recomputing.py`` the one mechanism that truncation and checkpoints share.
"""

from nurt.nn.gradients.method import EXACT, AbstractGradientMethod, Checkpointed, Exact, Truncated, check_method
from nurt.nn.gradients.running import Way, run, run_module

__all__ = [
    "EXACT",
    "AbstractGradientMethod",
    "Checkpointed",
    "Exact",
    "Truncated",
    "Way",
    "check_method",
    "run",
    "run_module",
]
