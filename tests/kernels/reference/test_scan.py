"""The readable scan against the oracle and finite differences, and the adjoint by hand against autograd."""

from __future__ import annotations

import pytest
import torch
from tests.kernels.scans import DTYPES, SIZES, agree, case
from torch.autograd import gradcheck

from nurt.kernels.reference import scan

OPTIONS = [
    {},
    {"reverse": True},
    {"lengths": torch.tensor([5, 0, 1])},
    {"lengths": torch.tensor([5, 0, 1]), "reverse": True},
]
SHAPES = [(3, 5, 4), (4,), (5, 4), (3, 1, 4)]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_size_agrees_with_the_oracle(dtype):
    for size in SIZES:
        problem = case(*size, dtype)
        agree(problem.run("reference"), problem.expected())


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
def test_the_adjoint_agrees_with_autograd(dtype, shape, options):
    problem = case(3, 5, 4, dtype, a=shape, **options)
    outputs, final, *grads = problem.run("reference")
    a, _, initial = problem.tensors
    settings = {"lengths": None, "reverse": False} | options
    whole = a[(None,) * (3 - a.dim())]
    to_a, *rest = scan.adjoint(scan.run, whole, outputs, initial, *problem.grads, **settings)
    agree([outputs, final, to_a.reshape(a.shape), *rest], [outputs, final, *grads])


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradients_agree_with_finite_differences(options):
    settings = {"lengths": None, "reverse": False} | options
    tensors = [tensor.requires_grad_() for tensor in case(3, 5, 2, torch.complex128).tensors]
    assert gradcheck(lambda a, b, initial: scan.run(a, b, initial, **settings), tensors, fast_mode=True)


@pytest.mark.parametrize("reverse", [False, True])
def test_what_lies_past_the_end_is_never_read(reverse):
    problem = case(3, 5, 4, torch.float64, lengths=torch.tensor([5, 0, 2]), reverse=reverse)
    clean = problem.run("reference")
    for row, end in ((1, 0), (2, 2)):
        problem.tensors[0][row, end:] = torch.nan
        problem.tensors[1][row, end:] = torch.nan
    agree(problem.run("reference"), clean)
