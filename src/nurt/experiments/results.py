"""What every result of an experiment holds, and the tables and figures that show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nurt.errors import NurtValueError
from nurt.experiments.settings import Settings
from nurt.results import Result
from nurt.standing import Verdict
from nurt.wording import Language, Text, figures_of, localised, updates_made

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["ExperimentResult", "Figure", "Measure", "Table"]


@dataclass(frozen=True)
class Measure:
    """A named number: what was reached, or what a method without learning reaches."""

    name: Text
    value: float


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
            [
                figures_of(c, language) if isinstance(c, str | Text) else localised(c, language, self.significant)
                for c in r
            ]
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
    verdict: Verdict[Text]
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
        spent = f"{self.seconds:.1f} s, {updates_made(self.updates).en}"
        lines = [f"{self.experiment} ({self.preset}), seed {self.settings.seed}, {spent}"]
        lines += [f"  {one.name.en}: {localised(one.value, 'en')}" for one in (self.score, *self.baselines) if one]
        return "\n".join([*lines, f"  {self.verdict.text.en}"])
