"""Dust in the air of a city: which recurrence, how deep, how wide, and is any of it better than what is free?"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.experiments.forecasts import dust
from nurt.experiments.progress import Progress, about, part_of
from nurt.experiments.results import ExperimentResult, Figure, Measure, Table
from nurt.experiments.settings import FileSettings
from nurt.standing import Standing, Verdict
from nurt.wording import Text

if TYPE_CHECKING:
    from nurt.experiments.forecasts.designs import Design, DesignScore
    from nurt.experiments.forecasts.free import FreeScore
    from nurt.tasks.forecasting import ForecastPlan

__all__ = ["EXPERIMENT", "PM10Result", "PM10Settings"]

COLUMN = "PM10"
GRID = "1h"
TEST_FIFTH = 0.8


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
    """What every combination reached beside the three repeats.

    Args:
        settings: what the run depended on.
        verdict: the answer in words.
        score: error of the best combination at the longest horizon, mean over its seeds.
        baselines: the same of what costs nothing.
        updates: of all trainings.
        experiment: id.
        preset: name.
        seconds: what the run took.
        free: what costs nothing.
        designs: what was trained.
        hours, missing, tested: of the grid: all, without a value, in the test part.
    """

    settings: PM10Settings
    free: tuple[FreeScore, ...]
    designs: tuple[DesignScore, ...]
    hours: int
    missing: int
    tested: int

    def figures(self) -> tuple[Figure, ...]:
        """Return the errors by horizon."""
        return (dust.error_figure(self),)

    def tables(self) -> tuple[Table, ...]:
        """Return the errors of every combination, and what costs nothing."""
        return dust.design_table(self), dust.free_table(self)


def compute(settings: PM10Settings, progress: Progress) -> PM10Result:
    """Read the files, train every combination from every seed, and judge them beside what costs nothing."""
    from nurt.data import regular_grid
    from nurt.experiments.forecasts.designs import Design, score_design, train_design
    from nurt.experiments.forecasts.files import one_series
    from nurt.experiments.forecasts.free import free_scores

    series = regular_grid(one_series(settings.files, COLUMN), GRID)
    known = int(TEST_FIFTH * len(series) + 1e-9)
    free = free_scores(series, known, settings.horizons, max(settings.look_backs))
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
    from nurt.tasks.forecasting import ForecastPlan

    return ForecastPlan(
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
    said = Text(
        "In {won} of {total} cases, every combination at every horizon, all seeds are below the best of what costs "
        "nothing: three repeats and a least-squares line.",
        "W {won} z {total} przypadków (każda kombinacja przy każdym horyzoncie) wszystkie ziarna są poniżej najlepszej "
        "z metod bez kosztów: trzech powtórzeń i regresji liniowej.",
    ).filled(won=won, total=total)
    if places:
        listed = ", ".join(places)
        said = Text(
            f"{said.en} Won by all combinations: {listed}.", f"{said.pl} Wygrane przez wszystkie kombinacje: {listed}."
        )
    if won < total:
        said = Text(
            f"{said.en} Elsewhere one of those is as good or better.",
            f"{said.pl} W pozostałych któraś z nich jest równie dobra albo lepsza.",
        )
    return Verdict(standing, said)


BASE = PM10Settings()
FULL = replace(BASE, layers=(1, 2, 3), hidden=(8, 32, 64), look_backs=(24, 48, 168), epochs=20)

EXPERIMENT = Experiment(
    id="pm10",
    name=Text("Dust in the air", "Pył w powietrzu"),
    description=Text(
        "Hourly PM10 of one station, 1, 6 and 24 hours ahead. A sheet asks to compare architectures; that needs the "
        "same split, several seeds and what costs nothing: the last hour, the same hour yesterday or last week, a "
        "least-squares line. One look-back is left out between training and test, so that their windows share no hour.",
        "Godzinowe PM10 z jednej stacji, 1, 6 i 24 godziny naprzód. Zadanie każe porównać architektury; to wymaga "
        "jednego podziału, kilku ziaren i tego, co nic nie kosztuje: ostatniej godziny, tej samej godziny wczoraj "
        "lub tydzień temu, regresji liniowej. Między uczeniem a testem pominięto jedno okno, więc okna obu części nie "
        "mają wspólnych godzin.",
    ),
    how_to_read=Text(
        "Compare differences between architectures with the range over seeds before you name a winner.",
        "Zanim wskażesz zwycięzcę, porównaj różnice między architekturami z rozrzutem po ziarnach.",
    ),
    expected_seconds=30,
    presets={
        "default": Preset(
            Text("RNN, GRU and LSTM, one layer of 8, a day to read", "RNN, GRU i LSTM, jedna warstwa 8, doba wejścia"),
            BASE,
        ),
        "quick": Preset(Text("GRU, one epoch", "GRU, jedna epoka"), replace(BASE, cells=("gru",), repeats=1, epochs=1)),
        "one-seed": Preset(Text("The default from one seed", "Domyślny z jednym ziarnem"), replace(BASE, repeats=1)),
        "depth": Preset(
            Text("GRU with 1, 2 and 3 layers", "GRU z 1, 2 i 3 warstwami"),
            replace(BASE, cells=("gru",), layers=(1, 2, 3)),
        ),
        "look-back": Preset(
            Text("GRU that reads 24, 48 and 168 h", "GRU, która czyta 24, 48 i 168 h"),
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
                "With the preset one-seed a cell comes first. What does its place in the table prove?",
                "W wariancie one-seed pewna komórka jest pierwsza. Czego dowodzi jej miejsce w tabeli?",
            ),
            Text(
                "Nothing, as long as the difference is no larger than what another seed changes. Look at the range "
                "over seeds in the default preset.",
                "Niczego, dopóki różnica nie przekracza tego, co zmienia inne ziarno. Spójrz na rozrzut po ziarnach w "
                "wariancie domyślnym.",
            ),
        ),
        Exercise(
            Text(
                "Why is the same hour yesterday poor one hour ahead and worth a look a day ahead?",
                "Dlaczego ta sama godzina wczoraj jest słaba o godzinę naprzód, a warta uwagi o dobę naprzód?",
            ),
            Text(
                "From hour to hour dust hardly changes, and its daily course is weaker than that. A day ahead the last "
                "hour is as old, and only the course is left.",
                "Z godziny na godzinę pył prawie się nie zmienia, a przebieg dobowy jest od tego słabszy. O dobę "
                "naprzód ostatnia godzina jest równie stara i zostaje sam przebieg.",
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
