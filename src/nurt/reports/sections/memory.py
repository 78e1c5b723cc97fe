"""How far back the network learns and remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt.reports.html import Column, Markup, element, items, join, table
from nurt.reports.page import Section
from nurt.reports.picture import Picture
from nurt.wording import MISSING, percent

if TYPE_CHECKING:
    from nurt.diagnostics import Examination, LayerFindings

__all__ = ["findings", "memory_section", "memory_table", "reach_picture"]


def memory_section(found: Examination) -> Section:
    """Return the findings in words, the gradient by lag, and half-lives and gates of every layer."""
    picture = reach_picture(found)
    parts = [findings(found), *([] if picture is None else [picture.to_html()]), memory_table(found)]
    return Section("memory", "How far back it learns", join(parts))


def findings(found: Examination) -> Markup:
    """Return what the rules say of the network."""
    many = "1 window" if found.rows == 1 else f"{found.rows} windows"
    lead = element("p", f"At its present weights, on {many} of the data:")
    return join([lead, items(one.text for one in found.advice) if found.advice else Markup()])


def reach_picture(found: Examination) -> Picture | None:
    """Return the gradient by its distance to the last step; None where it was not looked at or there is none."""
    if found.whole is None and all(layer.gradient is None for layer in found.layers):
        return None
    figure = found.plot()
    figure.update_layout(title=None, showlegend=len(figure.data) > 1)
    return Picture(
        title="Gradient by lag",
        description="The gradient that reaches the states of the network, by their distance to the last step read.",
        how_to_read=(
            "The norm of the gradient k steps before the last step read, as a share of its maximum. Steps to the right "
            "of where it falls below the dotted line hardly teach the network. A short reach is no fault where the "
            "far past says nothing."
        ),
        figures=[figure],
        height=320,
    )


def memory_table(found: Examination) -> Markup:
    """Return half-lives and saturated gates of every layer; nothing where neither was looked at."""
    layers = [one for one in found.layers if one.gates is not None or one.memory is not None]
    if not layers:
        return Markup()
    columns = [
        Column("Layer", numeric=False),
        Column("Half-life, median unit"),
        Column("Half-life, 95 % quantile"),
        Column("Gates shut"),
        Column("Gates open"),
        Column("Idle units"),
    ]
    return table(columns, [_row(one) for one in layers], caption="Memory and gates of every layer; half-lives in steps")


def _row(layer: LayerFindings) -> list[str]:
    half = [MISSING, MISSING]
    if layer.memory is not None:
        half = [f"{value:.3g}" for value in np.quantile(layer.memory.half_life, [0.5, 0.95])]
    gates = layer.gates
    shut = opened = idle = MISSING
    if gates is not None:
        idle = str(int((gates.units.dead | gates.units.stuck).sum()))
        if gates.gates:
            shut = percent(float(np.mean([one.left for one in gates.gates.values()])), 0)
            opened = percent(float(np.mean([one.right for one in gates.gates.values()])), 0)
    return [f"{layer.id.layer}, {layer.id.direction}", *half, shut, opened, idle]
