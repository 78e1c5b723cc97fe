"""Which recurrent layers feed which, taken from the graph that autograd has recorded, and the branches that follow.

A branch is a stack of layers that run in one direction over the same steps, each fed by the outputs of the one below,
up to a layer that feeds no other in this way: two networks side by side are two branches, so are both directions of a
bidirectional layer, and so are encoder and decoder, whose steps are not the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from nurt.diagnostics.look.finding import FoundModule
from nurt.diagnostics.look.layer_record import LayerRecord

__all__ = ["Feeding", "branches_of", "read_at", "watched"]


@dataclass(eq=False)
class Feeding:
    """Which modules feed the inputs of which; known once the model has run.

    Args:
        made: the nodes of the graph at which the outputs and final states of each module came out, by its path.
        taken: those at which its inputs went in.
    """

    made: dict[str, list[Any]] = field(default_factory=dict)
    taken: dict[str, list[Any]] = field(default_factory=dict)

    def parents(self) -> dict[str, tuple[str, ...]]:
        """Return by the path of each module the modules that feed its inputs with no other recurrent module between."""
        return {path: self._behind(path, nodes) for path, nodes in self.taken.items()}

    def enter(self, path: str, arguments: Iterable[Any], named: Mapping[str, Any], outputs: Any) -> None:
        """Enter one call of a module."""
        first = [*arguments, *named.values()][:1]
        self.taken[path] = _nodes(first)
        self.made[path] = _nodes([outputs])

    def _behind(self, path: str, start: Sequence[Any]) -> tuple[str, ...]:
        owner = {node: name for name, nodes in self.made.items() if name != path for node in nodes}
        found: dict[str, None] = {}
        waiting, seen = list(start), set(start)
        while waiting:
            node = waiting.pop()
            if node in owner:
                found[owner[node]] = None
                continue
            for one, _ in node.next_functions:
                if one is not None and one not in seen:
                    seen.add(one)
                    waiting.append(one)
        return tuple(found)


@contextmanager
def watched(modules: Sequence[FoundModule]) -> Iterator[Feeding]:
    """Watch what goes into some modules and comes out of them while a block runs the model."""
    feeding = Feeding()

    def hook(path: str) -> Any:
        def enter(_: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any], outputs: Any) -> None:
            feeding.enter(path, arguments, named, outputs)

        return enter

    handles = [one.module.register_forward_hook(hook(one.path), with_kwargs=True) for one in modules]
    try:
        yield feeding
    finally:
        for handle in handles:
            handle.remove()


def branches_of(
    records: Sequence[LayerRecord], parents: Mapping[str, Sequence[str]]
) -> tuple[tuple[LayerRecord, ...], ...]:
    """Return the branches, in the order of their lowest layers, each from its lowest layer to its highest.

    Args:
        records: of all layers that were called, lowest first.
        parents: from :meth:`Feeding.parents`.
    """
    known = {one.id: one for one in records}
    highest = {(one.id.module, one.id.direction): one for one in records}

    def below(record: LayerRecord) -> list[LayerRecord]:
        module, layer, direction = record.id
        if layer:
            own = known.get(record.id._replace(layer=layer - 1))
            return [] if own is None else [own]
        fed = (highest.get((path, direction)) for path in parents.get(module, ()))
        return [one for one in fed if one is not None and _step_by_step(one, record)]

    def down(record: LayerRecord) -> Iterator[tuple[LayerRecord, ...]]:
        lower = below(record)
        if not lower:
            yield (record,)
        for one in lower:
            yield from ((*stack, record) for stack in down(one))

    covered = {one.id for record in records for one in below(record)}
    found = [stack for record in records if record.id not in covered for stack in down(record)]
    order = {one.id: place for place, one in enumerate(records)}
    return tuple(sorted(found, key=lambda stack: order[stack[0].id]))


def read_at(record: LayerRecord) -> str:
    """Return where the gradient of the loss arrives at a layer: at its "first" step, its "last", at "several", "none".

    First and last in the order in which each row takes its steps; a row without a gradient does not count.
    """
    if not record.reached_by_loss:
        return "none"
    direct, _ = record.gradients()
    there = (direct != 0).any(dim=-1)
    rows = torch.arange(len(there), device=there.device)
    if record.final_cell is not None:
        there[rows, record.steps.last] |= (record.final_cell != 0).any(dim=-1)
    first = (record.steps.lengths - 1).clamp(min=0) if record.steps.reverse else torch.zeros_like(record.steps.last)
    counts = there.any(dim=1) & (record.steps.lengths > 1)
    if not bool(counts.any()) or bool((there.sum(dim=1) > 1)[counts].any()):
        return "several"
    if bool(there[rows, record.steps.last][counts].all()):
        return "last"
    return "first" if bool(there[rows, first][counts].all()) else "several"


def _step_by_step(lower: LayerRecord, upper: LayerRecord) -> bool:
    """Return whether a layer reads the outputs of another step by step, rather than what is left at its end."""
    return torch.equal(lower.lengths, upper.lengths) and read_at(lower) == "several"


def _nodes(values: Iterable[Any]) -> list[Any]:
    """Return the nodes of the graph behind all tensors in ``values``."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, Tensor):
            found += [value.grad_fn] if value.grad_fn is not None else []
        elif isinstance(value, tuple | list):
            found += _nodes(value)
    return found
