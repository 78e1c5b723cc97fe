"""The estimator: ``Forecaster(...).fit(y).predict()``, in the manner of scikit-learn."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from nurt.data.fingerprinting import fingerprint
from nurt.data.scaling import AbstractScaling
from nurt.data.series import Series
from nurt.data.windows import Origins, Windows
from nurt.errors import DataError, NotFittedError, NurtTypeError, NurtValueError
from nurt.evaluation.forecasts.backtest import BacktestPlan
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.nn import explain
from nurt.tasks.forecasting.backtesting import backtest, series_until
from nurt.tasks.forecasting.calibration import Calibration, Fan
from nurt.tasks.forecasting.exchange import Exchange
from nurt.tasks.forecasting.fitting import Sitting, fit_network
from nurt.tasks.forecasting.network import ForecastNetwork, NetworkDesign
from nurt.tasks.forecasting.options import CELL_NAMES, quantiles_for, scaling_of, validated
from nurt.tasks.forecasting.problem import CHUNK, Problem, to_tensors
from nurt.training import TrainingSettings

__all__ = ["Forecaster"]


class Forecaster:
    """Forecast one or many series with a recurrent network.

    The constructor only stores; ``fit`` learns and returns self; what it learns ends in ``_``.

    Args:
        cell: recurrence: "lstm", "gru", "elman" or "linear".
        look_back: T, observations the network reads.
        horizon: F, observations ahead.
        strategy: "direct" gives all steps at once from the last state; "recursive" gives one and feeds it back.
        layers, hidden: depth L and width H of the network.
        dropout: probability after each layer while training.
        scaling: "window" (each window minus its last value, over its own spread), "minmax", "standard" (both fitted
            on the training rows), "none", or a scaling object of ``nurt.data.scaling``.
        loss: "quantile" (a fan of quantiles), "squared" or "absolute" (a point).
        rollout: steps the loss of a recursive forecaster looks ahead; None means ``horizon``.
        validation: share of the windows, latest in time, that only decides when to stop; 0 trains on all of them.
        levels: interval levels in per cent that ``predict`` can give.
        season: season length in observations, for baselines and scaled errors; 1 means none.
        training: how to train; None means the defaults of ``nurt.training.TrainingSettings``.
        random_state: seed of initial weights, shuffling and dropout.
        alias: name of the forecast column; None means the cell's name.

    Example:
        >>> import nurt
        >>> from nurt.data.synthetic import noisy_sine
        >>> quick = nurt.TrainingSettings(epochs=2)
        >>> model = nurt.Forecaster(look_back=10, horizon=3, hidden=4, training=quick).fit(noisy_sine(seed=0))
        >>> model.predict().shape
        (3,)
    """

    def __init__(
        self,
        cell: str = "lstm",
        look_back: int = 60,
        horizon: int = 30,
        *,
        strategy: str = "direct",
        layers: int = 1,
        hidden: int = 32,
        dropout: float = 0.0,
        scaling: str | AbstractScaling = "window",
        loss: str = "quantile",
        rollout: int | None = None,
        validation: float = 0.2,
        levels: tuple[int, ...] = (80, 95),
        season: int = 1,
        training: TrainingSettings | None = None,
        random_state: int = 0,
        alias: str | None = None,
    ) -> None:
        self.cell = cell
        self.look_back = look_back
        self.horizon = horizon
        self.strategy = strategy
        self.layers = layers
        self.hidden = hidden
        self.dropout = dropout
        self.scaling = scaling
        self.loss = loss
        self.rollout = rollout
        self.validation = validation
        self.levels = levels
        self.season = season
        self.training = training
        self.random_state = random_state
        self.alias = alias

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Return the names of the constructor arguments, in order."""
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - scikit-learn's signature; no nested estimators
        """Return the constructor arguments by name."""
        return {name: getattr(self, name) for name in self.parameter_names()}

    def set_params(self, **parameters: Any) -> Self:
        """Set constructor arguments by name and return self."""
        names = self.parameter_names()
        for name, value in parameters.items():
            if name not in names:
                raise NurtValueError(
                    f"Forecaster has no parameter {name!r}.", expected=", ".join(names), got=repr(name)
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = {name: p.default for name, p in inspect.signature(type(self).__init__).parameters.items()}
        told = [f"{name}={value!r}" for name, value in self.get_params().items() if value != defaults[name]]
        return f"Forecaster({', '.join(told)})"

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator to scikit-learn, which is imported only by those who use it."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(one_d_array=True, two_d_array=True, allow_nan=True),
        )

    @property
    def name(self) -> str:
        """Name of the forecast: the alias, or the cell's name in capitals."""
        return self.alias or CELL_NAMES[self.cell]

    @property
    def training_steps(self) -> int:
        """How many steps ahead the loss looks."""
        return self.horizon if self.strategy == "direct" else self.rollout or self.horizon

    # ------------------------------------------------------------------ fit

    def fit(self, y: Any, second: None = None, *, sitting: Sitting | None = None, **columns: Any) -> Self:
        """Learn from series.

        Args:
            y: array (T,), array (T, channels) with one series per channel, list of arrays, long frame (pandas,
                polars or Arrow), a :class:`nurt.data.Selection`, or a sequence of :class:`nurt.data.Series`.
            second: None; it is here because scikit-learn's pipelines pass a second argument.
            sitting: listener, checkpoint and resumption of the training.
            **columns: for frames, as :func:`nurt.data.from_frame` takes them.

        Returns:
            self.

        Raises:
            NurtValueError: an argument of the constructor is unusable.
            DataError: the data are too short, empty or infinite.
            NonFiniteError: training broke down; the record says where.
        """
        validated(self.get_params())
        if second is not None:
            raise NurtTypeError(
                "Forecaster.fit: a series is forecast from its own past; a second argument has no meaning.",
                expected="fit(y)",
                got=f"fit(y, {type(second).__name__})",
                cure="Pass further columns as past_covariates=….",
            )
        exchange = Exchange.of(y, **columns)
        problem = Problem.cut(exchange.series, self.look_back, self.training_steps, self.validation)
        design = NetworkDesign(
            cell=self.cell,
            layers=self.layers,
            hidden=self.hidden,
            dropout=self.dropout,
            horizon=self.horizon,
            strategy=self.strategy,
            quantiles=quantiles_for(self.loss, self.levels),
            covariates=problem.series[0].covariates.shape[1],
            mask=any(np.isnan(one.values).any() for one in problem.series),
        )
        scaling = scaling_of(self.scaling).fit(problem.training_rows)
        settings = dataclasses.replace(self.training or TrainingSettings(), seed=self.random_state)
        self.network_, self.training_record_ = fit_network(
            problem, design, scaling, self.loss, settings, sitting or Sitting()
        )
        self._remember(problem, exchange)
        return self

    def _remember(self, problem: Problem, exchange: Exchange) -> None:
        self.splits_ = problem.splits
        self.scores_: dict[str, Any] = {}
        self.covariate_scaling_ = problem.covariates
        self.covariate_names_ = problem.series[0].covariate_names
        self.target_ = problem.series[0].target
        self.fingerprint_ = fingerprint(problem.series)
        self.fitted_marks_ = {one.name: fingerprint([one]) for one in problem.series}
        self.fitted_rows_ = {one.name: len(one) for one in problem.series}
        self.fitted_until_ = {one.name: one.label(len(one) - 1) for one in problem.series}
        self.exchange_: Exchange | None = exchange
        self.calibration_ = Calibration.measure(self, problem.series, self._held_out(problem))

    def _held_out(self, problem: Problem) -> Origins:
        """Return the validation origins whose whole path of ``horizon`` steps lies in the validation rows."""
        ends = zip(problem.validation.series, problem.validation.position + self.horizon, strict=True)
        whole = [position < len(problem.series[index]) for index, position in ends]
        return problem.validation[np.asarray(whole, dtype=bool)]

    @property
    def parameter_count(self) -> int:
        """Number of trained parameters."""
        return sum(parameter.numel() for parameter in self.fitted_network().parameters())

    def fitted_network(self) -> ForecastNetwork:
        """Return the network; raises NotFittedError before ``fit``."""
        if not hasattr(self, "network_"):
            raise NotFittedError(
                "This Forecaster has not learnt anything yet.", cure="Call fit(y) first, or Forecaster.load(path)."
            )
        return self.network_

    # -------------------------------------------------------------- predict

    def quantiles_at(self, series: Sequence[Series], origins: Origins) -> np.ndarray:
        """Return raw (uncalibrated) quantile forecasts in target units.

        Args:
            series: the series the origins index.
            origins: N origins.

        Returns:
            shape (N, F, Q), float64; NaN rows where a window holds no observation.
        """
        network = self.fitted_network()
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
                    said = network.forecast(inputs[seen], covariates[seen])
                    out[start : start + CHUNK][seen.cpu().numpy()] = said.double().cpu().numpy()
        return out

    def quantile_levels(self) -> tuple[float, ...]:
        """Return the probabilities of the raw quantiles, 0.5 among them."""
        return self.fitted_network().design.quantiles

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

    def rung(self) -> str:
        """Return which rung of the kernels runs the recurrence."""
        parts = explain(self.fitted_network()).parts.values()
        return ", ".join(dict.fromkeys(part.rung for part in parts))

    def learn_errors(self, series: Sequence[Series], origins: Origins) -> None:
        """Add what ``origins`` showed to the errors that intervals are calibrated on."""
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
        exchange = self.exchange_ if context is None else Exchange.of(context, **columns)
        if exchange is None:
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
        return exchange.give_back(self.fan(exchange.series), self.name, self.levels if level is None else level, level)

    def score(self, y: Any, second: None = None, **columns: Any) -> float:  # noqa: ARG002  # scikit-learn's signature
        """Return minus the mean absolute error over all origins of ``y``: higher is better, as in scikit-learn."""
        series = Exchange.of(y, **columns).series
        windows = Windows(series, self.look_back, self.horizon)
        origins = windows.origins
        said = self.quantiles_at(series, origins)[..., self.fitted_network().head.middle]
        return -float(np.nanmean(np.abs(windows.gather(origins).targets - said)))

    # ------------------------------------------------------------- back-test

    def backtest(self, y: Any, plan: BacktestPlan | None = None, **columns: Any) -> BacktestResult:
        """Judge the forecaster on rolling origins beside every baseline.

        A fitted forecaster that has seen nothing after the first cutoff is used as it is; otherwise a copy is fitted
        on what lies before the first cutoff, and again as ``plan.refit`` asks.

        Args:
            y: data in any form ``fit`` takes, the training part included.
            plan: origins and refitting; None means every origin after the fitted rows.
            **columns: for frames, as :func:`nurt.data.from_frame` takes them.
        """
        return backtest(self, Exchange.of(y, **columns).series, plan)

    # ----------------------------------------------------------------- files

    def save(self, path: str | Path) -> None:
        """Write the model file (safetensors; see :mod:`nurt.tasks.forecasting.storage`)."""
        from nurt.tasks.forecasting.storage import save

        save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Forecaster:
        """Read a model file; runs no code from it.

        Raises:
            ModelFileError: the file is damaged, foreign or of a newer format.
        """
        from nurt.tasks.forecasting.storage import load

        return load(Path(path))
