"""The recurrences and the rungs that run them; ``README.md`` beside this file holds the contract.

``run``, ``run_stack`` and ``scan`` are the calls, ``use`` forces a rung, ``explain`` says which one runs and why.
"""

from nurt.kernels.dispatch import Explanation, explain, rungs, use
from nurt.kernels.ops import run, run_own_step, run_stack
from nurt.kernels.options import PLAIN, StepOptions
from nurt.kernels.recurrence import Recurrence, State, StepGradients, Weights
from nurt.kernels.rung import Request, Rung
from nurt.kernels.scan_call import scan

__all__ = [
    "PLAIN",
    "Explanation",
    "Recurrence",
    "Request",
    "Rung",
    "State",
    "StepGradients",
    "StepOptions",
    "Weights",
    "explain",
    "run",
    "run_own_step",
    "run_stack",
    "rungs",
    "scan",
    "use",
]
