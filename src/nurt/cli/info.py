"""`nurt info`: what is installed here, or what a model file holds."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from nurt.cli import console, options
from nurt.cli.faults import answering

if TYPE_CHECKING:
    pass

__all__ = ["EXAMPLE", "HELP", "NAME", "info"]

NAME = "info"
HELP = (
    "Show what is installed here and which code would run, or what a model file holds.\n\n"
    "Reading a model file runs no code from it."
)
EXAMPLE = "Example: nurt info nurt-out/model.safetensors"

Facts = list[tuple[str, str]]

RECURRENCES = ("lstm", "gru", "elman_tanh", "elman_relu", "linear")
NETWORK = "network."
LONGEST_LIST = 12


def info(
    context: typer.Context,
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A model file; without it: this machine.")
    ] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    with answering(context):
        from nurt.results import plain

        found = Machine.here() if model is None else ModelContents.of(model)
        if as_json:
            console.emit_json(plain(found))
        else:
            for heading, facts in found.sections():
                console.facts(facts, heading=heading)
                console.gap()


@dataclass(frozen=True)
class Machine:
    """This machine, and the code that runs on it.

    Args:
        versions: name → version of Python and of the packages that decide about numbers.
        machine: processor, cores, memory, operating system.
        instruction_sets: vector instructions this processor can run, narrowest first.
        compiler: what built the native code.
        threads: threads torch uses.
        rungs: recurrence → the code that runs it here, in float32.
        cells: key for ``--cell`` → name of the cell and the code that runs it here.
    """

    versions: Mapping[str, str]
    machine: Mapping[str, str | int]
    instruction_sets: tuple[str, ...]
    compiler: str
    threads: int
    rungs: Mapping[str, str]
    cells: Mapping[str, Mapping[str, str]]

    @classmethod
    def here(cls) -> Self:
        """Describe this machine."""
        import torch

        from nurt import environment, kernels, nn

        native: Any = importlib.import_module("nurt.kernels._cpu")

        return cls(
            versions=environment.versions(),
            machine=environment.machine(),
            instruction_sets=tuple(native.instruction_sets()),
            compiler=native.compiler(),
            threads=torch.get_num_threads(),
            rungs={name: kernels.explain(name).rung for name in RECURRENCES},
            cells={
                key: {"name": kind.display_name, "rung": ", ".join(nn.explain(nn.build(key, 2, 2)).rungs)}
                for key, kind in nn.CELLS.items()
            },
        )

    def sections(self) -> list[tuple[str, Facts]]:
        """Return headings, each with names and values."""
        native = [
            ("instruction sets", ", ".join(self.instruction_sets)),
            ("compiler", self.compiler),
            ("threads", str(self.threads)),
        ]
        return [
            ("Versions", list(self.versions.items())),
            ("Machine", [(name.replace("_", " "), str(value)) for name, value in self.machine.items()]),
            ("Native code", native),
            ("Code that runs each recurrence", list(self.rungs.items())),
            (
                "Cells for --cell",
                [(key, f"{cell['name']}, runs on {cell['rung']}") for key, cell in self.cells.items()],
            ),
        ]


@dataclass(frozen=True)
class ModelContents:
    """Contents of a model file.

    Args:
        file: the file.
        bytes: its size.
        parameters: number of trained numbers.
        description: everything else the file says.
    """

    file: str
    bytes: int
    parameters: int
    description: Mapping[str, Any]

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read a model file.

        Raises:
            ModelFileError: it cannot be used.
        """
        from nurt.tasks.modelfile import load_model

        tensors, metadata = load_model(path, kind=None)
        parameters = sum(tensor.numel() for name, tensor in tensors.items() if name.startswith(NETWORK))
        return cls(str(path), path.stat().st_size, parameters, metadata.model_dump(mode="json"))

    def sections(self) -> list[tuple[str, Facts]]:
        """Return headings, each with names and values; long lists are left to ``--json``."""
        rest = dict(self.description)
        parts = {name: rest.pop(name) for name in list(rest) if isinstance(rest[name], dict)}
        first = [("file", self.file), ("bytes", str(self.bytes)), ("parameters", str(self.parameters))]
        first += [(name.replace("_", " "), str(value)) for name, value in rest.items()]
        return [("Model file", first), *((name.capitalize(), _flat(part)) for name, part in parts.items() if part)]


def _flat(part: Mapping[str, Any]) -> Facts:
    return [(name.replace("_", " "), _shown(value)) for name, value in part.items()]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        if any(isinstance(one, dict) for one in value.values()):
            return f"{len(value)} entries, in --json"
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list):
        if len(value) > LONGEST_LIST or any(isinstance(one, dict | list) for one in value):
            return f"{len(value)} entries, in --json"
        return ", ".join(_shown(one) for one in value) or "none"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
