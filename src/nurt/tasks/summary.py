"""The model in one line: what was built, and which code runs it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

from nurt.results import Result

__all__ = ["ModelSummary", "summarise"]

S = TypeVar("S", bound="ModelSummary")


@dataclass(frozen=True)
class ModelSummary(Result):
    """What every model has; a task adds parameters of its own in a subclass.

    Args:
        name: of the model, by default that of its cell.
        cell: recurrence, a key of ``nurt.nn.CELLS``.
        layers: L.
        hidden: H.
        parameters: number of trained numbers.
        rung: which code runs the recurrence, see :func:`nurt.nn.explain`.
    """

    name: str
    cell: str
    layers: int
    hidden: int
    parameters: int
    rung: str


def summarise(estimator: Any, kind: type[S]) -> S:
    """Return the summary of a fitted estimator; what ``kind`` adds are attributes of the estimator."""
    found = {field.name: getattr(estimator, field.name, None) for field in dataclasses.fields(kind)}
    found |= {"parameters": estimator.parameter_count, "rung": ", ".join(estimator.explain().rungs)}
    words: dict[str, Any] = {
        name: one if isinstance(one, str | int | float) else type(one).__name__ for name, one in found.items()
    }
    return kind(**words)
