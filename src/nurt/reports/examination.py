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
from nurt.reports.page.document import ENGLISH, POLISH, Opening, Picture, Section, render, switch
from nurt.reports.page.html import Markup, definitions, element, items, join, typeset
from nurt.reports.page.picture import WORTH_PACKING
from nurt.reports.sections.labels import labelled
from nurt.reports.sections.layers import HOW_TO_READ, layer_table, reach_picture
from nurt.reports.sections.parts import COLOURS, DYNAMICS, LAYER_QUESTIONS, MEANINGS, SPECTRA, Question
from nurt.reports.sections.verdict import heading, panel
from nurt.standing import Standing
from nurt.wording import Language, Text, count, counted
from nurt.writing import write_whole

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
    "{model}, {layers} of {hidden}, on {windows} of {look_back} observations, spread evenly from {first} to {last}.",
    "{model}, {layers} po {hidden}, na podstawie {windows} po {look_back} obserwacji, rozłożonych "
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
LEFT_OUT = Text(
    "These have no figures here, which would make the page too large for a mail or a slow line: {layers}. "
    "nurt examine --export writes the figures of all layers.",
    "Bez rysunków, które uczyniłyby stronę za dużą na pocztę i wolne łącze: {layers}. Rysunki wszystkich warstw "
    "zapisuje nurt examine --export.",
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
# Sizes from its inverse up to this have all their digits in single precision.
LARGEST = 1e37
# Of a page, script and styles within it.
MOST_BYTES = 2_200_000
# Values of each quantity in the maps of all layers of a page together, halved until the page fits, and the least of one
# layer: below it a map shows nothing, and it is better to leave out layers.
MAPS_ROOM, LEAST_ROOM = 24_000, 400


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
    write_whole(Path(path), _fitting_page(run, language))
    return Path(path)


def _fitting_page(run: ExamineRun, language: Language) -> str:
    """Return the page with as many layers and as fine maps as there is room for."""
    found = run.examination
    own = [_layer_figures(one, language) for one in found.layers]
    drawn = len(found.layers)
    while True:
        ends = _ends(len(found.layers), drawn)
        rest = [
            *_dynamics([found.layers[at] for at in ends], language),
            *_weights([found.layers[at] for at in ends], language),
            _data_section(run, language),
            _again_section(run, language),
        ]
        room = MAPS_ROOM // max(1, sum(len(one.values) for at in ends if (one := found.layers[at].maps) is not None))
        while True:
            layers = [_layer_section(at, found.layers[at], own[at], room, language) for at in ends]
            sections = [_layers_section(found, ends, language), *(one for one in layers if one is not None), *rest]
            page = _rendered(run, sections, language)
            if len(page.encode()) <= MOST_BYTES or (drawn == 1 and room <= LEAST_ROOM):
                return page
            if room <= LEAST_ROOM:
                break
            room = max(LEAST_ROOM, room // 2)
        drawn = max(1, drawn * 3 // 4)


def _ends(total: int, drawn: int) -> list[int]:
    """Return so many places of ``total``, from both ends."""
    return [at for at in range(total) if at < drawn // 2 or at >= total - (drawn - drawn // 2)]


def _rendered(run: ExamineRun, sections: Sequence[Section], language: Language) -> str:
    found = run.examination
    opening = Opening(
        heading(KICKER[language], run.target, _lead(run)[language]),
        _verdict(found, language),
        reach_picture(found, language),
    )
    title = TITLE.filled(target=run.target)[language]
    frame = POLISH if language == "pl" else ENGLISH
    return render(title, opening, sections, element("span", FOOTER[language]), frame)


def _layers_section(found: Examination, drawn: Sequence[int], language: Language) -> Section:
    """Return further findings and the table of all layers, and which of them have no figures for want of room."""
    parts = [*_further(found, language), layer_table(found, language)]
    missing = [in_words(one.id)[language] for at, one in enumerate(found.layers) if at not in drawn]
    if missing:
        parts.append(element("p", LEFT_OUT.filled(layers="; ".join(missing))[language], class_="note"))
    return Section("layers", NUMBERS[language], join(parts))


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
        for part, result in _drawable(layer):
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
        hidden=counted(model.hidden, ("unit", "units"), ("jednostce", "jednostki", "jednostek")),
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


def _layer_figures(layer: LayerFindings, language: Language) -> Markup:
    """Return the gradients and gates of one layer."""
    shown = {name: result for name, result in _drawable(layer) if name in LAYER_QUESTIONS}
    pictures = [
        _picture(question, [labelled(shown[name].plot(), language)], language).to_html()
        for name, question in LAYER_QUESTIONS.items()
        if name in shown
    ]
    return element("div", *pictures, class_="pair") if pictures else Markup()


def _drawable(layer: LayerFindings) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a layer of which there is something to draw: no gates where it has none."""
    for name, result in layer.parts():
        if name != "gates" or result.gates:
            yield name, result


def _layer_section(at: int, layer: LayerFindings, figures: Markup, room: int, language: Language) -> Section | None:
    """Return the maps and the figures of one layer; None where nothing of it was looked at."""
    parts = [] if layer.maps is None else _maps(layer.maps.coarser(room), language)
    if figures:
        parts.append(figures)
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
    for trace in figure.select_traces({"type": "scatter"}):
        trace.update(x=_single(trace.x), y=_single(trace.y), name=typeset(trace.name or "") or None)
    return figure


def _single(values: Any) -> Any:
    """Return numbers in single precision, which is finer than any figure; as they are where its range is too narrow."""
    if values is None or np.asarray(values).dtype != np.float64:
        return values
    sizes = np.abs(np.asarray(values)[np.isfinite(values)])
    if sizes.max(initial=0.0) > LARGEST or sizes.min(initial=LARGEST, where=sizes > 0.0) < 1.0 / LARGEST:
        return values
    return np.asarray(values, dtype=np.float32)


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
