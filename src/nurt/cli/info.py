"""`nurt info`: what is installed here, or what a model file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nurt.cli import console, options
from nurt.cli.faults import answering

__all__ = ["EXAMPLE", "HELP", "NAME", "info"]

NAME = "info"
HELP = (
    "Tell what is installed here and which code would run, or what a model file holds.\n\n"
    "Reading a model file runs no code from it."
)
EXAMPLE = "Example: nurt info nurt-out/model.safetensors"


def info(
    context: typer.Context,
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A model file; without it: this machine.")
    ] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    with answering(context):
        from nurt.cli import inventory

        found = inventory.Machine.here() if model is None else inventory.ModelContents.of(model)
        if as_json:
            console.emit_json(found.to_dict())
        else:
            for heading, facts in found.sections():
                console.facts(facts, heading=heading)
                console.gap()
