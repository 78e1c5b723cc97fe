"""What an experiment is, and what every result of one holds."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from nurt.errors import DataError, NurtValueError
from nurt.experiments.texts import Language, Text, figures_of, number
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "AGAINST_REFERENCE",
    "Exercise",
    "Experiment",
    "ExperimentResult",
    "Figure",
    "FileSettings",
    "Measure",
    "Preset",
    "Progress",
    "Settings",
    "Standing",
    "Table",
    "Verdict",
    "silent",
]

Standing: TypeAlias = Literal["reached", "partly", "missed"]
Progress: TypeAlias = Callable[[float, Text], None]
"""Told the share that is done, 0..1, and what is being done."""

AGAINST_NOTHING = Text("Against what costs nothing", "W porównaniu z tym, co nic nie kosztuje")
AGAINST_REFERENCE = Text("Beside the reference", "Obok wartości odniesienia")


def silent(share: float, doing: Text) -> None:
    """Show no progress."""
    del share, doing


@dataclass(frozen=True)
class Settings:
    """What a run depends on; every experiment adds its own fields.

    Args:
        seed: of everything random.
    """

    seed: int = 0


@dataclass(frozen=True)
class FileSettings(Settings):
    """What a run on files of one's own depends on.

    Args:
        seed: of everything random.
        files: paths, in any order.
    """

    files: tuple[str, ...] = ()


SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True)
class Measure:
    """A named number: what was reached, or what a method without learning reaches."""

    name: Text
    value: float


@dataclass(frozen=True)
class Verdict:
    """The answer in words; ``standing`` tells whether the goal was reached, partly reached or missed."""

    standing: Standing
    text: Text


@dataclass(frozen=True)
class Exercise:
    """A question to think about, and its answer to reveal."""

    question: Text
    answer: Text


@dataclass(frozen=True)
class Table:
    """Numbers in rows.

    Args:
        caption: what the table shows.
        columns: titles; the first column names the rows.
        rows: cells: numbers, words, or words in both languages.
        note: how to read it.
        significant: digits of the numbers.
    """

    caption: Text
    columns: tuple[Text, ...]
    rows: tuple[tuple[float | str | Text, ...], ...]
    note: Text | None = None
    significant: int = 7

    def cells(self, language: Language) -> list[list[str]]:
        """Return the rows as they are shown."""
        return [
            [figures_of(c, language) if isinstance(c, str | Text) else number(c, language, self.significant) for c in r]
            for r in self.rows
        ]

    def is_numeric(self, column: int) -> bool:
        """Tell whether a column holds numbers, which stand to the right."""
        return bool(self.rows) and all(isinstance(row[column], int | float) for row in self.rows)


@dataclass(frozen=True)
class Figure:
    """A picture that is drawn when it is asked for.

    Args:
        title: heading.
        how_to_read: the sentence below it.
        draw: gives the plotly figure in a language.
        height: in CSS pixels.
    """

    title: Text
    how_to_read: Text
    draw: Callable[[Language], go.Figure]
    height: int = 400


@dataclass(frozen=True, kw_only=True)
class ExperimentResult(Result):
    """What a run found; every experiment adds its numbers and draws them.

    Args:
        settings: what the run depended on.
        verdict: the answer in words.
        score: the number the verdict speaks of, or None.
        baselines: the same number for methods that cost nothing.
        updates: updates of the weights that were made, 0 where nothing is trained.
        experiment: id of the experiment; set by :meth:`Experiment.run`.
        preset: name of the preset; "own" for settings of one's own.
        seconds: what the run took.
    """

    settings: Settings
    verdict: Verdict
    score: Measure | None = None
    baselines: tuple[Measure, ...] = ()
    updates: int = 0
    experiment: str = ""
    preset: str = ""
    seconds: float = 0.0

    def figures(self) -> tuple[Figure, ...]:
        """Return the pictures, the most telling first."""
        return ()

    def tables(self) -> tuple[Table, ...]:
        """Return the tables."""
        return ()

    def plot(self, language: Language = "en", index: int = 0) -> go.Figure:
        """Return a picture.

        Args:
            language: of titles and axes.
            index: which of :meth:`figures`.

        Raises:
            NurtValueError: there is no such picture.
        """
        figures = self.figures()
        if not 0 <= index < len(figures):
            raise NurtValueError(
                f"{self.experiment}: there is no picture {index}.", expected=f"0 to {len(figures) - 1}", got=str(index)
            )
        drawn = figures[index].draw(language)
        drawn.update_layout(title={"text": figures[index].title[language]})
        return drawn

    def __str__(self) -> str:
        lines = [f"{self.experiment} ({self.preset}), seed {self.settings.seed}, {self.seconds:.1f} s"]
        lines += [f"  {one.name.en}: {number(one.value, 'en')}" for one in (self.score, *self.baselines) if one]
        return "\n".join([*lines, f"  {self.verdict.text.en}"])


@dataclass(frozen=True)
class Preset(Generic[SettingsT]):
    """Settings with a name; many are mistakes worth making once.

    Args:
        label: what it shows.
        settings: the settings.
    """

    label: Text
    settings: SettingsT


@dataclass(frozen=True)
class Experiment(Generic[SettingsT]):
    """One experiment: what it asks, its presets, how long it takes, and the function that runs it.

    Args:
        id: name on the command line.
        name: title.
        description: one paragraph.
        how_to_read: what to look at first.
        expected_seconds: what the default preset takes on one core.
        presets: name → preset; the first is the default.
        compute: from settings to a result; tells the progress.
        exercises: questions with answers.
        files: which files a person has to give and where they come from; None for an experiment that needs none. Its
            settings are :class:`FileSettings`.
        against: what the score is held against, as a heading.
    """

    id: str
    name: Text
    description: Text
    how_to_read: Text
    expected_seconds: float
    presets: Mapping[str, Preset[SettingsT]] = field(repr=False)
    compute: Callable[[SettingsT, Progress], ExperimentResult] = field(repr=False)
    exercises: tuple[Exercise, ...] = field(default=(), repr=False)
    files: Text | None = None
    against: Text = field(default=AGAINST_NOTHING, repr=False)

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
        progress: Progress = silent,
    ) -> ExperimentResult:
        """Run the experiment.

        Args:
            preset: name; the default preset if None.
            settings: settings of one's own, instead of a preset.
            seed: replaces that of the settings.
            files: to read, where the experiment works on files of one's own.
            progress: told how far the run is.

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
        """Return what there is to choose, as plain values."""
        return {
            "id": self.id,
            "name": dataclasses.asdict(self.name),
            "expected_seconds": self.expected_seconds,
            "files": None if self.files is None else dataclasses.asdict(self.files),
            "presets": {name: dataclasses.asdict(preset.label) for name, preset in self.presets.items()},
        }
