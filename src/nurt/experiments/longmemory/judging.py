"""Is a network better than what costs nothing? Decided over its seeds, with an interval where there are enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nurt.experiments.longmemory.study import CellRun
from nurt.standing import Standing, Verdict
from nurt.wording import Text, counted

__all__ = ["CHANCE", "LEARNT", "Better", "CellVerdict", "judge_cell", "verdict_of"]

Better: TypeAlias = Literal["lower", "higher"]
ENOUGH_SEEDS = 3
# Of an echo: what guessing gets right, and what counts as learnt.
CHANCE, LEARNT = 0.5, 0.97
# What a network must win over the baseline, as a share of it: less is the noise of the test.
MARGIN = 0.02


@dataclass(frozen=True)
class CellVerdict:
    """What the runs of one cell reached.

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
    """Return what the runs of ``cell`` reached against ``baseline``.

    Args:
        cell: name.
        runs: of all cells, at least one of this one.
        baseline: what costs nothing.
        better: which of two values is the better one.
    """
    own = [run for run in runs if run.cell == cell]
    values = np.array([run.value for run in own])
    low, high = float(values.min()), float(values.max())
    if len(values) >= ENOUGH_SEEDS:
        from nurt.evaluation.chance.seeds import seed_noise

        noise = seed_noise(values.tolist(), 0.0)
        # Neither a loss nor a share is ever negative; Student's interval does not know that.
        low, high = max(0.0, noise.low), noise.high
    margin = MARGIN * baseline
    won = high < baseline - margin if better == "lower" else low > baseline + margin
    share = float(np.mean([run.clipped_share for run in own]))
    return CellVerdict(cell, float(values.mean()), low, high, len(values), won, share)


def verdict_of(
    cells: tuple[CellVerdict, ...], baseline: float, runs: tuple[CellRun, ...], planned: int
) -> Verdict[Text]:
    """Return the answer in words: who beats the baseline, who does not, and with what budget.

    Args:
        cells: what each cell reached.
        baseline: what costs nothing.
        runs: all of them.
        planned: updates that were to be made.
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
    said = [part.filled(b=baseline, c=_listed(group)) for part, group in zip(parts, groups, strict=True)]
    said.append(_certainty(cells))
    made = sum(run.updates for run in runs)
    if made < planned:
        said.append(
            Text(
                "The runs ended early: {made} of {planned} updates were made.",
                "Przebiegi zakończono wcześniej: wykonano {made} z {planned} aktualizacji.",
            ).filled(made=made, planned=planned)
        )
        standing = Standing.PARTLY if standing == Standing.REACHED else standing
    return Verdict(standing, Text(" ".join(one.en for one in said), " ".join(one.pl for one in said)))


def _listed(cells: list[CellVerdict]) -> Text:
    one = Text("{cell} {mean} ({low} to {high})", "{cell} {mean} (od {low} do {high})")
    filled = [one.filled(cell=c.cell, mean=_short(c.mean), low=_short(c.low), high=_short(c.high)) for c in cells]
    return Text(", ".join(part.en for part in filled), "; ".join(part.pl for part in filled))


def _short(value: float) -> float:
    return float(f"{value:.3g}")


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
