"""The terminal: the one module that uses rich.

Standard output carries results, standard error everything else. Colours and bars appear only on a terminal, and
``NO_COLOR`` is honoured; colour alone carries no information. Names that come from files may hold terminal escapes or
marks that turn the direction of writing: everything printed here shows them instead of obeying them.
"""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nurt.wording import escaped

if TYPE_CHECKING:
    from nurt.standing import Tone

__all__ = [
    "Bar",
    "abandon_output",
    "complain",
    "emit_json",
    "facts",
    "gap",
    "line",
    "note",
    "out_console",
    "panel",
    "prepare",
    "table",
]

WIDEST = 96
# Of tables: from the left edge, and between columns.
INDENT, GAP = 2, 3
PLAIN = {"−": "-", "–": "-", "…": "...", "·": "*", "×": "x", "±": "+-", "≤": "<=", "“": '"', "”": '"', "’": "'"}
PLAIN |= {"✓": "+", "✕": "x", "◐": "~", "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "⋮": ":"}

TONES: dict[Tone, str] = {"good": "green", "fair": "cyan", "doubtful": "yellow", "bad": "red"}


def prepare() -> None:
    """Make every character printable on any terminal: what its encoding lacks is spelt in ASCII.

    Where the program was started without an output, what is printed goes nowhere.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - as long as the program
    codecs.register_error("nurt-plain", _spell)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="nurt-plain")


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


def out_console(*, stderr: bool = False) -> Console:
    """Return a console on the standard output, or on the standard error."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    # Lines longer than a page are hard to read, however wide the window.
    console.width = min(console.width, WIDEST)
    return console


def line(text: str = "", *, strong: bool = False, quiet: bool = False) -> None:
    """Print one paragraph on standard output."""
    style = "bold" if strong else "dim" if quiet else ""
    out_console().print(Text(escaped(text), style=style))


def gap() -> None:
    """Print an empty line on standard output."""
    out_console().print()


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, words: Sequence[int] = (), strong_rows: Sequence[int] = ()
) -> None:
    """Print a table of numbers on standard output.

    Args:
        columns: titles.
        rows: cells.
        words: columns that hold words and stand to the left; the others are numbers and stand to the right.
        strong_rows: rows to stress.
    """
    columns, rows = [_cell(title) for title in columns], [[_cell(text) for text in row] for row in rows]
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    target = out_console()
    widths = _widths(columns, rows, words, target.width - INDENT - GAP * (len(columns) - 1))
    for index, (title, width) in enumerate(zip(columns, widths, strict=True)):
        grid.add_column(Text(title), justify="left" if index in words else "right", overflow="fold", width=width)
    for index, row in enumerate(rows):
        grid.add_row(*(Text(cell) for cell in row), style="bold" if index in strong_rows else "")
    # What is wider than the window runs on: a terminal wraps it, and nothing is lost.
    target.width = max(target.width, INDENT + sum(widths) + GAP * (len(columns) - 1))
    target.print(Padding(grid, (0, 0, 0, INDENT), expand=False))


def _cell(text: str) -> str:
    """Return a text that takes one line and does nothing but being seen."""
    return escaped(text).replace("\n", "\\n")


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int], room: int) -> list[int]:
    """Return the widths of columns: titles and words are broken between words, a number never.

    Half a number would be another number.
    """
    least, widths = [], []
    for index, title in enumerate(columns):
        cells = [row[index] for row in rows]
        widths.append(max(map(len, [title, *cells, " "])))
        unbroken = [word for text in cells for word in text.split()] if index in words else cells
        least.append(max(map(len, [*title.split(), *unbroken, " "])))
    while sum(widths) > room and widths != least:
        # Titles of numbers are broken first: that costs a line at the top, and broken words one in every row.
        index = max(range(len(widths)), key=lambda at: (widths[at] > least[at], at not in words, widths[at]))
        widths[index] -= 1
    return widths


def facts(pairs: Sequence[tuple[str, str]], *, heading: str | None = None) -> None:
    """Print names and values in two columns on standard output; long values go on below themselves."""
    grid = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row(Text(_cell(name)), Text(escaped(value)))
    if heading is not None:
        line(heading, strong=True)
    out_console().print(Padding(grid, (0, 0, 0, 2 if heading is not None else 0), expand=False))


def panel(title: str, text: str, tone: Tone, remarks: Sequence[str] = ()) -> None:
    """Print a framed text on standard output, with remarks below it."""
    body = Text(escaped(text), style="bold")
    for remark in remarks:
        body.append(f"\n· {escaped(remark)}", style="not bold")
    heading = Text(f" {_cell(title)} ", style=f"bold {TONES[tone]}")
    frame = Panel(body, title=heading, title_align="left", border_style=TONES[tone], box=box.ROUNDED, padding=(0, 1))
    out_console().print(frame)


def note(text: str) -> None:
    """Print a remark on standard error."""
    out_console(stderr=True).print(Text(escaped(text), style="dim"))


def complain(text: str, *, opening: str = "nurt: error: ") -> None:
    """Print what went wrong on standard error."""
    message = Text.assemble((opening, "bold red"), escaped(text))
    # Paths and commands are to be copied: the terminal may wrap them, we may not.
    out_console(stderr=True).print(message, soft_wrap=True)


def emit_json(value: dict[str, Any]) -> None:
    """Print one JSON object on standard output: in one line for programs, indented for a person at a terminal."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(value, allow_nan=False, indent=indent) + "\n")
    sys.stdout.flush()


def abandon_output() -> None:
    """Send what is still to be printed nowhere, so that leaving does not fail on a closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


class Bar:
    """A spinner and a bar on standard error that vanish when done; invisible until shown.

    Args:
        description: what is being done.
    """

    def __init__(self, description: str) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[left]}", markup=False),
        )
        # Standard output stays untouched: it may be a file, or one JSON object.
        self._progress = Progress(
            *columns, console=out_console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._task = self._progress.add_task(description, total=None, left="")

    def show(self) -> None:
        """Draw the bar from now on."""
        self._progress.start()

    def update(self, description: str, *, done: float = 0.0, total: float | None = None, left: str = "") -> None:
        """Show the phase, its progress and the time left; without a total the bar only moves."""
        self._progress.update(self._task, description=description, completed=done, total=total, left=left)

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(Text(escaped(text), style="dim"))

    def close(self) -> None:
        """Remove the bar."""
        self._progress.stop()
