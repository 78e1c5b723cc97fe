"""The dollar in złoty: three layers of LSTM compared with repeating the last rate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from nurt.experiments.base import Exercise, Experiment, Preset, ReportProgress, about
from nurt.experiments.forecasts import rates
from nurt.experiments.results import ExperimentResult, Figure, FileSettings, Measure, ResultTable
from nurt.standing import Standing, Verdict
from nurt.wording import Text, to_digits

if TYPE_CHECKING:
    from nurt.data import Series
    from nurt.evaluation.forecasts.results import BacktestResult

__all__ = ["EXPERIMENT", "USDPLNResult", "USDPLNSettings"]

COLUMN = "1USD"
ORDERS = (1, 5, 20, 60)
TEST = 0.2


@dataclass(frozen=True)
class USDPLNSettings(FileSettings):
    """Settings of the exchange rate.

    Args:
        seed: of initial weights, order and dropout.
        files: archives of table A.
        recipe: of :data:`nurt.tasks.forecasting.RECIPES`.
        cell: "lstm", "gru" or "elman".
        epochs: passes over the training windows; None leaves the recipe's.
        look_back: T, quotations in a window.
        horizon: F, quotations ahead.
        span: "all" tests on the last fifth of the windows; "two-years" trains on the first year and tests on the
            second.
    """

    recipe: str = "course"
    cell: str = "lstm"
    epochs: int | None = None
    look_back: int = 60
    horizon: int = 30
    span: Literal["all", "two-years"] = "all"


@dataclass(frozen=True, kw_only=True)
class USDPLNResult(ExperimentResult):
    """Errors of the network compared with repeating the last rate.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: mean absolute error one quotation ahead.
        baselines: that of repeating the last rate, of autoregressions and of the mean.
        updates: of the weights.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        backtest: the scores on the test part.
        one_step: method → mean absolute error and its root mean square one quotation ahead.
        skill: 1 - MSE / MSE of repeating, one quotation ahead.
        days: labels of the quotations forecast one ahead.
        actual: those quotations.
        forecast: forecasts of the network for them.
        gradients: ‖dℓ/d(h, c)_t‖ per layer and step of the window, (L, T).
        ranges: least and greatest rate of training part and test part, (2, 2).
        observations: all quotations.
    """

    settings: USDPLNSettings
    backtest: BacktestResult
    one_step: dict[str, tuple[float, float]]
    skill: float
    days: tuple[str, ...]
    actual: np.ndarray
    forecast: np.ndarray
    gradients: np.ndarray
    ranges: np.ndarray
    observations: int

    def figures(self) -> tuple[Figure, ...]:
        """Return rate and forecast, residuals, the error by horizon and the gradient over the window."""
        name = self.backtest.cells.model
        steps = self.backtest.by_horizon
        return (
            rates.forecast_figure(self.days, self.actual, self.forecast, name),
            rates.residual_figure(self.days, self.actual - self.forecast),
            rates.horizon_figure(
                [one.h for one in steps], [one.mae for one in steps], [one.mae_of["naive"] for one in steps], name
            ),
            rates.gradient_figure(self.gradients),
        )

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the errors one quotation ahead, the skill over whole paths, and the ranges of the parts."""
        return (
            rates.one_step_table(self.one_step),
            rates.skill_table(self.backtest.comparisons),
            rates.range_table(self.ranges),
        )


def compute(settings: USDPLNSettings, progress: ReportProgress) -> USDPLNResult:
    """Read the files, train, and evaluate on the test part."""
    from nurt.data.windows import split_by_time
    from nurt.evaluation.forecasts.baselines import Naive, default_baselines, label_of
    from nurt.experiments.forecasts.trial import one_series, state_gradients, train_and_judge
    from nurt.tasks.forecasting.options import ForecastPlan

    series = one_series(settings.files, COLUMN)
    if settings.span == "all":
        known = split_by_time(len(series), settings.look_back, 1, validation=0.0, test=TEST).train_end
    else:
        series, known = rates.two_years(series)
    plan = ForecastPlan(
        recipe=settings.recipe,
        look_back=settings.look_back,
        horizon=settings.horizon,
        cell=settings.cell,
        epochs=settings.epochs,
        seed=settings.seed,
    )
    tell = about(progress, Text("training", "uczenie"))
    trial = train_and_judge(series, plan, known, default_baselines(settings.look_back, settings.horizon), tell)
    cells = trial.result.cells
    actual, forecast = cells.actual[:, 0], cells.forecasts[cells.model][:, 0]
    errors = _one_step(series, known, cells.model, actual - forecast)
    naive = errors[Naive().name]
    skill = 1.0 - (errors[cells.model][1] / naive[1]) ** 2
    parts = (series.values[:known], series.values[known:])
    return USDPLNResult(
        settings=settings,
        verdict=_verdict(trial.result, errors, skill),
        score=Measure(
            Text("MAE of {name} one day ahead, PLN", "MAE {name} o dzień naprzód, PLN").filled(name=cells.model),
            errors[cells.model][0],
        ),
        baselines=tuple(
            Measure(label_of(name).action, error) for name, (error, _) in errors.items() if name != cells.model
        ),
        updates=trial.updates,
        backtest=trial.result,
        one_step=errors,
        skill=skill,
        days=tuple(series.label(int(origin) + 1) for origin in cells.origin),
        actual=actual,
        forecast=forecast,
        gradients=state_gradients(trial.forecaster, series, known),
        ranges=np.array([[part.min(), part.max()] for part in parts]),
        observations=len(series),
    )


def _one_step(series: Series, known: int, model: str, residuals: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return mean absolute error and its root mean square, one quotation ahead, of the model and the baselines."""
    from nurt.evaluation.forecasts.baselines import AbstractBaseline, Linear, Mean, Naive

    origins = np.arange(known - 1, len(series) - 1)
    methods: dict[str, AbstractBaseline] = {Naive().name: Naive()}
    methods |= {f"AR({order})": Linear(order, 1) for order in ORDERS}
    methods["mean"] = Mean()
    left = {model: residuals}
    for name, one in methods.items():
        forecasts = one.fit([series.values[:known]]).forecast(series.values, origins, 1)[:, 0]
        left[name] = series.values[known:] - forecasts
    return {name: (float(np.abs(e).mean()), float(np.sqrt(np.square(e).mean()))) for name, e in left.items()}


def _verdict(result: BacktestResult, errors: dict[str, tuple[float, float]], skill: float) -> Verdict[Text]:
    model = result.cells.model
    naive = next(one for one in result.comparisons if one.baseline == "naive")
    ahead = naive.skill_low is not None and naive.skill_low > 0.0
    standing = (
        Standing.REACHED if ahead and skill > 0.0 else Standing.PARTLY if ahead or skill > 0.0 else Standing.MISSED
    )
    claim = {
        Standing.REACHED: Text(
            "{name} is better than repeating the last rate", "{name} jest lepsza niż powtórzenie kursu"
        ),
        Standing.PARTLY: Text(
            "{name} is better than repeating the last rate in one of two criteria only, which may be chance",
            "{name} jest lepsza niż powtórzenie kursu tylko w jednym z dwóch kryteriów, co może być przypadkiem",
        ),
        Standing.MISSED: Text(
            "{name} is not better than repeating the last rate", "{name} nie jest lepsza niż powtórzenie kursu"
        ),
    }[standing].filled(name=model)
    text = Text(
        "{claim}: one day ahead its mean error is {own} PLN, that of repeating {repeat} PLN; skill {skill}. Over "
        "{horizon} days its error is {ratio} times that of repeating.",
        "{claim}: o dzień naprzód jej średni błąd to {own} PLN, powtórzenia {repeat} PLN; umiejętność (skill) "
        "{skill}. Przez {horizon} dni jej błąd to {ratio} błędu powtórzenia.",
    )
    return Verdict(
        standing,
        text.filled(
            claim=claim,
            own=to_digits(errors[model][0]),
            repeat=to_digits(errors["naive"][0]),
            skill=round(skill, 2),
            horizon=result.horizon,
            ratio=round(1.0 - naive.skill, 2),
        ),
    )


BASE = USDPLNSettings()

EXPERIMENT = Experiment(
    id="usd-pln",
    name=Text("The dollar in złoty", "Kurs dolara"),
    description=Text(
        "An exercise trains three layers of LSTM on the rates of four years and shows one curve. Here the same "
        "network is compared with repeating the last rate. For a random walk that is the best forecast, and an "
        "exchange rate is close to one. The 30 days ahead, which the exercise announces but does not forecast, are "
        "evaluated too.",
        "W zadaniu trzy warstwy LSTM uczą się kursów z czterech lat, a wynikiem jest jedna krzywa. Tutaj tę samą "
        "sieć porównujemy z powtórzeniem ostatniego kursu. Dla błądzenia losowego to najlepsza prognoza, a kurs "
        "walutowy jest mu bliski. Oceniamy też 30 dni naprzód, które zadanie zapowiada, lecz których nie prognozuje.",
    ),
    how_to_read=Text(
        "Look at the first two rows of the table before the curve: a forecast that lags by one day looks perfect but "
        "contains no information.",
        "Zanim spojrzysz na krzywą, porównaj dwa pierwsze wiersze tabeli: prognoza opóźniona o jeden dzień wygląda "
        "doskonale, lecz nie zawiera informacji.",
    ),
    expected_seconds=6,
    presets={
        "default": Preset(Text("Three layers of LSTM(50), 20 epochs", "Trzy warstwy LSTM(50), 20 epok"), BASE),
        "gru": Preset(Text("The same with GRU", "To samo z GRU"), replace(BASE, cell="gru")),
        "rnn": Preset(Text("The same with tanh units", "To samo z jednostkami tanh"), replace(BASE, cell="elman")),
        "anchored": Preset(
            Text("Anchored at the last rate, early stopping", "Start od ostatniego kursu, wczesne zatrzymanie"),
            replace(BASE, recipe="plain"),
        ),
        "quick": Preset(Text("One epoch", "Jedna epoka"), replace(BASE, epochs=1)),
        "out-of-range": Preset(
            Text("Train on the first year, test on the second", "Uczenie na pierwszym roku, test na drugim"),
            replace(BASE, span="two-years"),
        ),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "The exercise fits its min–max scaler to all rows before the split. What leaks here?",
                "W zadaniu skalowanie min–maks dopasowano do wszystkich wierszy przed podziałem. Co tu wycieka?",
            ),
            Text(
                "In these four years nothing, because least and greatest rate both lie in the training part; the "
                "last table shows it. Run out-of-range: there the test part leaves the range, and a scaler fitted to "
                "it would have passed its extent to the network. Follow the rule in any case.",
                "W tych czterech latach nic, bo najmniejszy i największy kurs leżą w części uczącej; pokazuje to "
                "ostatnia tabela. Uruchom out-of-range: tam część testowa wychodzi poza zakres, a skalowanie "
                "dopasowane do niej przekazałoby sieci jej zakres. Zasady należy przestrzegać w każdym przypadku.",
            ),
        ),
        Exercise(
            Text(
                "The test windows begin one day after the training windows. What do the windows on both sides share?",
                "Okna testowe zaczynają się dzień po uczących. Co mają wspólnego okna po obu stronach?",
            ),
            Text(
                "All inputs except one. Forecasts are used in this way, so no targets leak; but the two parts are "
                "not independent, and an interval that assumes independence is too narrow.",
                "Wszystkie wejścia oprócz jednego. Tak używa się prognozy, więc wartości docelowe nie wyciekają; "
                "części nie są jednak niezależne i przedział, który zakłada niezależność, jest za wąski.",
            ),
        ),
        Exercise(
            Text(
                "The notebook cell that should forecast the future trains the network once more. How can this be "
                "detected?",
                "Komórka notatnika, która ma prognozować przyszłość, uczy sieć jeszcze raz. Jak to wykryć?",
            ),
            Text(
                "There is no value for a day after the last quotation. Check the date of every forecast.",
                "Nie ma żadnej wartości dla dnia po ostatnim notowaniu. Sprawdzaj datę każdej prognozy.",
            ),
        ),
    ),
    files=Text(
        "the yearly archives of exchange rates, table A, of the National Bank of Poland (nbp.pl, "
        "archiwum_tab_a_2021.csv and so on), or any table with a column 1USD",
        "roczne archiwa kursów, tabela A, Narodowego Banku Polskiego (nbp.pl, archiwum_tab_a_2021.csv i dalsze) albo "
        "dowolna tabela z kolumną 1USD",
    ),
)
