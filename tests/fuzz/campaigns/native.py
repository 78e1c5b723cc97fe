"""Random calls of the native engine against plain torch: values and gradients, or an error of the package."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tests.fuzz.campaign import Campaign, Finding
from tests.tolerances import GRADIENTS, OUTPUTS, Tolerance, assert_agree, conditioned
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import nurt
from nurt import kernels
from nurt.errors import NurtError
from nurt.nn import CELLS, GRU, LSTM, RNN, Bidirectional, ProjectedLSTMCell, Recurrent, Regularisation, Stack
from nurt.nn.cells.diagonal import DiagonalCell

__all__ = ["CAMPAIGN"]

BATCHES, STEPS = (0, 1, 1, 2, 3, 5, 8, 17, 65), (1, 1, 2, 3, 7, 13, 33)
FEATURES, UNITS = (1, 2, 3, 5, 8, 17), (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31)


@dataclass
class Call:
    """One call: what is called, on what, and which tensors may need a gradient."""

    layer: nn.Module
    inputs: Any
    state: Any
    lengths: Any
    batch_first: bool
    state_name: str

    def run(self) -> list[Tensor]:
        """Return outputs and final states."""
        return leaves(self.layer(self.inputs, **{self.state_name: self.state}, lengths=self.lengths))


def case(generator: random.Random, folder: Path) -> str:
    """Make one call and compare it with plain torch."""
    del folder
    torch.manual_seed(generator.getrandbits(40))
    torch.set_num_threads(generator.choice((1, 1, 1, 2)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if generator.random() < 0.15:
            return scan_case(generator)
        call = drop_in(generator) if generator.random() < 0.5 else of_cells(generator)
        spoilt = generator.choice(list(SPOILERS)) if generator.random() < 0.3 else None
        if spoilt is not None and not SPOILERS[spoilt](call, generator):
            spoilt = None
        return compared(call, generator, spoilt)


def compared(call: Call, generator: random.Random, spoilt: str | None) -> str:
    """Run ``call`` natively and by plain torch; return the outcome."""
    wanted = [tensor for tensor in differentiable(call) if generator.random() < 0.7]
    for tensor in wanted:
        tensor.requires_grad_()
    try:
        found = call.run()
    except NurtError as refusal:
        if spoilt is None or spoilt == "nan":
            raise Finding(f"refused a good call: {refusal}") from refusal
        return f"refused: {spoilt}"
    grads = [torch.randn_like(value) for value in found]
    mine = found + gradients(found, wanted, grads)
    theirs = by_plain_torch(call, wanted, grads)
    beside = by_torch(call, wanted, grads) if spoilt is None else None
    kinds = [OUTPUTS[found[0].dtype]] * len(found) + [GRADIENTS[found[0].dtype]] * (len(mine) - len(found))
    roundings: list[list[Tensor]] = []
    for whose, others in (("the loop's", theirs), ("torch's", beside)):
        for place, (value, other, tolerance) in enumerate(zip(mine, others or mine, kinds, strict=True)):
            what = f"a {'result' if place < len(found) else 'gradient'} beside {whose}"
            try:
                agree(value, other, tolerance, what)
            except Finding:
                # Where terms cancel, or a norm divides by nearly nothing, roundings of what is given do as much.
                roundings = roundings or [by_plain_torch(nudged(call), wanted, grads) for _ in range(4)]
                near = [finite_alone(moved[place]) for moved in roundings]
                agree(value, other, widened(tolerance, finite_alone(theirs[place]), near, mine), what)
    return "equal" if spoilt is None else f"equal: {spoilt}"


def widened(tolerance: Tolerance, expected: Tensor, near: list[Tensor], all_found: list[Tensor]) -> Tolerance:
    """Return ``tolerance`` and on top what roundings do: to the oracle itself, and to the terms of a sum that cancel.

    All gradients are sums of the same terms, so the largest of them tells how large those are.
    """
    for moved in near:
        tolerance = conditioned(tolerance, expected, moved)
    size = float(expected.abs().max()) if expected.numel() else 0.0
    largest = max((float(finite_alone(one).abs().max()) for one in all_found if one.numel()), default=0.0)
    share = max(1.0, largest / size) if size else 1.0
    return Tolerance(tolerance.rtol, tolerance.atol * share, tolerance.norm * share)


def finite_alone(values: Tensor) -> Tensor:
    """Return ``values`` with zeros in the place of NaN and infinities."""
    return values.detach().nan_to_num(0, 0, 0)


def nudged(call: Call) -> Call:
    """Return ``call`` with every given number moved by as much as the functions of the engine are off, up or down."""
    with torch.no_grad():
        for tensor in differentiable(call):
            # Several elements at one place in memory cannot be written.
            if 0 not in tensor.stride():
                tensor.mul_(1 + 3 * torch.finfo(tensor.dtype).eps * torch.randn_like(tensor).sign())
    return call


def by_plain_torch(call: Call, wanted: list[Tensor], grads: list[Tensor]) -> list[Tensor]:
    """Return results and gradients of the reference loop."""
    with kernels.use("reference"):
        expected = call.run()
    return expected + gradients(expected, wanted, grads)


def by_torch(call: Call, wanted: list[Tensor], grads: list[Tensor]) -> list[Tensor] | None:
    """Return results and gradients of torch's own layer on packed rows; None where torch has none or packs none."""
    layer, lengths = call.layer, call.lengths
    if not isinstance(layer, LSTM | GRU | RNN) or layer.gradient_clip or layer.regularisation.zoneout_hidden:
        return None
    if call.inputs.numel() == 0 or (lengths is not None and min(lengths) == 0):
        return None
    theirs = nurt.nn.to_torch(layer)
    inputs = call.inputs
    if lengths is not None:
        inputs = pack_padded_sequence(inputs, torch.tensor(lengths), layer.batch_first, enforce_sorted=False)
    outputs, state = theirs(inputs, call.state)
    if lengths is not None:
        steps = call.inputs.shape[1 if layer.batch_first else 0]
        outputs, _ = pad_packed_sequence(outputs, layer.batch_first, total_length=steps)
    expected = leaves((outputs, state))
    own = dict(layer.named_parameters())
    twins = {id(own[name]): value for name, value in theirs.named_parameters()}
    return expected + gradients(expected, [twins.get(id(tensor), tensor) for tensor in wanted], grads)


def agree(value: Tensor, other: Tensor, tolerance: Any, what: str) -> None:
    """Raise a finding where two tensors differ; NaN must stand at the same places."""
    try:
        assert value.shape == other.shape, f"{what}: shape {tuple(value.shape)}, expected {tuple(other.shape)}"
        # The loop multiplies what stands past the end of a row by zero, and 0 · NaN is NaN; a product of complex
        # infinities may be either. What is a number there must be one here.
        lost = ~other.isfinite()
        assert value[~lost].isfinite().all(), f"{what}: no number where there is one"
        assert_agree(value.detach().masked_fill(lost, 0), other.detach().masked_fill(lost, 0), tolerance, what)
    except AssertionError as fault:
        raise Finding(str(fault)) from fault


def gradients(results: list[Tensor], wanted: list[Tensor], grads: list[Tensor]) -> list[Tensor]:
    """Return the gradients of ``wanted``, zero where nothing depends on one."""
    pairs = [(value, grad) for value, grad in zip(results, grads, strict=True) if value.requires_grad]
    if not pairs or not wanted:
        return []
    values, given = zip(*pairs, strict=True)
    found = torch.autograd.grad(values, wanted, given, allow_unused=True, materialize_grads=True)
    return list(found)


def differentiable(call: Call) -> list[Tensor]:
    """Return the leaves of the call that can have a gradient."""
    given = [call.inputs, *leaves(call.state), *call.layer.parameters()]
    kind = next(call.layer.parameters()).dtype
    return [tensor for tensor in given if isinstance(tensor, Tensor) and tensor.is_leaf and tensor.dtype is kind]


def leaves(values: Any) -> list[Any]:
    """Return the tensors in nested tuples."""
    if not isinstance(values, Tensor | tuple | list):
        return []
    return [values] if isinstance(values, Tensor) else [leaf for value in values for leaf in leaves(value)]


def sizes(generator: random.Random) -> tuple[int, int, int, int]:
    """Return B, T, I, H."""
    choose = generator.choice
    return choose(BATCHES), choose(STEPS), choose(FEATURES), choose(UNITS)


def lengths_of(generator: random.Random, batch: int, steps: int) -> list[int] | None:
    """Return lengths with zeros, ties and full rows, or None."""
    kind = generator.random()
    if kind < 0.4:
        return None
    if kind < 0.5:
        return [generator.choice((0, steps))] * batch
    return [generator.randint(0, steps) for _ in range(batch)]


def laid_out(generator: random.Random, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return random numbers of ``shape`` that lie in memory in one of many ways."""
    kind = generator.choice(("dense", "dense", "expanded", "steps expanded", "turned", "offset", "gaps", "negative"))
    first, second, last = shape
    if kind == "expanded" and first:
        return torch.randn(1, second, last, dtype=dtype).expand(shape)
    if kind == "steps expanded":
        return torch.randn(first, 1, last, dtype=dtype).expand(shape)
    if kind == "turned":
        return torch.randn(last, second, first, dtype=dtype).transpose(0, 2)
    if kind == "offset":
        return torch.randn(first + 2, second + 1, last + 3, dtype=dtype)[1:-1, 1:, 2:-1]
    if kind == "gaps":
        return torch.randn(first, 2 * second, 2 * last, dtype=dtype)[:, ::2, ::2]
    if kind == "negative":
        return torch.complex(torch.zeros(shape, dtype=dtype), torch.randn(shape, dtype=dtype)).conj().imag
    return torch.randn(shape, dtype=dtype)


def drop_in(generator: random.Random) -> Call:
    """Return the call of a layer with torch's conventions."""
    batch, steps, features, units = sizes(generator)
    dtype = generator.choice((torch.float32, torch.float64))
    kind = generator.choice((LSTM, LSTM, GRU, RNN))
    layers, both, batch_first = generator.choice((1, 1, 2, 3)), generator.random() < 0.4, generator.random() < 0.5
    options: dict[str, Any] = {"bias": generator.random() < 0.8}
    if kind is LSTM and units > 1 and generator.random() < 0.3:
        options["proj_size"] = generator.randint(1, units - 1)
    if kind is RNN:
        options["nonlinearity"] = generator.choice(("tanh", "relu"))
    options |= between_steps(generator, has_cell=kind is LSTM)
    layer = kind(features, units, layers, bidirectional=both, batch_first=batch_first, dtype=dtype, **options)
    layer.eval()
    shape = (batch, steps, features) if batch_first else (steps, batch, features)
    state: Any = None
    if generator.random() < 0.6:
        rows = layers * (1 + both)
        hidden = laid_out(generator, (rows, batch, layer.proj_size or units), dtype)
        state = (hidden, laid_out(generator, (rows, batch, units), dtype)) if kind is LSTM else hidden
    lengths = lengths_of(generator, batch, steps)
    return Call(layer, laid_out(generator, shape, dtype), state, lengths, batch_first, "hx")


def between_steps(generator: random.Random, *, has_cell: bool) -> dict[str, Any]:
    """Return options of what happens between steps, most of the time none."""
    options: dict[str, Any] = {}
    if generator.random() < 0.15:
        options["gradient_clip"] = generator.choice((0.01, 1.0))
    if generator.random() < 0.15:
        options["regularisation"] = Regularisation(zoneout_hidden=0.3, zoneout_cell=0.2 if has_cell else 0.0)
    return options


def of_cells(generator: random.Random) -> Call:
    """Return the call of one to three layers of one cell."""
    batch, steps, features, units = sizes(generator)
    dtype = generator.choice((torch.float32, torch.float64))
    name = generator.choice(list(CELLS))
    # A norm of one or two numbers is their signs.
    units = max(units, 4) if name == "layer_norm_lstm" else units

    def cell(inputs: int) -> Any:
        if name == "projected_lstm":
            return ProjectedLSTMCell(inputs, units + 1, units, dtype=dtype)
        made = CELLS[name](inputs, units, dtype=dtype)
        if generator.random() < 0.2 and hasattr(made, "learn_initial_state"):
            made.learn_initial_state()
        return made

    kind = generator.choice(("forward", "backward", "both", "stack"))
    options = between_steps(generator, has_cell="lstm" in name and name != "min_lstm")
    if kind == "both":
        layer: nn.Module = Bidirectional(cell(features), cell(features), **options)
    elif kind == "stack":
        depth = generator.choice((2, 3))
        layer = Stack([Recurrent(cell(units if level else features)) for level in range(depth)])
    else:
        layer = Recurrent(cell(features), reverse=kind == "backward", **options)
    layer.eval()
    inputs = laid_out(generator, (batch, steps, features), dtype)
    return Call(layer, inputs, None, lengths_of(generator, batch, steps), True, "state")


def scan_case(generator: random.Random) -> str:
    """Run the diagonal scan, real or complex, with shared factors."""
    batch, steps, _, size = sizes(generator)
    dtype = generator.choice((torch.float32, torch.float64, torch.complex64, torch.complex128))
    rows, moments = generator.choice((1, max(batch, 1))), generator.choice((1, steps))
    # Of magnitude at most 1: an exploding state multiplies roundings.
    a = torch.randn(rows if batch else 1, moments, size, dtype=dtype)
    a = (a / a.abs().clamp(min=1)).detach()
    b = torch.randn(batch, steps, size, dtype=dtype)
    if generator.random() < 0.3:
        b = torch.randn(batch, steps + 1, 2 * size, dtype=dtype)[:, 1:, ::2]
    initial = torch.randn(batch, size, dtype=dtype) if generator.random() < 0.5 else None
    lengths, reverse = lengths_of(generator, batch, steps), generator.random() < 0.5
    spoilt = generator.random() < 0.15
    if spoilt:
        a, lengths = generator.choice(
            ((a[..., :0], lengths), (a, [steps + 1] * max(batch, 2)), (a.to(torch.half), lengths))
        )
    wanted = [value for value in (a, b, initial) if value is not None and value.is_leaf and generator.random() < 0.7]
    wanted = [value.requires_grad_() for value in wanted if value.dtype is dtype]
    try:
        found = list(kernels.scan(a, b, initial, lengths=lengths, reverse=reverse))
    except NurtError as refusal:
        if not spoilt:
            raise Finding(f"refused a good scan: {refusal}") from refusal
        return "refused: scan"
    with kernels.use("reference"):
        expected = list(kernels.scan(a, b, initial, lengths=lengths, reverse=reverse))
    grads = [torch.randn_like(value) for value in expected]
    real = torch.empty(0, dtype=dtype).real.dtype
    for kind, mine, theirs in (
        (OUTPUTS, found, expected),
        (GRADIENTS, gradients(found, wanted, grads), gradients(expected, wanted, grads)),
    ):
        for value, other in zip(mine, theirs, strict=True):
            pair = [torch.view_as_real(one) if one.is_complex() else one for one in (value, other)]
            agree(*pair, kind[real], "of a scan")
    return "equal: scan"


# What spoils a call; each returns whether it could.
def _wrong_features(call: Call, generator: random.Random) -> bool:
    call.inputs = torch.randn(*call.inputs.shape[:-1], call.inputs.shape[-1] + generator.choice((-1, 1, 7)))
    return True


def _wrong_dtype(call: Call, generator: random.Random) -> bool:
    other = torch.float64 if call.inputs.dtype is torch.float32 else torch.float32
    call.inputs = call.inputs.to(generator.choice((other, torch.int64, torch.complex64, torch.bool)))
    return True


def _wrong_axes(call: Call, generator: random.Random) -> bool:
    call.inputs = generator.choice(
        (call.inputs[None], call.inputs.flatten(), call.inputs.sum((1, 2)), torch.tensor(1.0))
    )
    return call.inputs.dim() != 2


def _no_step(call: Call, generator: random.Random) -> bool:
    del generator
    call.inputs = call.inputs[:, :0] if call.batch_first else call.inputs[:0]
    return True


def _no_tensor(call: Call, generator: random.Random) -> bool:
    call.inputs = generator.choice((None, 3, "text", [[1.0]], call.inputs.tolist(), call.inputs.to_sparse()))
    return True


def _meta(call: Call, generator: random.Random) -> bool:
    del generator
    call.inputs = call.inputs.to("meta")
    return True


def _nan(call: Call, generator: random.Random) -> bool:
    if not call.inputs.numel():
        return False
    call.inputs = call.inputs.clone(memory_format=torch.contiguous_format)
    value = generator.choice((float("nan"), float("inf"), -float("inf")))
    call.inputs.view(-1)[generator.randrange(call.inputs.numel())] = float("nan") if value != value else value
    return True


def _wrong_lengths(call: Call, generator: random.Random) -> bool:
    batch, steps = call.inputs.shape[:2] if call.batch_first else reversed(call.inputs.shape[:2])
    call.lengths = generator.choice(
        (
            [steps + 1] * max(batch, 1),
            [-1] * max(batch, 1),
            [steps] * (batch + 1),
            [float(steps)] * max(batch, 1),
            torch.full((batch, 1), steps),
            torch.ones(max(batch, 1), dtype=torch.bool),
            ["a"] * max(batch, 1),
            2**62,
            torch.full((max(batch, 1),), 2**62),
            torch.tensor([steps] * max(batch, 1), device="meta"),
        )
    )
    return True


def _wrong_state(call: Call, generator: random.Random) -> bool:
    if call.state_name != "hx":
        return False
    odd = generator.choice(
        (torch.zeros(1), torch.zeros(9, 9, 9), "state", 1, torch.zeros(1, 1, 1, dtype=torch.int64), [None, None], ())
    )
    call.state = (odd, odd) if isinstance(call.layer, LSTM) and generator.random() < 0.7 else odd
    return True


def _wrong_weight(call: Call, generator: random.Random) -> bool:
    # The cells that run through a scan check their own weights nowhere.
    known = [module for module in call.layer.modules() if not isinstance(module, DiagonalCell)]
    places = [(module, name) for module in known for name in module._parameters]
    if not places:
        return False
    module, name = generator.choice(places)
    value = module._parameters[name]
    if value is None or "initial" in name:
        return False
    odd = generator.choice(
        (
            lambda: torch.zeros(value.shape[0] + 1, *value.shape[1:], dtype=value.dtype),
            lambda: torch.zeros((0,) * value.dim(), dtype=value.dtype),
            lambda: torch.zeros(value.shape, dtype=torch.half),
            lambda: torch.zeros(value.shape, device="meta"),
            lambda: torch.zeros(*value.shape, 2, dtype=value.dtype),
        )
    )
    module._parameters[name] = nn.Parameter(odd())
    return True


SPOILERS: dict[str, Callable[[Call, random.Random], bool]] = {
    "features": _wrong_features,
    "dtype": _wrong_dtype,
    "axes": _wrong_axes,
    "no step": _no_step,
    "no tensor": _no_tensor,
    "meta": _meta,
    "nan": _nan,
    "lengths": _wrong_lengths,
    "state": _wrong_state,
    "weight": _wrong_weight,
}

CAMPAIGN = Campaign(
    "calls of every cell, layer and scan with random sizes, layouts, lengths, gradients and bad arguments", case
)
