"""Few rows that meet every combination of three values, where the full product would be thousands."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any


def covering(factors: Mapping[str, Sequence[Any]], strength: int = 3, seed: int = 0) -> list[dict[str, Any]]:
    """Return rows such that any ``strength`` factors take every combination of their values in some row."""
    generator = random.Random(seed)
    names = list(factors)
    groups = list(combinations(names, strength))
    missing = {(group, values) for group in groups for values in product(*(factors[name] for name in group))}
    rows = []
    while missing:
        group, values = generator.choice(sorted(missing, key=repr))
        candidates = []
        for _ in range(20):
            row = {name: generator.choice(factors[name]) for name in names} | dict(zip(group, values, strict=True))
            covered = {(names, tuple(row[name] for name in names)) for names in groups} & missing
            candidates.append((len(covered), len(candidates), row, covered))
        _, _, row, covered = max(candidates)
        rows.append(row)
        missing -= covered
    return rows
