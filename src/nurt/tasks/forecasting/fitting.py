"""From series to a fitted forecaster: choose on validation blocks, train, and train again on all known rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nurt.data.scaling import SCALINGS, AbstractScaling, WindowStatistics
from nurt.data.series import Series
from nurt.data.transforms import Identity
from nurt.data.windows import Origins
from nurt.errors import DataError
from nurt.evaluation.forecasts.baselines import AbstractFittedBaseline, baseline
from nurt.kernels.randomness import drawing_from
from nurt.tasks.forecasting.choosing import Bench, Choices, Start, Tried, adds, choose_start
from nurt.tasks.forecasting.columns import Columns
from nurt.tasks.forecasting.examples import Examples, ForecastObjective
from nurt.tasks.forecasting.learnt import Learnt
from nurt.tasks.forecasting.network import ForecastNetwork, ForecastNetworks, NetworkDesign
from nurt.tasks.forecasting.options import DEFAULT_TRAINING, ForecastOptions
from nurt.tasks.forecasting.parts import BLOCKS, Parts
from nurt.tasks.forecasting.precision import require_single_precision
from nurt.tasks.running import TrainingSession
from nurt.training.events import TrainingRecord
from nurt.training.settings import GivenRates, TrainingSettings

__all__ = ["Fit", "fit_forecaster", "quantiles_for"]

# Updates of each trial training that chooses the scaling.
TRIAL_UPDATES = 150
# Scalings that are tried where none is named: of each window, and of the series as a whole.
TRIED_SCALINGS = ("window", "series")
# Validation windows that are enough to decide by.
DECISIVE = 20_000
# Segments of half a day, or of what divides the horizon, where the series has no season to cut at.
LONGEST_SEGMENT = 24


@dataclass(frozen=True)
class Fit:
    """The outcome of a fit.

    Args:
        learnt: what forecasts.
        before: what had learnt from the training windows alone; its errors on the validation blocks are honest.
        record: of the training that was stopped by the validation blocks.
        choices: what was chosen.
        parts: training windows and validation blocks.
        learnt_rows: rows of each series that ``learnt`` has learnt from.
    """

    learnt: Learnt
    before: Learnt
    record: TrainingRecord
    choices: Choices
    parts: Parts
    learnt_rows: tuple[int, ...]


@dataclass(frozen=True)
class _Task:
    """What every training of one fit shares."""

    options: ForecastOptions
    series: tuple[Series, ...]
    look_back: int
    steps: int
    segment: int
    settings: TrainingSettings
    session: TrainingSession

    def learner(self, parts: Parts, start: Start, scaling: AbstractScaling) -> _Learner:
        """Return what trains on the windows of ``parts`` from ``start``."""
        columns = Columns.fit(
            self.series,
            parts.learnt,
            start.transform,
            self.options.horizon,
            calendar=start.calendar,
            country=self.options.country,
        )
        prepared = columns.prepared(self.series, start.transform, parts.learnt)
        fitted = None if start.baseline is None else start.baseline.fit([one.history() for one in prepared])
        design = NetworkDesign(
            cell=self.options.cell,
            layers=self.options.layers,
            hidden=self.options.hidden,
            dropout=self.options.dropout,
            horizon=self.options.horizon,
            strategy=self.options.strategy,
            quantiles=quantiles_for(self.options.loss, self.options.levels),
            covariates=columns.width,
            known=columns.known_width,
            series=columns.identities if self.options.strategy == "parallel" else 0,
            mask=any(np.isnan(one.values).any() for one in self.series),
            segment=self.segment,
        )
        examples = Examples(prepared, self.look_back, self.steps, unknown=design.series)
        usable = parts.restricted(
            _thinned(examples.learnable(parts.training), self.options.windows, self.settings.seed),
            [_thinned(examples.learnable(block), DECISIVE // len(parts.blocks), 0) for block in parts.blocks],
        )
        if len(usable.training) == 0:
            raise DataError(
                "No training window holds both an observed input and an observed target.",
                cure="Look at the gaps in the target column, or give a shorter look-back and horizon.",
            )
        return _Learner(self, usable, start, columns, fitted, design, scaling, examples)


@dataclass(frozen=True)
class _Learner:
    """One set of training windows, ready for networks to learn from."""

    task: _Task
    parts: Parts
    start: Start
    columns: Columns
    fitted: AbstractFittedBaseline | None
    design: NetworkDesign
    scaling: AbstractScaling
    examples: Examples

    def objective(self) -> ForecastObjective:
        """Return the losses of these windows."""
        mark = f"{self.start.name}-{self.start.calendar}-{self.scaling.name}"
        return ForecastObjective(self.task.series, self.examples, self.parts, self.task.options.loss, self.fitted, mark)

    def network(self, seed: int, objective: ForecastObjective) -> ForecastNetwork:
        """Return an untrained network whose forecast is the start."""
        training = [
            self.start.transform.forward(one.values[may])
            for one, may in zip(self.task.series, self.parts.learnt, strict=True)
        ]
        scaling = self.scaling.fit(training)
        with drawing_from(torch.Generator().manual_seed(seed)):
            network = ForecastNetwork(self.design, scaling)
        anchored = isinstance(scaling, WindowStatistics) and scaling.anchor == "last"
        if self.fitted is not None or anchored:
            with torch.no_grad():
                network.start_at(objective.residuals(network))
        return network

    def learnt(self, networks: Sequence[ForecastNetwork]) -> Learnt:
        """Return what forecasts with these networks."""
        return Learnt(
            ForecastNetworks(list(networks)).eval(),
            self.columns,
            self.start.transform,
            self.fitted,
            self.task.look_back,
            self.task.options.horizon,
            self.task.options.levels,
        )


def fit_forecaster(options: ForecastOptions, series: Sequence[Series], steps: int, session: TrainingSession) -> Fit:
    """Choose, train, and train again; see :class:`nurt.Forecaster`.

    1. Validation blocks are cut from the rows; where the networks will be trained again on all of them, the blocks
       are spread over the past.
    2. The free forecast with the lowest validation error becomes the start, unless one is named.
    3. Short trainings choose the scaling of the windows, unless one is named.
    4. A network is trained; the blocks decide when it is best. Where the start was chosen, the network must be ahead
       of it in three of four blocks, else the forecast is the start itself.
    5. Every member is trained on all rows, from initial weights of its own, for the same number of updates.

    Args:
        options: of the forecaster.
        series: at least one.
        steps: how many steps ahead the loss looks.
        session: listener, checkpoints and resumption.

    Raises:
        DataError: the series are too short, or hold what single precision cannot.
    """
    for one in series:
        require_single_precision(one)
    task = _Task(
        options,
        tuple(series),
        options.look_back,
        steps,
        segment_of(options),
        dataclasses.replace(options.training or TrainingSettings(**DEFAULT_TRAINING), seed=options.random_state),
        session,
    )
    again = options.refit != "none" and options.validation > 0
    parts = Parts.cut(series, options.look_back, steps, options.validation, blocks=BLOCKS if again else 1)
    bench = Bench(series, parts, options.horizon, options.loss)
    start, starts = _start(task, bench)
    scaling, scalings = _scaling(task, bench, start)
    learner = task.learner(parts, start, scaling)
    objective = learner.objective()
    network = learner.network(task.settings.seed, objective)
    record = session.train(network, objective, task.settings)
    before = learner.learnt([network])
    choices = Choices(
        start=start.name,
        transform=start.transform.name,
        scaling=scaling.name,
        calendar=start.calendar,
        epoch=record.best_epoch,
        refit="none",
        updates=_updates(record, len(learner.parts.training), task.settings),
        members=1,
        starts=starts,
        scalings=scalings,
    )
    if options.start == "auto" and parts.blocks and record.stopped_by != "interrupt":
        choices, kept = _compared(learner, before, bench, choices)
        if not kept:
            network = learner.network(task.settings.seed, objective)
            before = learner.learnt([network])
    fit = Fit(before, before, record, choices, learner.parts, tuple(split.train_end for split in parts.splits))
    return fit if record.stopped_by == "interrupt" else _members(fit, task, learner, network, again=again)


def _start(task: _Task, bench: Bench) -> tuple[Start, tuple[Tried, ...]]:
    """Return the start that was named, or the one that the blocks choose."""
    options = task.options
    if options.start == "anchor" or (options.start == "auto" and options.strategy == "recursive"):
        calendar = options.calendar == "yes"
        return Start(None, calendar=calendar), ()
    if options.start == "auto" and not bench.parts.blocks:
        return Start(baseline("naive", task.look_back, options.horizon)), ()
    named = () if options.start == "auto" else (options.start,)
    if named and not bench.parts.blocks:
        found = baseline(options.start, task.look_back, options.horizon, options.season)
        return Start(found, Identity(), calendar=getattr(found, "knows_ahead", False)), ()
    return choose_start(
        bench,
        task.look_back,
        options.season,
        named,
        options.transform,
        calendar=options.calendar,
        country=options.country,
    )


def _scaling(task: _Task, bench: Bench, start: Start) -> tuple[AbstractScaling, tuple[Tried, ...]]:
    """Return the scaling that was named, or the one whose short training does best on the blocks."""
    named = task.options.scaling
    if isinstance(named, AbstractScaling):
        return named, ()
    if named != "auto":
        return SCALINGS[named], ()
    if not bench.parts.blocks or task.settings.epochs == 0:
        return SCALINGS["window"], ()
    tried = []
    for name in TRIED_SCALINGS:
        learner = task.learner(bench.parts, start, SCALINGS[name])
        objective = learner.objective()
        network = learner.network(task.settings.seed, objective)
        per_epoch = math.ceil(objective.examples / task.settings.batch_size)
        epochs = max(1, min(task.settings.epochs, round(TRIAL_UPDATES / per_epoch)))
        settings = dataclasses.replace(task.settings, epochs=epochs, decay=None, patience=None)
        # Too short to keep a checkpoint of: a resumed run makes it again, to the same numbers.
        record = TrainingSession(task.session.listener).train(network, objective, settings)
        if record.stopped_by == "interrupt":
            raise KeyboardInterrupt
        learnt = learner.learnt([network])
        tried.append(bench.tried(name, _losses(learnt, bench, learner.parts.blocks)))
    best = min(tried, key=lambda one: one.error)
    return SCALINGS[best.name], tuple(tried)


def _compared(learner: _Learner, before: Learnt, bench: Bench, choices: Choices) -> tuple[Choices, bool]:
    """Compare the trained network with its start on the blocks; return the choices with it, and whether it adds."""
    untrained = learner.learnt([learner.network(learner.task.settings.seed, learner.objective())])
    bench = dataclasses.replace(bench, parts=dataclasses.replace(bench.parts, blocks=learner.parts.blocks))
    mine, start = (_losses(one, bench, learner.parts.blocks) for one in (before, untrained))
    kept = choices.epoch > 0 and adds(bench, mine, start)
    tried = (bench.tried("network", mine), bench.tried(choices.start, start))
    return dataclasses.replace(choices, network=kept, tried=tried, epoch=choices.epoch if kept else 0), kept


def _losses(learnt: Learnt, bench: Bench, blocks: Sequence[Origins]) -> list[np.ndarray]:
    middle = learnt.quantile_levels().index(0.5)
    return [bench.losses(learnt.quantiles_at(bench.series, block)[..., middle], block) for block in blocks]


def _members(fit: Fit, task: _Task, learner: _Learner, first: ForecastNetwork, *, again: bool) -> Fit:
    """Train all members, on all rows where they are asked to learn again, else as the first was trained."""
    options, choices = task.options, fit.choices
    rows = fit.learnt_rows
    settings = task.settings
    networks = [first]
    if again:
        every = Parts.cut(task.series, task.look_back, task.steps, 0.0)
        learner = task.learner(every, learner.start, learner.scaling)
        rows = tuple(len(one) for one in task.series)
        per_epoch = math.ceil(len(learner.parts.training) / settings.batch_size)
        epochs = max(1, round(choices.updates / per_epoch)) if choices.epoch else 0
        settings = dataclasses.replace(
            settings,
            epochs=epochs,
            patience=None,
            decay=GivenRates.resampled(_rates(fit.record, choices.epoch), epochs),
        )
        networks = []
        choices = dataclasses.replace(choices, refit=options.refit, updates=epochs * per_epoch)
    objective = learner.objective()
    # Networks that add nothing are all the same: one is enough.
    wanted = options.members if choices.epoch or not again else 1
    record = fit.record
    for member in range(len(networks), wanted):
        seed = task.settings.seed + member
        network = learner.network(seed, objective)
        part = task.session.part(f"member-{member + 1}")
        trained = part.train(network, objective, dataclasses.replace(settings, seed=seed)) if settings.epochs else None
        networks.append(network.eval())
        if trained is not None and trained.stopped_by == "interrupt":
            record = dataclasses.replace(record, stopped_by="interrupt")
            break
    choices = dataclasses.replace(choices, members=len(networks))
    return dataclasses.replace(fit, learnt=learner.learnt(networks), record=record, choices=choices, learnt_rows=rows)


def _rates(record: TrainingRecord, epochs: int) -> tuple[float, ...]:
    """Return the learning rates of the first epochs of a training."""
    return tuple(entry.learning_rate for entry in record.history if 0 < entry.epoch <= epochs)


def _updates(record: TrainingRecord, examples: int, settings: TrainingSettings) -> int:
    return record.best_epoch * math.ceil(examples / settings.batch_size)


def segment_of(options: ForecastOptions) -> int:
    """Return how many steps the network reads, and writes, as one.

    What was asked for; else, in parallel, the season where it is at most 24 steps, cut to the horizon and to a quarter
    of the look-back, and 1 for every other strategy.
    """
    if options.segment is not None:
        return options.segment
    if options.strategy != "parallel":
        return 1
    natural = options.season if 1 < options.season <= LONGEST_SEGMENT else LONGEST_SEGMENT
    return max(1, min(natural, options.horizon, options.look_back // 4))


def quantiles_for(loss: str, levels: tuple[int, ...]) -> tuple[float, ...]:
    """Return the probabilities the head learns: deciles and interval ends for the quantile loss, else the middle."""
    if loss != "quantile":
        return (0.5,)
    ends = [round(0.5 + sign * level / 200, 6) for level in levels for sign in (-1, 1)]
    return tuple(sorted({round(0.1 * i, 6) for i in range(1, 10)} | set(ends)))


def _thinned(usable: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return the usable windows, or ``most`` of them drawn without replacement, bool (N,)."""
    places = np.flatnonzero(usable)
    if len(places) <= most:
        return usable
    chosen = np.zeros(len(usable), dtype=bool)
    chosen[np.random.default_rng(seed).choice(places, most, replace=False)] = True
    return chosen
