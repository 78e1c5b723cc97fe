"""Comparison of a network with the baseline over its seeds, with an interval where there are enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nurt.experiments.longmemory.study import CellRun
from nurt.standing import Standing, Verdict
from nurt.wording import Text, counted, joined, to_digits

__all__ = ["CHANCE", "LEARNT", "Better", "CellVerdict", "judge_cell", "verdict_of"]

Better: TypeAlias = Literal["lower", "higher"]
ENOUGH_SEEDS = 3
# Of an echo: share of right bits by chance, and the share that counts as learnt.
CHANCE, LEARNT = 0.5, 0.97
# Least improvement over the baseline, as a share of it: less is within the noise of the test.
MARGIN = 0.02


@dataclass(frozen=True)
class CellVerdict:
    """Results of the runs of one cell.

    Args:
        cell: name.
        mean: over its runs.
        low, high: 95 % interval of the mean by Student's t; the range of the runs with fewer than three of them.
        seeds: runs.
        better: whether even the worse end of ``low`` … ``high`` beats the baseline by a margin of 2 %.
        clipped_share: mean over its runs.
    """

    cell: str
    mean: float
    low: float
    high: float
    seeds: int
    better: bool
    clipped_share: float


def judge_cell(cell: str, runs: tuple[CellRun, ...], baseline: float, better: Better) -> CellVerdict:
    """Compare the runs of ``cell`` with ``baseline``.

    Args:
        cell: name.
        runs: of all cells, at least one of this one.
        baseline: value of the best trivial answer.
        better: whether lower or higher values are better.
    """
    own = [run for run in runs if run.cell == cell]
    values = np.array([run.value for run in own])
    low, high = float(values.min()), float(values.max())
    if len(values) >= ENOUGH_SEEDS:
        from nurt.evaluation.chance.seeds import seed_noise

        noise = seed_noise(values.tolist(), 0.0)
        # A loss or a share is never negative; Student's interval can be.
        low, high = max(0.0, noise.low), noise.high
    margin = MARGIN * baseline
    won = high < baseline - margin if better == "lower" else low > baseline + margin
    share = float(np.mean([run.clipped_share for run in own]))
    return CellVerdict(cell, float(values.mean()), low, high, len(values), won, share)


def verdict_of(
    cells: tuple[CellVerdict, ...], baseline: float, runs: tuple[CellRun, ...], planned: int
) -> Verdict[Text]:
    """Return the verdict: which cells beat the baseline, which do not, and with which budget.

    Args:
        cells: results per cell.
        baseline: value of the best trivial answer.
        runs: all of them.
        planned: planned updates.
    """
    winners = [one for one in cells if one.better]
    losers = [one for one in cells if not one.better]
    standing = Standing.REACHED if not losers else Standing.PARTLY if winners else Standing.MISSED
    parts = []
    if winners:
        parts.append(Text("Better than the baseline {b}: {c}.", "Lepsze od poziomu odniesienia {b}: {c}."))
    if losers:
        parts.append(Text("Not better than the baseline {b}: {c}.", "Nie lepsze od poziomu odniesienia {b}: {c}."))
    groups = [group for group in (winners, losers) if group]
    sentences = [part.filled(b=baseline, c=_listed(group)) for part, group in zip(parts, groups, strict=True)]
    sentences.append(_certainty(cells))
    made = sum(run.updates for run in runs)
    if made < planned:
        sentences.append(
            Text(
                "The runs ended early: {made} of {planned} updates were made.",
                "Przebiegi zakończono wcześniej: wykonano {made} z {planned} aktualizacji.",
            ).filled(made=made, planned=planned)
        )
        standing = Standing.PARTLY if standing == Standing.REACHED else standing
    return Verdict(standing, joined(*sentences))


def _listed(cells: list[CellVerdict]) -> Text:
    one = Text("{cell} {mean} ({low} to {high})", "{cell} {mean} (od {low} do {high})")
    filled = [
        one.filled(cell=c.cell, mean=to_digits(c.mean), low=to_digits(c.low), high=to_digits(c.high)) for c in cells
    ]
    return Text(", ".join(part.en for part in filled), "; ".join(part.pl for part in filled))


def _certainty(cells: tuple[CellVerdict, ...]) -> Text:
    seeds = min(one.seeds for one in cells)
    if seeds >= ENOUGH_SEEDS:
        words = Text(
            "In brackets the 95 % interval of the mean over {n} seeds.",
            "W nawiasach przedział ufności 95 % średniej z {n} ziaren.",
        )
    else:
        words = Text(
            "In brackets the range of {n}, too few for an interval.",
            "W nawiasach zakres wyników z {n}: to za mało na przedział ufności.",
        )
        return words.filled(n=counted(seeds, ("seed", "seeds"), ("ziarna", "ziaren", "ziaren")))
    return words.filled(n=seeds)
