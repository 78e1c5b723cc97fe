"""Diagrams hold the arrows that the equations have."""

from __future__ import annotations

import pytest

from nurt.experiments.diagram import Diagram, draw_diagrams, unrolled
from nurt.experiments.structures import KINDS, diagram_of


def ways(diagram: Diagram) -> set[tuple[str, str]]:
    """Return which input reaches which output along the arrows."""
    following: dict[str, set[str]] = {}
    for arrow in diagram.arrows:
        following.setdefault(arrow.start, set()).add(arrow.end)
    found = set()
    for node in diagram.nodes:
        if node.kind != "x":
            continue
        seen, open_ends = {node.id}, [node.id]
        while open_ends:
            for nearby in following.get(open_ends.pop(), set()) - seen:
                seen.add(nearby)
                open_ends.append(nearby)
        found |= {(node.label, one.label) for one in diagram.nodes if one.kind == "y" and one.id in seen}
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.id)
def test_the_arrows_of_a_structure_are_the_ways_of_its_map(kind) -> None:
    diagram = diagram_of(kind, "en")
    inputs = sum(node.kind == "x" for node in diagram.nodes)
    outputs = sum(node.kind == "y" for node in diagram.nodes)
    expected = {
        (f"x<sub>{given + 1}</sub>", f"y<sub>{wanted + 1}</sub>")
        for wanted, row in enumerate(kind.reach(inputs, outputs))
        for given, reaches in enumerate(row)
        if reaches
    }
    assert ways(diagram) == expected


def test_every_arrow_joins_nodes_that_are_drawn_within_the_axes() -> None:
    diagrams = [diagram_of(kind, language) for kind in KINDS for language in ("en", "pl")]
    for diagram in diagrams:
        names = [node.id for node in diagram.nodes]
        assert len(set(names)) == len(names)
        assert {end for arrow in diagram.arrows for end in (arrow.start, arrow.end)} <= set(names)
    figure = draw_diagrams(diagrams, 3)
    for axis in (*figure.select_yaxes(), *figure.select_xaxes()):
        if axis.range is not None:
            assert 0.0 <= axis.domain[0] < axis.domain[1] <= 1.0
    assert all(title.y < 0.97 for title in figure.layout.annotations)


def test_one_step_has_no_arrow_through_time() -> None:
    diagram = unrolled("", [0], 1, [0])
    assert [(arrow.start, arrow.end) for arrow in diagram.arrows] == [("x0", "h0"), ("h0", "y0")]
    back = unrolled("", [0], 3, range(3), fed_back=True)
    assert ("y0", "h1") in {(arrow.start, arrow.end) for arrow in back.arrows}
    assert ("y2", "h3") not in {(arrow.start, arrow.end) for arrow in back.arrows}
