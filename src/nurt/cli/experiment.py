"""`nurt experiment`: the experiments of a course, each with an answer that is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nurt.cli import console, options
from nurt.cli.faults import answering
from nurt.cli.options import MACHINE, OUTPUT, choice, flag, place, whole
from nurt.cli.progress import ENGLISH, POLISH, Progress

if TYPE_CHECKING:
    from nurt.experiments import ExperimentResult, Language, Text

__all__ = ["EXAMPLE", "HELP", "NAME", "experiment"]

NAME = "experiment"
HELP = (
    "Run an experiment on recurrent networks and write its page.\n\n"
    "Each has exact reference values, stands beside trivial baselines, and ends with a verdict in words. --list shows "
    "all of them."
)
EXAMPLE = "Example: nurt experiment linear/roelants --lang pl"

# A share is shown on the bar as a number of steps out of this many.
WHOLE = 1000


def experiment(
    context: typer.Context,
    id: Annotated[
        str | None, typer.Argument(metavar="ID", help="The experiment, such as linear/roelants; see --list.")
    ] = None,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Data of your own, for the experiments that work on it.")
    ] = None,
    all: Annotated[bool, flag("--list", "List all experiments and what each takes.")] = False,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", metavar="NAME", help="A variation; the page names them.", rich_help_panel="Experiment"
        ),
    ] = None,
    lang: Annotated[
        Literal["en", "pl"], choice("--lang", "Language of page and answer.", OUTPUT, metavar="[en|pl]")
    ] = "en",
    out: Annotated[Path, place("--out", "FOLDER", "Where the page goes.")] = Path("experiment-out"),
    no_report: Annotated[bool, flag("--no-report", "Write no HTML report.")] = False,
    export: Annotated[
        Path | None, place("--export", "FOLDER", "Write the numbers of every figure there, as CSV.")
    ] = None,
    seed: Annotated[
        int | None, whole("--seed", "Fixes everything random; each preset has one of its own.", MACHINE, least=0)
    ] = None,
    threads: options.ThreadsOption = 1,
    as_json: options.JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    if id is None and not all:
        raise typer.BadParameter("Name an experiment, or ask for --list.", param_hint="ID")
    with answering(context):
        if id is None or all:
            _list(lang, as_json=as_json)
            return
        with Progress(words=POLISH if lang == "pl" else ENGLISH) as progress:
            from nurt.experiments import find
            from nurt.kernels import threads as limited_to

            chosen = find(id)

            def advance(share: float, doing: Text) -> None:
                progress.advance(doing[lang], round(share * WHOLE), WHOLE)

            with limited_to(threads):
                result = chosen.run(preset, seed=seed, files=files or (), progress=advance)
            page = None if no_report else _write(result, out, lang)
            tables = () if export is None else _export(result, export, lang)
        if as_json:
            written = {"report": None if page is None else str(page), "exported": [str(path) for path in tables]}
            console.emit_json({**result.to_dict(), **written})
        else:
            _show(result, page, lang)
            if export is not None:
                from nurt.experiments import Text

                told = Text(f"Numbers of the figures in {export}", f"Liczby z rysunków w {export}")
                console.line(told[lang])


def _write(result: ExperimentResult, out: Path, language: Language) -> Path:
    from nurt.reports.experiment import write_experiment_report

    return write_experiment_report(result, out / f"{result.experiment.replace('/', '-')}.html", language=language)


def _export(result: ExperimentResult, folder: Path, language: Language) -> tuple[Path, ...]:
    from nurt.reports.experiment import export_experiment

    return export_experiment(result, folder, language=language)


def _list(language: Language, *, as_json: bool) -> None:
    from nurt.experiments import Text, list_experiments

    measured = Text(
        "Processor time of the default preset on one core of an AMD EPYC server; pm10 and usd-pln on four years of "
        "data.",
        "Czas procesora dla wariantu domyślnego na jednym rdzeniu serwera AMD EPYC; pm10 i usd-pln na danych z "
        "czterech lat.",
    )
    found = list_experiments()
    if as_json:
        console.emit_json({"experiments": [one.to_dict() for one in found]})
        return
    titles = (Text("id", "id"), Text("name", "nazwa"), Text("seconds", "sekundy"))
    rows = [[one.id, one.name[language], _class_of(one.expected_seconds)] for one in found]
    console.table([title[language] for title in titles], rows, words=(0, 1))
    console.line(measured[language])


def _class_of(seconds: float) -> str:
    """Return about how long something takes: nobody's machine takes exactly as long as another."""
    return "< 1" if seconds < 1.0 else f"{seconds:.0f}"


def _show(result: ExperimentResult, page: Path | None, language: Language) -> None:
    """Print the verdict, what it rests on, and the tables."""
    from nurt.experiments import Text, find
    from nurt.wording import localised, updates_made

    known = find(result.experiment)
    console.line(known.name[language], strong=True)
    measures = [one for one in (result.score, *result.baselines) if one is not None]
    if measures:
        value = Text("value", "wartość")[language]
        console.table(
            ["", value], [[one.name[language], localised(one.value, language)] for one in measures], words=(0,)
        )
    for table in result.tables():
        console.gap()
        console.line(table.caption[language])
        numeric = [index for index in range(len(table.columns)) if table.is_numeric(index)]
        words = [index for index in range(len(table.columns)) if index not in numeric]
        console.table([title[language] for title in table.columns], table.cells(language), words=words)
    console.gap()
    told = Text("verdict", "werdykt")[language]
    console.panel(told, result.verdict.text[language], result.verdict.standing.tone)
    budget = Text("{seconds} s, {updates}, seed {seed}", "{seconds} s, {updates}, ziarno {seed}").filled(
        seconds=max(0.1, round(result.seconds, 1)), updates=updates_made(result.updates), seed=result.settings.seed
    )
    console.line(budget[language])
    if page is not None:
        console.line(Text(f"Written to {page}", f"Zapisano w {page}")[language])
