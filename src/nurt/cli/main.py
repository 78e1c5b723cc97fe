"""The program ``nurt``: its commands and what they share."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nurt.cli import backtest, bench, console, demo, examine, experiment, forecast, info, predict
from nurt.cli.faults import ARGUMENTS

__all__ = ["app", "run"]


class _CommandGroup(TyperGroup):
    """Keeps the arguments as typed, for the message that tells how to resume an interrupted run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="nurt",
    cls=_CommandGroup,
    help="Recurrent networks you can see through: forecasts that are judged against trivial baselines.",
    epilog="Start with: nurt demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, forecast, predict, backtest, examine, bench, experiment, info):
    app.command(command.NAME, help=command.HELP, epilog=command.EXAMPLE)(getattr(command, command.NAME))


def _version(asked: bool) -> None:
    if asked:
        # Reading metadata takes longer than all of the help.
        from importlib.metadata import version

        typer.echo(f"nurt {version('nurt')}")
        raise typer.Exit


VersionOption = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def _common(version: VersionOption = False) -> None:
    del version


def run() -> None:
    """Run the program; the process ends with its exit code."""
    console.prepare()
    app()
