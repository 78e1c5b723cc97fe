"""The result of an experiment with a memory benchmark, its tables and figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.base import ReportProgress
from nurt.experiments.longmemory.judging import CellVerdict, judge_cell, verdict_of
from nurt.experiments.longmemory.study import CellRun, MemorySettings, run_all, tested_stream
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable
from nurt.wording import Language, Text, joined, localised, to_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["MemoryResult", "clipped_figure", "compute", "curves_figure", "gates_and_clipping", "runs_table"]

# Cells with gates.
GATED = ("LSTM", "GRU")
LOSS_AT_END = Text("loss on the test sequences", "strata na ciągach testowych")


@dataclass(frozen=True, kw_only=True)
class MemoryResult(ExperimentResult):
    """Results of all runs.

    Args:
        settings: of the run.
        verdict: which cells are better than the baseline.
        score: test loss of the best cell, mean over its seeds.
        baselines: expected loss of the best trivial answer.
        updates: of all runs together.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        baseline_on_test: loss of that answer on the test sequences; the runs are judged against it.
        runs: every training.
        cells: results per cell.
    """

    settings: MemorySettings
    baseline_on_test: float
    runs: tuple[CellRun, ...]
    cells: tuple[CellVerdict, ...]

    def figures(self) -> tuple[Figure, ...]:
        """Return the test losses while training, and the shares of clipped updates."""
        return curves_figure(self.runs, self.baseline_on_test, LOSS_AT_END, log=True), clipped_figure(self.cells)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the results of all runs."""
        return (runs_table(self.runs, LOSS_AT_END),)


def compute(settings: MemorySettings, progress: ReportProgress) -> MemoryResult:
    """Train every cell from every seed and judge the losses on the test sequences."""
    from nurt.experiments.longmemory.training import train_cell

    benchmark = settings.benchmark
    runs = run_all(settings, progress, partial(train_cell, settings))
    baseline = benchmark.baseline_on(benchmark.draw(settings.tested, tested_stream(settings)))
    cells = tuple(judge_cell(cell, runs, baseline, "lower") for cell in dict.fromkeys(run.cell for run in runs))
    best = min(cells, key=lambda one: one.mean)
    planned = settings.updates * settings.repeats * len(settings.cells)
    score = Text("test loss of {cell}, the best cell", "strata testowa najlepszej komórki: {cell}")
    return MemoryResult(
        settings=settings,
        verdict=verdict_of(cells, baseline, runs, planned),
        score=Measure(score.filled(cell=best.cell), best.mean),
        baselines=(
            Measure(Text("best answer without memory", "najlepsza odpowiedź bez pamięci"), benchmark.baseline_loss),
            Measure(Text("the same on the test sequences", "to samo na ciągach testowych"), baseline),
        ),
        updates=sum(run.updates for run in runs),
        baseline_on_test=baseline,
        runs=runs,
        cells=cells,
    )


def runs_table(runs: tuple[CellRun, ...], what: Text) -> ResultTable:
    """Return one row per run: value, clipped share, updates and seconds."""
    rows = [(r.cell, r.seed, r.value, 100.0 * r.clipped_share, r.updates, r.seconds) for r in runs]
    return ResultTable(
        caption=Text("All runs", "Wszystkie przebiegi"),
        columns=(
            Text("cell", "komórka"),
            Text("seed", "ziarno"),
            what,
            Text("clipped, %", "obcięte, %"),
            Text("updates", "aktualizacje"),
            Text("seconds", "sekundy"),
        ),
        rows=tuple(rows),
        note=Text(
            "If most updates of a cell are clipped, the threshold sets the step size: only the direction of the "
            "gradient is kept.",
            "Jeśli większość aktualizacji jest obcinana (clipping), o długości kroku decyduje próg: z gradientu "
            "pozostaje sam kierunek.",
        ),
        significant=3,
    )


def curves_figure(runs: tuple[CellRun, ...], baseline: float, what: Text, *, log: bool) -> Figure:
    """Return the measurements during training, a line per run, a colour per cell, and the baseline.

    Args:
        runs: the trainings.
        baseline: value of the best trivial answer.
        what: name of the measured quantity.
        log: whether the axis is logarithmic.
    """
    cells = list(dict.fromkeys(run.cell for run in runs))

    def draw(language: Language) -> go.Figure:
        figure = plotting.new_figure("", drawing.UPDATE[language], what[language])
        shown: set[str] = set()
        for run in runs:
            index = cells.index(run.cell)
            figure.add_scatter(
                x=run.at,
                y=run.values,
                name=run.cell,
                legendgroup=run.cell,
                showlegend=run.cell not in shown,
                mode="lines+markers",
                line={"color": plotting.PALETTE[index % len(plotting.PALETTE)], "width": 2},
                marker={"symbol": plotting.symbol(index), "size": 7},
            )
            shown.add(run.cell)
        end = max(int(run.at[-1]) for run in runs)
        figure.add_scatter(
            x=np.array([0, end]),
            y=np.array([baseline, baseline]),
            name=Text("baseline", "poziom odniesienia")[language],
            mode="lines",
            line={"color": plotting.REFERENCE, "width": 2, "dash": "dash"},
        )
        if log:
            plotting.log_axis(figure)
        return figure

    return Figure(
        Text("Progress of each run during training", "Postęp każdego przebiegu w trakcie uczenia"),
        Text(
            "One line per seed, one colour per cell. The dashed line is the baseline: a run that lies on it has not "
            "learnt anything yet, however long it ran.",
            "Jedna linia na ziarno, jeden kolor na komórkę. Linia przerywana to poziom odniesienia: przebieg, który "
            "na niej leży, niczego się jeszcze nie nauczył, niezależnie od czasu.",
        ),
        draw,
    )


def clipped_figure(cells: tuple[CellVerdict, ...]) -> Figure:
    """Return the share of clipped updates per cell."""

    def draw(language: Language) -> go.Figure:
        share = Text("updates clipped, %", "obcięte aktualizacje, %")[language]
        figure = plotting.new_figure("", Text("cell", "komórka")[language], share)
        figure.add_bar(
            x=[one.cell for one in cells],
            y=[100.0 * one.clipped_share for one in cells],
            marker={"color": [plotting.PALETTE[index % len(plotting.PALETTE)] for index in range(len(cells))]},
            # The bar of a cell that was never clipped is invisible.
            text=[f"{localised(100.0 * one.clipped_share, language, 2)} %" for one in cells],
            textposition="outside",
            showlegend=False,
        )
        figure.update_yaxes(range=[0, 108], tickvals=[0, 20, 40, 60, 80, 100])
        return figure

    return Figure(
        Text("Share of clipped updates", "Udział obciętych aktualizacji (clipping)"),
        joined(
            Text(
                "Updates whose gradient norm was above the threshold.",
                "Aktualizacje, w których norma gradientu przekroczyła próg.",
            ),
            gates_and_clipping(cells),
        ),
        draw,
        320,
    )


def gates_and_clipping(cells: tuple[CellVerdict, ...]) -> Text:
    """Return whether the cells with gates were clipped less often than those without, where both were trained."""
    gated = [one.clipped_share for one in cells if one.cell in GATED]
    plain = [one.clipped_share for one in cells if one.cell not in GATED]
    if not any((*gated, *plain)):
        return Text("No update was clipped.", "Żadna aktualizacja nie została obcięta.")
    if not gated or not plain:
        return Text(
            "A cell whose bar is high depends on the threshold.",
            "Komórka z wysokim słupkiem zależy od progu obcinania.",
        )
    values = {"most": _percent(max(gated)), "least": _percent(min(plain))}
    if max(gated) < min(plain):
        return Text(
            "Here cells with gates are clipped less often, at most {most} %, than those without, at least {least} %.",
            "Tutaj komórki z bramkami są obcinane rzadziej, najwyżej {most} %, niż te bez bramek, co najmniej {least} "
            "%.",
        ).filled(**values)
    if min(gated) > max(plain):
        values = {"least": _percent(min(gated)), "most": _percent(max(plain))}
        return Text(
            "Here cells with gates are clipped more often, at least {least} %, than those without, at most {most} %.",
            "Tutaj komórki z bramkami są obcinane częściej, co najmniej {least} %, niż te bez bramek, najwyżej {most} "
            "%.",
        ).filled(**values)
    return Text(
        "Here gates make no clear difference: the shares of cells with and without them overlap.",
        "Tutaj bramki nie robią wyraźnej różnicy: udziały komórek z nimi i bez nich zachodzą na siebie.",
    )


def _percent(share: float) -> float:
    return to_digits(100.0 * share, 2)
