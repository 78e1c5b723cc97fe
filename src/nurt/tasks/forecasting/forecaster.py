"""The estimator: ``Forecaster(...).fit(y).predict()``, in the manner of scikit-learn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

import numpy as np
import torch
from torch import Tensor

from nurt.data.covariates import require_known_ahead
from nurt.data.scaling import SCALINGS, AbstractScaling, scaling_from_dict
from nurt.data.series import Series, fingerprint
from nurt.data.transforms import Identity, transform_from_dict
from nurt.data.windows import Origins, Windows
from nurt.diagnostics.examination.layer_findings import Scope
from nurt.errors import DataError, NotFittedError, NurtTypeError, NurtValueError
from nurt.evaluation.forecasts.backtest import BacktestPlan
from nurt.evaluation.forecasts.baselines import AbstractBaseline, default_baselines, fitted_from_state, state_of
from nurt.evaluation.forecasts.baselines.base import History
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.nn import CELLS
from nurt.tasks.estimator import Estimator, FileContents
from nurt.tasks.forecasting.calibration import Calibration, Fan, SeriesContainer
from nurt.tasks.forecasting.choosing import Choices
from nurt.tasks.forecasting.description import Architecture, FittedOn, check_origins, check_scaling, check_scores
from nurt.tasks.forecasting.examples import Examples, start_forecasts
from nurt.tasks.forecasting.fitting import TRIED_SCALINGS, Fit, fit_forecaster, quantiles_for
from nurt.tasks.forecasting.judging import backtest
from nurt.tasks.forecasting.learnt import Learnt
from nurt.tasks.forecasting.network import LOSSES, ForecastNetwork, ForecastNetworks, NetworkDesign
from nurt.tasks.forecasting.options import ForecastOptions
from nurt.tasks.forecasting.parts import cut_in_time, series_until
from nurt.tasks.forecasting.precision import require_size
from nurt.tasks.running import TrainingSession
from nurt.training.settings import TrainingSettings

__all__ = ["QUICK", "Forecaster"]

QUICK: Final = Scope(parts=("reach", "truncation", "gates", "memory"), rows=8)
"""Parts that a forecast run examines: those that take a fraction of a second."""

SCORES = "calibration.scores"
SCORED = "calibration.origins"
START = "start."
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

    network_: ForecastNetworks
    learnt_: Learnt
    choices_: Choices

    @property
    def name(self) -> str:
        """Name of the forecast: the alias, or the name of the cell."""
        return self.alias or CELLS[self.cell].display_name

    @property
    def training_steps(self) -> int:
        """How many steps ahead the loss looks."""
        return self.rollout or self.horizon if self.strategy == "recursive" else self.horizon

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
        session = session or TrainingSession()
        fit = fit_forecaster(self, container.series, self.training_steps, session)
        self.learnt_, self.network_ = fit.learnt, fit.learnt.networks
        self.training_record_, self.choices_ = fit.record, fit.choices
        self.learnt_rows_ = dict(zip((one.name for one in container.series), fit.learnt_rows, strict=True))
        self._remember(fit, container)
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
        if self.strategy != "recursive":
            raise NurtValueError(
                "Forecaster: `rollout` belongs to strategy='recursive'.",
                cure="Leave it out: the other strategies are always trained on all steps at once.",
            )

    def _remember(self, fit: Fit, container: SeriesContainer) -> None:
        series = container.series
        # Once they are trained again, the networks have learnt from the rows that decided, too.
        decides = 0.0 if fit.choices.refit != "none" else self.validation
        self.splits_ = tuple(
            cut_in_time(one, self.look_back, self.training_steps, validation=decides) for one in series
        )
        self.scores_: dict[str, Any] = {}
        self.covariate_names_ = series[0].covariate_names
        self.target_ = series[0].target
        self.fingerprint_ = fingerprint(series)
        self.fitted_marks_ = {one.name: fingerprint([series_until(one, len(one))]) for one in series}
        self.fitted_rows_ = {one.name: len(one) for one in series}
        self.fitted_until_ = {one.name: one.label(len(one) - 1) for one in series}
        self.container_: SeriesContainer | None = container
        ends = [len(series[index]) for index in fit.parts.validation.series.tolist()]
        whole = fit.parts.validation.position + self.horizon < np.asarray(ends, dtype=int)
        self.calibration_ = Calibration.measure(fit.before, series, fit.parts.validation[whole])

    # -------------------------------------------------------------- predict

    def quantiles_at(self, series: Sequence[Series], origins: Origins) -> np.ndarray:
        """Return raw (uncalibrated) quantile forecasts in target units.

        Args:
            series: the series the origins index.
            origins: N origins.

        Returns:
            shape (N, F, Q), float64; NaN rows where a window holds no observation.
        """
        self.fitted_network()
        return self.learnt_.quantiles_at(series, origins)

    def quantile_levels(self) -> tuple[float, ...]:
        """Return the probabilities of the raw quantiles, 0.5 among them."""
        self.fitted_network()
        return self.learnt_.quantile_levels()

    def baselines(self) -> tuple[AbstractBaseline, ...]:
        """Return the free forecasts it is judged against, with what it reads and in the scale it works in."""
        self.fitted_network()
        learnt = self.learnt_
        scales = () if isinstance(learnt.transform, Identity) else (learnt.transform,)
        knows = learnt.columns.known_width + learnt.columns.width > 0
        return default_baselines(self.look_back, self.horizon, self.season, knows_ahead=knows, transforms=scales)

    def histories(self, series: Sequence[Series]) -> list[History]:
        """Return series as free forecasts read them, with what it reads itself."""
        self.fitted_network()
        return [one.history() for one in self.learnt_.columns.prepared(series, Identity())]

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

    def fan(self, series: Sequence[Series]) -> Fan:
        """Return the calibrated forecast after the last observation of each series.

        Raises:
            DataError: a series is shorter than the look-back, or a future covariate is not known for every step.
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
            require_known_ahead(one, self.horizon)
        ends = Origins.of_series([np.array([len(one) - 1]) for one in series])
        return self.calibration_.fan(self, series, ends, [self.rows_seen(one) is not None for one in series])

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
        forecast = self.quantiles_at(series, origins)[..., self.quantile_levels().index(0.5)]
        return -float(np.nanmean(np.abs(windows.gather(origins).targets - forecast)))

    def backtest(self, y: Any, plan: BacktestPlan | None = None, **columns: Any) -> BacktestResult:
        """Judge the forecaster on rolling origins beside every baseline.

        A fitted forecaster is judged as it is, on rows after the fitted ones. Copies are fitted where ``plan.refit``
        asks for them, and before the first origin where nothing was fitted yet.

        Args:
            y: data in any form ``fit`` takes, the training part included.
            plan: origins and refitting; None means every origin after the fitted rows.
            **columns: for frames, as :func:`nurt.data.from_frame` takes them.

        Raises:
            DataError: it was fitted on other rows, or none is left to judge it by.
            NurtValueError: origins of the plan lie within the fitted rows.
        """
        return backtest(self, SeriesContainer.of(y, **columns).series, plan)

    # --------------------------------------------- model file and examination

    def file_contents(self) -> FileContents:
        """Return what the model file holds beside parameters, weights and training record."""
        networks: ForecastNetworks = self.fitted_network()
        self._check_design(networks.design)
        start, arrays = (None, {}) if self.learnt_.start is None else state_of(self.learnt_.start)
        data = {
            "target": self.target_,
            "columns": self.learnt_.columns.to_dict(),
            "transform": self.learnt_.transform.to_dict(),
            "start": start,
            "choices": self.choices_.to_dict(),
            "rows": self.fitted_rows_,
            "until": self.fitted_until_,
            "marks": self.fitted_marks_,
            "calibration_names": list(self.calibration_.names),
        }
        further = {START + name: torch.from_numpy(np.ascontiguousarray(one)) for name, one in arrays.items()}
        return FileContents(
            architecture={**dataclasses.asdict(networks.design), "members": len(networks.members)},
            scaling=networks.scaling.to_dict(),
            data=data,
            data_fingerprint=self.fingerprint_,
            metrics=self.scores_,
            tensors={
                SCORES: torch.from_numpy(self.calibration_.scores),
                SCORED: torch.from_numpy(np.ascontiguousarray(self.calibration_.origins, dtype=np.int64)),
                **further,
            },
        )

    def restore(self, contents: FileContents) -> ForecastNetworks:
        """Take in the contents of a model file, and return the networks that its weights fit."""
        data = FittedOn.model_validate(contents.data)
        architecture = Architecture.model_validate(contents.architecture)
        design = architecture.design()
        self._check_design(design)
        columns = data.read_columns(self.horizon)
        arrays = {name: one for name, one in contents.tensors.items() if name.startswith(START)}
        sizes = (columns.width, columns.known_width)
        if contents.tensors.keys() - arrays.keys() - {SCORES, SCORED} or (design.covariates, design.known) != sizes:
            raise NurtValueError("A forecaster has other parts.", got=", ".join(contents.tensors))
        scaling = scaling_from_dict(contents.scaling)
        wanted = [SCALINGS[name] for name in TRIED_SCALINGS] if self.scaling == "auto" else [self._scaling]
        check_scaling(scaling, wanted)
        if scaling.to_dict().keys() != contents.scaling.keys():
            raise NurtValueError("The scaling is described in part.", got=", ".join(contents.scaling))
        scores = check_scores(contents.tensors.get(SCORES), data.calibration_names, self.horizon, self.levels)
        self.target_ = data.target
        self.covariate_names_ = columns.covariates
        self.fitted_rows_, self.fitted_until_, self.fitted_marks_ = data.rows, data.until, data.marks
        self.fingerprint_ = contents.data_fingerprint
        self.scores_ = dict(contents.metrics)
        self.container_ = None
        self.calibration_ = Calibration(
            self.levels,
            tuple(data.calibration_names),
            check_origins(contents.tensors.get(SCORED), len(data.calibration_names)),
            scores,
        )
        self.choices_ = data.read_choices()
        start = None
        if data.start is not None:
            # On the meta device tensors hold nothing: only the real ones are read.
            numbers = {name.removeprefix(START): one.numpy() for name, one in arrays.items()}
            start = fitted_from_state(data.start, numbers)
        elif arrays:
            raise NurtValueError("A forecaster has other parts.", got=", ".join(arrays))
        networks = ForecastNetworks([ForecastNetwork(design, scaling) for _ in range(architecture.members)])
        transform = transform_from_dict(data.transform)
        self.learnt_ = Learnt(networks, columns, transform, start, self.look_back, self.horizon, self.levels)
        return networks

    @property
    def _scaling(self) -> AbstractScaling:
        """The scaling that the parameter names."""
        return SCALINGS[self.scaling] if isinstance(self.scaling, str) else self.scaling

    def examined_network(self) -> ForecastNetwork:
        """Return the first of the networks."""
        networks: ForecastNetworks = self.fitted_network()
        return networks.first

    def _check_design(self, design: NetworkDesign) -> None:
        """Check that a network has the design that the parameters ask for.

        Raises:
            NurtValueError: it has another.
        """
        wanted = {name: getattr(self, name) for name in ("cell", "layers", "hidden", "dropout", "horizon", "strategy")}
        wanted["quantiles"] = quantiles_for(self.loss, self.levels)
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
        steps = 1 if self.strategy == "recursive" else self.horizon
        series = SeriesContainer.of(*data, **columns).series
        inputs, wanted = self._at(series, _spread(Windows(series, self.look_back, steps), rows), steps)
        loss_of, levels = LOSSES[self.loss], self.quantile_levels()

        def loss(quantiles: Any) -> Tensor:
            return loss_of(quantiles, wanted, levels)

        return inputs, loss

    def one_step(self, series: Series, origins: Origins) -> tuple[Any, Callable[[Any], Tensor]]:
        """Return what the examined network reads before some origins, and the squared error of the first step."""
        inputs, wanted = self._at([series], origins, 1 if self.strategy == "recursive" else self.horizon)
        middle = self.quantile_levels().index(0.5)

        def loss(quantiles: Any) -> Tensor:
            total: Tensor = (quantiles[:, :1, middle] - wanted[:, :1]).square().sum()
            return total

        return inputs, loss

    def _at(self, series: Sequence[Series], chosen: Origins, steps: int) -> tuple[Any, Tensor]:
        """Return what the examined network reads before some origins, and what it should say there, (B, F)."""
        network, learnt = self.examined_network(), self.learnt_
        prepared = learnt.columns.prepared(series, learnt.transform)
        dtype = network.head.median.weight.dtype
        windows = Examples(prepared, self.look_back, steps, unknown=network.design.series, dtype=dtype).at(chosen)
        units = network.statistics(windows.inputs, windows.spread)
        start = units.anchor
        if learnt.start is not None:
            start = torch.from_numpy(start_forecasts(learnt.start, prepared, chosen, steps)).to(dtype)
        inputs = (windows.inputs, windows.covariates, units, steps, windows.known, windows.series)
        wanted: Tensor = (windows.targets - start) / units.scale
        return inputs, wanted


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
