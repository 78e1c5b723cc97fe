"""The recurrences and the rungs that run them; ``README.md`` beside this file holds the contract.

``run``, ``run_stack`` and ``scan`` are the calls, ``use`` forces a rung, ``explain`` says which one runs and why,
``recording`` looks into the calls of a block and ``threads`` says how many threads compute them.
"""

from nurt.kernels.dispatch import Explanation, explain, rungs, use
from nurt.kernels.ops import run, run_own_step, run_stack
from nurt.kernels.recording import Recording, recording
from nurt.kernels.recurrence import Recurrence, State, StepGradients, Weights
from nurt.kernels.rung import PLAIN, Request, Rung, StepOptions
from nurt.kernels.scan import scan
from nurt.kernels.team import threads

__all__ = [
    "PLAIN",
    "Explanation",
    "Recording",
    "Recurrence",
    "Request",
    "Rung",
    "State",
    "StepGradients",
    "StepOptions",
    "Weights",
    "explain",
    "recording",
    "run",
    "run_own_step",
    "run_stack",
    "rungs",
    "scan",
    "threads",
    "use",
]
