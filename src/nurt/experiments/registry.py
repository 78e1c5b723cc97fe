"""All experiments, by id."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nurt.errors import NurtValueError
from nurt.experiments.base import Experiment, ReportProgress, silent
from nurt.experiments.results import ExperimentResult, Settings

__all__ = ["find", "list_experiments", "run"]

# id → module and name of the experiment in it, in the order in which they are listed.
PLACES: Mapping[str, str] = MappingProxyType(
    {
        "linear/roelants": "linear.experiments:COUNT_ONES",
        "linear/variant-11": "linear.experiments:MEAN",
        "linear/variant-14": "linear.experiments:COUNT_VALUES",
        "surface/cliff": "surface.cliff:EXPERIMENT",
        "addition/roelants": "addition.experiments:ADD_7",
        "addition/subtract-15": "addition.experiments:SUBTRACT_15",
        "addition/add-28": "addition.experiments:ADD_28",
        "gru-conventions": "gru_conventions:EXPERIMENT",
        "lstm-forms": "lstm_forms:EXPERIMENT",
        "memory-cell": "memory_cell:EXPERIMENT",
        "simple-rnn": "simple_rnn:EXPERIMENT",
        "activations": "activations:EXPERIMENT",
        "spectrum": "spectrum:EXPERIMENT",
        "parity": "parity:EXPERIMENT",
        "adding": "adding:EXPERIMENT",
        "copying": "copying:EXPERIMENT",
        "temporal-order": "temporal_order:EXPERIMENT",
        "echo": "echo:EXPERIMENT",
        "truncation": "truncation:EXPERIMENT",
        "history": "history.experiment:EXPERIMENT",
        "remedies": "remedies.experiment:EXPERIMENT",
        "loss-over-time": "loss_over_time:EXPERIMENT",
        "order": "order:EXPERIMENT",
        "structures": "structures:EXPERIMENT",
        "sine": "sine:EXPERIMENT",
        "usd-pln": "usd_pln:EXPERIMENT",
        "pm10": "pm10:EXPERIMENT",
    }
)


def list_experiments() -> tuple[Experiment[Any], ...]:
    """Return every experiment there is.

    Example:
        >>> [one.id for one in list_experiments()][:2]
        ['linear/roelants', 'linear/variant-11']
    """
    return tuple(_load(place) for place in PLACES.values())


def find(id: str) -> Experiment[Any]:
    """Return the experiment with an id.

    Args:
        id: such as ``"linear/roelants"``.

    Raises:
        NurtValueError: there is none; the message names the nearest.
    """
    if id in PLACES:
        return _load(PLACES[id])
    near = _nearest(id)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    raise NurtValueError(
        f"There is no experiment {id!r}.",
        expected=f"one of {', '.join(PLACES)}",
        cure=f"{meant}`nurt experiment --list` shows all of them.",
    )


def _nearest(id: str) -> list[str]:
    """Return the ids that resemble ``id`` as a whole or in a part, and those that hold it; at most three."""
    asked = id.lower()
    parts = {part: one for one in PLACES for part in (one, *one.split("/"))}
    found = [parts[part] for part in difflib.get_close_matches(asked, parts, n=3, cutoff=0.6)]
    found += [one for one in PLACES if asked and asked in one]
    return list(dict.fromkeys(found))[:3]


def run(
    id: str,
    preset: str | None = None,
    *,
    settings: Settings | None = None,
    seed: int | None = None,
    files: Sequence[str | Path] = (),
    progress: ReportProgress = silent,
) -> ExperimentResult:
    """Run an experiment.

    Args:
        id: such as ``"linear/roelants"``.
        preset: name of one of its presets; the first if None.
        settings: settings of one's own, instead of a preset.
        seed: replaces that of the settings.
        files: to read, where the experiment works on files of one's own.
        progress: called with the progress of the run.

    Raises:
        NurtValueError: no such experiment or preset, or the experiment reads no files.
        DataError: the experiment needs files and there are none, or they cannot be used.

    Example:
        >>> result = run("linear/roelants")
        >>> result.path.end.round(4).tolist()
        [1.0014, 0.9997]
    """
    return find(id).run(preset, settings=settings, seed=seed, files=files, progress=progress)


def _load(place: str) -> Experiment[Any]:
    module, name = place.split(":")
    experiment: Experiment[Any] = getattr(importlib.import_module(f"nurt.experiments.{module}"), name)
    return experiment
