"""Examine a whole network at once, and say in words what was found."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from nurt.diagnostics.dynamics.spectrum import Spectrum, weight_spectrum
from nurt.diagnostics.examination.advice import Advice
from nurt.diagnostics.examination.graph import branches_of, read_at, watched
from nurt.diagnostics.examination.layer_findings import LayerFindings, Scope, look_at
from nurt.diagnostics.examination.on_reach import Branch
from nurt.diagnostics.examination.verdict import advise
from nurt.diagnostics.gradient.by_lag import GradientByLag, total_by_lag
from nurt.diagnostics.look.arguments import Call, first_rows, half_mean_square, loss_of
from nurt.diagnostics.look.capture import evaluating, record
from nurt.diagnostics.look.finding import LayerId, modules_of
from nurt.diagnostics.look.layer_record import LayerRecord
from nurt.diagnostics.units.blocks import recurrent_blocks
from nurt.errors import NurtTypeError, NurtValueError
from nurt.results import Result, plain
from nurt.standing import Standing, Verdict
from nurt.wording import Text, joined, plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Examination", "examine"]

WIDTH = 80
# Of a figure that shows every layer beside the branches; above it the branches alone.
MOST_LINES = 6
_DEFAULT_SCOPE = Scope()
NOTHING_TO_SAY = Text("No rule applies to what was looked at.", "Żadna reguła nie dotyczy tego, co zbadano.")
_LEFT_OUT = Text(
    "Jacobians, exponents and connectivity left out: {steps} steps are more than {most}.",
    "Pominięto jakobiany, wykładniki i zależność od wejść: {steps} kroków to więcej niż {most}.",
)


@dataclass(frozen=True, eq=False)
class Examination(Result):
    """What was found in a network, at its present weights, on some rows of data.

    Args:
        rows: looked at.
        steps: T, of the longest layer.
        loss: of these rows.
        layers: each layer and direction, lowest first.
        advice: by stated rules from the measurements.
        branches: of the network, and how far back the gradient reaches in each; none where that was not looked at.
        notes: what was left out or cut.
    """

    rows: int
    steps: int
    loss: float
    layers: tuple[LayerFindings, ...]
    advice: tuple[Advice, ...]
    branches: tuple[Branch, ...]
    notes: tuple[Text, ...]

    @property
    def verdict(self) -> Verdict[Text]:
        """The worst standing of the advice, with the headline, the reach of each branch, and all further warnings."""
        standings = {one.level for one in self.advice}
        worst = next((one for one in (Standing.WARNING, Standing.NOTE) if one in standings), Standing.GOOD)
        reaches = tuple(one for one in self.advice if one.rule == "reach" and one is not self.advice[0])
        first = (*self.advice[:1], *reaches)
        text = joined(*(one.text for one in first)) if first else NOTHING_TO_SAY
        warnings = tuple(one.text for one in self.advice if one not in first and one.level is Standing.WARNING)
        return Verdict(worst, text, warnings)

    @property
    def headline(self) -> Text:
        """The first advice: how far back the gradient goes, or a warning of another kind where that is no warning."""
        return self.advice[0].text if self.advice else NOTHING_TO_SAY

    @property
    def whole(self) -> GradientByLag | None:
        """That by way of all layers, of the first branch that the loss reads at its last step alone; None without."""
        return next((one.gradient for one in self.branches if one.through_all), None)

    @property
    def top(self) -> LayerFindings:
        """The highest layer, in the forward direction where it has one."""
        forward = [one for one in self.layers if one.id.direction == "forward"]
        return (forward or list(self.layers))[-1]

    @property
    def figures(self) -> dict[str, go.Figure]:
        """The figure of every part of every layer by its title, drawn now."""
        return {
            f"{name} of {part.name if isinstance(part, Spectrum) else layer.id}": part.plot()
            for layer in self.layers
            for name, part in layer.parts()
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the headline, the advice in one paragraph, and all parts."""
        paragraph = joined(*(one.text for one in self.advice))
        return {"headline": plain(self.headline), "verdict": plain(paragraph), **super().to_dict()}

    def __str__(self) -> str:
        size = f"{plural(self.rows, 'row')} x {plural(self.steps, 'step')}"
        lines = [f"At these weights, on {size}:", *(f"- {one.text.en}" for one in self.advice)]
        lines += [f"  ({note.en})" for note in self.notes]
        for layer in self.layers:
            lines += ["", *str(layer).splitlines()]
        return "\n".join(_wrapped(line) for line in lines)

    def plot(self) -> go.Figure:
        """Draw how far the gradient reaches: in every branch by way of all its layers, and in every layer for itself.

        Of more than six layers the branches alone, of one that several steps read the layer that reaches furthest.

        Medians of the rows, as in the findings, of state or inputs, of whichever reaches further.

        Raises:
            NurtValueError: neither reach nor gradient were among the parts.
        """
        from nurt import plotting

        several = len(self.branches) > 1
        known = {
            f"{one.name.en}: by way of all layers" if several else "by way of all layers": one.gradient
            for one in self.branches
            if one.through_all and one.gradient is not None and len(one.layers) > 1
        }
        wide = len(known)
        if len(self.layers) <= MOST_LINES:
            known |= {str(one.id): one.gradient for one in self.layers if one.gradient is not None}
        if len(known) == wide:
            known |= {
                one.name.en: one.gradient
                for one in self.branches
                if one.gradient is not None and not (one.through_all and len(one.layers) > 1)
            }
        if not known:
            raise NurtValueError(
                "Examination.plot: there is no gradient to draw.",
                expected="the part 'reach' or 'gradient', and a loss that depends on a recurrent layer",
                got="none",
            )
        figure = plotting.new_figure("Gradient by lag", "lag k (steps before the loss)", "share of the maximum")
        for place, (name, one) in enumerate(known.items()):
            median = one.shares(one.furthest).median
            colour = plotting.PALETTE[place % len(plotting.PALETTE)]
            line = {"color": colour, "width": 3 if place < wide else 1.5}
            figure.add_scatter(x=np.arange(len(median)), y=median, name=f"{name}, {one.furthest}", line=line)
        threshold = next(iter(known.values())).threshold
        figure.add_hline(y=threshold, line={"color": plotting.REFERENCE, "dash": "dot"})
        figure.update_yaxes(type="log", exponentformat="power")
        return figure


def examine(
    model: nn.Module,
    batch: Any,
    loss: Callable[[Any], Tensor] | None = None,
    *,
    scope: Scope = _DEFAULT_SCOPE,
) -> Examination:
    """Examine every recurrent layer of a network on a batch, and say what was found.

    One forward and one backward pass in evaluation mode, and what the parts of the scope cost beside. The model is
    afterwards as it was: weights, gradients and modes.

    Args:
        model: holds layers of ``nurt.nn`` or ``torch.nn``, see :func:`~nurt.diagnostics.record`.
        batch: what the model is called with: a tensor or packed sequence, a tuple of arguments, or a dict of arguments
            by name; without the targets, which belong to the loss. It is run as a whole, in the layout of the model; of
            every layer the first ``scope.rows`` rows are looked at.
        loss: from what the model returns to one number; None for half the mean square of what it returns, of sequences
            beside a state, as recurrent layers return them, that of the last step of each row.
        scope: which parts, and how much.

    Raises:
        NurtTypeError: nothing recurrent inside, half precision, a batch of another kind, or a result that has no loss
            of its own.
        NonFiniteError: a weight is NaN or infinite.
        NurtValueError: the model does not run on the batch, uses a layer more than once, or the loss is no finite
            number.
        ShapeError: the batch does not fit a layer of ``nurt.nn``.

    Example:
        >>> model = torch.nn.LSTM(3, 5, batch_first=True)
        >>> found = nurt.diagnostics.examine(model, torch.randn(4, 20, 3))
        >>> [layer.recurrence for layer in found.layers], found.rows, found.steps
        (['lstm'], 4, 20)
    """
    call = Call.of(model, batch)
    with evaluating(model), _kept_gradients(model):
        with record(model) as seen, watched(modules_of(model)) as feeding, torch.enable_grad():
            said = call.run(model)
            given = loss if loss is not None else lambda said: half_mean_square(said, seen.layers)
            value = loss_of(said, given)
            parents = feeding.parents()
            if value.requires_grad:
                torch.autograd.backward(value)
        records, notes = first_rows(seen.once(), scope.rows)
        spectra = _spectra(model) if scope.wants("spectra") else {}
        layers = tuple(look_at(one, spectra.get(one.id, ()), scope) for one in records)
    longest = max(one.steps for one in layers)
    if longest > scope.steps:
        notes.append(_LEFT_OUT.filled(steps=longest, most=scope.steps))
    branches = _branches(records, layers, parents, scope)
    return Examination(
        len(records[0].lengths),
        longest,
        float(value.detach()),
        layers,
        advise(layers, branches),
        branches,
        tuple(notes),
    )


@contextmanager
def _kept_gradients(model: nn.Module) -> Iterator[None]:
    """Give every parameter back the gradient it had."""
    before: Sequence[tuple[nn.Parameter, Tensor | None]] = [(one, one.grad) for one in model.parameters()]
    for parameter, _ in before:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, gradient in before:
            parameter.grad = gradient


def _branches(
    records: Sequence[LayerRecord], layers: Sequence[LayerFindings], parents: Mapping[str, Sequence[str]], scope: Scope
) -> tuple[Branch, ...]:
    if not (scope.wants("reach") or scope.wants("gradient")):
        return ()
    findings = {one.id: one for one in layers}
    found = []
    for stack in branches_of(records, parents):
        parts = tuple(findings[one.id] for one in stack)
        where = read_at(stack[-1])
        through_all = scope.wants("reach") and where == "last" and _full(stack[0]) and stack[0].reached_by_loss
        known = [one.gradient for one in parts if one.gradient is not None]
        furthest = max(known, key=_reach, default=None)
        gradient = total_by_lag(stack[0], scope.threshold) if through_all else furthest
        found.append(Branch(parts, where, gradient, through_all))
    return tuple(found)


def _full(record: LayerRecord) -> bool:
    """Return whether all rows have the same number of steps."""
    return bool((record.lengths == record.steps.steps).all())


def _reach(gradient: GradientByLag) -> tuple[bool, float]:
    """Return what orders layers by their reach, one that explodes last."""
    return gradient.course == "explodes", float("inf") if gradient.horizon is None else gradient.horizon


def _spectra(model: nn.Module) -> dict[LayerId, tuple[Spectrum, ...]]:
    found: dict[LayerId, tuple[Spectrum, ...]] = {}
    try:
        blocks = recurrent_blocks(model)
    except NurtTypeError:
        # Nothing but cells with their own step: they have no known matrix.
        return found
    for block in blocks:
        found[block.id] = (*found.get(block.id, ()), weight_spectrum(block.weight, block.name))
    return found


def _wrapped(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(line, WIDTH, subsequent_indent=indent) if line else line
