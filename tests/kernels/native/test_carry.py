"""Every native cell under every option of a step, against the adjoint in float64 and the reference loop."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from tests.kernels.reference.problems import Problem, Size, differentiated, problem
from tests.tolerances import GRADIENTS, OUTPUTS, SAME_BITS, assert_agree
from torch import Tensor

from nurt import kernels
from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.kernels import StepOptions, Weights, threads
from nurt.kernels.native import rung
from nurt.kernels.native.call import CELLS
from nurt.kernels.reference import adjoint, loop
from nurt.kernels.rung import Kernel

KINDS = ("plain", "state dropout", "zoneout", "zoneout of the hidden state", "mean of zoneout", "clip", "everything")
SIZES = {
    "a few": Size(),
    "one step": Size(batch=3, time=1, hidden=17, projection=5),
    "one row, one unit": Size(batch=1, inputs=1, hidden=1, projection=1),
    "17 units": Size(batch=11, time=4, inputs=3, hidden=17, projection=17),
    "50 units": Size(batch=9, time=3, inputs=50, hidden=50, projection=33),
    "more than a tile": Size(batch=70, time=6, inputs=4, hidden=9, projection=2),
}


def made(
    cell: str, kind: str, size: Size, *, ragged: bool = False, reverse: bool = False, bias: bool = True
) -> Problem:
    """Return a problem whose options are of one kind."""
    generator = torch.Generator().manual_seed(19)
    way = {}
    if ragged:
        ends = torch.randint(0, size.time + 1, (size.batch,), generator=generator).tolist()
        way["lengths"] = [size.time, *ends[1:]]
    one = problem(cell, size, bias=bias, reverse=reverse, **way)
    # So that errors do not grow from step to step.
    for name in ("weight_ih", "weight_hh", "weight_hr"):
        if name in one.tensors:
            one.tensors[name] *= one.tensors[name].shape[1] ** -0.5

    def drawn_mask(*shape: int) -> Tensor:
        return torch.randint(0, 2, shape, generator=generator).double()

    rows, width = one.tensors["hidden"].shape
    mask, hidden = 1.5 * drawn_mask(rows, width), drawn_mask(rows, size.time, width)
    keep, mean = {"keep_hidden": hidden}, {"keep_hidden": 0.25}
    if CELLS[cell].has_cell:
        keep["keep_cell"], mean["keep_cell"] = drawn_mask(rows, size.time, size.hidden), 0.625
    options = {
        "plain": StepOptions(),
        "state dropout": StepOptions(hidden_mask=mask),
        "zoneout": StepOptions(**keep),
        "zoneout of the hidden state": StepOptions(keep_hidden=hidden),
        "mean of zoneout": StepOptions(**mean),
        "clip": StepOptions(gradient_clip=0.2),
        "everything": StepOptions(hidden_mask=mask, gradient_clip=0.4, **keep),
    }
    return replace(one, options=options[kind])


def single(one: Problem) -> Problem:
    """Return the problem in float32."""

    def converted(value):
        return value.float() if isinstance(value, Tensor) else value

    options = StepOptions(*(converted(getattr(one.options, name)) for name in StepOptions.__dataclass_fields__))
    return replace(one, tensors={name: value.detach().float() for name, value in one.tensors.items()}, options=options)


def agree(one: Problem, oracle: Kernel) -> None:
    """Fail when the engine and ``oracle`` differ in results or gradients.

    Each kind is taken together: a single gradient may be a difference of equals, with no digit to compare.
    """
    found, expected = differentiated(one, rung.run), differentiated(one, oracle)
    for value, other, tolerance in zip(found, expected, (OUTPUTS, GRADIENTS), strict=True):
        flat, wanted = (torch.cat([tensor.flatten() for tensor in tensors]) for tensors in (value, other))
        assert_agree(flat, wanted, tolerance[torch.float64], one.recurrence.name)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_under_every_option_agrees_with_the_adjoint(cell, kind, size):
    for ragged, reverse in itertools.product([False, True], repeat=2):
        agree(made(cell, kind, SIZES[size], ragged=ragged, reverse=reverse), adjoint.run)


@pytest.mark.parametrize("kind", ["plain", "everything"])
@pytest.mark.parametrize("cell", CELLS)
def test_cells_without_biases_agree_with_the_readable_loop(cell, kind):
    agree(made(cell, kind, Size(hidden=9, projection=4), ragged=True, bias=False), loop.run)


@pytest.mark.parametrize("kind", ["plain", "everything"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_instruction_set_and_single_precision_agree(cell, kind, isa):
    one = made(cell, kind, SIZES["17 units"], ragged=True)
    agree(one, adjoint.run)
    # No bound here: what lies within rounding of it is cut in one precision and not in the other.
    one = replace(one, options=replace(one.options, gradient_clip=None))
    expected = one.run(adjoint.run)
    mixture = [torch.ones_like(value) - value.detach() for value in expected]
    wanted = torch.autograd.grad(expected, one.differentiable(), mixture)
    narrow = single(one)
    leaves = narrow.differentiable()
    results = narrow.run(rung.run)
    gradients = torch.autograd.grad(results, leaves, [value.float() for value in mixture])
    for value, other in zip(results, expected, strict=True):
        assert_agree(value, other.float(), OUTPUTS[torch.float32], cell)
    for label, value, other in zip(one.tensors, gradients, wanted, strict=True):
        assert_agree(value, other.float(), GRADIENTS[torch.float32], f"{cell}: gradient of {label}")


@pytest.mark.parametrize("kind", ["plain", "everything"])
@pytest.mark.parametrize("cell", CELLS)
def test_any_number_of_threads_gives_the_same_bits(cell, kind):
    # Enough work for several threads, and a tile of its own for each.
    one = single(made(cell, kind, Size(batch=40, time=9, inputs=30, hidden=33, projection=20), ragged=True))
    with threads(1):
        alone = differentiated(one, rung.run)
    for count in (2, 3, 4):
        with threads(count):
            together = differentiated(one, rung.run)
        for value, other in zip((*together[0], *together[1]), (*alone[0], *alone[1]), strict=True):
            assert_agree(value, other, SAME_BITS, f"{cell} with {count} threads")


@pytest.mark.parametrize("kind", ["plain", "everything", "mean of zoneout"])
@pytest.mark.parametrize("cell", CELLS)
def test_nothing_is_kept_without_gradients_and_the_numbers_are_the_same(cell, kind):
    one = made(cell, kind, SIZES["more than a tile"], ragged=True)
    with torch.no_grad():
        without = one.run(rung.run)
    for value, other in zip(without, differentiated(one, rung.run)[0], strict=True):
        assert_agree(value, other, SAME_BITS, cell)


@pytest.mark.parametrize("kind", ["plain", "mean of zoneout", "state dropout"])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_and_their_gradients_are_those_of_finite_differences(cell, kind):
    one = made(cell, kind, Size(batch=2, time=3, inputs=2, hidden=3, projection=2), ragged=True)
    function, tensors = one.function(rung.run), one.differentiable()
    assert torch.autograd.gradcheck(function, tensors, fast_mode=True)
    if cell != "elman_relu":
        assert torch.autograd.gradgradcheck(function, tensors, fast_mode=True)


@pytest.mark.parametrize("kind", ["plain", "zoneout", "everything"])
@pytest.mark.parametrize("cell", CELLS)
def test_recordings_hold_the_total_gradients(cell, kind):
    one = made(cell, kind, Size(), ragged=True)
    leaves = one.differentiable()
    with kernels.recording() as records:
        results = one.run(rung.run)
    outputs, record = results[0], records[0]
    torch.autograd.grad(outputs.square().sum() + results[1].sum(), leaves)
    assert tuple(record.gates) == CELLS[cell].recorded
    assert torch.equal(record.hidden, outputs.detach())
    # At a row's last step only its own output and the final state are left.
    row, last = 0, one.lengths[0] - 1
    assert_agree(record.grad_hidden[row, last], 2 * outputs.detach()[row, last] + 1, GRADIENTS[torch.float64], cell)


def test_the_parts_of_a_step_that_options_hold_are_checked():
    one = made("lstm", "zoneout", Size())

    def run(**changed):
        return replace(one, options=StepOptions(**changed)).run(rung.run)

    with pytest.raises(ShapeError, match="`hidden_mask` of a lstm has the wrong shape"):
        run(hidden_mask=torch.ones(3, 5, dtype=torch.float64))
    with pytest.raises(ShapeError, match="`keep_cell`"):
        run(keep_cell=torch.ones(3, 4, 4, dtype=torch.float64))
    with pytest.raises(NurtTypeError, match="`keep_hidden`"):
        run(keep_hidden=torch.ones(3, 5, 4))
    with pytest.raises(NurtValueError, match="no gradient for hidden_mask"):
        run(hidden_mask=torch.ones(3, 4, dtype=torch.float64, requires_grad=True))


def test_a_missing_norm_is_named():
    one = made("layer_norm_lstm", "plain", Size())
    tensors = {name: value for name, value in one.tensors.items() if name != "norm_hh"}
    with pytest.raises(NurtTypeError, match="norm_hh"):
        replace(one, tensors=tensors).run(rung.run)


def test_options_go_through_a_compiler():
    one = made("gru", "everything", Size())
    compiled = torch.compile(one.function(rung.run), fullgraph=True, backend="aot_eager")
    for value, other in zip(compiled(*one.differentiable()), one.run(rung.run), strict=True):
        assert_agree(value, other, SAME_BITS, "gru")


def test_weights_is_what_the_cells_say_they_learn():
    assert all(set(spec.fields) <= set(Weights._fields) for spec in CELLS.values())
