"""The reach of inputs as classes of a steps × inputs table, and the report of the causality audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nurt.evaluation.forecasts.audits.causality.probes import Effects
from nurt.results import Result, plain
from nurt.wording import plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "DECAYED",
    "REACHED",
    "UNREACHABLE",
    "CausalityReport",
    "CausalityVerdict",
    "Reach",
    "classify",
    "conclude",
    "without_statistics",
]

CausalityVerdict = Literal["pass", "info", "warning", "error"]
UNREACHABLE, DECAYED, REACHED = 0, 1, 2
# Below this share of the strongest influence on the same step an input is remembered in name only.
DECAYED_BELOW = 1e-6
# An influence that shows this many times above the cut-off of the swap probe must show there too, unless it
# travels through statistics that swapping leaves alone.
PLAIN_TO_SEE = 1e3


@dataclass(frozen=True)
class Reach(Result):
    """How far the inputs of one channel group reach.

    Inputs are numbered 1 (oldest) to ``look_back`` (newest); numbers above that are steps after the origin. All
    arrays have one entry per audited step; 0 means that no input of the group has any influence.

    Args:
        group: "target", "past covariates" or "future covariates".
        look_back: number of inputs up to the origin.
        total: classes with every path counted, window statistics included, int8 (steps, inputs).
        learned: classes with window statistics held fixed, int8 (steps, inputs).
    """

    group: str
    look_back: int
    total: np.ndarray
    learned: np.ndarray

    @property
    def latest(self) -> np.ndarray:
        """Newest input that can influence each step, window statistics held fixed."""
        return _latest(self.learned)

    @property
    def earliest(self) -> np.ndarray:
        """Oldest input that can influence each step, window statistics held fixed."""
        return _earliest(self.learned)

    @property
    def latest_total(self) -> np.ndarray:
        """Newest input that can influence each step by any path."""
        return _latest(self.total)

    @property
    def earliest_total(self) -> np.ndarray:
        """Oldest input that can influence each step by any path."""
        return _earliest(self.total)

    @property
    def blind_newest(self) -> np.ndarray:
        """How many of the newest inputs cannot influence each step, window statistics held fixed."""
        blind: np.ndarray = self.look_back - _latest(self.learned[:, : self.look_back])
        return blind

    @property
    def lead(self) -> np.ndarray:
        """How many steps beyond the origin the influence on each step reaches, by any path; 0 for none."""
        newest: np.ndarray = np.maximum(self.latest, self.latest_total)
        return (newest - self.look_back).clip(min=0)

    def to_dict(self) -> dict[str, Any]:
        """Return the reach per step, and the learned classes as one string of ``·-#`` per step.

        ``#`` is reached, ``-`` decayed, ``·`` unreachable; the first character is the oldest input.
        """
        return {
            "group": self.group,
            "latest_input": plain(self.latest),
            "earliest_input": plain(self.earliest),
            "latest_input_total": plain(self.latest_total),
            "earliest_input_total": plain(self.earliest_total),
            "blind_newest": plain(self.blind_newest),
            "classes": ["".join("·-#"[code] for code in row) for row in self.learned],
        }


@dataclass(frozen=True)
class CausalityReport(Result):
    """Which inputs can influence which forecast steps.

    Inputs are numbered 1 (oldest) to ``look_back`` (newest); a number above ``look_back`` is a step after the
    origin, which no forecast may know. Arrays have one entry per step of ``steps``.

    Args:
        verdict: "error" when a forecast depends on the future, "warning" when a step cannot see the newest
            inputs, "info" when one cannot see the oldest, else "pass".
        text: the verdict as a sentence.
        look_back, horizon: sizes of the forecaster.
        steps: audited forecast steps, 1-based.
        reach: one entry per channel group, the target first.
        probes: how it was found out.
        notes: what limits the findings.
    """

    verdict: CausalityVerdict
    text: str
    look_back: int
    horizon: int
    steps: tuple[int, ...]
    reach: tuple[Reach, ...]
    probes: str
    notes: tuple[str, ...] = ()

    @property
    def target(self) -> Reach:
        """Reach of the target's own past."""
        return self.reach[0]

    @property
    def latest_input(self) -> np.ndarray:
        """Newest target input that can influence each step, window statistics held fixed."""
        return self.target.latest

    @property
    def earliest_input(self) -> np.ndarray:
        """Oldest target input that can influence each step, window statistics held fixed."""
        return self.target.earliest

    @property
    def latest_input_total(self) -> np.ndarray:
        """Newest target input that can influence each step by any path, window statistics included."""
        return self.target.latest_total

    @property
    def blind_newest(self) -> np.ndarray:
        """How many of the newest target inputs cannot influence each step."""
        return self.target.blind_newest

    @property
    def classes(self) -> np.ndarray:
        """0 unreachable, 1 decayed, 2 reached, window statistics held fixed; int8 (steps, inputs) of the target."""
        return self.target.learned

    def to_dict(self) -> dict[str, Any]:
        """Return verdict, sentence, and the reach per step of every channel group."""
        return super().to_dict() | {
            "latest_input": plain(self.latest_input),
            "earliest_input": plain(self.earliest_input),
            "latest_input_total": plain(self.latest_input_total),
            "blind_newest": plain(self.blind_newest),
        }

    def __str__(self) -> str:
        return "\n".join((self.text, *self.notes))

    def plot(self, group: str = "target") -> go.Figure:
        """Draw forecast steps × inputs, window statistics held fixed.

        Args:
            group: the channel group to draw.
        """
        from nurt import plotting

        reach = next(one for one in self.reach if one.group == group)
        figure = plotting.new_figure(f"What each step can see: {group}", "input (1 = oldest)", "forecast step")
        colours = ("#F4F4F4", plotting.translucent(plotting.MODEL, 0.35), plotting.MODEL)
        names = ("unreachable", "decayed", "reached")
        figure.add_heatmap(
            z=reach.learned.tolist(),
            x=list(range(1, reach.learned.shape[1] + 1)),
            y=[str(step) for step in self.steps],
            zmin=-0.5,
            zmax=2.5,
            colorscale=[stop for i, colour in enumerate(colours) for stop in ((i / 3, colour), ((i + 1) / 3, colour))],
            colorbar={"tickvals": [0, 1, 2], "ticktext": list(names)},
            text=[[names[code] for code in row] for row in reach.learned],
            hovertemplate="step %{y}, input %{x}: %{text}<extra></extra>",
        )
        figure.update_layout(hovermode="closest", yaxis={"autorange": "reversed", "type": "category"})
        if reach.learned.shape[1] > self.look_back:
            figure.add_vline(x=self.look_back + 0.5, line={"color": plotting.WARNING, "dash": "dash"})
        return figure


def classify(influence: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Sort every (step, input) into unreachable, decayed or reached.

    Args:
        influence: strength of each input, exactly 0 where there is none, (steps, inputs).
        found: where another probe found an influence that ``influence`` may have missed, bool (steps, inputs).

    Returns:
        int8 (steps, inputs).
    """
    strongest = influence.max(axis=1, keepdims=True)
    classes = np.where(influence > 0.0, DECAYED, UNREACHABLE)
    classes[(influence >= DECAYED_BELOW * strongest) & (influence > 0.0)] = REACHED
    classes[found & (influence == 0.0)] = REACHED
    return classes.astype(np.int8)


def without_statistics(total: np.ndarray, shifted: Effects, swapped: Effects, cutoff: np.ndarray) -> np.ndarray:
    """Approximate the learned view of a forecaster whose window statistics cannot be held fixed.

    An input that was read on its own changes the answer when it is exchanged with either neighbour. Where a shift
    shows clearly and neither exchange does, the influence came through statistics of the whole window. A step
    that no exchange changes has no learned view: its total view is returned.

    Args:
        total: classes of the total view, (steps, inputs).
        shifted: what shifting each input did, (steps, inputs).
        swapped: what exchanging inputs i and i+1 did, (steps, look_back - 2).
        cutoff: smallest change that counted as an effect of a swap, (steps,).

    Returns:
        classes of the learned view, (steps, inputs).
    """
    pairs = swapped.found.shape[1]
    read = np.ones(total.shape, dtype=bool)
    read[:, :pairs] &= swapped.found
    read[:, 1 : pairs + 1] &= swapped.found
    # No exchange can touch the last input alone, so it shares the fate of its neighbours.
    read[:, pairs + 1] = swapped.found[:, -1]
    plain_to_see = shifted.size > PLAIN_TO_SEE * cutoff[:, None]
    has_learned_view = swapped.found.any(axis=1, keepdims=True)
    return np.where(has_learned_view & plain_to_see & ~read, UNREACHABLE, total).astype(np.int8)


def conclude(
    reach: Sequence[Reach], steps: Sequence[int], look_back: int, *, exact: bool
) -> tuple[CausalityVerdict, str]:
    """Return the verdict and its sentence.

    Args:
        reach: per channel group.
        steps: audited forecast steps.
        look_back: number of inputs up to the origin.
        exact: whether unreachable means no path, rather than no effect that could be measured.
    """
    up_to_origin = [one for one in reach if one.group != "future covariates"]
    for one in up_to_origin:
        if one.lead.any():
            at = int(one.lead.argmax())
            return "error", (
                f"Looks ahead: the forecast of step {steps[at]} changes with the {one.group} "
                f"{plural(int(one.lead[at]), 'step')} after the origin, which is unknown when forecasting."
            )
    for one in up_to_origin:
        if one.blind_newest.any():
            return "warning", _blindness(one, steps, exact=exact)
    for one in up_to_origin:
        if (one.earliest > 1).any():
            at = int(one.earliest.argmax())
            cause = "cannot be reached by" if exact else "has no measurable influence on"
            return "info", (
                f"Every step sees the newest input. The oldest part of the {one.group} window, up to input "
                f"{one.earliest[at] - 1} of {look_back}, {cause} step {steps[at]}."
            )
    return "pass", f"Every forecast step sees all {look_back} inputs, the newest included, and nothing beyond them."


def _blindness(one: Reach, steps: Sequence[int], *, exact: bool) -> str:
    at = int(one.blind_newest.argmax())
    if one.latest[at] == 0:
        return f"Step {steps[at]} reads nothing of the {one.group} window: no input changes it."
    seen = "Window statistics apart, step" if (one.latest_total > one.latest).any() else "Step"
    how = "cannot see" if exact else "shows no effect of"
    rest = f" (step {steps[-1]}: {one.blind_newest[-1]})" if len(steps) > 1 else ""
    return (
        f"{seen} {steps[at]} {how} the newest {plural(int(one.blind_newest[at]), 'value')} of the {one.group} "
        f"window{rest}. A head that cuts its outputs off the end of the encoder does this; read the last state instead."
    )


def _latest(classes: np.ndarray) -> np.ndarray:
    reachable = classes > UNREACHABLE
    last = classes.shape[1] - reachable[:, ::-1].argmax(axis=1)
    return np.where(reachable.any(axis=1), last, 0)


def _earliest(classes: np.ndarray) -> np.ndarray:
    reachable = classes > UNREACHABLE
    return np.where(reachable.any(axis=1), reachable.argmax(axis=1) + 1, 0)
