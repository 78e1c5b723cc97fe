"""Networks drawn out over time: inputs below, states in the middle, outputs above, an arrow per use of weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Arrow", "Diagram", "Node", "draw_diagrams", "leave_room_around", "unrolled"]

# Fill of a node by its kind: input, state, output, and what is none of them.
FILLS = {"x": "#E8E8E8", "h": plotting.PALETTE[5], "y": plotting.PALETTE[4], ".": "#FFFFFF"}
# Radius of a node and size of an arrow's head, in pixels.
RADIUS, HEAD = 11, 8
# How far a loop reaches to the left of its node, and above and below it.
LOOP = (0.14, 0.5)
# Shares of the height left above the uppermost titles and below the lowest labels; pages give no margin there.
ABOVE, BELOW = 0.08, 0.05


@dataclass(frozen=True)
class Node:
    """A node.

    Args:
        id: name within the diagram.
        label: what is written on it.
        kind: "x", "h", "y" or "." for a node without a rim.
        column: place in time, from 0.
        row: height, from 0.
    """

    id: str
    label: str
    kind: str
    column: float
    row: float


@dataclass(frozen=True)
class Arrow:
    """An arrow from a node to another, with a label beside it."""

    start: str
    end: str
    label: str = ""


@dataclass(frozen=True)
class Diagram:
    """Nodes and arrows.

    Args:
        title: written above.
        nodes: all nodes.
        arrows: between them.
    """

    title: str
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]


def unrolled(
    title: str,
    inputs: Iterable[int],
    states: int,
    outputs: Iterable[int],
    *,
    fed_back: bool = False,
    labels: tuple[str, str, str] = ("", "", ""),
) -> Diagram:
    """Return one layer drawn out over time.

    Args:
        title: of the diagram.
        inputs: columns that read an input, from 0.
        states: columns with a state.
        outputs: columns that give an output.
        fed_back: whether each output is the input of the next step.
        labels: of the arrows from inputs, between states and to outputs.
    """
    read, given = list(inputs), list(outputs)
    nodes = [Node(f"h{t}", f"h<sub>{t + 1}</sub>", "h", t, 1.0) for t in range(states)]
    nodes += [Node(f"x{t}", f"x<sub>{number}</sub>", "x", t, 0.0) for number, t in enumerate(read, 1)]
    nodes += [Node(f"y{t}", f"y<sub>{number}</sub>", "y", t, 2.0) for number, t in enumerate(given, 1)]
    arrows = [Arrow(f"x{t}", f"h{t}", labels[0]) for t in read]
    arrows += [Arrow(f"h{t}", f"h{t + 1}", labels[1]) for t in range(states - 1)]
    arrows += [Arrow(f"h{t}", f"y{t}", labels[2]) for t in given]
    if fed_back:
        arrows += [Arrow(f"y{t}", f"h{t + 1}") for t in given if t + 1 < states]
    return Diagram(title, tuple(nodes), tuple(arrows))


def draw_diagrams(diagrams: Sequence[Diagram], columns: int) -> go.Figure:
    """Return diagrams side by side, so many in a row; each scales with the width of the page."""
    from plotly.subplots import make_subplots

    rows = -(-len(diagrams) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[one.title for one in diagrams],
        horizontal_spacing=0.04,
        vertical_spacing=0.4 / rows if rows > 1 else 0.0,
    )
    figure.update_layout(plotting.new_figure("", "", "").layout)
    for index, diagram in enumerate(diagrams):
        _draw(figure, diagram, index // columns + 1, index % columns + 1)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.update_annotations(font={"size": 13})
    leave_room_around(figure)
    figure.update_layout(hovermode=False, showlegend=False, margin={"l": 8, "r": 8, "t": 40, "b": 8})
    return figure


def leave_room_around(figure: go.Figure) -> None:
    """Move subplots and their titles a little inwards, so that titles and labels are within the figure."""
    scale = 1.0 - ABOVE - BELOW
    for axis in figure.select_yaxes():
        axis.domain = tuple(BELOW + scale * end for end in axis.domain)
    for title in figure.layout.annotations:
        title.y = BELOW + scale * title.y


def _draw_loop(figure: go.Figure, x: float, y: float, label: str, row: int, column: int) -> None:
    """Draw an arrow from a node to itself, round its left side, with its label outside."""
    turn = np.linspace(0.0, np.pi, 15)
    figure.add_scatter(
        x=x - LOOP[0] * np.sin(turn),
        y=y + LOOP[1] * np.sin(2.0 * turn),
        mode="lines+markers",
        line={"color": "#555555", "width": 1.5, "shape": "spline"},
        marker={
            "symbol": "arrow",
            "size": [0] * (len(turn) - 1) + [HEAD],
            "angleref": "previous",
            "standoff": [0] * (len(turn) - 1) + [RADIUS],
            "color": "#555555",
        },
        row=row,
        col=column,
    )
    figure.add_scatter(
        x=[x - LOOP[0]], y=[y], mode="text", text=[f"{label} "], textposition="middle left", textfont={"size": 12},
        row=row, col=column,
    )  # fmt: skip


def _draw(figure: go.Figure, diagram: Diagram, row: int, column: int) -> None:
    places = {one.id: (one.column, one.row) for one in diagram.nodes}
    for arrow in diagram.arrows:
        (x, y), (end_x, end_y) = places[arrow.start], places[arrow.end]
        if arrow.start == arrow.end:
            _draw_loop(figure, x, y, arrow.label, row, column)
            continue
        # A line from centre to centre, its ends under the nodes, with a head of its own: plotly's arrows are in pixels
        # and do not scale with a figure.
        figure.add_scatter(
            x=[x, end_x],
            y=[y, end_y],
            mode="lines+markers",
            line={"color": "#555555", "width": 1.5},
            marker={
                "symbol": "arrow",
                "size": [0, HEAD],
                "angleref": "previous",
                "standoff": [0, RADIUS],
                "color": "#555555",
            },
            row=row,
            col=column,
        )
        if arrow.label:
            upright = x == end_x
            figure.add_scatter(
                x=[0.5 * (x + end_x)],
                y=[0.5 * (y + end_y)],
                mode="text",
                text=[f" {arrow.label}" if upright else arrow.label],
                textposition="middle right" if upright else "top center",
                textfont={"size": 12},
                row=row,
                col=column,
            )
    figure.add_scatter(
        x=[one.column for one in diagram.nodes],
        y=[one.row for one in diagram.nodes],
        text=[one.label for one in diagram.nodes],
        mode="markers+text",
        marker={
            "size": 2 * RADIUS,
            "color": [FILLS[one.kind] for one in diagram.nodes],
            "line": {"color": "#555555", "width": [0.0 if one.kind == "." else 1.2 for one in diagram.nodes]},
        },
        textfont={"size": 11, "color": plotting.ACTUAL},
        row=row,
        col=column,
    )
    left, right = (pick(one.column for one in diagram.nodes) for pick in (min, max))
    low, high = (pick(one.row for one in diagram.nodes) for pick in (min, max))
    figure.update_xaxes(range=[left - 0.6, right + 0.7], row=row, col=column)
    figure.update_yaxes(range=[low - 0.6, high + 0.6], row=row, col=column)
