"""Binary numbers: the published protocol to its last digit, exact weights for any length, gradients by torch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nurt.experiments import find, run
from nurt.experiments.addition import model
from nurt.experiments.addition.model import Operation, all_pairs, carries, draw_pairs, exact_parameters
from nurt.experiments.addition.study import AdditionResult, AdditionSettings, train
from nurt.nn import ElmanCell, unroll


def test_the_first_pairs_are_those_of_the_frozen_stream() -> None:
    pairs = draw_pairs(np.random.RandomState(1), 2000, 7, "add")
    assert pairs.numbers[:5].tolist() == [[37, 43], [12, 8], [63, 9], [11, 5], [15, 0]]
    assert pairs.inputs[1, :, 0].tolist() == [0, 0, 1, 1, 0, 0, 0]
    assert pairs.targets[1, :, 0].tolist() == [0, 0, 1, 0, 1, 0, 0]


def test_the_protocol_to_the_letter() -> None:
    training = train(AdditionSettings(seed=1))
    assert training.start == pytest.approx(0.73028373, rel=1e-8)
    assert training.losses[0] == pytest.approx(0.70812834, rel=1e-8)
    assert training.losses[-1] == pytest.approx(1.5213780e-5, rel=1e-4)
    assert model.pack(training.walked[-1]).size == 28
    fresh = draw_pairs(np.random.RandomState(77), 2000, 7, "add")
    assert model.accuracy(training.walked[-1], fresh.inputs, fresh.targets) == 1.0


def test_the_shifted_slices_touch_119_pairs() -> None:
    plan = AdditionSettings(seed=1, rounds=1)
    whole = train(plan).losses
    pairs = draw_pairs(np.random.RandomState(1), 2000, 7, "add")
    changed = dataclasses.replace(plan, slices="disjoint")
    assert not np.array_equal(train(changed).losses[1:], whole[1:])
    assert train(changed).losses[0] == whole[0]
    assert len({row for q in range(20) for row in range(q, q + 100)}) == 119 < len(pairs.results)


@pytest.mark.parametrize("operation", ["add", "subtract"])
@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**59 - 1), st.integers(0, 2**59 - 1), st.sampled_from([3.0, 10.0, 40.0]))
def test_exact_weights_are_right_for_59_bits(operation: Operation, first: int, second: int, gain: float) -> None:
    large, small = max(first, second), min(first, second)
    expected = first + second if operation == "add" else large - small
    read = (first, second) if operation == "add" else (large, small)
    bits = np.array([[[value >> at & 1 for value in read] for at in range(60)]], dtype=np.float64)
    logits = model.run(exact_parameters(operation, gain), bits)[1]
    assert sum(int(bit) << at for at, bit in enumerate(logits[0, :, 0] > 0.0)) == expected


@pytest.mark.parametrize(("operation", "sign"), [("add", 1.0), ("subtract", -1.0)])
def test_unit_two_is_the_carry(operation: Operation, sign: float) -> None:
    pairs = draw_pairs(np.random.RandomState(5), 63, 13, operation)
    states = model.run(exact_parameters(operation), pairs.inputs)[0]
    np.testing.assert_array_equal(sign * states[:, 1:, 1] > 0.0, carries(pairs, operation) == 1.0)


def test_the_gradient_is_that_of_torch_through_nurts_own_cell() -> None:
    pairs = draw_pairs(np.random.RandomState(3), 63, 7, "add")
    parameters = model.draw(np.random.RandomState(9), 3)._replace(initial=np.array([0.3, -0.2, 0.1]))
    cell = ElmanCell(2, 3, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.from_numpy(parameters.weight_in.T))
        cell.weight_hh.copy_(torch.from_numpy(parameters.weight_rec.T))
        cell.bias_ih.zero_()
        cell.bias_hh.zero_()
    initial = torch.tensor(parameters.initial, requires_grad=True)
    weight_out = torch.tensor(parameters.weight_out, requires_grad=True)
    outputs, _ = unroll(cell, torch.from_numpy(pairs.inputs), state=(initial.expand(63, 3),))
    logits = outputs @ weight_out
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(pairs.targets))
    loss.backward()
    found = model.gradient(parameters, pairs.inputs, pairs.targets)
    assert model.loss(parameters, pairs.inputs, pairs.targets) == pytest.approx(loss.item(), rel=1e-13)
    expected = (cell.weight_ih.grad.T, cell.bias_ih.grad, cell.weight_hh.grad.T, cell.bias_hh.grad)
    for mine, theirs in zip(found, (*expected, initial.grad, weight_out.grad), strict=False):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-15)
    numeric = model.numeric_gradient(parameters, pairs.inputs, pairs.targets)
    np.testing.assert_allclose(model.pack(found), numeric, rtol=1e-6, atol=1e-9)


def test_weights_survive_packing() -> None:
    drawn = model.draw(np.random.RandomState(2), 5)
    again = model.unpack(model.pack(drawn), 5)
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True))


def quick(id: str, **changes: int) -> AdditionResult:
    experiment = find(id)
    result = experiment.run(settings=dataclasses.replace(experiment.settings(), **changes))
    assert isinstance(result, AdditionResult)
    return result


def test_the_experiment_shows_several_draws_and_its_baselines() -> None:
    result = quick("addition/roelants", draws=2)
    assert result.accuracies[-1] == 1.0
    assert result.verdict.standing == "reached"
    assert len(result.draw_accuracies) == 2
    assert result.gradient_check < 1e-5
    # Answering each pair of bits by itself is right where the carry is the likelier of the two.
    assert result.baselines[0].value == pytest.approx(0.641, abs=2e-3)
    assert result.baselines[1].value == pytest.approx(0.5, abs=0.01)


def test_a_short_training_of_28_steps_is_told_to_have_missed() -> None:
    result = quick("addition/add-28", rounds=1, batches=2, samples=200)
    assert result.verdict.standing == "missed"
    assert result.score is not None
    assert result.score.value <= result.baselines[0].value
    assert "not better than answering without memory" in result.verdict.text.en
    assert result.parameters.initial.shape == (10,)


def test_the_sample_table_prints_the_sign_of_the_task() -> None:
    rows = quick("addition/subtract-15", draws=0, rounds=1).tables()[0].rows
    assert all("−" in str(row[0]) and row[1] == row[3] for row in rows)


@pytest.mark.parametrize("operation", ["add", "subtract"])
def test_all_pairs_are_all_and_each_once(operation: Operation) -> None:
    pairs = all_pairs(4, operation)
    drawn = {(a, b) for a in range(8) for b in range(8)}
    expected = drawn if operation == "add" else {(max(pair), min(pair)) for pair in drawn}
    assert {tuple(map(int, pair)) for pair in pairs.numbers} == expected
    assert len(pairs.numbers) == 64
    assert model.accuracy(exact_parameters(operation), pairs.inputs, pairs.targets) == 1.0


def test_the_verdict_says_what_was_asked() -> None:
    few = quick("addition/roelants", draws=1)
    assert few.settings.exhaustive
    assert "all 4096 pairs" in few.verdict.text.en and "wszystkich 4096 par" in few.verdict.text.pl
    many = quick("addition/subtract-15", draws=1, rounds=1)
    assert not many.settings.exhaustive
    assert "2000 held-out pairs" in many.verdict.text.en and "2000 nowych par" in many.verdict.text.pl


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "solved"), [("default", 10), ("guarded", 8), ("mended", 10)])
def test_about_half_of_20_seeds_are_right_on_every_pair(preset: str, solved: int) -> None:
    result = run("addition/roelants", preset)
    assert isinstance(result, AdditionResult)
    assert len(result.draw_accuracies) == 20
    asked = all_pairs(7, "add")
    assert len({tuple(pair) for pair in asked.numbers.tolist()}) == 4096
    exact = 0
    for seed in range(20):
        plan = dataclasses.replace(result.settings, seed=seed, networks_before=0)
        bits = model.run(train(plan).walked[-1], asked.inputs)[1][:, :, 0] > 0.0
        exact += int((bits @ (1 << np.arange(7)) == asked.numbers.sum(axis=1)).all())
    assert exact == int((result.draw_accuracies == 1.0).sum()) == solved
    assert f"From 20 other draws of data and weights, {solved} end without an error" in result.verdict.text.en


@pytest.mark.slow
def test_28_steps_in_full() -> None:
    assert run("addition/add-28").verdict.standing == "reached"
