"""What `nurt info` shows: this machine, or the contents of a model file."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nurt.results import Result

__all__ = ["Facts", "Machine", "ModelContents"]

Facts = list[tuple[str, str]]

RECURRENCES = ("lstm", "gru", "elman_tanh", "elman_relu", "linear")
NETWORK = "network."
LONGEST_LIST = 12


@dataclass(frozen=True)
class Machine(Result):
    """What computes here.

    Args:
        versions: name → version of Python and of the packages that decide about numbers.
        machine: processor, cores, memory, operating system.
        instruction_sets: vector instructions this processor can run, narrowest first.
        compiler: what built the native code.
        threads: threads torch uses.
        rungs: recurrence → the code that runs it here, in float32.
    """

    versions: Mapping[str, str]
    machine: Mapping[str, str | int]
    instruction_sets: tuple[str, ...]
    compiler: str
    threads: int
    rungs: Mapping[str, str]

    @classmethod
    def here(cls) -> Self:
        """Look at this machine."""
        import torch

        from nurt import environment, kernels

        native: Any = importlib.import_module("nurt.kernels._cpu")

        return cls(
            versions=environment.versions(),
            machine=environment.machine(),
            instruction_sets=tuple(native.instruction_sets()),
            compiler=native.compiler(),
            threads=torch.get_num_threads(),
            rungs={name: kernels.explain(name).rung for name in RECURRENCES},
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
            ("Which code runs each recurrence", list(self.rungs.items())),
        ]


@dataclass(frozen=True)
class ModelContents(Result):
    """What a model file says about its model.

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

        tensors, metadata = load_model(path)
        parameters = sum(tensor.numel() for name, tensor in tensors.items() if name.startswith(NETWORK))
        return cls(str(path), path.stat().st_size, parameters, metadata.model_dump(mode="json"))

    def sections(self) -> list[tuple[str, Facts]]:
        """Return headings, each with names and values; long lists are left to ``--json``."""
        told = dict(self.description)
        parts = {name: told.pop(name) for name in list(told) if isinstance(told[name], dict)}
        first = [("file", self.file), ("bytes", str(self.bytes)), ("parameters", str(self.parameters))]
        first += [(name.replace("_", " "), str(value)) for name, value in told.items()]
        return [("Model file", first), *((name.capitalize(), _flat(part)) for name, part in parts.items() if part)]


def _flat(part: Mapping[str, Any]) -> Facts:
    return [(name.replace("_", " "), _told(value)) for name, value in part.items()]


def _told(value: Any) -> str:
    if isinstance(value, dict):
        if any(isinstance(one, dict) for one in value.values()):
            return f"{len(value)} entries, in --json"
        return ", ".join(f"{name} {_told(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list):
        if len(value) > LONGEST_LIST or any(isinstance(one, dict | list) for one in value):
            return f"{len(value)} entries, in --json"
        return ", ".join(_told(one) for one in value) or "none"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
