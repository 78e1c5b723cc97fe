"""The steps of a recorded layer, to be taken again one by one and differentiated.

A recording holds the inputs of every step and the gradient that arrived at every output. Everything else about the
backward pass, down to a single step, a single use of the weights or a single loss, is computed again from these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nurt.kernels import StepOptions, Weights
from nurt.kernels.recurrence import positions_within, project
from nurt.kernels.reference import RECURRENCES
from nurt.kernels.reference.carry import crossing, partly_kept
from nurt.nn import AbstractCell
from nurt.nn.unrolling import kernel_cell

__all__ = ["StepBack", "StepFunction", "Steps", "TakeStep", "known_step", "own_step", "weighted_step"]

Weighted = Callable[[Tensor, Any, dict[str, Tensor]], Any]

TakeStep = Callable[[Tensor, Any, Mapping[str, Tensor], Tensor | None], Any]
"""The state after a step, from x_t (N, I), the state before, the weights by name and the mask of the fed-back state."""


class StepFunction(NamedTuple):
    """A step as a function of its weights.

    Attributes:
        take: one step.
        weights: by name, as they were.
        zeros: a state of zeros, fields (1, ·); has all its fields.
    """

    take: TakeStep
    weights: Mapping[str, Tensor]
    zeros: Any


class StepBack(NamedTuple):
    """The gradients of one step.

    Attributes:
        place: t, at which input.
        weights: gradients of its use of the weights by name, summed over the batch.
    """

    place: int
    weights: dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of one layer in one direction.

    Args:
        take: one step.
        weights: by name, as they were.
        options: what happens to the state between steps.
        inputs: x_t, (B, T, I).
        lengths: steps of each row, (B,).
        reverse: whether each row runs from its last step to its first.
        initial: before the first step, a NamedTuple of (B, ·).
        recorded: fields of the states after each step, (B, T, ·), as far as they were recorded.
    """

    take: TakeStep
    weights: Mapping[str, Tensor]
    options: StepOptions
    inputs: Tensor
    lengths: Tensor
    reverse: bool
    initial: Any
    recorded: Mapping[str, Tensor]

    @property
    def steps(self) -> int:
        """T."""
        return self.inputs.shape[1]

    @property
    def within(self) -> Tensor:
        """Which positions lie before the end of their row, (B, T)."""
        return positions_within(self.lengths, self.steps)

    @property
    def order(self) -> list[int]:
        """The places in the order in which the layer visits them."""
        return list(range(self.steps - 1, -1, -1) if self.reverse else range(self.steps))

    @property
    def last(self) -> Tensor:
        """The place of each row's last step, (B,); 0 for a row without steps."""
        return torch.zeros_like(self.lengths) if self.reverse else (self.lengths - 1).clamp(min=0)

    def first(self, rows: int) -> Steps:
        """Return the steps of the first ``rows`` rows alone."""
        given = self.options
        mask, hidden, cell = given.hidden_mask, given.keep_hidden, given.keep_cell
        options = replace(
            given,
            hidden_mask=None if mask is None else mask[:rows],
            keep_hidden=hidden[:rows] if isinstance(hidden, Tensor) else hidden,
            keep_cell=cell[:rows] if isinstance(cell, Tensor) else cell,
        )
        return replace(
            self,
            options=options,
            inputs=self.inputs[:rows],
            lengths=self.lengths[:rows],
            initial=type(self.initial)(*(field[:rows] for field in self.initial)),
            recorded={name: values[:rows] for name, values in self.recorded.items()},
        )

    def states_before(self) -> Any:
        """Return the state before each step, fields (B, T, ·); past the end of a row it means nothing."""
        names = type(self.initial)._fields
        if set(names) <= set(self.recorded):
            return type(self.initial)(
                *(self._shifted(self.recorded[name], start) for name, start in zip(names, self.initial, strict=True))
            )
        return self._walked()

    def knows_state_before(self, places: Tensor) -> Tensor:
        """Return whether the gradient of the state before the steps at ``places`` (N,) can be told, (N,)."""
        return torch.ones_like(places, dtype=torch.bool)

    def after(self, values: Tensor) -> Tensor:
        """Return at each place what ``values`` (B, T, ·) hold at the step that follows it; zero at the last one.

        ``values`` are zero past the ends of the rows, and so is what is returned.
        """
        nothing = torch.zeros_like(values[:, :1])
        parts = [nothing, values[:, :-1]] if self.reverse else [values[:, 1:], nothing]
        return torch.where(self.within.unsqueeze(-1), torch.cat(parts, dim=1), 0.0)

    def at(self, rows: Tensor, places: Tensor, state: Any, weights: Mapping[str, Tensor]) -> Any:
        """Return the states after the steps of ``rows`` (N,) at ``places`` (N,), from the states before (N, ·)."""
        options = _chosen(self.options, rows, places)
        before = crossing(state, options.gradient_clip)
        made = self.take(self.inputs[rows, places], before, weights, options.hidden_mask)
        return partly_kept(before, made, options, 0)

    def back(self, direct: Tensor, final: Mapping[str, Tensor]) -> Iterator[StepBack]:
        """Go back in time from the last step to the first.

        Args:
            direct: ∂ℓ/∂h_t of every step, (B, T, ·), that of the final hidden state included.
            final: gradients of the other fields of the final state, (B, ·).
        """
        before, rows = self.states_before(), torch.arange(len(self.lengths), device=self.inputs.device)
        carried = self._final(final)
        for place in reversed(self.order):
            alive = self.within[:, place].unsqueeze(1)
            made = carried._replace(hidden=carried.hidden + direct[:, place])
            made = type(made)(*(torch.where(alive, field, 0.0) for field in made))
            state = type(before)(*(field[:, place] for field in before))
            found, weights = self.pulled(rows, torch.full_like(rows, place), state, made, self.weights)
            carried = type(made)(*(torch.where(alive, new, old) for new, old in zip(found, carried, strict=True)))
            yield StepBack(place, weights)

    def pulled(
        self, rows: Tensor, places: Tensor, state: Any, grad: Any, weights: Mapping[str, Tensor]
    ) -> tuple[Any, dict[str, Tensor]]:
        """Return the gradients of the states before some steps, and of ``weights``, from those of the states after."""
        with torch.enable_grad():
            leaves = type(state)(*(field.detach().requires_grad_() for field in state))
            used = {name: weight.detach().requires_grad_() for name, weight in weights.items()}
            made = self.at(rows, places, leaves, {**self.weights, **used})
            pairs = [(value, one) for value, one in zip(made, grad, strict=True) if value.requires_grad]
            found = torch.autograd.grad(
                [value for value, _ in pairs],
                [*leaves, *used.values()],
                [one for _, one in pairs],
                allow_unused=True,
                materialize_grads=True,
            )
        return type(state)(*found[: len(leaves)]), dict(zip(used, found[len(leaves) :], strict=True))

    def _final(self, final: Mapping[str, Tensor]) -> Any:
        named = zip(type(self.initial)._fields, self.initial, strict=True)
        fields = (torch.zeros_like(start) if name == "hidden" else final.get(name, start * 0) for name, start in named)
        return type(self.initial)(*fields)

    def _shifted(self, values: Tensor, start: Tensor) -> Tensor:
        if not self.reverse:
            return torch.cat([start.unsqueeze(1), values[:, :-1]], dim=1)
        later = torch.cat([values[:, 1:], start.unsqueeze(1)], dim=1)
        first = (torch.arange(self.steps, device=values.device) == self.lengths.unsqueeze(1) - 1).unsqueeze(-1)
        return torch.where(first, start.unsqueeze(1), later)

    @torch.no_grad()
    def _walked(self) -> Any:
        """Return the states before each step by taking all steps again."""
        rows = torch.arange(len(self.lengths), device=self.inputs.device)
        state, before = self.initial, [self.initial] * self.steps
        for place in self.order:
            before[place] = state
            made = self.at(rows, torch.full_like(rows, place), state, self.weights)
            alive = self.within[:, place].unsqueeze(1)
            state = type(state)(*(torch.where(alive, new, old) for new, old in zip(made, state, strict=True)))
        return type(state)(*(torch.stack(field, dim=1) for field in zip(*before, strict=True)))


def known_step(recurrence: str, weights: Weights, constants: tuple[float, ...]) -> StepFunction:
    """Return the step of a recurrence that kernels know by name, with the constants of its equation."""
    equation, weight_hh = RECURRENCES[recurrence].with_constants(constants), weights.weight_hh
    present = {name: weight for name, weight in weights._asdict().items() if weight is not None}
    sizes = {"hidden": weight_hh.shape[1], "cell": weight_hh.shape[0] // equation.gates}
    zeros = equation.state(*(weight_hh.new_zeros(1, sizes[name]) for name in equation.fields))

    def take(x: Tensor, state: Any, weights: Mapping[str, Tensor], mask: Tensor | None) -> Any:
        named = Weights(**weights)
        return equation.advance(project(x, named), state, named, mask)

    return StepFunction(take, present, zeros)


def own_step(cell: AbstractCell[Any]) -> StepFunction:
    """Return the step of a cell that kernels do not know, with copies of its present weights."""
    weights, step = weighted_step(cell)
    start = cell.initial_state(1)
    zeros = type(start)(*(torch.zeros_like(field) for field in start))

    def take(x: Tensor, state: Any, weights: Mapping[str, Tensor], _: Tensor | None) -> Any:
        return step(x, state, dict(weights))

    return StepFunction(take, {name: weight.clone() for name, weight in weights.items()}, zeros)


def weighted_step(cell: AbstractCell[Any]) -> tuple[dict[str, Tensor], Weighted]:
    """Return the weights of a cell, detached, and its step as a function of them."""
    known = kernel_cell(cell)
    if known is not None:
        kind = type(known.weights)
        present = {name: weight.detach() for name, weight in known.weights._asdict().items() if weight is not None}
        return present, lambda x, state, weights: known.recurrence.step(x, state, kind(**weights))
    module = _Step(cell)
    named = {name.removeprefix("cell."): weight.detach() for name, weight in module.named_parameters()}

    def step(x: Tensor, state: Any, weights: dict[str, Tensor]) -> Any:
        named = {f"cell.{name}": weight for name, weight in weights.items()}
        return torch.func.functional_call(module, named, (x, state))

    return named, step


class _Step(nn.Module):
    """The step of a cell as the call of a module, which torch can run with other weights."""

    def __init__(self, cell: AbstractCell[Any]) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, state: Any) -> Any:
        """Return the state after one input."""
        return self.cell.step(x, state)


def _chosen(options: StepOptions, rows: Tensor, places: Tensor) -> StepOptions:
    """Return the options of some steps; those that differ from step to step have a time axis of length one."""
    mask = options.hidden_mask
    return StepOptions(
        None if mask is None else mask[rows],
        _share(options.keep_hidden, rows, places),
        _share(options.keep_cell, rows, places),
        options.gradient_clip,
    )


def _share(keep: Tensor | float | None, rows: Tensor, places: Tensor) -> Tensor | float | None:
    return keep[rows, places].unsqueeze(1) if isinstance(keep, Tensor) else keep
