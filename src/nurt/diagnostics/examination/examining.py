"""Examine a whole network at once, and say in words what was found."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from nurt.diagnostics.dynamics.spectrum import Spectrum, weight_spectrum
from nurt.diagnostics.examination.layer_findings import LayerFindings, Scope, look_at
from nurt.diagnostics.examination.verdict import Advice, advise
from nurt.diagnostics.gradient.over_time import GradientByLag, lag_curve
from nurt.diagnostics.gradient.truncation import reads_last_step
from nurt.diagnostics.look.arguments import Call, first_rows, half_mean_square, loss_of
from nurt.diagnostics.look.capture import evaluating, record
from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.layer_record import LayerRecord
from nurt.diagnostics.units.blocks import recurrent_blocks
from nurt.errors import NurtTypeError, NurtValueError
from nurt.results import Result
from nurt.standing import Standing, Verdict
from nurt.wording import plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Examination", "examine"]

WIDTH = 80
_DEFAULT_SCOPE = Scope()


@dataclass(frozen=True, eq=False)
class Examination(Result):
    """What was found in a network, at its present weights, on some rows of data.

    Args:
        rows: looked at.
        steps: T, of the longest layer.
        loss: of these rows.
        layers: each layer and direction, lowest first.
        advice: by stated rules from the measurements.
        whole: how far back the gradient reaches by way of all layers, where the loss reads the last step alone: that of
            the hidden states of the lowest layer by their distance to the end. None for other losses.
        notes: what was left out or cut.
    """

    rows: int
    steps: int
    loss: float
    layers: tuple[LayerFindings, ...]
    advice: tuple[Advice, ...]
    whole: GradientByLag | None
    notes: tuple[str, ...]

    @property
    def verdict(self) -> Verdict[str]:
        """The worst standing of the advice, with the headline and all further warnings."""
        standings = {one.level for one in self.advice}
        worst = next((one for one in (Standing.WARNING, Standing.NOTE) if one in standings), Standing.GOOD)
        warnings = tuple(one.text for one in self.advice[1:] if one.level is Standing.WARNING)
        return Verdict(worst, self.headline, warnings)

    @property
    def headline(self) -> str:
        """The first advice, which is that of how far back the gradient goes where it was looked at; empty without."""
        return self.advice[0].text if self.advice else ""

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
        paragraph = " ".join(one.text for one in self.advice)
        return {"headline": self.headline, "verdict": paragraph, **super().to_dict()}

    def __str__(self) -> str:
        size = f"{plural(self.rows, 'row')} x {plural(self.steps, 'step')}"
        lines = [f"At these weights, on {size}:", *(f"- {one.text}" for one in self.advice)]
        lines += [f"  ({note})" for note in self.notes]
        for layer in self.layers:
            lines += ["", *str(layer).splitlines()]
        return "\n".join(_wrapped(line) for line in lines)

    def plot(self) -> go.Figure:
        """Draw how far the gradient reaches: by way of all layers, and of every layer for itself.

        Raises:
            NurtValueError: neither reach nor gradient were among the parts.
        """
        from nurt import plotting

        known = {str(one.id): one.gradient for one in self.layers if one.gradient is not None}
        if self.whole is not None:
            known = {"by way of all layers": self.whole, **(known if len(self.layers) > 1 else {})}
        if not known:
            raise NurtValueError(
                "Examination.plot: there is no gradient to draw.",
                expected="the part 'reach' or 'gradient', and a loss that depends on a recurrent layer",
                got="none",
            )
        figure = plotting.new_figure("Gradient by lag", "lag k (steps before the loss)", "share of the maximum")
        for place, (name, one) in enumerate(known.items()):
            mean = one.norms.mean / np.nanmax(one.norms.mean)
            colour = plotting.PALETTE[place % len(plotting.PALETTE)]
            line = {"color": colour, "width": 3 if one is self.whole else 1.5}
            figure.add_scatter(x=np.arange(len(mean)), y=mean, name=name, line=line)
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
        with record(model) as seen, torch.enable_grad():
            said = call.run(model)
            given = loss if loss is not None else lambda said: half_mean_square(said, seen.layers)
            value = loss_of(said, given)
            if value.requires_grad:
                torch.autograd.backward(value)
        records, notes = first_rows(seen.once(), scope.rows)
        spectra = _spectra(model) if scope.wants("spectra") else {}
        layers = tuple(look_at(one, spectra.get(one.id, ()), scope) for one in records)
    longest = max(one.steps for one in layers)
    if longest > scope.steps:
        notes.append(f"Jacobians, exponents and connectivity left out: {longest} steps are more than {scope.steps}.")
    whole = _through_all_layers(records, scope)
    notes += [f"No gradient of the loss reaches {one.id}." for one in records if not one.reached_by_loss]
    return Examination(
        len(records[0].lengths), longest, float(value.detach()), layers, advise(layers, whole), whole, tuple(notes)
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


def _through_all_layers(records: Sequence[LayerRecord], scope: Scope) -> GradientByLag | None:
    forward = [one for one in records if one.id.direction == "forward"]
    if not scope.wants("reach") or not forward:
        return None
    lowest, highest = forward[0], forward[-1]
    if not (lowest.reached_by_loss and highest.reached_by_loss and reads_last_step(highest)):
        return None
    _, total = lowest.gradients()
    norms = torch.linalg.vector_norm(total, dim=-1).double().flip(1).cpu()
    return lag_curve(lowest.id, norms, scope.threshold)


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
