"""All experiments, by id."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nurt.errors import NurtValueError
from nurt.experiments.base import Experiment
from nurt.experiments.progress import Progress, silent
from nurt.experiments.results import ExperimentResult
from nurt.experiments.settings import Settings

__all__ = ["find", "list_experiments", "run"]

# The modules that hold an EXPERIMENT, in the order in which they are listed.
MODULES = (
    "linear.roelants",
    "linear.variant_11",
    "linear.variant_14",
    "surface.cliff",
    "addition.roelants",
    "addition.subtract_15",
    "addition.add_28",
    "gru_conventions",
    "lstm_forms",
    "memory_cell",
    "simple_rnn",
    "spectrum",
    "parity",
    "adding",
    "copying",
    "temporal_order",
    "echo",
    "truncation",
    "structures",
    "sine",
    "usd_pln",
    "pm10",
)


def list_experiments() -> tuple[Experiment[Any], ...]:
    """Return every experiment there is.

    Example:
        >>> [one.id for one in list_experiments()][:2]
        ['linear/roelants', 'linear/variant-11']
    """
    return tuple(_load(module) for module in MODULES)


def find(id: str) -> Experiment[Any]:
    """Return the experiment with an id.

    Args:
        id: such as ``"linear/roelants"``.

    Raises:
        NurtValueError: there is none; the message names the nearest.
    """
    module = id.replace("/", ".").replace("-", "_")
    if module in MODULES and (found := _load(module)).id == id:
        return found
    known = [one.id for one in list_experiments()]
    near = difflib.get_close_matches(id, known, n=3, cutoff=0.4)
    near += [one for one in known if id and id in one and one not in near]
    raise NurtValueError(
        f"There is no experiment {id!r}.",
        expected=f"one of {', '.join(near or known)}",
        cure="`nurt experiment --list` shows all of them.",
    )


def run(
    id: str,
    preset: str | None = None,
    *,
    settings: Settings | None = None,
    seed: int | None = None,
    files: Sequence[str | Path] = (),
    progress: Progress = silent,
) -> ExperimentResult:
    """Run an experiment.

    Args:
        id: such as ``"linear/roelants"``.
        preset: name of one of its presets; the first if None.
        settings: settings of one's own, instead of a preset.
        seed: replaces that of the settings.
        files: to read, where the experiment works on files of one's own.
        progress: told how far the run is.

    Raises:
        NurtValueError: no such experiment or preset, or the experiment reads no files.
        DataError: the experiment needs files and there are none, or they cannot be used.

    Example:
        >>> result = run("linear/roelants")
        >>> result.path.end.round(4).tolist()
        [1.0014, 0.9997]
    """
    return find(id).run(preset, settings=settings, seed=seed, files=files, progress=progress)


def _load(module: str) -> Experiment[Any]:
    experiment: Experiment[Any] = importlib.import_module(f"nurt.experiments.{module}").EXPERIMENT
    return experiment
