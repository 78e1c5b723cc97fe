"""An experiment: its question, its presets, the function that runs it, and how far a run is."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeAlias

from nurt.errors import DataError, NurtValueError
from nurt.experiments.results import ExperimentResult, SettingsT
from nurt.wording import Text

__all__ = ["AGAINST_REFERENCE", "Exercise", "Experiment", "Preset", "ReportProgress", "about", "part_of", "silent"]

ReportProgress: TypeAlias = Callable[[float, Text], None]
"""Called with the share that is done, 0 to 1, and a description of the current work."""

AGAINST_BASELINES = Text("Compared with the baselines", "W porównaniu z poziomami odniesienia")
AGAINST_REFERENCE = Text("Compared with the reference", "W porównaniu z wartością odniesienia")


def silent(share: float, doing: Text) -> None:
    """Show no progress."""
    del share, doing


@dataclass(frozen=True)
class Exercise:
    """A question, and its answer to reveal."""

    question: Text
    answer: Text


@dataclass(frozen=True)
class Preset(Generic[SettingsT]):
    """Settings with a name; many show a typical mistake.

    Args:
        label: what the preset shows.
        settings: the settings.
    """

    label: Text
    settings: SettingsT


@dataclass(frozen=True)
class Experiment(Generic[SettingsT]):
    """One experiment: its description, its presets, how long it takes, and the function that runs it.

    Args:
        id: name on the command line.
        name: title.
        description: one paragraph.
        how_to_read: advice for the reader of the page.
        expected_seconds: time of the default preset on one core.
        presets: name → preset; the first is the default.
        compute: from settings to a result; reports progress.
        exercises: questions with answers.
        files: the files that the experiment needs and their origin; None if it needs none. Its settings are
            :class:`FileSettings`.
        against: heading of the comparison with the score.
    """

    id: str
    name: Text
    description: Text
    how_to_read: Text
    expected_seconds: float
    presets: Mapping[str, Preset[SettingsT]] = field(repr=False)
    compute: Callable[[SettingsT, ReportProgress], ExperimentResult] = field(repr=False)
    exercises: tuple[Exercise, ...] = field(default=(), repr=False)
    files: Text | None = None
    against: Text = field(default=AGAINST_BASELINES, repr=False)

    def settings(
        self, preset: str | None = None, *, seed: int | None = None, files: Sequence[str | Path] = ()
    ) -> SettingsT:
        """Return the settings of a preset, with another seed if one is given, and with the files to read.

        Raises:
            NurtValueError: no such preset, or the experiment reads no files.
        """
        name = self.default if preset is None else preset
        if name not in self.presets:
            raise NurtValueError(
                f"{self.id}: there is no preset {name!r}.", expected=f"one of {', '.join(self.presets)}"
            )
        chosen = self.presets[name].settings
        return self._changed(chosen, seed, files)

    def _changed(self, settings: SettingsT, seed: int | None, files: Sequence[str | Path]) -> SettingsT:
        if files and self.files is None:
            raise NurtValueError(
                f"{self.id} reads no files.", got=", ".join(str(one) for one in files), cure="Leave them out."
            )
        changes: dict[str, Any] = {} if seed is None else {"seed": seed}
        if files:
            changes["files"] = tuple(str(one) for one in files)
        return dataclasses.replace(settings, **changes)

    @property
    def default(self) -> str:
        """The name of the first preset."""
        return next(iter(self.presets))

    def run(
        self,
        preset: str | None = None,
        *,
        settings: SettingsT | None = None,
        seed: int | None = None,
        files: Sequence[str | Path] = (),
        progress: ReportProgress = silent,
    ) -> ExperimentResult:
        """Run the experiment.

        Args:
            preset: name; the default preset if None.
            settings: settings of one's own, instead of a preset.
            seed: replaces that of the settings.
            files: to read, where the experiment works on files of one's own.
            progress: called with the progress of the run.

        Raises:
            NurtValueError: no such preset, or the experiment reads no files.
            DataError: the experiment needs files and there are none, or they cannot be used.
        """
        chosen = self._changed(self.settings(preset) if settings is None else settings, seed, files)
        if self.files is not None and not getattr(chosen, "files", ()):
            raise DataError(
                f"{self.id} works on files of your own, and none was given.",
                expected=self.files.en,
                cure=f"Name the files behind the id: nurt experiment {self.id} FILE FILE.",
            )
        began = time.perf_counter()
        result = self.compute(chosen, progress)
        name = "own" if settings is not None else preset or self.default
        return dataclasses.replace(result, experiment=self.id, preset=name, seconds=time.perf_counter() - began)

    def to_dict(self) -> dict[str, Any]:
        """Return id, name, files and presets as plain values."""
        return {
            "id": self.id,
            "name": dataclasses.asdict(self.name),
            "expected_seconds": self.expected_seconds,
            "files": None if self.files is None else dataclasses.asdict(self.files),
            "presets": {name: dataclasses.asdict(preset.label) for name, preset in self.presets.items()},
        }


def about(progress: ReportProgress, doing: Text) -> Callable[[float], None]:
    """Return a function that reports the share of ``doing`` that is done to ``progress``."""

    def tell(share: float) -> None:
        progress(share, doing)

    return tell


def part_of(tell: Callable[[float], None], index: int, count: int) -> Callable[[float], None]:
    """Return a function for the share of part ``index`` (from 0) of ``count``; it gives that of all to ``tell``."""

    def tell_all(share: float) -> None:
        tell((index + share) / count)

    return tell_all
