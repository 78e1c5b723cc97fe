"""The report of an examination: the findings beside the first figure, a section per layer, then its dynamics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nurt.diagnostics.examination.naming import in_words
from nurt.diagnostics.units.maps import QUANTITIES, StateMaps
from nurt.reports.export import export_figures
from nurt.reports.page.document import ENGLISH, POLISH, Opening, Picture, Section, switch, write_page
from nurt.reports.page.html import Markup, definitions, element, items, join, typeset
from nurt.reports.page.picture import WORTH_PACKING
from nurt.reports.sections.labels import labelled
from nurt.reports.sections.layers import HOW_TO_READ, layer_table, reach_picture
from nurt.reports.sections.parts import COLOURS, DYNAMICS, LAYER_QUESTIONS, MEANINGS, SPECTRA, Question
from nurt.reports.sections.verdict import heading, panel
from nurt.standing import Standing
from nurt.wording import Language, Text, count, counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.diagnostics.examination.examining import Examination
    from nurt.diagnostics.examination.layer_findings import LayerFindings
    from nurt.tasks.forecasting.reuse import ExamineRun

__all__ = ["export_examination", "write_examination_report"]


HEADLINES = {
    Standing.GOOD: Text("Nothing stands out", "Bez zastrzeżeń"),
    Standing.NOTE: Text("With remarks", "Z uwagami"),
    Standing.WARNING: Text("Needs attention", "Wymaga uwagi"),
}
KICKER = Text("nurt · examination", "nurt · badanie sieci")
LEAD = Text(
    "{model}, {layers} of {hidden} units, on {windows} of {look_back} observations, spread evenly from {first} to "
    "{last}.",
    "{model}, {layers} po {hidden} jednostek, na podstawie {windows} po {look_back} obserwacji, rozłożonych "
    "równomiernie od {first} do {last}.",
)
TITLE = Text("{target}: examination", "{target}: badanie sieci")
VERDICT = Text("Findings", "Wnioski")
FURTHER = Text("Further findings", "Dalsze wnioski")
LAYER = Text("Layer", "Warstwa")
POWERS = Text("Norms of the powers of a matrix", "Normy potęg macierzy")
MATRIX = Text("Matrix", "Macierz")
STEP_BY_STEP = Text("Step by step", "Krok po kroku")
NUMBERS = Text("Layers", "Warstwy")
UNITS = Text("Units over time", "Jednostki w czasie")
UNITS_READING = Text(
    "One line per unit, one column per step; {whose}. The lines are sorted such that units that move alike are "
    "neighbours, in all maps alike. A vertical stripe is a step that concerns all units, a horizontal one a unit that "
    "holds a value; a gradient that vanishes leaves the far past white.",
    "Jedna linia to jednostka, jedna kolumna to krok; {whose}. Linie są uporządkowane tak, że podobne jednostki "
    "sąsiadują, na wszystkich mapach jednakowo. Pionowy pas to krok, który dotyczy wszystkich jednostek, poziomy – "
    "jednostka, która utrzymuje wartość; zanikający gradient zostawia odległą przeszłość białą.",
)
THINNED = Text(
    "Shown are {units} of {all_units} units and {steps} of {all_steps} steps, evenly spread.",
    "Pokazano {units} z {all_units} jednostek i {steps} z {all_steps} kroków, rozłożone równomiernie.",
)
DATA = Text("Data", "Dane")
REMARKS, SOURCES = Text("Remarks", "Uwagi"), Text("Sources", "Źródła")
AGAIN = Text("Settings and versions", "Ustawienia i wersje")
FACTS = {
    "target": Text("target", "zmienna"),
    "observations": Text("observations", "obserwacje"),
    "windows": Text("windows looked at", "zbadane okna"),
    "file": Text("model file", "plik modelu"),
    "model": Text("model", "model"),
    "layers": Text("layers", "warstwy"),
    "hidden": Text("hidden units", "jednostki ukryte"),
    "loss": Text("loss", "funkcja straty"),
}
FOOTER = Text(
    "Written by nurt. One file, complete in itself: keep it, send it, print it.",
    "Strona utworzona przez nurt. Jeden kompletny plik: można go zachować, wysłać, wydrukować.",
)
# Between two sentences; no number ends one.
SENTENCES = re.compile(r"(?<=[^\W\d][.)]) (?=[A-ZĄĆĘŁŃÓŚŹŻ])")
# Of findings besides the first, so many stand on the first screen.
FIRST_FEW = 3
MAP_HEIGHT, FIGURE_HEIGHT = 250, 290
# Values of all maps of a page together, about 4 bytes each.
MAPS_ROOM = 14_000


def write_examination_report(run: ExamineRun, path: str | Path, language: Language = "en") -> Path:
    """Write an examination as one HTML file that needs no network.

    Args:
        run: the finished examination.
        path: the file; its folder is made if need be.
        language: of the page.

    Returns:
        the path written.

    Raises:
        OutputError: it cannot be written.
    """
    found = run.examination
    opening = Opening(
        heading(KICKER[language], run.target, _lead(run)[language]),
        _verdict(found, language),
        reach_picture(found, language),
    )
    # All maps of a page share its room.
    room = MAPS_ROOM // max(1, sum(len(one.maps.values) for one in found.layers if one.maps is not None))
    layers = [_layer_section(at, one, room, language) for at, one in enumerate(found.layers)]
    sections = [
        Section("layers", NUMBERS[language], join([*_further(found, language), layer_table(found, language)])),
        *(one for one in layers if one is not None),
        *_dynamics(found.layers, language),
        *_weights(found.layers, language),
        _data_section(run, language),
        _again_section(run, language),
    ]
    title = TITLE.filled(target=run.target)[language]
    frame = POLISH if language == "pl" else ENGLISH
    return write_page(Path(path), title, opening, sections, element("span", FOOTER[language]), frame)


def export_examination(
    found: Examination, folder: str | Path, *, ending: str = ".csv", language: Language = "en"
) -> tuple[Path, ...]:
    """Write every figure of the page into a folder, its numbers or its drawing.

    Args:
        found: the examination.
        folder: made if need be.
        ending: ".csv" for the numbers, ".svg", ".png" or ".pdf" for the drawing.
        language: of labels and names.

    Returns:
        the paths written.

    Raises:
        NurtValueError: another ending.
        UnavailableError: a drawing was asked for, and what draws it is missing.
        OutputError: a file cannot be written.
    """
    return export_figures(_figures(found, language), folder, ending=ending)


def _figures(found: Examination, language: Language) -> Iterator[tuple[str, go.Figure]]:
    """Yield the title and the figure of everything that the page draws."""
    picture = reach_picture(found, language)
    if picture is not None:
        yield picture.title, picture.figures[0]
    for layer in found.layers:
        name = in_words(layer.id)[language]
        for part, result in layer.parts():
            if part == "maps":
                for quantity in result.values:
                    yield f"{name}: {QUANTITIES[quantity].name[language]}", result.draw(quantity, language)
            else:
                question = {**LAYER_QUESTIONS, **DYNAMICS, "spectra": SPECTRA}[part]
                address = _matrix(result.name, layer)[language] if part == "spectra" else name
                yield f"{address}: {question.title[language]}", labelled(result.plot(), language)


def _lead(run: ExamineRun) -> Text:
    model = run.model
    return LEAD.filled(
        model=model.name,
        layers=counted(model.layers, ("layer", "layers"), ("warstwa", "warstwy", "warstw")),
        hidden=str(model.hidden),
        windows=counted(run.examination.rows, ("window", "windows"), ("okna", "okien", "okien")),
        look_back=str(model.look_back),
        first=run.first,
        last=run.last,
    )


def _verdict(found: Examination, language: Language) -> Markup:
    """Return the first sentence of the first finding as the answer, what follows from it, and the next few findings."""
    standing = found.verdict.standing
    answer, *rest = SENTENCES.split(found.headline[language])
    others = [one.text[language] for one in found.advice[1 : 1 + FIRST_FEW]]
    below = join(
        [
            *([element("p", typeset(" ".join(rest)))] if rest else []),
            *([items(typeset(one) for one in others)] if others else []),
        ]
    )
    return panel(standing, HEADLINES[standing][language], typeset(answer), below, label=VERDICT[language])


def _further(found: Examination, language: Language) -> list[Markup]:
    others = [one.text[language] for one in found.advice[1 + FIRST_FEW :]]
    return [element("h3", FURTHER[language]), items(typeset(one) for one in others)] if others else []


def _layer_section(at: int, layer: LayerFindings, room: int, language: Language) -> Section | None:
    """Return the maps, gates and gradients of one layer; None where nothing of it was looked at."""
    parts = [] if layer.maps is None else _maps(layer.maps.coarser(room), language)
    shown = {name: result for name, result in layer.parts() if name in LAYER_QUESTIONS}
    pictures = [
        _picture(question, [labelled(shown[name].plot(), language)], language).to_html()
        for name, question in LAYER_QUESTIONS.items()
        if name in shown
    ]
    if pictures:
        parts.append(element("div", *pictures, class_="pair"))
    name = in_words(layer.id)[language]
    if not layer.id.module:
        name = name[:1].upper() + name[1:]
    return Section(f"layer-{at}", name, join(parts)) if parts else None


def _maps(maps: StateMaps, language: Language) -> list[Markup]:
    reading = UNITS_READING.filled(whose=Text(maps.told("en"), maps.told("pl")))[language]
    if maps.thinned:
        widest = max(maps.total_units, key=maps.total_units.__getitem__)
        told = THINNED.filled(
            units=len(maps.units[widest]),
            all_units=maps.total_units[widest],
            steps=len(maps.steps),
            all_steps=maps.total_steps,
        )
        reading = f"{reading} {told[language]}"
    pictures = []
    for name in maps.values:
        quantity = QUANTITIES[name]
        title = quantity.name[language]
        pictures.append(
            Picture(
                title=typeset(f"{title[:1].upper()}{title[1:]} {quantity.symbol}"),
                description=f"{title}: {reading}",
                how_to_read=f"{MEANINGS[name][language]} {COLOURS[quantity.scale][language]}",
                figures=[_fitted(maps.draw(name, language))],
                height=MAP_HEIGHT,
                heading="h4",
                lead="",
            ).to_html()
        )
    return [element("h3", UNITS[language]), element("p", reading), element("div", *pictures, class_="pair")]


def _dynamics(layers: Sequence[LayerFindings], language: Language) -> list[Section]:
    """Return the figures on single steps, which one chooser of the layer redraws together."""
    known = {
        in_words(one.id)[language]: {name: part for name, part in one.parts() if name in DYNAMICS} for one in layers
    }
    known = {name: parts for name, parts in known.items() if parts}
    pictures = []
    for part, question in DYNAMICS.items():
        if any(part in parts for parts in known.values()):
            drawn = [_drawn(parts.get(part), language) for parts in known.values()]
            pictures.append(_picture(question, drawn, language).to_html())
    if not pictures:
        return []
    body = [switch([*known], label=LAYER[language]), element("div", *pictures, class_="pair")]
    return [Section("dynamics", STEP_BY_STEP[language], join(body))]


def _weights(layers: Sequence[LayerFindings], language: Language) -> list[Section]:
    """Return the spectra, which a chooser of the matrix redraws."""
    spectra = {_matrix(one.name, layer)[language]: one for layer in layers for one in layer.spectra}
    if not spectra:
        return []
    picture, names = _picture(SPECTRA, [_drawn(one, language) for one in spectra.values()], language), [*spectra]
    title = names[0] if len(names) == 1 else POWERS[language]
    parts = [switch(names, label=MATRIX[language]), replace(picture, title=title).to_html()]
    return [Section("weights", SPECTRA.title[language], join(parts))]


def _matrix(name: str, layer: LayerFindings) -> Text:
    """Return the name of a matrix with that of its layer in words."""
    short = name.partition(" of ")[0]
    return Text("{matrix} of {layer}", "{matrix}: {layer}").filled(matrix=short, layer=in_words(layer.id))


def _drawn(result: Any, language: Language) -> go.Figure:
    """Return the figure of a result; an empty one of a layer that has none."""
    from nurt import plotting

    return plotting.new_figure("", "", "") if result is None else labelled(result.plot(), language)


def _picture(question: Question, figures: Sequence[go.Figure], language: Language) -> Picture:
    return Picture(
        title=question.title[language],
        description=question.title[language],
        how_to_read=typeset(question.how_to_read[language]),
        figures=[_fitted(one) for one in figures],
        height=FIGURE_HEIGHT,
        lead=HOW_TO_READ[language],
    )


def _fitted(figure: go.Figure) -> go.Figure:
    """Return a figure with its indices typeset, and the name of its colours beside them, where it takes least room."""
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        if axis.title.text and "<" not in axis.title.text:
            axis.title.text = typeset(axis.title.text)
    for trace in figure.select_traces({"type": "heatmap"}):
        trace.colorbar.title.update(text=typeset(trace.colorbar.title.text or ""), side="right")
        trace.colorbar.thickness = 12
        if np.size(trace.z) < WORTH_PACKING:
            # What a page does not pack takes half the room in single precision.
            trace.update(z=_single(trace.z), customdata=_single(trace.customdata))
    return figure


def _single(values: Any) -> Any:
    return None if values is None else np.asarray(values, dtype=np.float32)


def _data_section(run: ExamineRun, language: Language) -> Section:
    facts = {"target": run.target, "observations": count(run.observations), "windows": str(run.examination.rows)}
    facts["file"] = run.model_file
    parts = [definitions((FACTS[name][language], value) for name, value in facts.items())]
    remarks = (*run.notes, *(note[language] for note in run.examination.notes))
    if remarks:
        parts += [element("h3", REMARKS[language]), items(remarks)]
    if run.sources:
        parts += [element("h3", SOURCES[language]), items(run.sources)]
    return Section("data", DATA[language], join(parts))


def _again_section(run: ExamineRun, language: Language) -> Section:
    model = run.model
    facts = {"model": model.name, "layers": str(model.layers), "hidden": str(model.hidden), "loss": model.loss}
    named = [(FACTS[name][language], value) for name, value in facts.items()]
    return Section("again", AGAIN[language], definitions([*named, *run.versions.items()]))
