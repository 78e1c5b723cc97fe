"""Torch's own test definitions for recurrent modules, run against nurt's drop-in classes beside torch's.

``python -m tests.proofs.torch_tests`` prints what the page "In the place of torch" shows. The definitions (constructor
arguments, inputs, references, inputs that must be refused) come with torch, in ``torch.testing._internal``; the checks
are those of torch's ``test_modules.py``, which does not, and comparisons with torch's module of the same weights.
"""

from __future__ import annotations

import copy
import io
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

import nurt.nn
from nurt.nn import DropInGRUCell, DropInLSTMCell, DropInRNNCell

PAIRS: dict[type[nn.Module], Callable[..., nn.Module]] = {
    nn.RNN: nurt.nn.RNN,
    nn.LSTM: nurt.nn.LSTM,
    nn.GRU: nurt.nn.GRU,
    nn.RNNCell: DropInRNNCell,
    nn.LSTMCell: DropInLSTMCell,
    nn.GRUCell: DropInGRUCell,
}
DTYPES = (torch.float32, torch.float64)
# Element by element: (relative, absolute), what torch.testing.assert_close grants each dtype, and far less in float64.
WITHIN = {torch.float32: (1.3e-6, 1e-5), torch.float64: (1e-10, 1e-12)}
# In float32 sums of another order may miss that; then the largest error of each tensor against torch's float64
# counts, in units of torch's own.
ERRORS = 2.0
# What differs on purpose, and why.
REASONS = {
    "words of errors": "nurt's say what was expected, what was given and how to mend it; the types are torch's",
    "isinstance of nn.RNN, LSTM, GRU": (
        "`torch.compile` breaks its graph at every instance of these three classes; "
        "ask for `torch.nn.RNNBase`, which both are"
    ),
    "repr of cells": "the drop-in cells have names of their own, because nurt's `LSTMCell` is another contract",
}


@dataclass
class Count:
    """How many cases of one check were run, and what differed."""

    cases: int = 0
    differences: dict[str, int] = field(default_factory=dict)

    def differs(self, what: str) -> None:
        self.differences[what] = self.differences.get(what, 0) + 1


def leaves(value: Any) -> list[Tensor]:
    """Return the tensors of inputs or results, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, PackedSequence):
        return [value.data]
    return [leaf for one in value for leaf in leaves(one)] if isinstance(value, tuple | list) else []


def mapped(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """Return inputs with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, PackedSequence):
        return PackedSequence(change(value.data), *value[1:])
    return tuple(mapped(change, one) for one in value) if isinstance(value, tuple | list) else value


def copied(value: Any) -> Any:
    return mapped(lambda one: one.detach().clone().requires_grad_(one.requires_grad), value)


def with_gaps(tensor: Tensor) -> Tensor:
    """Return the same values in memory that is not contiguous."""
    wide = torch.empty(*tensor.shape, 2, dtype=tensor.dtype).fill_(float("nan"))
    wide[..., 0] = tensor.detach()
    return wide[..., 0].requires_grad_(tensor.requires_grad)


@dataclass
class Case:
    """One definition of torch's: both modules with the same weights, and the inputs."""

    theirs: nn.Module
    ours: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    reference: Callable[..., Any] | None
    dtype: torch.dtype

    def agree(self, mine: Any, wanted: Any, exact: Callable[[], Any] | None = None) -> bool:
        """Return whether results agree; ``exact`` computes torch's in float64, which decides where elements miss."""
        one, other = ([leaf.detach() for leaf in leaves(values)] for values in (mine, wanted))
        if [(a.shape, a.dtype) for a in one] != [(b.shape, b.dtype) for b in other]:
            return False
        relative, absolute = WITHIN[self.dtype]
        if all(torch.allclose(a, b, relative, absolute) for a, b in zip(one, other, strict=True)):
            return True
        if exact is None or self.dtype != torch.float32:
            return False
        truth = [leaf.detach() for leaf in leaves(exact())]
        return all(
            float((a - true).abs().max()) <= ERRORS * float((b - true).abs().max())
            for a, b, true in zip(one, other, truth, strict=True)
        )


def cases(info: Any) -> Iterator[Case]:
    for dtype in DTYPES:
        for training in (False, True):
            torch.manual_seed(0)
            packed = {"with_packed_sequence": True} if info.module_cls in (nn.RNN, nn.GRU) else {}
            for given in info.module_inputs_func(
                info, device="cpu", dtype=dtype, requires_grad=True, training=training, **packed
            ):
                made = given.constructor_input
                theirs = info.module_cls(*made.args, **made.kwargs, dtype=dtype).train(training)
                ours = PAIRS[info.module_cls](*made.args, **made.kwargs, dtype=dtype).train(training)
                ours.load_state_dict(theirs.state_dict())
                inputs = given.forward_input
                yield Case(theirs, ours, inputs.args, dict(inputs.kwargs), given.reference_fn, dtype)


def forward(case: Case, count: Count) -> None:
    results = [module(*copied(case.args), **case.kwargs) for module in (case.ours, case.theirs)]
    if not case.agree(*results):
        count.differs("outputs")


def reference(case: Case, count: Count) -> None:
    packed = any(isinstance(one, PackedSequence) for one in case.args)
    if case.reference is None or packed:
        return
    args = copied(case.args)
    wanted = case.reference(case.ours, *args, **case.kwargs)
    if not case.agree(case.ours(*args, **case.kwargs), wanted):
        count.differs("a single sequence against a batch of one")


def gradients(case: Case, count: Count) -> None:
    def found(module: nn.Module, args: Any) -> tuple[Tensor, ...]:
        results = leaves(module(*args, **case.kwargs))
        asked = [*module.parameters(), *leaves(args)]
        weights = [torch.arange(1.0, one.numel() + 1).reshape(one.shape).to(one) / one.numel() for one in results]
        return torch.autograd.grad(results, asked, weights, allow_unused=True, materialize_grads=True)

    def exact() -> tuple[Tensor, ...]:
        args = mapped(lambda one: one.detach().double().requires_grad_(one.requires_grad), case.args)
        return found(copy.deepcopy(case.theirs).double(), args)

    if not case.agree(found(case.ours, copied(case.args)), found(case.theirs, copied(case.args)), exact):
        count.differs("gradients")


def double_gradients(case: Case, count: Count) -> None:
    if case.dtype != torch.float64:
        return
    found = []
    for module in (case.ours, case.theirs):
        args = copied(case.args)
        asked = [*module.parameters(), *leaves(args)]
        total = sum(one.square().sum() for one in leaves(module(*args, **case.kwargs)))
        first = torch.autograd.grad(total, asked, create_graph=True, materialize_grads=True)
        slope = sum(one.square().sum() for one in first)
        found.append(torch.autograd.grad(slope, asked, materialize_grads=True))
    if not case.agree(*found):
        count.differs("gradients of gradients")


def non_contiguous(case: Case, count: Count) -> None:
    wanted = case.theirs(*copied(case.args), **case.kwargs)
    if not case.agree(case.ours(*mapped(with_gaps, case.args), **case.kwargs), wanted):
        count.differs("inputs with gaps")


def memory_format(case: Case, count: Count) -> None:
    wanted = case.theirs(*copied(case.args), **case.kwargs)
    ours = copy.deepcopy(case.ours)
    for layout in (torch.contiguous_format, torch.preserve_format):
        if not case.agree(ours.to(memory_format=layout)(*copied(case.args), **case.kwargs), wanted):
            count.differs("memory format")


def pickled(case: Case, count: Count) -> None:
    stream = io.BytesIO()
    torch.save(case.ours, stream)
    stream.seek(0)
    wanted = case.theirs(*copied(case.args), **case.kwargs)
    for twin in (torch.load(stream, weights_only=False), copy.deepcopy(case.ours)):
        if type(twin) is not type(case.ours) or not case.agree(twin(*copied(case.args), **case.kwargs), wanted):
            count.differs("copies")


def state_dicts(case: Case, count: Count) -> None:
    one, other = case.ours.state_dict(), case.theirs.state_dict()
    same = list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)
    names = [name for name, _ in case.ours.named_parameters()] == [name for name, _ in case.theirs.named_parameters()]
    case.theirs.load_state_dict(one)
    if not (same and names):
        count.differs("state_dict")


def shown(case: Case, count: Count) -> None:
    mine, theirs = repr(case.ours), repr(case.theirs)
    if mine != theirs:
        cell = isinstance(case.ours, nn.RNNCellBase) and mine == f"DropIn{theirs}"
        count.differs("repr of cells" if cell else "repr")


def placed(case: Case, count: Count) -> None:
    """Conversion of dtype, weights without memory, and back."""
    moved = copy.deepcopy(case.ours).to(torch.bfloat16)
    empty = copy.deepcopy(case.ours).to("meta").to_empty(device="cpu")
    empty.load_state_dict(case.theirs.state_dict())
    kinds = {one.dtype for one in moved.parameters()} == {torch.bfloat16}
    half = leaves(moved(*mapped(lambda one: one.detach().bfloat16(), case.args), **case.kwargs))
    wanted = case.theirs(*copied(case.args), **case.kwargs)
    if not (kinds and all(one.dtype == torch.bfloat16 for one in half)):
        count.differs("conversion of dtype")
    if not case.agree(empty(*copied(case.args), **case.kwargs), wanted):
        count.differs("weights without memory")


def kinds(case: Case, count: Count) -> None:
    base = nn.RNNBase if isinstance(case.theirs, nn.RNNBase) else nn.RNNCellBase
    if not isinstance(case.ours, base):
        count.differs(f"isinstance of {base.__name__}")
    if not isinstance(case.ours, type(case.theirs)):
        count.differs("isinstance of nn.RNN, LSTM, GRU" if base is nn.RNNBase else "isinstance of cells")


CHECKS: dict[str, Callable[[Case, Count], None]] = {
    "outputs": forward,
    "a single sequence": reference,
    "gradients": gradients,
    "gradients of gradients": double_gradients,
    "inputs with gaps": non_contiguous,
    "memory format": memory_format,
    "pickle, deepcopy": pickled,
    "state_dict": state_dicts,
    "dtype, meta, to_empty": placed,
    "repr": shown,
    "isinstance": kinds,
}


def refused(info: Any) -> tuple[Count, Count]:
    """Run the inputs that torch's definitions say must be refused, and how: with which type, in which words."""
    count, words = Count(), Count()
    for dtype in DTYPES:
        for given in info.module_error_inputs_func(
            info, device="cpu", dtype=dtype, requires_grad=False, training=False
        ):
            count.cases, words.cases = count.cases + 1, words.cases + 1
            made, inputs = given.module_error_input.constructor_input, given.module_error_input.forward_input
            try:
                module = PAIRS[info.module_cls](*made.args, **made.kwargs)
                if inputs is not None:
                    module(*inputs.args, **inputs.kwargs)
            except given.error_type as error:
                if not re.search(given.error_regex, str(error)):
                    words.differs("words of errors")
            except Exception as error:  # noqa: BLE001 - whatever else comes is what is looked for
                count.differs(f"{type(error).__name__} in the place of {given.error_type.__name__}")
            else:
                count.differs("not refused")
    return count, words


def infos() -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_modules import module_db

    return sorted((info for info in module_db if info.module_cls in PAIRS), key=lambda info: info.module_cls.__name__)


def run() -> dict[str, dict[str, Count]]:
    """Return, per check and class, how many cases were run and what differed."""
    found: dict[str, dict[str, Count]] = {}
    with warnings.catch_warnings():
        # One definition asks for dropout in a single layer, of which both warn.
        warnings.simplefilter("ignore")
        for info in infos():
            name = info.module_cls.__name__
            for case in cases(info):
                for check, function in CHECKS.items():
                    count = found.setdefault(check, {}).setdefault(name, Count())
                    count.cases += 1
                    function(case, count)
            by_type, by_words = refused(info)
            found.setdefault("refused, with the same type", {})[name] = by_type
            found.setdefault("refused, in the same words", {})[name] = by_words
    return found


def page(found: dict[str, dict[str, Count]]) -> str:
    """Return the two tables of the page of the documentation."""
    names = list(next(iter(found.values())))
    lines = [f"| check | {' | '.join(f'`{name}`' for name in names)} |", "|---|" + "---:|" * len(names)]
    for check, counts in found.items():
        cells = (f"{one.cases - sum(one.differences.values())} of {one.cases}" for one in counts.values())
        lines.append(f"| {check} | {' | '.join(cells)} |")
    lines += ["", "| what differs | cases | why |", "|---|---:|---|"]
    for what, times in differences(found).items():
        lines.append(f"| {what} | {times} | {REASONS.get(what, 'not on purpose')} |")
    return "\n".join(lines) + "\n"


def differences(found: dict[str, dict[str, Count]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in found.values():
        for one in counts.values():
            for what, times in one.differences.items():
                total[what] = total.get(what, 0) + times
    return dict(sorted(total.items()))


def main() -> int:
    found = run()
    print(page(found), end="")
    return 1 if differences(found).keys() - REASONS.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
