"""Gradient methods: how the gradient goes back through time, as a value handed to a call.

One method per file; :mod:`~nurt.nn.gradients.recomputing` holds the one mechanism that the others share.
"""

from nurt.nn.gradients.checkpointed import Checkpointed
from nurt.nn.gradients.exact import EXACT, Exact
from nurt.nn.gradients.method import AbstractGradientMethod, check_method
from nurt.nn.gradients.running import Way, run, run_module
from nurt.nn.gradients.truncated import Truncated

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
