"""Leakage rules about rows: fitted statistics, windows, splits, repeated blocks and decisions (L01-L04, L08, L09)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nurt.evaluation.forecasts.audits.leakage.facts import FittedStatistic, PipelineFacts, SeriesFacts, Severity, rule

__all__ = ["RULES", "repeated_block"]

SHOWN = 3
# Fewer rows than this agree by chance where values are rounded.
SHORTEST_BLOCK = 8
# Odd, so that it has an inverse modulo 2^64 and its powers never vanish; 2^64 divided by the golden ratio.
BASE = 0x9E3779B97F4A7C15


@rule(
    "L01",
    "error",
    "fitted statistics see training rows only",
    why="Means, ranges and encodings computed with later rows carry the future into every training window.",
    cure="Fit on the training rows, then apply to all; refit at each cutoff if the model is refitted there.",
)
def fitted_on_training_rows(facts: PipelineFacts) -> list[str] | None:
    """L01: no fitted statistic saw rows after the end of training."""
    return None if facts.statistics is None else list(_peeking(facts, facts.statistics))


@rule(
    "L08",
    "error",
    "static covariates come from training rows",
    why="A number per series computed from its whole length, such as its mean, tells the model where it will go.",
    cure="Compute it from the training rows, or use a property that does not come from the values.",
)
def static_from_training_rows(facts: PipelineFacts) -> list[str] | None:
    """L08: no static covariate was computed from rows after the end of training."""
    return None if facts.static_covariates is None else list(_peeking(facts, facts.static_covariates))


def _peeking(facts: PipelineFacts, statistics: tuple[FittedStatistic, ...]) -> Iterator[str]:
    for one in statistics:
        allowed = facts.series_named(one.series).train_end if one.may_see is None else one.may_see
        if one.last_row >= allowed:
            yield (
                f"{one.name} of series {one.series!r} saw rows up to {one.last_row}; "
                f"it may see the first {allowed}, up to row {allowed - 1}."
            )


@rule(
    "L02",
    "error",
    "every target lies in the part of its window",
    why="A target that training has seen is remembered, not forecast; its error says nothing about the future.",
    cure="Keep training windows whose last target is a training row; start each part after the one before.",
)
def targets_in_their_part(facts: PipelineFacts) -> list[str] | None:
    """L02: training targets end before validation and test targets begin."""
    judged = [one for one in facts.series if one.train is not None]
    return [text for one in judged for text in _misplaced(one, facts.horizon)] if judged else None


def _misplaced(series: SeriesFacts, horizon: int) -> Iterator[str]:
    train = np.asarray(series.train)
    late = train[train + horizon >= series.train_end]
    if len(late):
        yield (
            f"{len(late)} of {len(train)} training windows of series {series.name!r} have a target after the last "
            f"training row {series.train_end - 1}, the first at origin {late.min()} with horizon {horizon}."
        )
    for part, start, before in (
        ("validation", series.train_end, "training"),
        ("test", series.validation_end, "training or validation"),
    ):
        origins = series.validation if part == "validation" else series.test
        early = np.empty(0) if origins is None else origins[origins + 1 < start]
        if len(early):
            yield (
                f"{len(early)} of {len(np.asarray(origins))} {part} windows of series {series.name!r} have a target "
                f"among the {before} rows, which end at row {start - 1}."
            )


@rule(
    "L03",
    "error",
    "overlapping windows are split in time",
    why="Neighbouring windows share most of their rows, so windows dealt out at random put test targets into training.",
    cure="Split by time: all training windows first, then validation, then test.",
)
def split_in_time(facts: PipelineFacts) -> list[str] | None:
    """L03: no evaluation window that overlaps a training window comes before it."""
    judged = [
        one for one in facts.series if one.train is not None and (one.validation is not None or one.test is not None)
    ]
    if facts.split_at_random is None and not judged:
        return None
    found = [text for one in judged for text in _interleaved(one, facts.look_back + facts.horizon)]
    if facts.split_at_random and not judged:
        found.append(f"Windows of {facts.look_back} + {facts.horizon} rows were dealt out to the parts at random.")
    return found


def _interleaved(series: SeriesFacts, span: int) -> Iterator[str]:
    train = np.sort(np.asarray(series.train))
    later = [one for one in (series.validation, series.test) if one is not None]
    evaluated = np.sort(np.concatenate(later))
    if len(train) == 0 or len(evaluated) == 0:
        return
    following = np.searchsorted(train, evaluated)
    has_following = following < len(train)
    gap = train[np.minimum(following, len(train) - 1)] - evaluated
    mixed = has_following & (gap < span)
    if mixed.any():
        yield (
            f"{mixed.sum()} of {len(evaluated)} evaluation windows of series {series.name!r} are followed by a "
            f"training window that overlaps them, the first at origin {evaluated[mixed.argmax()]}."
        )


@rule(
    "L04",
    "error",
    "every observation stands once",
    why="A row that stands in two places can be learnt in one and scored in the other.",
    cure="Remove the copies, or say how duplicated stamps are to be joined (`on_duplicate`).",
)
def rows_once(facts: PipelineFacts) -> list[str | tuple[Severity, str]] | None:
    """L04: no stamp stands twice in a series, and no training example recurs among later rows."""
    judged = [one for one in facts.series if one.stamps is not None or one.values is not None]
    if not judged:
        return None
    found: list[str | tuple[Severity, str]] = []
    for one in judged:
        found += _duplicate_stamps(one)
        found += [("warning", text) for text in _repeated_examples(one, facts.look_back)]
    return found


def _duplicate_stamps(series: SeriesFacts) -> Iterator[str]:
    if series.stamps is None:
        return
    stamps, counts = np.unique(series.stamps, return_counts=True)
    twice = stamps[counts > 1]
    if len(twice):
        shown = ", ".join(str(one) for one in twice[:SHOWN]) + (" …" if len(twice) > SHOWN else "")
        yield f"{len(twice)} stamps of series {series.name!r} stand more than once: {shown}"


def _repeated_examples(series: SeriesFacts, look_back: int) -> Iterator[str]:
    if series.values is None:
        return
    columns = [series.values, *(one.values[: series.length] for one in series.covariates if one.source != "calendar")]
    block = max(look_back + 1, SHORTEST_BLOCK)
    found = repeated_block(np.column_stack(columns), block, series.train_end)
    if found is not None:
        count, first, second = found
        yield (
            f"{count} blocks of {block} rows of series {series.name!r} after the training rows are copies of training "
            f"blocks, the first being rows {second}-{second + block - 1}, a copy of {first}-{first + block - 1}."
        )


@rule(
    "L09",
    "error",
    "the test part decides nothing",
    why="Stopping, tuning or choosing by test errors fits the model to the test; looking often does so slowly.",
    cure="Decide on validation windows, and score the test part once, at the end.",
)
def test_decides_nothing(facts: PipelineFacts) -> list[str | tuple[Severity, str]] | None:
    """L09: no decision looked at test origins; repeated evaluation is worth knowing."""
    if facts.decided_on is None and facts.test_evaluations is None:
        return None
    found: list[str | tuple[Severity, str]] = []
    if "test" in (facts.decided_on or ()):
        found.append("Stopping, tuning or selection looked at the test part.")
    if (facts.test_evaluations or 0) > 1:
        found.append(("info", f"The test part was evaluated {facts.test_evaluations} times."))
    return found


RULES = (
    fitted_on_training_rows,
    targets_in_their_part,
    split_in_time,
    rows_once,
    static_from_training_rows,
    test_decides_nothing,
)


def repeated_block(rows: np.ndarray, size: int, boundary: int) -> tuple[int, int, int] | None:
    """Look for blocks of ``size`` consecutive rows after ``boundary`` that are copies of blocks before it.

    Blocks with a missing value, and blocks that stand still, do not count. Blocks are compared by a rolling hash and
    confirmed value by value, in time and memory linear in the number of rows.

    Args:
        rows: shape (n, columns).
        size: rows per block.
        boundary: first row that belongs to the later side; no block straddles it.

    Returns:
        number of such blocks, start of the earlier and of the later block of the first pair; None when there is none.
    """
    usable = _usable(rows, size)
    hashes = _block_hashes(rows, size)
    earlier = np.flatnonzero(usable[: max(boundary - size + 1, 0)])
    later = boundary + np.flatnonzero(usable[boundary:])
    if len(earlier) == 0 or len(later) == 0:
        return None
    known, first = np.unique(hashes[earlier], return_index=True)
    slot = np.searchsorted(known, hashes[later]).clip(max=len(known) - 1)
    alike = known[slot] == hashes[later]
    pairs = [
        (origin, copy)
        for origin, copy in zip(earlier[first[slot[alike]]].tolist(), later[alike].tolist(), strict=True)
        if np.array_equal(rows[origin : origin + size], rows[copy : copy + size])
    ]
    return (len(pairs), *pairs[0]) if pairs else None


def _usable(rows: np.ndarray, size: int) -> np.ndarray:
    """Return which blocks have no missing value and some movement in the first column, bool (n - size + 1,)."""
    blocks = max(len(rows) - size + 1, 0)
    missing = np.concatenate([[0], np.cumsum(~np.isfinite(rows).all(axis=1))])
    moves = np.concatenate([[0], np.cumsum(np.diff(rows[:, 0]) != 0.0)])
    starts = np.arange(blocks)
    complete: np.ndarray = missing[starts + size] == missing[starts]
    return complete & (moves[starts + size - 1] > moves[starts])


def _block_hashes(rows: np.ndarray, size: int) -> np.ndarray:
    """Return Σ_j h_{i+j}·p^j modulo 2^64 of every block i, with h the hash of a row; from differences of sums."""
    # Adding 0.0 turns -0.0, which equals 0.0 but has other bits, into 0.0.
    bits = np.ascontiguousarray(rows + 0.0).view(np.uint64)
    # The upper half of a product depends on all bits; without it the zeros that end most numbers would collide.
    mixed = (bits ^ (bits >> np.uint64(32))) * np.uint64(BASE)
    mixed ^= mixed >> np.uint64(29)
    weights = _powers(BASE ^ 0x5851F42D4C957F2C, rows.shape[1])
    row_hash = (mixed * weights).sum(axis=1, dtype=np.uint64)
    powers = _powers(BASE, len(rows))
    inverse = _powers(pow(BASE, -1, 2**64), len(rows))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(row_hash * powers, dtype=np.uint64)])
    blocks = max(len(rows) - size + 1, 0)
    hashes: np.ndarray = (sums[size : size + blocks] - sums[:blocks]) * inverse[:blocks]
    return hashes


def _powers(base: int, count: int) -> np.ndarray:
    factors = np.full(count, base % 2**64, dtype=np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)
