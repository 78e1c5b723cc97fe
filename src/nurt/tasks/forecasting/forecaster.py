"""The estimator: ``Forecaster(...).fit(y).predict()``, in the manner of scikit-learn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

import numpy as np
import torch
from torch import Tensor

from nurt.data.scaling import SCALINGS, AbstractScaling, scaling_from_dict, standardise
from nurt.data.series import Series, fingerprint
from nurt.data.windows import Origins, Windows
from nurt.diagnostics.examination.layer_findings import Scope
from nurt.errors import DataError, NotFittedError, NurtTypeError, NurtValueError
from nurt.evaluation.forecasts.backtest import BacktestPlan
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.nn import CELLS
from nurt.tasks.estimator import Estimator, FileContents
from nurt.tasks.forecasting.calibration import Calibration, Fan, SeriesContainer
from nurt.tasks.forecasting.description import Architecture, FittedOn, check_scaling, check_scores
from nurt.tasks.forecasting.judging import backtest
from nurt.tasks.forecasting.network import LOSSES, ForecastNetwork, NetworkDesign
from nurt.tasks.forecasting.options import ForecastOptions
from nurt.tasks.forecasting.problem import (
    CHUNK,
    Problem,
    fit_network,
    require_size,
    series_until,
    to_tensors,
)
from nurt.tasks.running import TrainingSession
from nurt.training.settings import TrainingSettings

__all__ = ["QUICK", "Forecaster"]

QUICK: Final = Scope(parts=("reach", "truncation", "gates", "memory"), rows=8)
"""Parts that a forecast run examines: those that take a fraction of a second."""

SCORES = "calibration.scores"
# Windows that are looked through for some with an observation and a target.
TRIED = 512


class Forecaster(ForecastOptions, Estimator, kind="forecaster"):
    """Forecast one or many series with a recurrent network.

    The constructor only stores; ``fit`` learns and returns self; what it learns ends in ``_``. ``scaling`` also takes
    an object of :mod:`nurt.data.scaling`.

    Example:
        >>> import nurt
        >>> from nurt.data.synthetic import noisy_sine
        >>> quick = nurt.TrainingSettings(epochs=2)
        >>> model = nurt.Forecaster(look_back=10, horizon=3, hidden=4, training=quick).fit(noisy_sine(seed=0))
        >>> model.predict().shape
        (3,)
    """

    network_: ForecastNetwork

    @property
    def name(self) -> str:
        """Name of the forecast: the alias, or the name of the cell."""
        return self.alias or CELLS[self.cell].display_name

    @property
    def training_steps(self) -> int:
        """How many steps ahead the loss looks."""
        return self.horizon if self.strategy == "direct" else self.rollout or self.horizon

    # ------------------------------------------------------------------ fit

    def fit(self, y: Any, second: None = None, *, session: TrainingSession | None = None, **columns: Any) -> Self:
        """Learn from series.

        Args:
            y: array (T,), array (T, channels) with one series per channel, list of arrays, long frame (pandas,
                polars or Arrow), a :class:`nurt.data.Selection`, or a sequence of :class:`nurt.data.Series`.
            second: None; it is here because scikit-learn's pipelines pass a second argument.
            session: listener, checkpoint and resumption of the training.
            **columns: for frames, as :func:`nurt.data.from_frame` takes them.

        Returns:
            self.

        Raises:
            NurtValueError: an argument of the constructor is unusable.
            DataError: the data are too short, empty or infinite.
            NonFiniteError: training broke down; the record says where.
        """
        self.check_parameters()
        if second is not None:
            raise NurtTypeError(
                "Forecaster.fit: a series is forecast from its own past; a second argument has no meaning.",
                expected="fit(y)",
                got=f"fit(y, {type(second).__name__})",
                cure="Pass further columns as past_covariates=….",
            )
        container = SeriesContainer.of(y, **columns)
        problem = Problem.cut(container.series, self.look_back, self.training_steps, self.validation)
        design = NetworkDesign(
            cell=self.cell,
            layers=self.layers,
            hidden=self.hidden,
            dropout=self.dropout,
            horizon=self.horizon,
            strategy=self.strategy,
            quantiles=_quantiles_for(self.loss, self.levels),
            covariates=problem.series[0].covariates.shape[1],
            mask=any(np.isnan(one.values).any() for one in problem.series),
        )
        scaling = self._scaling.fit(problem.training_rows)
        settings = dataclasses.replace(self.training or TrainingSettings(), seed=self.random_state)
        self.network_, self.training_record_ = fit_network(
            problem, design, scaling, self.loss, settings, session or TrainingSession()
        )
        self._remember(problem, container)
        return self

    def check_parameters(self) -> None:
        """Check all constructor arguments, before any work; see :meth:`Estimator.check_parameters`."""
        super().check_parameters()
        if not isinstance(self.scaling, str | AbstractScaling):
            raise NurtValueError(
                "Forecaster: unknown `scaling`.", expected="a word or a scaling object", got=repr(self.scaling)
            )
        if not isinstance(self.levels, tuple) or not all(type(one) is int and 0 < one < 100 for one in self.levels):
            raise NurtValueError(
                "Forecaster: unusable `levels`.",
                expected="a tuple of per cents, such as (80, 95)",
                got=repr(self.levels),
            )
        if self.training is not None and not isinstance(self.training, TrainingSettings):
            raise NurtTypeError(
                "Forecaster: unusable `training`.", expected="nurt.TrainingSettings or None", got=repr(self.training)
            )
        if self.alias is not None and not isinstance(self.alias, str):
            raise NurtTypeError("Forecaster: unusable `alias`.", expected="a name or None", got=repr(self.alias))
        if isinstance(self.random_state, bool) or not isinstance(self.random_state, int):
            raise NurtTypeError(
                "Forecaster: unusable `random_state`.", expected="a whole number", got=repr(self.random_state)
            )
        if self.rollout is None:
            return
        if isinstance(self.rollout, bool) or not isinstance(self.rollout, int) or not self.rollout >= 1:
            raise NurtValueError(
                "Forecaster: unusable `rollout`.", expected="a whole number of steps or None", got=repr(self.rollout)
            )
        if self.strategy == "direct":
            raise NurtValueError(
                "Forecaster: `rollout` belongs to strategy='recursive'.",
                cure="Leave it out: the direct strategy is always trained on all steps at once.",
            )

    def _remember(self, problem: Problem, container: SeriesContainer) -> None:
        self.splits_ = problem.splits
        self.scores_: dict[str, Any] = {}
        self.covariate_scaling_ = problem.covariates
        self.covariate_names_ = problem.series[0].covariate_names
        self.target_ = problem.series[0].target
        self.fingerprint_ = fingerprint(problem.series)
        self.fitted_marks_ = {one.name: fingerprint([one]) for one in problem.series}
        self.fitted_rows_ = {one.name: len(one) for one in problem.series}
        self.fitted_until_ = {one.name: one.label(len(one) - 1) for one in problem.series}
        self.container_: SeriesContainer | None = container
        self.calibration_ = Calibration.measure(self, problem.series, problem.whole_validation(self.horizon))

    # -------------------------------------------------------------- predict

    def quantiles_at(self, series: Sequence[Series], origins: Origins) -> np.ndarray:
        """Return raw (uncalibrated) quantile forecasts in target units.

        Args:
            series: the series the origins index.
            origins: N origins.

        Returns:
            shape (N, F, Q), float64; NaN rows where a window holds no observation.
        """
        network: ForecastNetwork = self.fitted_network()
        self._check_columns(series)
        windows = Windows(series, self.look_back, self.horizon)
        out = np.full((len(origins), self.horizon, len(network.design.quantiles)), np.nan)
        with torch.no_grad():
            for start in range(0, len(origins), CHUNK):
                part = origins[start : start + CHUNK]
                like = network.head.median.weight
                inputs, covariates, _ = to_tensors(windows, part, self.covariate_scaling_, like)
                seen = ~inputs.isnan().all(dim=1)
                if seen.any():
                    forecast = network.forecast(inputs[seen], covariates[seen])
                    out[start : start + CHUNK][seen.cpu().numpy()] = forecast.double().cpu().numpy()
        return out

    def quantile_levels(self) -> tuple[float, ...]:
        """Return the probabilities of the raw quantiles, 0.5 among them."""
        levels: tuple[float, ...] = self.fitted_network().design.quantiles
        return levels

    def rows_seen(self, series: Series) -> int | None:
        """Return how many first rows of ``series`` the model was fitted on; None if it was fitted on something else."""
        rows = getattr(self, "fitted_rows_", {}).get(series.name)
        if rows is None or rows > len(series):
            return None
        return rows if fingerprint([series_until(series, rows)]) == self.fitted_marks_[series.name] else None

    def remember_scores(self, result: BacktestResult) -> None:
        """Keep the scores of a back-test, for the model file."""
        self.scores_ = {
            "origins": result.origins,
            "metrics": result.metrics.to_dict(),
            "baselines": {name: scores.to_dict() for name, scores in result.baselines.items()},
        }

    def learn_errors(self, series: Sequence[Series], origins: Origins) -> None:
        """Add the errors at ``origins`` to those that intervals are calibrated on."""
        self.calibration_ = self.calibration_.joined(Calibration.measure(self, series, origins))

    def _check_columns(self, series: Sequence[Series]) -> None:
        for one in series:
            if one.covariate_names != self.covariate_names_:
                raise DataError(
                    "The covariates do not match those the model was fitted with.",
                    expected=", ".join(self.covariate_names_) or "none",
                    got=", ".join(one.covariate_names) or "none",
                    cure="Give the same past covariates, in the same order.",
                )

    def fan(self, series: Sequence[Series]) -> Fan:
        """Return the calibrated forecast after the last observation of each series.

        Raises:
            DataError: a series is shorter than the look-back.
        """
        for one in series:
            require_size(one)
            if len(one) < self.look_back:
                raise DataError(
                    f"Series {one.name!r} is too short to forecast from.",
                    expected=f"at least {self.look_back} observations, the look-back",
                    got=str(len(one)),
                    cure="Give more history.",
                )
        ends = Origins.of_series([np.array([len(one) - 1]) for one in series])
        return self.calibration_.fan(self, series, ends)

    def predict(self, context: Any = None, *, level: tuple[int, ...] | None = None, **columns: Any) -> Any:
        """Forecast what comes after the context.

        Args:
            context: data in any form ``fit`` takes; None means the end of the training data.
            level: interval levels in per cent among ``levels``; for frames they become columns. None: no intervals
                for arrays, all levels for frames.
            **columns: for frames, as :func:`nurt.data.from_frame` takes them.

        Returns:
            Arrays for arrays: (F,), (F, channels) or a list; with ``level`` a dict with "forecast", "lo-80", "hi-80" ….
            For a long frame the same kind of frame: series id, time, step, forecast and interval columns.
        """
        self.fitted_network()
        container = self.container_ if context is None else SeriesContainer.of(context, **columns)
        if container is None:
            raise NotFittedError(
                "A loaded Forecaster does not carry its training data.", cure="Pass the history to predict(context)."
            )
        unknown = set(level or ()) - set(self.levels)
        if unknown:
            raise NurtValueError(
                "Forecaster.predict: a level was not learnt.",
                expected=f"levels among {self.levels}",
                got=str(tuple(level or ())),
                cure="Build the Forecaster with levels=(…) that hold it.",
            )
        fan = self.fan(container.series)
        return container.returned(fan, self.name, self.levels if level is None else level, level)

    def score(self, y: Any, second: None = None, **columns: Any) -> float:  # noqa: ARG002  # scikit-learn's signature
        """Return minus the mean absolute error over all origins of ``y``: higher is better, as in scikit-learn."""
        series = SeriesContainer.of(y, **columns).series
        windows = Windows(series, self.look_back, self.horizon)
        origins = windows.origins
        forecast = self.quantiles_at(series, origins)[..., self.fitted_network().head.middle]
        return -float(np.nanmean(np.abs(windows.gather(origins).targets - forecast)))

    def backtest(self, y: Any, plan: BacktestPlan | None = None, **columns: Any) -> BacktestResult:
        """Judge the forecaster on rolling origins beside every baseline.

        A fitted forecaster that has seen nothing after the first cutoff is used as it is; otherwise a copy is fitted
        on what lies before the first cutoff, and again as ``plan.refit`` asks.

        Args:
            y: data in any form ``fit`` takes, the training part included.
            plan: origins and refitting; None means every origin after the fitted rows.
            **columns: for frames, as :func:`nurt.data.from_frame` takes them.
        """
        return backtest(self, SeriesContainer.of(y, **columns).series, plan)

    # --------------------------------------------- model file and examination

    def file_contents(self) -> FileContents:
        """Return what the model file holds beside parameters, weights and training record."""
        network: ForecastNetwork = self.fitted_network()
        self._check_design(network.design)
        data = {
            "target": self.target_,
            "covariates": list(self.covariate_names_),
            "covariate_scaling": dataclasses.asdict(self.covariate_scaling_),
            "rows": self.fitted_rows_,
            "until": self.fitted_until_,
            "marks": self.fitted_marks_,
            "calibration_names": list(self.calibration_.names),
        }
        return FileContents(
            architecture=dataclasses.asdict(network.design),
            scaling=network.scaling.to_dict(),
            data=data,
            data_fingerprint=self.fingerprint_,
            metrics=self.scores_,
            tensors={SCORES: torch.from_numpy(self.calibration_.scores)},
        )

    def restore(self, contents: FileContents) -> ForecastNetwork:
        """Take in the contents of a model file, and return the network that its weights fit."""
        data = FittedOn.model_validate(contents.data)
        design = Architecture.model_validate(contents.architecture).design()
        self._check_design(design)
        if contents.tensors.keys() - {SCORES} or design.covariates != len(data.covariates):
            raise NurtValueError("A forecaster has other parts.", got=", ".join(contents.tensors))
        scaling = scaling_from_dict(contents.scaling)
        check_scaling(scaling, self._scaling)
        if scaling.to_dict().keys() != contents.scaling.keys():
            raise NurtValueError("The scaling is described in part.", got=", ".join(contents.scaling))
        scores = check_scores(contents.tensors.get(SCORES), data.calibration_names, self.horizon, self.levels)
        self.target_ = data.target
        self.covariate_names_ = tuple(data.covariates)
        self.covariate_scaling_ = data.scaling()
        self.fitted_rows_, self.fitted_until_, self.fitted_marks_ = data.rows, data.until, data.marks
        self.fingerprint_ = contents.data_fingerprint
        self.scores_ = dict(contents.metrics)
        self.container_ = None
        self.calibration_ = Calibration(self.levels, tuple(data.calibration_names), scores)
        return ForecastNetwork(design, scaling)

    @property
    def _scaling(self) -> AbstractScaling:
        """The scaling that the parameter means."""
        return SCALINGS[self.scaling] if isinstance(self.scaling, str) else self.scaling

    def _check_design(self, design: NetworkDesign) -> None:
        """Check that a network has the design that the parameters ask for.

        Raises:
            NurtValueError: it has another.
        """
        wanted = {name: getattr(self, name) for name in ("cell", "layers", "hidden", "dropout", "horizon", "strategy")}
        wanted["quantiles"] = _quantiles_for(self.loss, self.levels)
        other = [name for name, one in wanted.items() if getattr(design, name) != one]
        if other:
            raise NurtValueError(
                f"The network of the Forecaster is not that of its parameters: `{other[0]}` differs.",
                expected=repr(wanted[other[0]]),
                got=repr(getattr(design, other[0])),
                cure="Fit it anew after a parameter was changed.",
            )

    def sample(self, *data: Any, rows: int, **columns: Any) -> tuple[Any, Callable[[Any], Tensor]]:
        """Return windows spread evenly over the data, and the loss the network was trained on.

        Of a recursive forecaster it is the loss of the first step, before anything is fed back.

        Raises:
            DataError: no series holds a window with a target.
        """
        network: ForecastNetwork = self.fitted_network()
        steps = self.horizon if self.strategy == "direct" else 1
        windows = Windows(SeriesContainer.of(*data, **columns).series, self.look_back, steps)
        inputs, covariates, targets = to_tensors(
            windows, _spread(windows, rows), self.covariate_scaling_, network.head.median.weight
        )
        statistics = network.statistics(inputs)
        wanted = standardise(targets, statistics.anchor, statistics.scale)
        loss_of = LOSSES[self.loss]

        def loss(quantiles: Any) -> Tensor:
            return loss_of(quantiles, wanted, network.design.quantiles)

        return (inputs, covariates, statistics, steps), loss


def _quantiles_for(loss: str, levels: tuple[int, ...]) -> tuple[float, ...]:
    """Return the probabilities the head learns: deciles and interval ends for the quantile loss, else the middle."""
    if loss != "quantile":
        return (0.5,)
    ends = [round(0.5 + sign * level / 200, 6) for level in levels for sign in (-1, 1)]
    return tuple(sorted({round(0.1 * i, 6) for i in range(1, 10)} | set(ends)))


def _spread(windows: Windows, rows: int) -> Origins:
    """Return ``rows`` origins, evenly spread over those with an observed input and a known target."""
    every = windows.origins
    tried = every[_even(len(every), TRIED)]
    usable = np.flatnonzero(windows.gather(tried).learnable) if len(tried) else np.zeros(0, dtype=int)
    if not len(usable):
        raise DataError(
            "No window of the data can be examined.",
            expected=f"a series of at least {windows.look_back + windows.horizon} observations, look-back and horizon",
            got=", ".join(str(len(one)) for one in windows.series),
            cure="Give more history.",
        )
    return tried[usable[_even(len(usable), rows)]]


def _even(count: int, wanted: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(int)) if count else np.zeros(0, int)
