"""What a fuzz campaign is: one case made from a random generator, and what may come of it.

A campaign is a module of ``tests/fuzz/campaigns`` with one name, ``CAMPAIGN``. Each of its cases runs in a worker
process with bounds on time and memory, so that a crash or a hang is one finding and the campaign goes on. Case number
n of seed s is the same in every run: ``python -m tests.fuzz NAME --seed s --case n`` repeats it in this process.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tests.fuzz.campaigns

__all__ = ["Campaign", "Finding", "generator_of", "load", "names"]


class Finding(AssertionError):
    """A case that came out wrong: a false value, damage taken for good, a message that blames the wrong one."""


@dataclass(frozen=True)
class Campaign:
    """Random cases of one kind.

    Args:
        title: what is tried, for the table.
        case: ``(generator, folder) -> outcome``: makes one case from the generator alone, tries it, and returns a few
            words to be counted, for example "equal" or "refused: ShapeError". Raises :class:`Finding` where the
            outcome is wrong; any exception that escapes is a finding too. The folder is empty and the case's own.
        seconds: a case that takes longer is a hang.
        memory_gib: address space beyond what the worker holds when it has loaded the campaign; None for no bound.
    """

    title: str
    case: Callable[[random.Random, Path], str]
    seconds: float = 10.0
    memory_gib: float | None = 2.0


def names() -> list[str]:
    """Return the campaigns there are; none is imported."""
    return sorted(module.name for module in pkgutil.iter_modules(tests.fuzz.campaigns.__path__))


def load(name: str) -> Campaign:
    """Import a campaign: one of :func:`names`, or the full name of another module."""
    campaign = importlib.import_module(name if "." in name else f"tests.fuzz.campaigns.{name}").CAMPAIGN
    assert isinstance(campaign, Campaign)
    return campaign


def generator_of(seed: int, number: int) -> random.Random:
    """Return the generator of case ``number``."""
    return random.Random(f"{seed}:{number}")
