"""The program ``nurt``: its commands and what they share."""

from __future__ import annotations

from types import ModuleType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nurt.cli import backtest, bench, console, demo, examine, experiment, forecast, info, predict
from nurt.cli.faults import ARGUMENTS, answering_output
from nurt.cli.options import extended

__all__ = ["app", "run"]


SETTINGS = {"help_option_names": ["-h", "--help"]}
COMMANDS = {one.NAME: one for one in (demo, forecast, predict, backtest, examine, bench, experiment, info)}


class _CommandGroup(TyperGroup):
    """Lists the commands by their help alone, and builds the options of the one that is asked for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # As typed, for the message that tells how to resume an interrupted run.
        ctx.meta[ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if command is None or name is None else _built(COMMANDS[name]), rest


app = typer.Typer(
    name="nurt",
    cls=_CommandGroup,
    help="Recurrent networks you can see through: forecasts that are judged against trivial baselines.",
    epilog="Start with: nurt demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings=SETTINGS,
)


def _listed() -> None:
    """Stand for a command in the list of all of them."""


for _name, _command in COMMANDS.items():
    app.command(_name, help=_command.HELP)(_listed)


def _built(module: ModuleType) -> Any:
    """Return a command with its options."""
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    function = extended(getattr(module, module.NAME))
    single.command(module.NAME, help=module.HELP, epilog=module.EXAMPLE, context_settings=SETTINGS)(function)
    return typer.main.get_command(single)


def _version(asked: bool) -> None:
    if asked:
        # Reading metadata takes longer than all of the help.
        from nurt.environment import versions

        typer.echo(f"nurt {versions()['nurt']}")
        raise typer.Exit


VersionOption = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def _common(version: VersionOption = False) -> None:
    del version


def run() -> None:
    """Run the program; the process ends with its exit code."""
    console.prepare()
    with answering_output():
        app()
