"""`nurt examine`: look into the network of a model file, and show what was found on a terminal of 80 columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nurt.cli import console, options
from nurt.cli.faults import answering, blaming
from nurt.cli.options import OUTPUT, Reading, choice, place, whole, with_options
from nurt.cli.progress import ENGLISH, POLISH, Progress
from nurt.wording import Language, Text, count, counted, percent

if TYPE_CHECKING:
    from nurt.diagnostics.examination.examining import Examination
    from nurt.tasks.forecasting.reuse import ExamineRun

__all__ = ["EXAMPLE", "HELP", "NAME", "examine", "show_examination"]

NAME = "examine"
HELP = (
    "Look into the network of a model file: how far its gradients and its memory reach, on windows of the data.\n\n"
    "Nothing is trained, nothing is random. The data need at least one window with its target."
)
EXAMPLE = "Example: nurt examine nurt-out/model.safetensors rates.csv --target 1USD --out nurt-out"
REPORT = "examination.html"
EXAMINING = Text("examining", "badanie")
WRITING = Text("writing", "zapisywanie")


@with_options(reading=Reading)
def examine(
    context: typer.Context,
    model: options.ModelFile,
    reading: Reading,
    rows: Annotated[int, whole("--rows", "Windows to look at, spread evenly over the data.", "Examination")] = 8,
    threads: options.ThreadsOption = 1,
    out: Annotated[Path | None, place("--out", "FOLDER", "Write an HTML report with all figures there.")] = None,
    export: Annotated[
        Path | None, place("--export", "FOLDER", "Write every figure there as a file of its own.")
    ] = None,
    export_as: Annotated[
        Literal["csv", "svg", "png", "pdf"],
        choice(
            "--export-as", "What --export writes: the numbers, or the drawing.", OUTPUT, metavar="[csv|svg|png|pdf]"
        ),
    ] = "csv",
    lang: Annotated[
        Literal["en", "pl"], choice("--lang", "Language of report and answer.", OUTPUT, metavar="[en|pl]")
    ] = "en",
    as_json: options.JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    with answering(context):
        from nurt.kernels import threads as computing

        # Results compute what they show when they are asked for it.
        with computing(threads):
            with Progress(words=POLISH if lang == "pl" else ENGLISH) as progress:
                run = _examined(reading, model, rows, progress, lang)
                run = _written(run, out, progress, lang)
                exported = _exported(run, export, export_as, progress, lang)
            if as_json:
                files = {} if export is None else {"exported": [str(one) for one in exported]}
                console.emit_json({**run.to_dict(), **files})
            else:
                show_examination(run, lang)
                if export is not None:
                    console.line(_EXPORTED.filled(files=_files(len(exported)), folder=str(export))[lang])


def _examined(reading: Reading, model: Path, rows: int, progress: Progress, language: Language) -> ExamineRun:
    from nurt.diagnostics.examination.layer_findings import Scope
    from nurt.tasks.forecasting.reuse import run_examine

    selection = reading.selection()
    progress.phase(EXAMINING[language])
    with blaming(selection.sources):
        return run_examine(model, selection, Scope(rows=rows))


def _written(run: ExamineRun, out: Path | None, progress: Progress, language: Language) -> ExamineRun:
    if out is None:
        return run
    import dataclasses

    from nurt.reports import write_examination_report

    progress.phase(WRITING[language])
    run = dataclasses.replace(run, report=str(out / REPORT))
    write_examination_report(run, out / REPORT, language)
    return run


def _exported(
    run: ExamineRun, folder: Path | None, kind: str, progress: Progress, language: Language
) -> tuple[Path, ...]:
    if folder is None:
        return ()
    from nurt.reports.examination import export_examination

    progress.phase(WRITING[language])
    return export_examination(run.examination, folder, ending=f".{kind}", language=language)


def show_examination(run: ExamineRun, language: Language = "en") -> None:
    """Print the result of `nurt examine`."""
    from nurt.reports.sections.layers import layer_rows, layer_titles

    found = run.examination
    console.line(run.target, strong=True)
    model = run.model
    shape = _SHAPE.filled(
        name=model.name,
        layers=str(model.layers),
        hidden=str(model.hidden),
        look_back=str(model.look_back),
        horizon=str(model.horizon),
    )
    looked = _LOOKED.filled(
        windows=counted(found.rows, ("window", "windows"), ("okno", "okna", "okien")),
        observations=count(run.observations),
        first=run.first,
        last=run.last,
    )
    console.facts([(_MODEL[language], shape[language]), (_LOOKED_AT[language], looked[language])])
    if notes := (*run.notes, *(note[language] for note in found.notes)):
        console.gap()
        console.facts([("·", note) for note in notes])
    console.gap()
    console.table(layer_titles(language), layer_rows(found, language), words=(0, 1, 3))
    console.line(_NOTE.filled(threshold=_threshold(found))[language], quiet=True)
    console.gap()
    first, *others = [one.text[language] for one in found.advice] or [found.headline[language]]
    console.panel(_FRAME[language], first, found.verdict.standing.tone, others)
    console.gap()
    report = Text(f"Written to {run.report}", f"Zapisano w {run.report}") if run.report else _NO_REPORT
    console.line(report[language])


_MODEL, _LOOKED_AT = Text("model", "model"), Text("looked at", "zbadano")
_SHAPE = Text(
    "{name}, {layers} × {hidden} units, reads {look_back}, forecasts {horizon}",
    "{name}, {layers} × {hidden} jednostek, czyta {look_back}, prognozuje {horizon}",
)
_LOOKED = Text(
    "{windows} of {observations} observations, {first} to {last}",
    "{windows} z {observations} obserwacji, od {first} do {last}",
)
_NOTE = Text(
    "Gradient: its course, and the lag after which it stays below {threshold} of its maximum or its factor per step; "
    "median of the rows. Half-life: median and 95 % quantile of the units, in steps. Gates: the one that stands most "
    "at one end, and how often. σ_max: median of the step Jacobians. Lyapunov: the largest exponent, nats per step, "
    "median of the rows.",
    "Gradient: jego przebieg oraz opóźnienie, po którym pozostaje poniżej {threshold} maksimum, albo mnożnik na krok; "
    "mediana po wierszach. Okres połowiczny: mediana i kwantyl 95 % jednostek, w krokach. Bramki: ta, która "
    "najczęściej stoi na krańcu, i jak często. σ_max: mediana jakobianów kroku. Lapunow: największy wykładnik, nata na "
    "krok, mediana po wierszach.",
)
_FRAME = Text("At these weights, on these windows", "Przy tych wagach, na tych oknach")
_NO_REPORT = Text(
    "--out FOLDER writes a report with every figure.", "--out FOLDER zapisuje raport ze wszystkimi rysunkami."
)
_EXPORTED = Text("{files} written to {folder}", "Zapisano {files} w {folder}")


def _files(number: int) -> Text:
    return counted(number, ("figure", "figures"), ("rysunek", "rysunki", "rysunków"))


def _threshold(found: Examination) -> str:
    known = next((one.gradient.threshold for one in found.layers if one.gradient is not None), 0.01)
    return percent(known, 0)
