"""Particulate matter (PM10) by hour: cells, depths, widths and look-backs compared with baselines."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments.base import Exercise, Experiment, Preset, ReportProgress, about, part_of
from nurt.experiments.results import ExperimentResult, Figure, FileSettings, Measure, ResultTable
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text, joined

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.experiments.forecasts.trial import BaselineScore, Design, DesignScore
    from nurt.tasks.forecasting.options import ForecastPlan

__all__ = ["EXPERIMENT", "PM10Result", "PM10Settings"]

COLUMN = "PM10"
GRID = "1h"
TEST_FIFTH = 0.8
# Short names for the legend, which is narrow on a small page.
SHORT = (
    Text("last hour", "ostatnia godzina"),
    Text("yesterday", "wczoraj"),
    Text("last week", "tydzień temu"),
    Text("least squares", "regresja liniowa"),
)


@dataclass(frozen=True)
class PM10Settings(FileSettings):
    """Settings of the study; every combination is trained from every seed.

    Args:
        seed: of the first training; the next takes the next number.
        files: hourly measurements of one station.
        cells: "elman", "gru", "lstm".
        layers, hidden, look_backs: L, H and T, in hours.
        horizons: steps ahead that are judged, in hours; the longest is forecast.
        repeats: seeds per combination.
        epochs: passes over the training windows at most.
    """

    cells: tuple[str, ...] = ("elman", "gru", "lstm")
    layers: tuple[int, ...] = (1,)
    hidden: tuple[int, ...] = (8,)
    look_backs: tuple[int, ...] = (24,)
    horizons: tuple[int, ...] = (1, 6, 24)
    repeats: int = 3
    epochs: int = 5


@dataclass(frozen=True, kw_only=True)
class PM10Result(ExperimentResult):
    """Errors of all combinations and of the baselines.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: error of the best combination at the longest horizon, mean over its seeds.
        baselines: the same of the trivial methods.
        updates: of all trainings.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        free: scores of the baselines.
        designs: scores of the trained designs.
        hours, missing, tested: of the grid: all, without a value, in the test part.
    """

    settings: PM10Settings
    free: tuple[BaselineScore, ...]
    designs: tuple[DesignScore, ...]
    hours: int
    missing: int
    tested: int

    def figures(self) -> tuple[Figure, ...]:
        """Return the errors by horizon."""
        return (_error_figure(self),)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the errors of all combinations, and of the baselines."""
        return _design_table(self), _free_table(self)


def compute(settings: PM10Settings, progress: ReportProgress) -> PM10Result:
    """Read the files, train every combination from every seed, and compare them with the baselines."""
    from nurt.data import regular_grid
    from nurt.experiments.forecasts.trial import Design, baseline_scores, one_series, score_design, train_design

    series = regular_grid(one_series(settings.files, COLUMN), GRID)
    known = int(TEST_FIFTH * len(series) + 1e-9)
    free = baseline_scores(series, known, settings.horizons, max(settings.look_backs))
    bars = [min(one.errors[index] for one in free) for index in range(len(settings.horizons))]
    designs = [
        Design(*one) for one in itertools.product(settings.cells, settings.layers, settings.hidden, settings.look_backs)
    ]
    scores, updates = [], 0
    for index, design in enumerate(designs):
        tell = part_of(about(progress, Text(design.name, design.name)), index, len(designs))
        trials = train_design(series, known, _plan(settings, design), settings.repeats, tell)
        updates += sum(one.updates for one in trials)
        scores.append(score_design(design, trials, settings.horizons, bars))
    best = min(scores, key=lambda one: float(one.errors[:, -1].mean()))
    last = settings.horizons[-1]
    return PM10Result(
        settings=settings,
        verdict=_verdict(scores, bars, settings.horizons),
        score=Measure(
            Text("MAE at {h} h, µg/m³: {name}", "MAE przy {h} h, µg/m³: {name}").filled(h=last, name=best.design.name),
            float(best.errors[:, -1].mean()),
        ),
        baselines=tuple(Measure(one.name, one.errors[-1]) for one in free),
        updates=updates,
        free=free,
        designs=tuple(scores),
        hours=len(series),
        missing=int(np.isnan(series.values).sum()),
        tested=len(series) - known,
    )


def _plan(settings: PM10Settings, design: Design) -> ForecastPlan:
    from nurt.tasks.forecasting.options import ForecastPlan

    # Architectures are compared from one start, with nothing else to choose.
    return ForecastPlan(
        recipe="plain",
        look_back=design.look_back,
        horizon=max(settings.horizons),
        cell=design.cell,
        layers=design.layers,
        hidden=design.hidden,
        loss="absolute",
        epochs=settings.epochs,
        batch_size=64,
        seed=settings.seed,
    )


def _verdict(scores: list[DesignScore], bars: list[float], horizons: tuple[int, ...]) -> Verdict[Text]:
    won = sum(sum(one.better) for one in scores)
    total = len(scores) * len(bars)
    standing = Standing.REACHED if won == total else Standing.PARTLY if won else Standing.MISSED
    places = [f"{h} h" for index, h in enumerate(horizons) if all(one.better[index] for one in scores)]
    text = Text(
        "In {won} of {total} cases, every combination at every horizon, all seeds are below the best baseline: three "
        "repeats and linear regression.",
        "W {won} z {total} przypadków (każda kombinacja przy każdym horyzoncie) wszystkie ziarna są poniżej "
        "najlepszego poziomu odniesienia: trzech powtórzeń i regresji liniowej.",
    ).filled(won=won, total=total)
    if places:
        always = Text("All combinations are better at: {listed}.", "Wszystkie kombinacje są lepsze przy: {listed}.")
        text = joined(text, always.filled(listed=", ".join(places)))
    if won < total:
        rest = (
            Text("In the other cases some seed is not below it.", "W pozostałych jakieś ziarno nie jest poniżej niego.")
            if won
            else Text("In every case some seed is not below it.", "W każdym jakieś ziarno nie jest poniżej niego.")
        )
        text = joined(text, rest)
    return Verdict(standing, text)


def _design_table(result: PM10Result) -> ResultTable:
    marks = {True: Text("yes", "tak"), False: Text("no", "nie")}
    rows: list[tuple[float | str | Text, ...]] = []
    for one in result.designs:
        means = [float(value) for value in one.errors.mean(axis=0)]
        won = [marks[better] for better in one.better]
        marked = Text(", ".join(mark.en for mark in won), ", ".join(mark.pl for mark in won))
        rows.append((one.design.name, *means, float(np.ptp(one.errors[:, -1])), marked))
    columns = (
        Text("cell, layers × units, look-back", "komórka, warstwy × jednostki, okno"),
        *(_horizon(hours) for hours in result.settings.horizons),
        Text("range over seeds", "rozrzut po ziarnach"),
        Text("better than all baselines", "lepsze od poziomów odniesienia"),
    )
    note = Text(
        "Mean over {n} seeds, µg/m³. The last column states, horizon by horizon, whether the worst seed is below the "
        "best baseline. A missing hour is not scored.",
        "Średnia po ziarnach (liczba ziaren: {n}), µg/m³. Ostatnia kolumna mówi, horyzont po horyzoncie, czy "
        "najgorsze ziarno jest poniżej najlepszego poziomu odniesienia. Brakujących godzin nie oceniamy.",
    ).filled(n=result.settings.repeats)
    return ResultTable(
        Text("Every combination, µg/m³", "Wszystkie kombinacje, µg/m³"), columns, tuple(rows), note, significant=4
    )


def _free_table(result: PM10Result) -> ResultTable:
    columns = (
        Text("method", "metoda"),
        Text("MAE, one hour ahead", "MAE, o godzinę naprzód"),
        Text("RMSE, one hour ahead", "RMSE, o godzinę naprzód"),
        *(_horizon(hours) for hours in result.settings.horizons),
    )
    rows: list[tuple[float | str | Text, ...]] = [(one.name, one.mae, one.rmse, *one.errors) for one in result.free]
    note = Text(
        "{hours} hours, {missing} without a value; the last {tested} are the test part.",
        "Godzin: {hours}, bez wartości: {missing}; ostatnie {tested} to część testowa.",
    ).filled(hours=result.hours, missing=result.missing, tested=result.tested)
    caption = Text("Baselines, µg/m³", "Poziomy odniesienia, µg/m³")
    return ResultTable(caption, columns, tuple(rows), note, significant=5)


def _error_figure(result: PM10Result) -> Figure:
    def draw(language: Language) -> go.Figure:
        hours = [f"{h} h" for h in result.settings.horizons]
        figure = plotting.new_figure("", Text("ahead", "naprzód")[language], "MAE, µg/m³")
        for index, one in enumerate(result.designs):
            colour = plotting.PALETTE[index % len(plotting.PALETTE)]
            figure.add_bar(x=hours, y=one.errors.mean(axis=0), name=one.design.name, marker={"color": colour})
        for free, short, symbol in zip(result.free, SHORT, ("diamond", "x", "cross", "star"), strict=True):
            marker = {"symbol": symbol, "size": 11, "color": plotting.ACTUAL}
            figure.add_scatter(x=hours, y=free.errors, name=short[language], mode="markers", marker=marker)
        return figure

    return Figure(
        Text("Error by horizon", "Błąd według horyzontu"),
        Text(
            "Training is justified only where a bar ends below all black marks.",
            "Uczenie jest uzasadnione tylko tam, gdzie słupek kończy się poniżej wszystkich czarnych znaków.",
        ),
        draw,
        460,
    )


def _horizon(hours: int) -> Text:
    return Text("MAE at {h} h", "MAE przy {h} h").filled(h=hours)


BASE = PM10Settings()
FULL = replace(BASE, layers=(1, 2, 3), hidden=(8, 32, 64), look_backs=(24, 48, 168), epochs=20)

EXPERIMENT = Experiment(
    id="pm10",
    name=Text("Dust in the air", "Pył w powietrzu"),
    description=Text(
        "Hourly PM10 of one station, 1, 6 and 24 hours ahead. An exercise asks for a comparison of architectures; "
        "that needs the same split, several seeds and baselines: the last hour, the same hour yesterday or last "
        "week, linear regression. One look-back is left out between training and test, so that their windows share "
        "no hour.",
        "Godzinowe PM10 z jednej stacji, 1, 6 i 24 godziny naprzód. Zadanie każe porównać architektury; to wymaga "
        "jednego podziału, kilku ziaren i poziomów odniesienia: ostatniej godziny, tej samej godziny wczoraj lub "
        "tydzień temu, regresji liniowej. Między uczeniem a testem pominięto jedno okno, więc okna obu części nie "
        "mają wspólnych godzin.",
    ),
    how_to_read=Text(
        "Compare differences between architectures with the range over seeds before naming the best one.",
        "Zanim wskażesz najlepszą architekturę, porównaj różnice między nimi z rozrzutem po ziarnach.",
    ),
    expected_seconds=19,
    presets={
        "default": Preset(
            Text(
                "RNN, GRU and LSTM, one layer of 8, look-back of one day",
                "RNN, GRU i LSTM, jedna warstwa 8, okno jednej doby",
            ),
            BASE,
        ),
        "quick": Preset(Text("GRU, one epoch", "GRU, jedna epoka"), replace(BASE, cells=("gru",), repeats=1, epochs=1)),
        "one-seed": Preset(Text("The default from one seed", "Domyślny z jednym ziarnem"), replace(BASE, repeats=1)),
        "depth": Preset(
            Text("GRU with 1, 2 and 3 layers", "GRU z 1, 2 i 3 warstwami"),
            replace(BASE, cells=("gru",), layers=(1, 2, 3)),
        ),
        "look-back": Preset(
            Text("GRU with look-backs of 24, 48 and 168 h", "GRU z oknami 24, 48 i 168 h"),
            replace(BASE, cells=("gru",), look_backs=(24, 48, 168)),
        ),
        "full": Preset(
            Text("All 81 combinations, 20 epochs: hours", "Wszystkie 81 kombinacji, 20 epok: godziny"), FULL
        ),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "With the preset one-seed one cell is the best. What does its rank show?",
                "W wariancie one-seed jedna komórka jest najlepsza. Czego dowodzi jej pozycja?",
            ),
            Text(
                "Nothing, as long as the difference is no larger than the effect of another seed. Look at the range "
                "over seeds in the default preset.",
                "Niczego, dopóki różnica nie przekracza wpływu innego ziarna. Spójrz na rozrzut po ziarnach w "
                "wariancie domyślnym.",
            ),
        ),
        Exercise(
            Text(
                "Why is the same hour yesterday poor one hour ahead and competitive a day ahead?",
                "Dlaczego ta sama godzina wczoraj jest słaba o godzinę naprzód, a konkurencyjna o dobę naprzód?",
            ),
            Text(
                "From hour to hour the concentration hardly changes, and its daily cycle is weaker. A day ahead the "
                "last hour is equally old, and only the daily cycle remains.",
                "Z godziny na godzinę stężenie prawie się nie zmienia, a cykl dobowy jest słabszy. O dobę naprzód "
                "ostatnia godzina jest równie stara i pozostaje sam cykl dobowy.",
            ),
        ),
    ),
    files=Text(
        "hourly PM10 of one station from the air-quality service GIOŚ (powietrze.gios.gov.pl: export of the portal, "
        "yearly archive or API), or any table of hours with a column PM10",
        "godzinowe PM10 jednej stacji z serwisu jakości powietrza GIOŚ (powietrze.gios.gov.pl: eksport z portalu, "
        "archiwum roczne albo API) albo dowolna tabela godzin z kolumną PM10",
    ),
)
