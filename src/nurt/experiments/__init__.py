"""The experiments of a course on recurrent networks, each with exact reference values, baselines and a verdict.

A file holds one experiment, or a few variants of one: its texts in English and Polish, its presets and the function
that runs it. :func:`list_experiments` shows them, :func:`run` runs one; ``nurt experiment`` does the same on the
command line and writes a page.
"""

from nurt.experiments.base import Exercise, Experiment, Preset, ReportProgress
from nurt.experiments.registry import find, list_experiments, run
from nurt.experiments.results import ExperimentResult, Figure, FileSettings, Measure, ResultTable, Settings
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
    "ReportProgress",
    "ResultTable",
    "Settings",
    "Text",
    "find",
    "list_experiments",
    "run",
]
