"""Write the tables of options on two pages: of the commands, and of the arguments of the forecaster.

Run it after a change of an option: `python docs/hooks/command_page.py`. Tests compare the pages with the program.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nurt
from nurt.cli import backtest, bench, demo, examine, experiment, forecast, info, predict
from nurt.cli.options import extended
from nurt.tasks.parameters import parameters_of

DOCS = Path(__file__).resolve().parents[1]
PAGE, ARGUMENTS_PAGE = DOCS / "reference" / "command-line.md", DOCS / "api" / "forecasting.md"
BEGIN, END = "<!-- commands: begin -->\n", "<!-- commands: end -->\n"
ARGUMENTS_BEGIN, ARGUMENTS_END = "<!-- parameters: begin -->\n", "<!-- parameters: end -->\n"
COMMANDS = (demo, forecast, predict, backtest, examine, bench, experiment, info)
ARGUMENTS = "Arguments"


def tables() -> str:
    """Return a section for every command: usage, what it does, and a table of options for each group of them."""
    return "\n".join(line for command in COMMANDS for line in _section(command))


def arguments() -> str:
    """Return a table of the constructor arguments of the forecaster."""
    rows = [f"| `{one.name}` | `{one.default!r}` | {one.help} |" for one in parameters_of(nurt.Forecaster)]
    return "\n".join(["| argument | default | meaning |\n|---|---|---|", *rows, ""])


def written(text: str, begin: str = BEGIN, end: str = END) -> str:
    """Return the part of the page between the marks."""
    return text.partition(begin)[2].partition(end)[0]


def _section(command: types.ModuleType) -> Iterator[str]:
    function = extended(getattr(command, command.NAME))
    groups: dict[str, list[str]] = {}
    names = []
    for row in _parameters(function):
        groups.setdefault(row["group"], []).append("| {words} | {default} | {help} |".format(**row))
        if row["group"] == ARGUMENTS:
            names.append(row["name"])
    yield f"## nurt {command.NAME} {{ #nurt-{command.NAME} }}\n"
    yield command.HELP + "\n"
    yield f"```\nnurt {command.NAME} [OPTIONS] {' '.join(names)}".rstrip() + "\n```\n"
    for group, rows in groups.items():
        title = "argument" if group == ARGUMENTS else group.partition(" (")[0]
        yield f"| {title} | default | meaning |\n|---|---|---|"
        yield from rows
        yield ""
    yield f"{command.EXAMPLE.replace('Example: ', 'Example: `')}`\n"


def _parameters(function: Any) -> Iterator[dict[str, str]]:
    hints = typing.get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints[name]
        if typing.get_origin(hint) is not typing.Annotated:
            continue
        kind, told = typing.get_args(hint)
        required = parameter.default is inspect.Parameter.empty
        if type(told).__name__ == "ArgumentInfo":
            kinds = (kind, *typing.get_args(kind))
            repeated = "..." if any(typing.get_origin(one) is list for one in kinds) else ""
            shown = f"{told.metavar}{repeated}" if required else f"[{told.metavar}]{repeated}"
            yield {"group": ARGUMENTS, "name": shown, "words": f"`{shown}`", "default": "", "help": told.help}
            continue
        yield {
            "group": told.rich_help_panel,
            "name": name,
            "words": _words(told, kind),
            "default": _default(parameter.default),
            "help": told.help,
        }


def _words(told: Any, kind: Any) -> str:
    """Return how the option is typed: its name, and what comes after it."""
    name = next(word for word in (told.default, *(told.param_decls or ())) if str(word).startswith("--"))
    if kind is bool:
        return " or ".join(f"`{one}`" for one in name.split("/"))
    choices = [str(choice) for choice in _choices(kind)]
    if choices and len("".join(choices)) < 40:
        return f"`{name}` " + " \\| ".join(f"`{choice}`" for choice in choices)
    return f"`{name} {told.metavar or 'VALUE'}`"


def _choices(kind: Any) -> tuple[Any, ...]:
    if typing.get_origin(kind) is typing.Literal:
        return typing.get_args(kind)
    return tuple(choice for part in typing.get_args(kind) for choice in _choices(part))


def _default(value: Any) -> str:
    if value is None or value is False:
        return ""
    return "on" if value is True else f"`{value}`"


def _write(page: Path, begin: str, end: str, tables: str) -> None:
    text = page.read_text(encoding="utf-8")
    page.write_text(text.partition(begin)[0] + begin + tables + end + text.partition(end)[2], encoding="utf-8")


if __name__ == "__main__":
    _write(PAGE, BEGIN, END, tables())
    _write(ARGUMENTS_PAGE, ARGUMENTS_BEGIN, ARGUMENTS_END, arguments())
