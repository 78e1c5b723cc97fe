"""The native scan against the oracle: every dtype, size, instruction set, number of threads, stride and length."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.kernels.scans import DTYPES, SIZES, agree, case, same_bits

from nurt.kernels import Request, _cpu, scan, threads, use
from nurt.kernels.native import scan as native_scan


@pytest.fixture(autouse=True)
def _native(monkeypatch):
    monkeypatch.delenv("NURT_RUNG", raising=False)
    _cpu.poison_scratch(True)
    yield
    _cpu.poison_scratch(False)


@pytest.fixture(params=_cpu.instruction_sets())
def isa(request, monkeypatch) -> str:
    monkeypatch.setenv("NURT_ISA", request.param)
    return request.param


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_size_agrees_with_the_oracle(isa, dtype):
    for size in SIZES:
        problem = case(*size, dtype)
        agree(problem.run(), problem.expected())


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex128], ids=str)
def test_ragged_rows_stop_at_their_own_end(isa, dtype, reverse):
    lengths = torch.tensor([3, 7, 0, 7, 1])
    problem = case(5, 7, 19, dtype, lengths=lengths, reverse=reverse)
    got = problem.run()
    agree(got, problem.expected())
    for row, length in enumerate(lengths):
        for name, tensor in (("outputs", got[0]), ("gradient of a", got[2]), ("gradient of b", got[3])):
            assert not tensor[row, length:].any(), name
    assert torch.equal(got[1][2], problem.tensors[2][2]), "a row without steps keeps its state"
    assert torch.equal(got[4][2], problem.grads[1][2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64], ids=str)
@pytest.mark.parametrize("shape", [(21,), (67, 21), (1, 67, 21), (4, 1, 21), (1, 1, 21)])
def test_a_may_be_shared_by_rows_and_steps(isa, shape, dtype):
    for options in ({}, {"lengths": torch.tensor([67, 5, 0, 66]), "reverse": True}):
        problem = case(4, 67, 21, dtype, a=shape, **options)
        agree(problem.run(), problem.expected())


@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 40)),
    shared=st.tuples(st.booleans(), st.booleans()),
    dtype=st.sampled_from(DTYPES),
    reverse=st.booleans(),
    data=st.data(),
)
def test_any_shape_agrees_with_the_oracle(size, shared, dtype, reverse, data):
    rows, steps, columns = size
    lengths = torch.tensor(data.draw(st.lists(st.integers(0, steps), min_size=rows, max_size=rows)))
    shape = (1 if shared[0] else rows, 1 if shared[1] else steps, columns)
    problem = case(*size, dtype, a=shape, lengths=lengths, reverse=reverse)
    agree(problem.run(), problem.expected())


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", [(3, 6, 9), (1, 6, 9)])
def test_what_lies_past_the_end_is_never_read(shape, reverse):
    lengths = torch.tensor([6, 2, 0] if shape[0] == 3 else [4, 2, 0])
    problem = case(3, 6, 9, torch.complex64, a=shape, lengths=lengths, reverse=reverse)
    clean = problem.run()
    for row, length in enumerate(lengths):
        problem.tensors[1][row, length:] = torch.nan
        problem.grads[0][row, length:] = torch.nan
    past = [(row, int(length)) for row, length in enumerate(lengths)] if shape[0] == 3 else [(0, int(lengths.max()))]
    for row, end in past:
        problem.tensors[0][row, end:] = torch.nan
    same_bits(problem.run(), clean)


@pytest.mark.parametrize("shape", [(3, 211, 83), (83,), (211, 83), (3, 1, 83)])
def test_any_number_of_threads_gives_the_same_bits(isa, shape):
    lengths = torch.tensor([211, 60, 143])
    problem = case(3, 211, 83, torch.complex64, a=shape, lengths=lengths)
    results = []
    for count in (1, 2, 3, 4):
        with threads(count):
            results.append(problem.run())
    for other in results[1:]:
        same_bits(other, results[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex128], ids=str)
def test_strides_do_not_matter(dtype):
    problem = case(4, 6, 10, dtype)
    expected = problem.run()
    a, b, initial = problem.tensors

    def with_gaps(values):
        return torch.stack((values, torch.full_like(values, torch.nan)), dim=-1)[..., 0]

    for remade in (with_gaps, lambda v: v.transpose(0, -2).contiguous().transpose(0, -2), lambda v: v.mT.clone().mT):
        problem.tensors = [remade(a), remade(b), initial.mT.clone().mT]
        problem.grads = [remade(grad) for grad in problem.grads]
        same_bits(problem.run(), expected)


def test_expanded_tensors_are_read_where_they_lie():
    b, a = torch.randn(1, 1, 5).expand(3, 4, 5), torch.rand(1, 4, 1).expand(3, 4, 5)
    outputs, _ = scan(a, b)
    assert torch.equal(outputs, scan(a.contiguous(), b.contiguous())[0])


def test_conjugates_that_torch_has_not_yet_computed_are_computed():
    problem = case(2, 5, 3, torch.complex64)
    a, b, initial = problem.tensors
    expected = scan(a.conj().resolve_conj(), b.conj().resolve_conj(), initial.conj().resolve_conj())
    same_bits(list(scan(a.conj(), b.conj(), initial.conj())), list(expected))
    imaginary = b.conj().imag
    assert imaginary.is_neg()
    assert torch.equal(scan(a.real, imaginary)[0], scan(a.real, imaginary.clone().resolve_neg())[0])


def test_arguments_are_left_alone():
    problem = case(3, 5, 7, torch.float32, lengths=torch.tensor([5, 0, 2]))
    before = [tensor.clone() for tensor in problem.tensors + problem.grads]
    problem.run()
    same_bits(problem.tensors + problem.grads, before)


def test_gradients_that_nobody_asks_for_are_not_computed():
    problem = case(2, 5, 3, torch.float64)
    whole = problem.run()
    for index in range(3):
        leaves = [tensor.clone().requires_grad_(index == place) for place, tensor in enumerate(problem.tensors)]
        found = torch.autograd.grad(scan(*leaves), leaves[index], problem.grads)[0]
        assert torch.equal(found, whole[2 + index])
    leaves = [tensor.clone().requires_grad_() for tensor in problem.tensors]
    with use("reference"):
        expected = torch.autograd.grad(scan(*leaves)[1].sum(), leaves)
    for one, other in zip(torch.autograd.grad(scan(*leaves)[1].sum(), leaves), expected, strict=True):
        torch.testing.assert_close(one, other)


def test_large_factors_grow_to_infinity_and_not_to_nan():
    outputs, final = scan(torch.full((1,), 1e30), torch.ones(1, 4, 1))
    assert outputs.flatten().tolist() == [1.0, pytest.approx(1e30), torch.inf, torch.inf]
    assert final.item() == torch.inf
    problem = case(2, 9, 5, torch.float64)
    problem.tensors[0] *= 1e6
    agree(problem.run(), problem.expected())


def test_a_number_that_is_not_one_stays_in_its_own_column():
    b = torch.zeros(2, 3, 5)
    b[1, 1, 2] = torch.nan
    outputs, _ = scan(torch.ones(5), b)
    assert outputs.isnan().nonzero().tolist() == [[1, 1, 2], [1, 2, 2]]


def test_an_empty_batch_has_empty_results():
    problem = case(0, 3, 2, torch.float32, a=(2,))
    outputs, final, to_a, to_b, to_initial = problem.run()
    assert (outputs.shape, final.shape, to_b.shape, to_initial.shape) == ((0, 3, 2), (0, 2), (0, 3, 2), (0, 2))
    assert torch.equal(to_a, torch.zeros(2))


def test_sums_over_many_steps_and_rows_keep_their_accuracy():
    problem = case(5, 1201, 2, torch.float32, a=(2,))
    problem.tensors[0].fill_(0.9)
    agree(problem.run(), problem.expected())


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Request("scan", "cuda", torch.float32), "on a cpu"),
        (Request("scan", "cpu", torch.bfloat16), "not in bfloat16"),
        (Request("scan", "cpu", torch.float32, frozenset({"transformed"})), "cannot look into"),
    ],
)
def test_what_the_engine_cannot_do_it_refuses_with_a_reason(request_, reason):
    assert reason in (native_scan.refuse(request_) or "")


@pytest.mark.parametrize("wrong", [{"time": 0}, {"number": 4}, {"threads": 0}, {"size": 0}])
def test_the_engine_guards_itself(wrong):
    sizes = {"number": 0, "threads": 1, "reverse": False, "batch": 1, "time": 1, "size": 1, "lengths": 0} | wrong
    with pytest.raises(ValueError, match=r"nurt\.kernels\._cpu"):
        _cpu.ScanCall(**sizes)
