"""What was chosen on the validation blocks, with the figures that decided."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nurt.reports.page.document import Section
from nurt.reports.page.html import Column, element, items, join, table
from nurt.wording import number

if TYPE_CHECKING:
    from nurt.tasks.forecasting.choosing import Choices, Tried

__all__ = ["choices_section"]

SHOWN = 12


def choices_section(choices: Choices) -> Section:
    """Return the sentences on every choice and the table of what was tried."""
    sentences = choices.sentences()
    tried = (*choices.starts[:SHOWN], *choices.scalings, *choices.tried)
    if not tried:
        return Section("choices", "Choices", element("p", "Everything was named: there was nothing to choose."))
    parts = [items(sentences), _table(tried)]
    if choices.refit != "none" and choices.updates:
        parts.append(
            element(
                "p",
                f"Then each of {choices.members} networks learnt from all rows before the test part, those of the "
                f"blocks included, in {choices.updates} updates, as many as the blocks had found best.",
            )
        )
    return Section("choices", "Choices", join(parts))


def _table(tried: tuple[Tried, ...]) -> str:
    most = max(len(one.blocks) for one in tried)
    blocks = [Column(f"block {index + 1}") for index in range(most)] if most > 1 else []
    rows = [
        [
            one.name,
            _shown(one.error),
            *([_shown(error) for error in one.blocks] + [""] * (most - len(one.blocks)) if most > 1 else []),
        ]
        for one in tried
    ]
    return table(
        [Column("candidate", numeric=False), Column("mean error"), *blocks],
        rows,
        caption="Validation errors, in units of the spread of each series",
        note="Lower is better. The blocks lie before the test part; no row of it was looked at.",
    )


def _shown(error: float) -> str:
    return number(error, 3) if math.isfinite(error) else "none"
