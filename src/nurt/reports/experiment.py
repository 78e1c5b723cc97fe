"""The page of one experiment, in English or Polish."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nurt.experiments import Experiment, ExperimentResult, Figure, ResultTable, Text, find
from nurt.reports.page.document import ENGLISH, POLISH, Opening, Picture, Section, write_page
from nurt.reports.page.html import Column, Markup, element, join, table, typeset
from nurt.reports.sections.verdict import heading, panel, tile
from nurt.standing import Standing
from nurt.wording import localised, updates_made

if TYPE_CHECKING:
    from typing import Any

    from nurt.experiments import Language

__all__ = ["write_experiment_report"]

# Figures up to this height, in pixels, need no more than half of the width.
LOW = 300
HEADLINES = {
    Standing.REACHED: Text("Goal reached", "Cel osiągnięty"),
    Standing.PARTLY: Text("Partly reached", "Cel osiągnięty częściowo"),
    Standing.MISSED: Text("Goal missed", "Cel nieosiągnięty"),
    Standing.SHOWN: Text("Shown", "Pokazano"),
}
KICKER = Text("nurt · experiment", "nurt · eksperyment")
VERDICT = Text("Verdict", "Werdykt")
COMMAND = Text("Command", "Polecenie")
PRESET = Text("Preset", "Wariant")
PRESETS = Text("Presets", "Warianty")
SHOWS = Text("what it shows", "co pokazuje")
OWN = Text("custom settings", "własne ustawienia")
SECTIONS = {
    "pictures": Text("Figures", "Rysunki"),
    "numbers": Text("Numbers", "Liczby"),
    "exercises": Text("Questions", "Pytania"),
    "again": Text("Reproduction", "Powtórzenie przebiegu"),
}
HOW_TO_READ = Text("How to read this.", "Jak to czytać.")
THIS_PAGE = Text("How to read the page.", "Jak czytać stronę.")
FOOTER = Text(
    "Written by nurt. One file, complete in itself: keep it, send it, print it.",
    "Strona utworzona przez nurt. Jeden kompletny plik: można go zachować, wysłać, wydrukować.",
)


def write_experiment_report(result: ExperimentResult, path: str | Path, *, language: Language = "en") -> Path:
    """Write what an experiment found as one HTML file that needs no network.

    Args:
        result: of :func:`nurt.experiments.run`.
        path: the file; its folder is made if need be.
        language: of the page.

    Returns:
        the path written.

    Raises:
        OutputError: it cannot be written.
        NurtValueError: the result is of no experiment that is known.
    """
    experiment = find(result.experiment)
    name = experiment.name[language]
    pictures = [_picture(figure, language) for figure in result.figures()]
    opening = Opening(
        heading(KICKER[language], name, typeset(experiment.description[language])),
        _verdict(result, language),
        pictures[0] if pictures else None,
        join(
            [
                element("dl", *_tiles(result, experiment, language), class_="tiles"),
                element("p", element("strong", f"{THIS_PAGE[language]} "), typeset(experiment.how_to_read[language])),
            ]
        ),
    )
    sections = _sections(result, experiment, language, pictures[1:])
    footer = element("span", FOOTER[language])
    frame = POLISH if language == "pl" else ENGLISH
    return write_page(Path(path), f"{name} – nurt", opening, sections, footer, frame)


def _verdict(result: ExperimentResult, language: Language) -> Markup:
    verdict = result.verdict
    return panel(
        verdict.standing,
        HEADLINES[verdict.standing][language],
        typeset(verdict.text[language]),
        label=VERDICT[language],
    )


def _tiles(result: ExperimentResult, experiment: Experiment[Any], language: Language) -> list[Markup]:
    tiles = []
    if result.score is not None:
        told = [f"{one.name[language]}: {_brief(one.value, language)}" for one in result.baselines[:1]]
        tiles.append(
            tile(typeset(result.score.name[language]), _brief(result.score.value, language), typeset("".join(told)))
        )
    preset = experiment.presets.get(result.preset)
    label = (preset.label if preset is not None else OWN)[language]
    seed = Text("seed {seed}", "ziarno {seed}").filled(seed=result.settings.seed)[language]
    tiles.append(tile(PRESET[language], result.preset, f"{label}; {seed}"))
    seconds = f"{localised(max(0.1, round(result.seconds, 1)), language)} s"
    tiles.append(tile(Text("Budget used", "Zużyty budżet")[language], seconds, updates_made(result.updates)[language]))
    return tiles


def _sections(
    result: ExperimentResult, experiment: Experiment[Any], language: Language, pictures: Sequence[Picture]
) -> list[Section]:
    bodies = {
        "pictures": _in_pairs(pictures),
        "baselines": _baselines(result, language),
        "numbers": [_table(one, language) for one in result.tables()],
        "exercises": [
            element(
                "details",
                element("summary", typeset(one.question[language])),
                element("p", typeset(one.answer[language])),
            )
            for one in experiment.exercises
        ],
        "again": [_again(result, experiment, language)],
    }
    titles = {**SECTIONS, "baselines": experiment.against}
    return [Section(anchor, titles[anchor][language], join(body)) for anchor, body in bodies.items() if body]


def _picture(figure: Figure, language: Language) -> Picture:
    drawn = figure.draw(language)
    if language == "pl":
        drawn.update_layout(separators=",\N{NO-BREAK SPACE}")
    return Picture(
        title=typeset(figure.title[language]),
        description=figure.title[language],
        how_to_read=typeset(figure.how_to_read[language]),
        figures=[drawn],
        height=figure.height,
        lead=HOW_TO_READ[language],
    )


def _in_pairs(pictures: Sequence[Picture]) -> list[Markup]:
    """Return the figures one below the other; low ones that follow each other stand side by side."""
    written = []
    for low, group in itertools.groupby(pictures, lambda picture: picture.height <= LOW):
        drawn = [picture.to_html() for picture in group]
        written += [element("div", *drawn, class_="pair")] if low and len(drawn) > 1 else drawn
    return written


def _table(shown: ResultTable, language: Language) -> Markup:
    columns = [Column(title[language], shown.is_numeric(index)) for index, title in enumerate(shown.columns)]
    note = shown.note[language] if shown.note is not None else ""
    return table(columns, shown.cells(language), caption=shown.caption[language], note=note, typeset=typeset)


def _baselines(result: ExperimentResult, language: Language) -> list[Markup]:
    if result.score is None or not result.baselines:
        return []
    method, this = Text("Method", "Metoda"), Text("this run", "ten przebieg")
    rows = [[this[language], _brief(result.score.value, language)]]
    rows += [[one.name[language], _brief(one.value, language)] for one in result.baselines]
    columns = [Column(method[language], numeric=False), Column(Text("value", "wartość")[language])]
    return [table(columns, rows, caption=result.score.name[language], highlight=0, typeset=typeset)]


def _again(result: ExperimentResult, experiment: Experiment[Any], language: Language) -> Markup:
    own = result.preset not in experiment.presets
    words = ["nurt experiment", result.experiment]
    words += [shlex.quote(name) for name in getattr(result.settings, "files", ())]
    if not own and result.preset != experiment.default:
        words.append(f"--preset {result.preset}")
    words.append(f"--seed {result.settings.seed}")
    if language != "en":
        words.append(f"--lang {language}")
    command = element("code", " ".join(words))
    box = element("div", command, class_="scroll command", tabindex="0", role="region", aria_label=COMMAND[language])
    return join([*([] if own else [box]), _presets(result, experiment, language)])


def _presets(result: ExperimentResult, experiment: Experiment[Any], language: Language) -> Markup:
    """Return what else there is to choose; the row of this run is tinted."""
    rows = [
        [element("code", f"--preset {name}"), preset.label[language]] for name, preset in experiment.presets.items()
    ]
    names = [*experiment.presets]
    chosen = names.index(result.preset) if result.preset in names else None
    columns = [Column(PRESET[language], numeric=False), Column(SHOWS[language], numeric=False)]
    return table(columns, rows, caption=PRESETS[language], highlight=chosen, typeset=typeset)


def _brief(value: float, language: Language) -> str:
    return localised(value, language, 5)
