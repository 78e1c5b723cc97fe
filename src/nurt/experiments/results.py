"""Settings of a run, and its result with the tables and figures that show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from nurt.errors import NurtValueError
from nurt.results import Result
from nurt.standing import Verdict
from nurt.wording import Language, Text, figures_of, localised, updates_made

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "ExperimentResult",
    "Figure",
    "FileSettings",
    "Measure",
    "ResultTable",
    "Settings",
    "SettingsT",
]


@dataclass(frozen=True)
class Settings:
    """Settings of a run; every experiment adds its own fields.

    Args:
        seed: of everything random.
    """

    seed: int = 0


@dataclass(frozen=True)
class FileSettings(Settings):
    """Settings of a run on the user's files.

    Args:
        seed: of everything random.
        files: paths, in any order.
    """

    files: tuple[str, ...] = ()


SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True)
class Measure:
    """A named number: a score, or that of a method without learning."""

    name: Text
    value: float


@dataclass(frozen=True)
class ResultTable:
    """Numbers in rows.

    Args:
        caption: heading of the table.
        columns: titles; the first column names the rows.
        rows: cells: numbers, strings, or texts in both languages.
        note: how to read the table.
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
            [
                figures_of(c, language) if isinstance(c, str | Text) else localised(c, language, self.significant)
                for c in r
            ]
            for r in self.rows
        ]

    def is_numeric(self, column: int) -> bool:
        """Return whether a column holds numbers, which are aligned to the right."""
        return bool(self.rows) and all(isinstance(row[column], int | float) for row in self.rows)


@dataclass(frozen=True)
class Figure:
    """A figure that is drawn on demand.

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
    """The result of a run; every experiment adds its numbers and draws them.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: the number that the verdict is about, or None.
        baselines: the same number for trivial methods.
        updates: updates of the weights, 0 without training.
        experiment: id of the experiment; set by :meth:`Experiment.run`.
        preset: name of the preset; "own" for settings of one's own.
        seconds: duration of the run.
    """

    settings: Settings
    verdict: Verdict[Text]
    score: Measure | None = None
    baselines: tuple[Measure, ...] = ()
    updates: int = 0
    experiment: str = ""
    preset: str = ""
    seconds: float = 0.0

    def figures(self) -> tuple[Figure, ...]:
        """Return the figures, the most important first."""
        return ()

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the tables."""
        return ()

    def plot(self, language: Language = "en", index: int = 0) -> go.Figure:
        """Return a figure.

        Args:
            language: of titles and axes.
            index: which of :meth:`figures`.

        Raises:
            NurtValueError: there is no such figure.
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
        spent = f"{self.seconds:.1f} s, {updates_made(self.updates).en}"
        lines = [f"{self.experiment} ({self.preset}), seed {self.settings.seed}, {spent}"]
        lines += [f"  {one.name.en}: {localised(one.value, 'en')}" for one in (self.score, *self.baselines) if one]
        return "\n".join([*lines, f"  {self.verdict.text.en}"])
