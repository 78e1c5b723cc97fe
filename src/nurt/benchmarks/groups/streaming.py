"""One sequence, one step at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import nurt.nn
from nurt.benchmarks.case import Case, CaseGroup, Contender, Contest, Library
from nurt.benchmarks.floors import MatrixVector
from nurt.benchmarks.steps import CELLS, twins

__all__ = ["STREAMING", "contest"]

WIDTHS = (64, 512)
MOMENTS = 5
SINGLE = {"lstm": nn.LSTMCell, "gru": nn.GRUCell}

Advance = Callable[[Tensor, Any], tuple[Tensor, Any]]


class _CellByStep:
    """Passes one step at a time to a layer or cell and keeps the state."""

    def __init__(self, moments: Tensor, advance: Advance) -> None:
        self._moments = moments
        self._first = moments[0]
        self._advance = advance
        self._state: Any = None

    @torch.no_grad()
    def run(self) -> None:
        _, self._state = self._advance(self._first, self._state)

    @torch.no_grad()
    def outcome(self) -> dict[str, Tensor]:
        state, outputs = None, []
        for moment in self._moments:
            output, state = self._advance(moment, state)
            outputs.append(output.flatten())
        return {"outputs": torch.stack(outputs)}

    def contender(self, library: Library, name: str) -> Contender:
        return Contender(library, name, self.run, self.outcome)


class _StreamCase:
    """The same through ``nurt.nn.stream``, which keeps the state itself."""

    def __init__(self, moments: Tensor, stream: nurt.nn.Stream) -> None:
        self._moments = moments
        self._first = moments[0]
        self._stream = stream

    def run(self) -> None:
        self._stream.step(self._first)

    def outcome(self) -> dict[str, Tensor]:
        self._stream.reset()
        return {"outputs": torch.stack([self._stream.step(moment) for moment in self._moments])}


def contest(cell: str, width: int) -> Contest:
    """Return one step of one sequence without gradients, I = H = ``width``."""
    theirs, ours = twins(cell, width, width)
    single = SINGLE[cell](width, width)
    single.load_state_dict({name.removesuffix("_l0"): value for name, value in theirs.state_dict().items()})
    moments = torch.randn(MOMENTS, width)
    stream = _StreamCase(moments, nurt.nn.stream(ours))
    return Contest(
        ours=Contender("nurt", "nurt.nn.stream", stream.run, stream.outcome),
        peers=(
            _CellByStep(moments[:, None], theirs).contender("torch", f"torch.nn.{type(theirs).__name__}"),
            _CellByStep(moments, _advance(single)).contender("torch", f"torch.nn.{type(single).__name__}"),
        ),
        reference=lambda: _CellByStep(moments.double(), _advance(copy.deepcopy(single).double())).outcome(),
        floor=MatrixVector(CELLS[cell].gates * width, 2 * width),
    )


def _advance(single: nn.Module) -> Advance:
    def advance(moment: Tensor, state: Any) -> tuple[Tensor, Any]:
        state = single(moment, state)
        return (state[0] if isinstance(state, tuple) else state), state

    return advance


def _streaming() -> list[Case]:
    return [
        Case("streaming", cell, {"B": 1, "I": width, "H": width}, partial(contest, cell, width))
        for cell in SINGLE
        for width in WIDTHS
    ]


STREAMING = CaseGroup(
    "streaming",
    "One step of one sequence, without gradients: nurt.nn.stream against torch.nn's layer and its cell.",
    "Small layers are bound by the cost of a call, large ones by reading the weights.",
    _streaming,
)
