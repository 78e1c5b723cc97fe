"""The scan where torch looks at operators, and its derivatives of second order."""

from __future__ import annotations

import pytest
import torch
from tests.kernels.scans import case, same_bits
from torch.autograd import gradcheck, gradgradcheck

from nurt.kernels import scan

SHAPES = [(3, 4, 2), (2,), (4, 2), (3, 1, 2)]


@pytest.fixture(autouse=True)
def _native(monkeypatch):
    monkeypatch.setenv("NURT_RUNG", "native")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
def test_first_and_second_derivatives_agree_with_finite_differences(dtype, shape, reverse):
    tensors = [tensor.requires_grad_() for tensor in case(3, 4, 2, dtype, a=shape).tensors]
    for lengths in (None, torch.tensor([4, 0, 2])):

        def function(a, b, initial, lengths=lengths):
            return scan(a, b, initial, lengths=lengths, reverse=reverse)

        assert gradcheck(function, tensors)
        assert gradgradcheck(function, tensors)


def test_second_derivatives_ignore_what_lies_past_the_end():
    found = []
    for padding in (0.0, torch.nan):
        a, b, initial = case(3, 4, 2, torch.float64).tensors
        a[1, 2:], b[1, 2:], a[2], b[2] = padding, padding, padding, padding
        leaves = [tensor.requires_grad_() for tensor in (a, b, initial)]
        outputs, _ = scan(*leaves, lengths=[4, 2, 0])
        slopes = torch.autograd.grad(outputs.square().sum(), leaves, create_graph=True)
        found.append([*slopes, *torch.autograd.grad(sum(slope.square().sum() for slope in slopes), leaves)])
    same_bits(*found)


@pytest.mark.parametrize("shape", [(3, 4, 2), (1, 1, 2), (1, 4, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64], ids=str)
def test_the_operators_pass_opcheck(dtype, shape):
    a, b, initial = (tensor.requires_grad_() for tensor in case(3, 4, 2, dtype, a=shape).tensors)
    lengths = torch.tensor([4, 0, 2])
    torch.library.opcheck(torch.ops.nurt.scan.default, (a, b, initial, lengths, True))
    torch.library.opcheck(torch.ops.nurt.scan.default, (a, b, None, None, False))
    outputs, final = (result.detach() for result in torch.ops.nurt.scan(a, b, initial, lengths, False))
    a, initial = a.detach(), initial.detach()
    for wanted in ([True, True, True], [False, True, False]):
        arguments = (a, outputs, initial, lengths, False, torch.ones_like(outputs), torch.ones_like(final), wanted)
        torch.library.opcheck(torch.ops.nurt.scan_backward.default, arguments)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64], ids=str)
def test_compiled_code_has_no_graph_break_and_the_same_bits(dtype, backend):
    problem = case(3, 6, 5, dtype, a=(5,), lengths=torch.tensor([6, 1, 3]))
    torch._dynamo.reset()
    compiled = torch.compile(scan, fullgraph=True, backend=backend)
    same_bits(problem._run(compiled, problem.tensors), problem.run())


def test_compiled_code_refuses_lengths_outside_the_inputs_when_it_runs():
    torch._dynamo.reset()
    compiled = torch.compile(scan, fullgraph=True, backend="eager")
    b = torch.ones(1, 3, 2)
    compiled(b, b, lengths=torch.tensor([2]))
    with pytest.raises(ValueError, match=r"outside 0 \.\. T"):
        compiled(b, b, lengths=torch.tensor([4]))


class Module(torch.nn.Module):
    def forward(self, a, b):
        return scan(a, b, reverse=True)


def test_the_scan_can_be_exported_for_other_batches_and_lengths_of_time():
    axes = {0: torch.export.Dim("batch", min=2), 1: torch.export.Dim("time", min=2)}
    example = case(3, 4, 5, torch.float32, a=(5,)).tensors[:2]
    program = torch.export.export(Module(), tuple(example), dynamic_shapes=(None, axes))
    assert any("nurt.scan" in str(node.target) for node in program.graph.nodes)
    other = case(2, 7, 5, torch.float32, a=(5,)).tensors[:2]
    same_bits(list(program.module()(*other)), list(scan(*other, reverse=True)))


def test_fake_tensors_get_the_shapes_and_strides_of_real_ones():
    a, b, _ = case(3, 4, 5, torch.complex64).tensors
    mode = torch._subclasses.FakeTensorMode()
    with mode:
        fake = scan(mode.from_tensor(a), mode.from_tensor(b))
    for one, other in zip(fake, scan(a, b), strict=True):
        assert (one.shape, one.stride(), one.dtype) == (other.shape, other.stride(), other.dtype)
