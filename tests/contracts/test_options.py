"""Every recurrence under every option, padded and ragged, in both directions, in double precision.

Outputs are compared with a second statement of the equations (``steps.py``), gradients with finite differences, and
the clipped gradient with back-propagation step by step.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.contracts.steps import STEPS
from tests.kernels.reference.problems import Problem, Size, problem
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree
from torch import Tensor
from torch.autograd import gradcheck

from nurt.kernels import StepOptions, Weights
from nurt.kernels.reference import RECURRENCES, loop

SIZES = [Size(), Size(batch=1, time=1), Size(batch=1, hidden=2, projection=1), Size(inputs=1, hidden=17, projection=5)]
WAYS = {
    "forwards": {},
    "backwards": {"reverse": True},
    "ragged": {"ragged": True},
    "ragged, backwards": {"ragged": True, "reverse": True},
}
KINDS = ("plain", "state dropout", "zoneout", "mean of zoneout", "everything")


def made(name: str, kind: str, way: str, size: Size = SIZES[0]) -> Problem:
    """Return a problem with random options of one kind."""
    chosen = dict(WAYS[way])
    if chosen.pop("ragged", False):
        chosen["lengths"] = [size.time, 0, max(size.time - 2, 1)][: size.batch]
    one = problem(name, size, **chosen)
    generator = torch.Generator().manual_seed(19)

    def drawn_mask(*shape: int) -> Tensor:
        return torch.randint(0, 2, shape, generator=generator).double()

    rows, width = one.tensors["hidden"].shape
    mask = 1.5 * drawn_mask(rows, width)
    keep = {"keep_hidden": drawn_mask(rows, size.time, width)}
    mean: dict[str, float] = {"keep_hidden": 0.25}
    if "cell" in one.fields:
        keep["keep_cell"] = drawn_mask(rows, size.time, size.hidden)
        mean["keep_cell"] = 0.625
    options = {
        "plain": StepOptions(),
        "state dropout": StepOptions(hidden_mask=mask),
        "zoneout": StepOptions(**keep),
        "mean of zoneout": StepOptions(**mean),
        "everything": StepOptions(hidden_mask=mask, gradient_clip=1e3, **keep),
    }
    return replace(one, options=options[kind])


def by_numpy(one: Problem) -> list[np.ndarray]:
    """Return outputs and final state, row by row and step by step."""
    arrays = {name: tensor.detach().numpy() for name, tensor in one.tensors.items()}
    rows, steps = arrays["inputs"].shape[:2]
    ends = [steps] * rows if one.lengths is None else one.lengths.tolist()
    outputs = np.zeros((rows, steps, arrays["hidden"].shape[1]))
    finals = {field: arrays[field].copy() for field in one.fields}
    shares = {"hidden": one.options.keep_hidden, "cell": one.options.keep_cell}
    for row in range(rows):
        state = {field: arrays[field][row] for field in one.fields}
        for t in reversed(range(ends[row])) if one.reverse else range(ends[row]):
            mask = one.options.hidden_mask
            seen = state["hidden"] if mask is None else state["hidden"] * mask[row].numpy()
            new = STEPS[one.recurrence.name](arrays, arrays["inputs"][row, t], state, seen)
            for field in one.fields:
                share = shares[field]
                if share is not None:
                    k = share[row, t].numpy() if isinstance(share, Tensor) else share
                    new[field] = k * state[field] + (1 - k) * new[field]
            state = new
            outputs[row, t] = state["hidden"]
        for field in one.fields:
            finals[field][row] = state[field]
    return [outputs, *finals.values()]


def test_there_is_a_second_statement_of_every_recurrence():
    assert STEPS.keys() == RECURRENCES.keys()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", RECURRENCES)
def test_outputs_and_states_are_those_of_the_equations(name, way):
    for kind in KINDS:
        for size in SIZES:
            one = made(name, kind, way, size)
            for value, wanted in zip(one.run(loop.run), by_numpy(one), strict=True):
                assert_agree(value, torch.from_numpy(wanted), OUTPUTS[torch.float64], f"{kind}, {size}")


@pytest.mark.parametrize("way", ["forwards", "ragged, backwards"])
@pytest.mark.parametrize("kind", ["state dropout", "zoneout", "mean of zoneout"])
@pytest.mark.parametrize("name", RECURRENCES)
def test_gradients_agree_with_finite_differences(name, kind, way):
    one = made(name, kind, way, Size(batch=3, time=3, hidden=3, projection=2))
    assert gradcheck(one.function(loop.run), one.differentiable(), fast_mode=True)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", RECURRENCES)
def test_the_clipped_gradient_is_that_of_steps_taken_back_one_by_one(name, way):
    bound = 0.05
    one = made(name, "everything", way)
    one = replace(one, options=replace(one.options, gradient_clip=bound))
    tensors = one.differentiable()
    results = one.run(loop.run)
    generator = torch.Generator().manual_seed(3)
    weighting = [torch.randn(value.shape, generator=generator, dtype=value.dtype) for value in results]
    found = torch.autograd.grad(results, tensors, weighting)
    clipped, cut = one_by_one(one, weighting, bound)
    assert cut, "no gradient was large enough to be clipped"
    for label, mine, wanted in zip(one.tensors, found, clipped, strict=True):
        assert_agree(mine, wanted, GRADIENTS[torch.float64], label)


def one_by_one(one: Problem, weighting: list[Tensor], bound: float) -> tuple[list[Tensor], bool]:
    """Return the gradients from back-propagation row by row, each step a graph of its own, and whether one was cut."""
    leaves = {name: tensor.detach() for name, tensor in one.tensors.items()}
    total = {name: torch.zeros_like(tensor) for name, tensor in leaves.items()}
    learned = [name for name in leaves if name in Weights._fields]
    rows, steps = leaves["inputs"].shape[:2]
    ends = [steps] * rows if one.lengths is None else one.lengths.tolist()
    cut = False
    for row in range(rows):
        places = list(reversed(range(ends[row])) if one.reverse else range(ends[row]))
        states = [tuple(leaves[field][row : row + 1] for field in one.fields)]
        for t in places:
            _, after = graph_of_a_step(one, leaves, row, t, states[-1])
            states.append(tuple(field.detach() for field in after))
        grads = [weight[row : row + 1].clone() for weight in weighting[1:]]
        for t, before in zip(reversed(places), reversed(states[:-1]), strict=True):
            grads[0] = grads[0] + weighting[0][row : row + 1, t]
            inputs, after = graph_of_a_step(one, leaves, row, t, before)
            parts = torch.autograd.grad(after, list(inputs.values()), grads, allow_unused=True, materialize_grads=True)
            gradient = dict(zip(inputs, parts, strict=True))
            total["inputs"][row, t] += gradient["inputs"][0, 0]
            for name in learned:
                total[name] += gradient[name]
            grads = [gradient[field].clamp(-bound, bound) for field in one.fields]
            cut = cut or any(bool((gradient[field].abs() > bound).any()) for field in one.fields)
        for field, grad in zip(one.fields, grads, strict=True):
            total[field][row] = grad[0]
    return list(total.values()), cut


def graph_of_a_step(one: Problem, leaves: dict[str, Tensor], row: int, t: int, state: tuple[Tensor, ...]):
    """Return what one step of one row is differentiated by, and the fields of the state it makes."""
    inputs = {name: tensor.clone() for name, tensor in leaves.items() if name in Weights._fields}
    inputs["inputs"] = leaves["inputs"][row : row + 1, t : t + 1].clone()
    inputs |= {field: value.clone() for field, value in zip(one.fields, state, strict=True)}
    for tensor in inputs.values():
        tensor.requires_grad_()
    given = one.options

    def here(share):
        return share[row : row + 1, t : t + 1] if isinstance(share, Tensor) else share

    options = StepOptions(
        None if given.hidden_mask is None else given.hidden_mask[row : row + 1],
        here(given.keep_hidden),
        here(given.keep_cell),
    )
    alone = replace(one, tensors=inputs, lengths=None, options=options)
    return inputs, alone.run(loop.run)[1:]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", RECURRENCES)
def test_clipping_changes_no_output_and_a_bound_that_is_never_met_no_gradient(name, way):
    plain = made(name, "zoneout", way)
    clipped = replace(plain, options=replace(plain.options, gradient_clip=1e6))
    results = []
    for one in (plain, clipped):
        leaves = one.differentiable()
        outputs = one.run(loop.run)
        results.append((outputs, torch.autograd.grad(outputs[0].square().sum(), leaves, materialize_grads=True)))
    for mine, wanted in zip(results[1][0], results[0][0], strict=True):
        assert torch.equal(mine, wanted)
    for label, mine, wanted in zip(plain.tensors, results[1][1], results[0][1], strict=True):
        assert_agree(mine, wanted, GRADIENTS[torch.float64], label)


@pytest.mark.parametrize("name", RECURRENCES)
def test_options_do_not_let_padding_through(name):
    one = made(name, "everything", "ragged")
    values = []
    for padding in (0.0, float("nan")):
        inputs = one.tensors["inputs"].detach().clone()
        for row, end in enumerate(one.lengths.tolist()):
            inputs[row, end:] = padding
        inputs.requires_grad_()
        results = one.run(loop.run, inputs=inputs)
        values.append([*results, *torch.autograd.grad(sum(value.square().sum() for value in results), inputs)])
    for poisoned, clean in zip(*reversed(values), strict=True):
        assert torch.equal(poisoned, clean)


@pytest.mark.parametrize("name", RECURRENCES)
def test_huge_inputs_and_states_stay_finite_where_the_equation_is_bounded(name):
    one = made(name, "zoneout", "forwards")
    changed = {label: tensor * 1e30 for label, tensor in one.tensors.items() if label == "inputs"}
    outputs = one.run(loop.run, **changed)[0]
    assert not outputs.isnan().any()
    if name not in ("linear", "elman_relu"):
        assert torch.isfinite(outputs).all()
