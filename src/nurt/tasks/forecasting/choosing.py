"""Choosing on validation blocks: the free forecast to start at, its scale and calendar, and whether a network adds.

The search is small and stated: every free forecast of the list, in every scale that suits the data, with and without a
calendar; each is a closed form and takes at most seconds. No choice sees a row after the known ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from nurt.data.series import Series
from nurt.data.transforms import AbstractTransform, Identity, candidates
from nurt.data.windows import Origins
from nurt.errors import NurtValueError
from nurt.evaluation.chance.significance import diebold_mariano
from nurt.evaluation.forecasts.baselines import AbstractBaseline, default_baselines, label_of
from nurt.results import Result
from nurt.tasks.forecasting.columns import Columns
from nurt.tasks.forecasting.examples import start_forecasts
from nurt.tasks.forecasting.parts import Parts

__all__ = ["Bench", "Choices", "Start", "Tried", "adds", "choose_start", "leads"]

# Where a test cannot decide, because the validation origins are few, so much lower must an error be.
CLEARLY = 0.9
# The same in every monotone scale.
REPEATS = ("naive", "seasonal_naive")
# Blocks of the validation part in which a network must be ahead of its start.
MOST = 0.75


@dataclass(frozen=True)
class Tried(Result):
    """One candidate and its validation error.

    Args:
        name: of the candidate.
        error: mean over the blocks, in units of each series' own spread; absolute or squared, as the loss is.
        blocks: of every block, oldest first.
    """

    name: str
    error: float
    blocks: tuple[float, ...]


@dataclass(frozen=True)
class Choices(Result):
    """What was chosen on the validation blocks, with the figures that decided.

    Args:
        start: free forecast that the network starts at; "anchor" where it is the level of the window.
        starts: the candidates, best first; none where the start was named.
        transform: scale of the target.
        scaling: how windows are scaled.
        scalings: the scalings that were tried.
        calendar: whether hours, days, months or holidays are read.
        network: whether what the network adds is kept; None where it was not asked.
        tried: network and start on the validation blocks; empty where they were not compared.
        epoch: epoch whose weights were the best on the validation blocks; 0 is the start itself.
        refit: rows that the judged networks learnt from in the end.
        updates: updates of each of them.
        members: number of networks.
    """

    start: str
    transform: str
    scaling: str
    calendar: bool
    epoch: int
    refit: str
    updates: int
    members: int
    network: bool | None = None
    starts: tuple[Tried, ...] = ()
    scalings: tuple[Tried, ...] = ()
    tried: tuple[Tried, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """Return in words what was chosen and why, each sentence with its figures."""
        found = []
        if self.starts:
            best = self.starts[0].error
            chosen = next((one for one in self.starts if one.name == self.start), self.starts[0])
            rivals = [f"{one.name} {one.error:.3g}" for one in self.starts if one.name != self.start][:3]
            beside = f"; next {', '.join(rivals)}" if rivals else ""
            why = "" if chosen.error <= best else ", because nothing was surely better"
            found.append(f"Start: {self.start}, validation error {chosen.error:.3g}{why}{beside}.")
        if self.scalings:
            figures = ", ".join(f"{one.name} {one.error:.3g}" for one in self.scalings)
            found.append(f"Scaling of the windows: {self.scaling} (validation error: {figures}).")
        if self.tried:
            network, start = self.tried
            ahead = sum(a < b for a, b in zip(network.blocks, start.blocks, strict=True))
            count = len(start.blocks)
            where = f"ahead in {ahead} of {count} validation blocks" if count > 1 else "on the validation block"
            verdict = "kept" if self.network else "left out, the forecast is the start itself"
            found.append(f"Network: {verdict} ({network.error:.3g} against {start.error:.3g}, {where}).")
        return tuple(found)


@dataclass(frozen=True)
class Start:
    """A free forecast with the scale it works in.

    Args:
        baseline: to be fitted in the transformed scale; None for the anchor of each window.
        transform: of the target.
        calendar: whether the calendar is read.
    """

    baseline: AbstractBaseline | None
    transform: AbstractTransform = field(default_factory=Identity)
    calendar: bool = False

    @property
    def name(self) -> str:
        """Its name in tables and sentences."""
        if self.baseline is None:
            return "anchor"
        short = label_of(self.baseline.name).short
        return short if isinstance(self.transform, Identity) else f"{short} on {self.transform.name}"


@dataclass(frozen=True)
class Bench:
    """The validation blocks as judges: one error per origin, in units of each series' own spread.

    Args:
        series: known rows of all series.
        parts: what may be learnt from, and the blocks.
        horizon: F.
        loss: "squared" for squared errors; absolute errors for every other loss.
    """

    series: Sequence[Series]
    parts: Parts
    horizon: int
    loss: str

    def losses(self, forecast: np.ndarray, block: Origins) -> np.ndarray:
        """Return the mean error over the path after each origin of a block, (N,); NaN where nothing is known.

        Args:
            forecast: in the units of the target, (N, F).
            block: the origins.
        """
        truth = np.full(forecast.shape, np.nan)
        sizes = np.ones(len(block))
        for index in np.unique(block.series):
            rows = block.series == index
            values = self.series[index].values
            padded = np.concatenate([values, np.full(self.horizon, np.nan)])
            truth[rows] = padded[block.position[rows][:, None] + np.arange(1, self.horizon + 1)]
            seen = values[self.parts.learnt[index]]
            seen = seen[np.isfinite(seen)]
            sizes[rows] = (seen.std() if seen.size else 0.0) or 1.0
        error = np.abs(truth - forecast) / sizes[:, None]
        error = error**2 if self.loss == "squared" else error
        known = np.isfinite(error)
        means: np.ndarray = np.divide(
            np.where(known, error, 0.0).sum(axis=1),
            known.sum(axis=1),
            out=np.full(len(block), np.nan),
            where=known.any(axis=1),
        )
        return means

    def tried(self, name: str, losses: Sequence[np.ndarray]) -> Tried:
        """Return the errors of a candidate from its losses, one array per block."""
        blocks = tuple(float(np.nanmean(one)) if np.isfinite(one).any() else math.inf for one in losses)
        return Tried(name, float(np.mean(blocks)), blocks)


def choose_start(
    bench: Bench, look_back: int, season: int, starts: Sequence[str], scales: str, *, calendar: str, country: str | None
) -> tuple[Start, tuple[Tried, ...]]:
    """Return the free forecast with the lowest validation error, and all of them, best first.

    Repeating the last value stays where no other is surely better: where a one-sided Diebold-Mariano test at 5 % does
    not find the best one ahead, or, with too few origins for a test, its error is above 0.9 of that of the repeat.

    Args:
        bench: the validation blocks.
        look_back: T.
        season: m; 1 for none.
        starts: names of the free forecasts; empty for all.
        scales: "auto", or the name of a transform.
        calendar: "auto", "yes" or "no".
        country: whose holidays the calendar knows.
    """
    found: list[tuple[Start, Tried, list[np.ndarray]]] = []
    for start, columns in _candidates(bench, look_back, season, starts, scales, calendar=calendar, country=country):
        assert start.baseline is not None
        prepared = columns.prepared(bench.series, start.transform, bench.parts.learnt)
        fitted = start.baseline.fit([one.history() for one in prepared])
        losses = []
        for block in bench.parts.blocks:
            forecast = start.transform.backward(start_forecasts(fitted, prepared, block, bench.horizon))
            losses.append(bench.losses(forecast, block))
        found.append((start, bench.tried(start.name, losses), losses))
    found.sort(key=lambda one: one[1].error)
    tried = tuple(one for _, one, _ in found)
    best, naive = found[0], next((one for one in found if one[0].name == label_of("naive").short), None)
    if naive is not None and best is not naive and not leads(bench, best[2], naive[2]):
        best = naive
    return best[0], tried


def leads(bench: Bench, losses: Sequence[np.ndarray], rival: Sequence[np.ndarray]) -> bool:
    """Tell whether one forecast is surely better than another on the blocks.

    A one-sided Diebold-Mariano test at 5 % [diebold1995comparing] decides, over origins in time order, those of
    several series averaged; where origins are too few for it, the error must be at most 0.9 of the rival's.
    """
    first, second = (_in_time(bench.parts.blocks, one, bench.horizon) for one in (losses, rival))
    decided = diebold_mariano(first, second, steps_ahead=bench.horizon).first_is_better
    if decided is None:
        return bool(np.nanmean(first) <= CLEARLY * np.nanmean(second))
    return decided


def adds(bench: Bench, network: Sequence[np.ndarray], start: Sequence[np.ndarray]) -> bool:
    """Tell whether a network adds to its start: surely better over all blocks, and ahead in three of four.

    Its weights were chosen on the same blocks, which flatters it: a lower mean alone would not do.
    """
    ahead = [float(np.nanmean(a)) < float(np.nanmean(b)) for a, b in zip(network, start, strict=True)]
    return sum(ahead) >= MOST * len(ahead) and leads(bench, network, start)


def _in_time(blocks: Sequence[Origins], losses: Sequence[np.ndarray], horizon: int) -> np.ndarray:
    """Return one loss per place in time, averaged over series aligned at their ends; NaN keeps blocks apart."""
    places = []
    for block, loss in zip(blocks, losses, strict=True):
        ends = {index: block.position[block.series == index].max() for index in np.unique(block.series)}
        age = np.array([ends[index] - place for index, place in zip(block.series, block.position, strict=True)])
        known = np.isfinite(loss)
        count = np.bincount(age, weights=known)
        total = np.bincount(age, weights=np.where(known, loss, 0.0))
        mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)[::-1]
        # The losses of neighbouring blocks have no rows in common, so their lags must not enter.
        places.extend([mean, np.full(horizon, np.nan)])
    return np.concatenate(places[:-1])


def _candidates(
    bench: Bench, look_back: int, season: int, starts: Sequence[str], scales: str, *, calendar: str, country: str | None
) -> Iterator[tuple[Start, Columns]]:
    training = [one.values[may] for one, may in zip(bench.series, bench.parts.learnt, strict=True)]
    offered = _transforms(training, scales)
    for transform in offered:
        plain = Columns.fit(bench.series, bench.parts.learnt, transform, bench.horizon)
        dated = None
        if calendar != "no":
            dated = Columns.fit(
                bench.series, bench.parts.learnt, transform, bench.horizon, calendar=True, country=country
            )
            if not dated.calendar:
                dated = None
        for columns, dates in ((plain, False), (dated, True)):
            if columns is None:
                continue
            ahead = columns.known_width + columns.width > 0
            for baseline in default_baselines(look_back, bench.horizon, season, knows_ahead=ahead):
                wanted = not starts or baseline.name in starts
                again = dates and not getattr(baseline, "knows_ahead", False)
                if wanted and not again and (transform is offered[0] or baseline.name not in REPEATS):
                    yield Start(baseline, transform, calendar=dates), columns


def _transforms(training: Sequence[np.ndarray], scales: str) -> list[AbstractTransform]:
    usable = list(candidates(training))
    if scales == "auto":
        return usable
    if scales == "none":
        return [Identity()]
    named = [one for one in usable if one.name == scales]
    if not named:
        raise NurtValueError(
            f"The target cannot be scaled by {scales!r}.",
            expected="none, auto" + "".join(f" or {one.name}" for one in usable if one.name != Identity().name),
            got=repr(scales),
            cure="A logarithm needs values above 0; leave the choice to transform='auto'.",
        )
    return named[:1]
