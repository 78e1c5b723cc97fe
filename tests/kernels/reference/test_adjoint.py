"""The hand-written adjoints: against autograd of the reference, against finite differences, and broken on purpose."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kernels.reference.problems import Problem, Size, compare, differentiated, problem
from tests.tolerances import GRADIENTS, SAME_BITS, assert_agree, conditioned
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from nurt.errors import NurtValueError
from nurt.kernels import PLAIN, StepOptions, Weights, recurrence
from nurt.kernels.recurrence import StepGradients, remade
from nurt.kernels.reference import RECURRENCES, adjoint, loop

SIZES = {
    "usual": Size(),
    "one step": Size(time=1),
    "one row": Size(batch=1, time=9, hidden=5),
    "one unit": Size(batch=2, inputs=1, hidden=1, projection=1),
    "one of each": Size(1, 1, 1, 1, 1),
    "odd": Size(batch=5, time=17, inputs=3, hidden=13, projection=7),
    "no row": Size(batch=0),
}
# Layer normalisation undoes the scale of its input. With one unit and one input there is nothing but scale: the true
# gradients are what is left where all but ε cancels, and two right ways to compute them share few digits.
CASES = [(name, size) for name in RECURRENCES for size in SIZES if name != "layer_norm_lstm" or SIZES[size].hidden > 1]
WAYS = {
    "forwards": {},
    "backwards": {"reverse": True},
    "ragged": {"lengths": (5, 2, 0)},
    "ragged, backwards": {"lengths": (1, 0, 4), "reverse": True},
    "no steps at all": {"lengths": (0, 0, 0)},
}


def test_every_recurrence_of_the_package_has_an_adjoint():
    assert [name for name, recurrence in RECURRENCES.items() if recurrence.adjoint is None] == []


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("name", "size"), CASES)
def test_one_step_has_the_gradients_that_autograd_finds(name, size, bias):
    one = problem(name, SIZES[size], bias=bias)
    recurrence, tensors = one.recurrence, {label: value.requires_grad_() for label, value in one.tensors.items()}
    projected = (tensors["inputs"][:, 0] @ tensors["weight_ih"].T).detach().requires_grad_()
    state = recurrence.state(*(tensors[field] for field in one.fields))
    weights = Weights(**{label: tensors[label] for label in Weights._fields if label in tensors})
    new = recurrence.advance(projected, state, weights)
    grad = remade(new, (torch.randn_like(field) for field in new))
    step = recurrence.adjoint(projected, state, weights, grad)
    # What ends in ih belongs to the input projection, before the step.
    learned = {label: tensors[label] for label in tensors if label in Weights._fields and not label.endswith("ih")}
    assert step.weights.keys() == learned.keys()
    found = [step.projected, *step.state, *(step.weights[label] for label in learned)]
    wanted = torch.autograd.grad([*new], [projected, *state, *learned.values()], [*grad], materialize_grads=True)
    # A gradient of one unit may be the small rest of terms that cancel, and then a rounding is a large part of it.
    near = [_one_rounding_away(value) for value in (projected, *state, *learned.values())]
    count = 1 + len(state)
    moved = recurrence.advance(
        near[0],
        recurrence.state(*near[1:count]),
        weights._replace(**dict(zip(learned, near[count:], strict=True))),
    )
    others = torch.autograd.grad([*moved], near, [*grad], materialize_grads=True)
    for label, mine, theirs, other in zip(("projected", *one.fields, *learned), found, wanted, others, strict=True):
        assert_agree(mine, theirs, conditioned(GRADIENTS[torch.float64], theirs, other), f"gradient of {label}")


def _one_rounding_away(value: Tensor) -> Tensor:
    return (value.detach() * (1.0 + torch.finfo(value.dtype).eps)).requires_grad_()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("name", "size"), CASES)
def test_through_time_the_gradients_are_those_of_the_reference_at_every_size(name, reverse, size):
    compare(problem(name, SIZES[size], reverse=reverse), adjoint.run, loop.run)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", RECURRENCES)
def test_through_time_the_gradients_are_those_of_the_reference_on_every_way(name, way, bias):
    compare(problem(name, bias=bias, **WAYS[way]), adjoint.run, loop.run)


@pytest.mark.parametrize("name", RECURRENCES)
def test_single_precision_keeps_its_tolerance(name):
    one = problem(name, Size(batch=4, time=40, hidden=11), lengths=(40, 3, 17, 1))
    single = dataclasses.replace(one, tensors={label: value.float() for label, value in one.tensors.items()})
    compare(single, adjoint.run, loop.run)


@settings(max_examples=20, deadline=None)
@given(
    name=st.sampled_from(sorted(RECURRENCES)),
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    reverse=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_what_lies_in_the_padding_reaches_no_gradient(name, lengths, reverse, seed):
    one = problem(name, Size(batch=len(lengths)), seed=seed, lengths=tuple(lengths), reverse=reverse)
    clean_results, clean = differentiated(one, adjoint.run)
    inputs = one.tensors["inputs"].detach().clone()
    for row, length in enumerate(lengths):
        inputs[row, length:] = torch.tensor([float("nan"), float("inf")], dtype=torch.float64)
    dirty = dataclasses.replace(one, tensors=one.tensors | {"inputs": inputs})
    results, gradients = differentiated(dirty, adjoint.run)
    for mine, wanted in zip([*results, *gradients], [*clean_results, *clean], strict=True):
        assert torch.equal(mine, wanted)


def test_a_nan_in_the_gradient_of_a_padded_output_is_dropped():
    one = problem("gru", lengths=(5, 2, 0))
    outputs, _ = one.run(adjoint.run, inputs=one.tensors["inputs"].requires_grad_())
    grad = torch.ones_like(outputs)
    grad[1, 2:] = float("nan")
    (found,) = torch.autograd.grad(outputs, one.tensors["inputs"], grad)
    assert torch.isfinite(found).all()
    assert not found[1, 2:].any()


def test_a_row_without_steps_hands_the_gradient_of_its_state_straight_through():
    one = problem("lstm", lengths=(5, 2, 0))
    _, _, cell = one.run(adjoint.run, cell=one.tensors["cell"].requires_grad_())
    grad = torch.randn_like(cell)
    (found,) = torch.autograd.grad(cell, one.tensors["cell"], grad)
    assert_agree(found[2], grad[2], SAME_BITS, "gradient of the initial state")


@pytest.mark.parametrize("way", ["forwards", "ragged, backwards"])
@pytest.mark.parametrize("name", RECURRENCES)
def test_first_derivatives_agree_with_finite_differences(name, way):
    one = problem(name, **WAYS[way])
    assert gradcheck(one.function(adjoint.run), one.differentiable())


@pytest.mark.parametrize("name", RECURRENCES)
def test_first_derivatives_of_a_single_unit_agree_with_finite_differences(name):
    one = problem(name, SIZES["one unit"], lengths=(5, 3))
    assert gradcheck(one.function(adjoint.run), one.differentiable())


@pytest.mark.parametrize("way", ["forwards", "ragged, backwards"])
@pytest.mark.parametrize("name", RECURRENCES)
def test_second_derivatives_agree_with_finite_differences(name, way):
    one = problem(name, Size(time=4, hidden=3, projection=2), **WAYS[way])
    assert gradgradcheck(one.function(adjoint.run), one.differentiable(), fast_mode=True)


@pytest.mark.parametrize("name", RECURRENCES)
def test_third_derivatives_are_those_of_the_reference(name):
    one = problem(name, Size(time=3, hidden=3, projection=2), lengths=(3, 1, 2))
    found = {}
    for kernel in (adjoint.run, loop.run):
        tensors = one.differentiable()
        value = sum(result.sin().sum() for result in one.run(kernel))
        for _ in range(2):
            slopes = torch.autograd.grad(value, tensors, create_graph=True)
            value = sum(slope.square().sum() for slope in slopes)
        found[kernel] = torch.autograd.grad(value, tensors)
    for label, mine, wanted in zip(one.tensors, found[adjoint.run], found[loop.run], strict=True):
        assert_agree(mine, wanted, GRADIENTS[torch.float64], f"third derivative by {label}")


@pytest.mark.parametrize("name", RECURRENCES)
def test_each_tensor_alone_gets_the_gradient_it_gets_among_all(name):
    one = problem(name, lengths=(5, 2, 0))
    _, every = differentiated(one, adjoint.run)
    for label, wanted in zip(one.tensors, every, strict=True):
        bare = {other: value.detach() for other, value in one.tensors.items()}
        asked = bare[label].requires_grad_()
        results = dataclasses.replace(one, tensors=bare).run(adjoint.run)
        generator = torch.Generator().manual_seed(11)
        mixture = [torch.randn(value.shape, generator=generator, dtype=value.dtype) for value in results]
        torch.autograd.backward(results, mixture)
        assert_agree(asked.grad, wanted, SAME_BITS, f"gradient of {label}")
        assert [other for other, value in bare.items() if value.grad is not None] == [label]


@pytest.mark.parametrize("result", [0, 1, 2])
def test_each_result_alone_can_be_differentiated(result):
    one = problem("lstm")
    found = {}
    for kernel in (adjoint.run, loop.run):
        tensors = one.differentiable()
        value = one.run(kernel)[result].square().sum()
        found[kernel] = torch.autograd.grad(value, tensors, materialize_grads=True)
    for label, mine, wanted in zip(one.tensors, found[adjoint.run], found[loop.run], strict=True):
        assert_agree(mine, wanted, GRADIENTS[torch.float64], f"gradient of {label}")


def test_one_gradient_tensor_shared_by_both_fields_of_a_state_is_counted_once_in_each():
    one = problem("lstm")
    found = {}
    for kernel in (adjoint.run, loop.run):
        tensors = one.differentiable()
        outputs, hidden, cell = one.run(kernel)
        found[kernel] = torch.autograd.grad([outputs.sum(), (hidden + cell).sum()], tensors)
    for label, mine, wanted in zip(one.tensors, found[adjoint.run], found[loop.run], strict=True):
        assert_agree(mine, wanted, GRADIENTS[torch.float64], f"gradient of {label}")


@pytest.mark.parametrize("name", RECURRENCES)
def test_strided_and_expanded_tensors_are_no_special_case(name):
    one = problem(name)
    tensors = {label: torch.stack([value, value], dim=-1)[..., 0] for label, value in one.tensors.items()}
    tensors["inputs"] = one.tensors["inputs"][:1, :, :1].expand_as(one.tensors["inputs"])
    tensors["hidden"] = one.tensors["hidden"][:1].expand_as(one.tensors["hidden"])
    assert not any(value.is_contiguous() for value in tensors.values() if value.dim() > 1)
    compare(dataclasses.replace(one, tensors=tensors), adjoint.run, loop.run)


def options(name: str, kind: str, size: Size) -> StepOptions:
    """Return options of one kind; masks and shares are random zeros and ones."""
    generator = torch.Generator().manual_seed(17)
    fed_back = size.projection if name == "projected_lstm" else size.hidden

    def drawn_mask(*shape: int) -> Tensor:
        return torch.randint(0, 2, shape, generator=generator).double()

    has_cell = "cell" in RECURRENCES[name].state._fields
    return {
        "state dropout": lambda: StepOptions(hidden_mask=2 * drawn_mask(size.batch, fed_back)),
        "zoneout in training": lambda: StepOptions(
            keep_hidden=drawn_mask(size.batch, size.time, fed_back),
            keep_cell=drawn_mask(size.batch, size.time, size.hidden) if has_cell else None,
        ),
        "zoneout in evaluation": lambda: StepOptions(keep_hidden=0.3, keep_cell=0.1 if has_cell else None),
        "clip": lambda: StepOptions(gradient_clip=0.05),
        "all": lambda: StepOptions(
            hidden_mask=2 * drawn_mask(size.batch, fed_back),
            keep_hidden=drawn_mask(size.batch, size.time, fed_back),
            keep_cell=0.2 if has_cell else None,
            gradient_clip=0.05,
        ),
    }[kind]()


KINDS = ["state dropout", "zoneout in training", "zoneout in evaluation", "clip", "all"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["forwards", "ragged, backwards"])
@pytest.mark.parametrize("name", RECURRENCES)
def test_the_options_of_a_step_have_the_gradients_of_the_reference(name, way, kind):
    one = problem(name, options=options(name, kind, Size()), **WAYS[way])
    compare(one, adjoint.run, loop.run)
    plain = dataclasses.replace(one, options=PLAIN)
    pairs = zip(differentiated(one, adjoint.run)[1], differentiated(plain, adjoint.run)[1], strict=True)
    assert not all(torch.equal(mine, without) for mine, without in pairs), "the option does nothing"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("clip", "all")])
@pytest.mark.parametrize("name", RECURRENCES)
def test_the_options_of_a_step_agree_with_finite_differences_twice(name, kind):
    size = Size(time=4, hidden=3, projection=2)
    one = problem(name, size, options=options(name, kind, size), lengths=(4, 1, 0))
    assert gradcheck(one.function(adjoint.run), one.differentiable(), fast_mode=True)
    assert gradgradcheck(one.function(adjoint.run), one.differentiable(), fast_mode=True)


@pytest.mark.parametrize("name", RECURRENCES)
def test_second_derivatives_of_clipped_gradients_are_those_of_the_reference(name):
    one = problem(name, options=options(name, "all", Size()), lengths=(5, 2, 0))
    found = {}
    for kernel in (adjoint.run, loop.run):
        tensors = one.differentiable()
        value = sum(result.sum() for result in one.run(kernel))
        slopes = torch.autograd.grad(value, tensors, create_graph=True)
        found[kernel] = torch.autograd.grad(sum(slope.square().sum() for slope in slopes), tensors)
    for label, mine, wanted in zip(one.tensors, found[adjoint.run], found[loop.run], strict=True):
        assert_agree(mine, wanted, GRADIENTS[torch.float64], f"second derivative by {label}")


@pytest.mark.parametrize("name", ["hidden_mask", "keep_hidden", "keep_cell"])
def test_a_mask_that_asks_for_a_gradient_is_refused(name):
    asking = StepOptions(**{name: torch.full((3, 5, 4), 0.5, dtype=torch.float64, requires_grad=True)})
    with pytest.raises(NurtValueError, match=name):
        problem("lstm", options=asking).run(adjoint.run)


def test_inputs_and_states_are_all_that_is_kept_for_the_backward_pass():
    one = problem("gru", Size(batch=2, time=11, inputs=3, hidden=5))
    sizes: list[int] = []
    one.differentiable()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
        one.run(adjoint.run)
    assert sum(sizes) == sum(tensor.numel() for tensor in one.tensors.values()) + 11 * 2 * 5


def test_saved_tensors_are_read_once_so_that_checkpointing_can_drop_them():
    one = problem("lstm")
    inputs, *_ = one.differentiable()
    (plain,) = torch.autograd.grad(one.run(adjoint.run)[0].sum(), inputs)
    outputs = torch.utils.checkpoint.checkpoint(
        lambda x: one.run(adjoint.run, inputs=x)[0], inputs, use_reentrant=False
    )
    (found,) = torch.autograd.grad(outputs.sum(), inputs)
    assert_agree(found, plain, SAME_BITS, "gradient of the inputs")


def test_the_backward_pass_writes_to_nothing_it_was_given():
    one = problem("projected_lstm", lengths=(5, 2, 0))
    tensors = one.differentiable()
    results = one.run(adjoint.run)
    grads = [torch.randn_like(value) for value in results]
    before = [value.detach().clone() for value in (*tensors, *results, *grads)]
    torch.autograd.grad(results, tensors, grads)
    assert all(torch.equal(old, now) for old, now in zip(before, (*tensors, *results, *grads), strict=True))


def negated(step: StepGradients, gates: int) -> StepGradients:
    return dataclasses.replace(step, projected=-step.projected)


def without_last_gate(step: StepGradients, gates: int) -> StepGradients:
    kept = step.projected.clone()
    kept.chunk(gates, dim=-1)[-1].zero_()
    return dataclasses.replace(step, projected=kept)


def without_first_gate(step: StepGradients, gates: int) -> StepGradients:
    kept = step.projected.clone()
    kept.chunk(gates, dim=-1)[0].zero_()
    return dataclasses.replace(step, projected=kept)


def stopped(step: StepGradients, gates: int) -> StepGradients:
    return dataclasses.replace(step, state=remade(step.state, (torch.zeros_like(field) for field in step.state)))


def a_little_off(step: StepGradients, gates: int) -> StepGradients:
    return dataclasses.replace(step, state=remade(step.state, (field * (1 + 1e-11) for field in step.state)))


def without_recurrent_bias(step: StepGradients, gates: int) -> StepGradients:
    return dataclasses.replace(step, weights=step.weights | {"bias_hh": torch.zeros_like(step.weights["bias_hh"])})


def transposed_product(step: StepGradients, gates: int) -> StepGradients:
    return dataclasses.replace(step, weights=step.weights | {"weight_hh": step.weights["weight_hh"].flip(0)})


STEP_FAULTS = [
    negated,
    without_first_gate,
    without_last_gate,
    stopped,
    a_little_off,
    without_recurrent_bias,
    transposed_product,
]


def turns_red(one: Problem) -> None:
    with pytest.raises(AssertionError, match="gradient of"):
        compare(one, adjoint.run, loop.run)


@pytest.mark.parametrize("fault", STEP_FAULTS)
@pytest.mark.parametrize("name", RECURRENCES)
def test_a_fault_in_the_adjoint_of_a_step_turns_the_comparison_red(name, fault):
    one = problem(name)
    true = one.recurrence

    def broken(*arguments):
        return fault(true.adjoint(*arguments), true.gates)

    turns_red(dataclasses.replace(one, recurrence=dataclasses.replace(true, adjoint=broken)))


@pytest.mark.parametrize("name", RECURRENCES)
@pytest.mark.parametrize("fault", ["states a step early", "initial state lost", "last step alone"])
def test_a_fault_in_the_loop_turns_the_comparison_red(name, fault, monkeypatch):
    true = adjoint._backwards_in_time

    def broken(walk, projected, states, weights, grads):
        if fault == "states a step early":
            states = [states[0], *states[:-1]]
        if fault == "last step alone":
            grads = [torch.cat([torch.zeros_like(grads[0][:, :-1]), grads[0][:, -1:]], dim=1), *grads[1:]]
        da, start, sums = true(walk, projected, states, weights, grads)
        if fault == "initial state lost":
            start = remade(start, (torch.zeros_like(field) for field in start))
        return da, start, sums

    monkeypatch.setattr(adjoint, "_backwards_in_time", broken)
    turns_red(problem(name))


def always_new(alive: Tensor, new, old):
    return new


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", RECURRENCES)
def test_ended_rows_that_let_gradients_leak_turn_the_comparison_red(name, reverse, monkeypatch):
    one = problem(name, lengths=(5, 2, 0), reverse=reverse)
    true = adjoint._backwards_in_time

    def broken(*arguments):
        monkeypatch.setattr(adjoint, "where_alive", always_new)
        try:
            return true(*arguments)
        finally:
            monkeypatch.setattr(adjoint, "where_alive", recurrence.where_alive)

    monkeypatch.setattr(adjoint, "_backwards_in_time", broken)
    turns_red(one)
