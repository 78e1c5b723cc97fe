"""The report of an examination: findings, then one section per question with a figure for every layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nurt.reports.forecast import footer
from nurt.reports.page.document import Opening, Picture, Section, switch, write_page
from nurt.reports.page.html import element, items, join, typeset
from nurt.reports.sections.network import findings, memory_table, reach_picture
from nurt.reports.sections.verdict import data_section, heading, reproduction_section
from nurt.wording import count, plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.diagnostics.examination.layer_findings import LayerFindings
    from nurt.tasks.forecasting.reuse import ExamineRun

__all__ = ["write_examination_report"]


class _Question(NamedTuple):
    title: str
    how_to_read: str


# By the names of the parts of a layer, in the order of the page.
QUESTIONS = {
    "gradient": _Question(
        "Reach of the gradient within a layer",
        "What is left of the gradient of one step's loss, k steps before it, within the layer. A straight fall on this "
        "scale is exponential; the dotted line is where it counts as gone.",
    ),
    "contributions": _Question(
        "Contribution of each step to the gradient",
        "How much the use of the weights at each step adds to their gradient. Steps far to the left that lie orders of "
        "magnitude below the last ones hardly teach the network.",
    ),
    "paths": _Question(
        "Paths of the gradient",
        "The gradient of an LSTM's cell state, taken apart: along the cell itself, by the step's own output, and "
        "through the gates of the next step.",
    ),
    "truncation": _Question(
        "Error of a truncated gradient",
        "Relative error of the gradient of the recurrent weights when it is cut off after K steps. Below the dotted "
        "line the cut costs little, at these weights.",
    ),
    "maps": _Question(
        "Units over time",
        "One line per unit, one column per step; a gradient that vanishes leaves the left of its map white.",
    ),
    "gates": _Question(
        "Saturation of the gates",
        "One point per unit and gate: to the right, often shut; upwards, often open. Points near the corner at the "
        "origin work in their range; through those at the ends hardly any gradient passes.",
    ),
    "memory": _Question(
        "Memory of the units",
        "Steps after which the forget or update gate leaves half of a unit's state, the units sorted. What comes round "
        "by other ways is not in it.",
    ),
    "products": _Question(
        "Product of the Jacobians of many steps",
        "The largest and the smallest singular value of the product of the Jacobians of k steps: the most and the "
        "least that can be left of a gradient. Above the dotted line it may grow.",
    ),
    "jacobians": _Question(
        "Jacobian of one step",
        "The largest singular value of the Jacobian of each step: how much a step can stretch a small difference of "
        "states.",
    ),
    "lyapunov": _Question(
        "Sensitivity to the initial state",
        "Mean growth of a small difference between two states, per step. Below the dotted line differences die out; an "
        "exponent above it means that they grow.",
    ),
    "spectra": _Question(
        "Spectrum of the recurrent weights",
        "Norms of the powers of a matrix beside those that its eigenvalues promise. In a gated recurrence this is one "
        "matrix of several, and no statement on the network.",
    ),
    "connectivity": _Question(
        "Dependence of a unit on the inputs",
        "How strongly the first unit of the layer at step t (downwards) depends on the input at step s (to the right). "
        "A narrow band along the diagonal is a short memory.",
    ),
}


def write_examination_report(run: ExamineRun, path: str | Path) -> Path:
    """Write an examination as one HTML file that needs no network.

    Args:
        run: the finished examination.
        path: the file; its folder is made if need be.

    Returns:
        the path written.

    Raises:
        OutputError: it cannot be written.
    """
    found, model = run.examination, run.model
    lead = (
        f"{model.name} with {plural(model.layers, 'layer')} of {model.hidden} units, on {found.rows} windows of "
        f"{model.look_back} observations, spread evenly from {run.first} to {run.last}."
    )
    facts = [
        ("target", run.target),
        ("observations", count(run.observations)),
        ("windows looked at", str(found.rows)),
        ("model file", run.model_file),
    ]
    settings = {"model": model.name, "layers": model.layers, "hidden units": model.hidden, "loss": model.loss}
    sections = [
        Section("reach", "Reach of the gradient", memory_table(found)),
        *_sections(found.layers),
        data_section(facts, (*run.notes, *(note.en for note in found.notes)), run.sources),
        reproduction_section(settings, run.versions),
    ]
    opening = Opening(heading("nurt · examination", run.target, lead), findings(found), reach_picture(found))
    return write_page(Path(path), f"{run.target}: examination", opening, sections, footer(run.versions))


def _fitted(figure: go.Figure) -> go.Figure:
    """Return a figure with its indices typeset, and the name of its colours beside them, where it takes least room."""
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        if axis.title.text and "<" not in axis.title.text:
            axis.title.text = typeset(axis.title.text)
    for trace in figure.select_traces({"type": "heatmap"}):
        trace.colorbar.title.update(text=typeset(trace.colorbar.title.text or ""), side="right")
        trace.colorbar.thickness = 12
    return figure


def _sections(layers: Sequence[LayerFindings]) -> list[Section]:
    named: dict[str, list[tuple[str, Any]]] = {part: [] for part in QUESTIONS}
    for layer in layers:
        for part, result in layer.parts():
            named[part].append((getattr(result, "name", str(layer.id)), result))
    return [_section(part, question, named[part]) for part, question in QUESTIONS.items() if named[part]]


def _section(part: str, question: _Question, results: Sequence[tuple[str, Any]]) -> Section:
    names = [name for name, _ in results]
    figures = [_fitted(result.plot()) for _, result in results]
    picture = Picture(
        title="Layer by layer" if len(results) > 1 else names[0],
        description=f"{question.title}: {'; '.join(names)}.",
        how_to_read=question.how_to_read,
        figures=figures,
    )
    told = items(str(result) for _, result in results)
    details = element("details", element("summary", "In numbers"), told)
    return Section(part, question.title, join([switch(names, label="layer"), picture.to_html(), details]))
