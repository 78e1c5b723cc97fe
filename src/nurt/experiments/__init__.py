"""The experiments of a course on recurrent networks, each with exact reference values, baselines and a verdict.

One file holds one experiment: its words in English and Polish, its presets, what it costs and the function that runs
it. :func:`list_experiments` shows them, :func:`run` runs one; ``nurt experiment`` does the same on the command line
and writes a page.
"""

from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.experiments.progress import Progress
from nurt.experiments.registry import find, list_experiments, run
from nurt.experiments.results import ExperimentResult, Figure, Measure, Table
from nurt.experiments.settings import FileSettings, Settings
from nurt.wording import LANGUAGES, Language, Text

__all__ = [
    "LANGUAGES",
    "Exercise",
    "Experiment",
    "ExperimentResult",
    "Figure",
    "FileSettings",
    "Language",
    "Measure",
    "Preset",
    "Progress",
    "Settings",
    "Table",
    "Text",
    "find",
    "list_experiments",
    "run",
]
