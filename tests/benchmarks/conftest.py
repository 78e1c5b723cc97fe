"""A made-up case, quick and right, whose contenders tests replace by wrong or slow ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nurt.benchmarks import Case, Contender, Contest, conditions
from nurt.benchmarks.floors import MatrixProduct

MakeCase = Callable[..., Case]


def _contender(library: str, name: str, value: Tensor) -> Contender:
    return Contender(library, name, lambda: None, lambda: {"outputs": value})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not watch the machine for a moment before every run."""
    monkeypatch.setattr(conditions, "WATCHED_SECONDS", 0.0)


@pytest.fixture
def make_case() -> MakeCase:
    """Return a maker of cases: what each contender computes, and further fields."""

    def make(ours: Tensor | None = None, peer: Tensor | None = None, **fields: object) -> Case:
        right = torch.tensor([1.0, -2.0])

        def prepare() -> Contest:
            return Contest(
                ours=_contender("nurt", "ours", right if ours is None else ours),
                peers=(_contender("torch", "theirs", right if peer is None else peer),),
                reference=lambda: {"outputs": right.double()},
                floor=MatrixProduct(1e6, 8, 8, 8),
            )

        told = {"group": "padded", "cell": "lstm", "sizes": {"T": 3, "B": 2, "I": 1, "H": 5}, "prepare": prepare}
        return Case(**(told | fields))  # type: ignore[arg-type]

    return make
