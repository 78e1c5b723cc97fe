"""The call of the scan: closed forms, the choice of a rung, and refusals."""

from __future__ import annotations

import pytest
import torch

from nurt.errors import NurtTypeError, NurtValueError, ShapeError, UnavailableError
from nurt.kernels import explain, scan, use


@pytest.fixture(autouse=True)
def _no_forced_rung(monkeypatch):
    monkeypatch.delenv("NURT_RUNG", raising=False)


@pytest.mark.parametrize("rung", ["native", "reference"])
def test_a_constant_factor_gives_the_geometric_sum(rung):
    factor, steps = 0.9, 40
    t = torch.arange(1, steps + 1, dtype=torch.float64)
    with use(rung):
        outputs, final = scan(torch.tensor([factor], dtype=torch.float64), torch.ones(1, steps, 1).double())
    torch.testing.assert_close(outputs.flatten(), (1 - factor**t) / (1 - factor), rtol=1e-14, atol=0)
    assert final.item() == outputs[0, -1].item()


@pytest.mark.parametrize("rung", ["native", "reference"])
def test_a_factor_on_the_unit_circle_turns_the_state(rung):
    turn = torch.polar(torch.ones(1), torch.tensor([torch.pi / 2])).to(torch.complex128)
    with use(rung):
        outputs, _ = scan(turn, torch.zeros(1, 4, 1, dtype=turn.dtype), torch.ones(1, 1, dtype=turn.dtype))
    torch.testing.assert_close(outputs.flatten(), torch.tensor([1j, -1, -1j, 1]).to(turn.dtype), rtol=1e-6, atol=1e-6)


def test_the_table_knows_the_scan():
    assert explain("scan").rung == "native"
    assert explain("scan", dtype=torch.complex64, options=["ragged"]).rung == "native"
    assert explain("scan", dtype=torch.bfloat16).rung == "reference"
    assert explain("scan").passed_over["torch"] == "torch has no operator for scan"


def test_a_forced_rung_without_a_scan_is_an_error_that_names_the_others():
    b = torch.ones(1, 2, 3)
    with use("torch"), pytest.raises(UnavailableError, match=r"'native' or .*'reference'"):
        scan(b, b)
    with use("native"), pytest.raises(UnavailableError, match="not in bfloat16"):
        scan(b.bfloat16(), b.bfloat16())
    assert scan(b.bfloat16(), b.bfloat16())[0].dtype == torch.bfloat16


def test_transforms_run_by_the_reference():
    b = torch.randn(2, 3, 4)
    slope = torch.func.grad(lambda a: scan(a, b)[1].sum())(torch.full((4,), 0.5))
    a = torch.full((4,), 0.5, requires_grad=True)
    torch.testing.assert_close(slope, torch.autograd.grad(scan(a, b)[1].sum(), a)[0])
    with use("native"), pytest.raises(UnavailableError, match="cannot look into"):
        torch.func.grad(lambda a: scan(a, b)[1].sum())(a.detach())


ONES = torch.ones(2, 3, 4)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((ONES, ONES[0]), {}, ShapeError, "`b`"),
        ((ONES, ONES[:, :0]), {}, ShapeError, "`b`"),
        ((ONES[:, :2], ONES), {}, ShapeError, r"expected|Expected \(2, 3, 4\)"),
        ((ONES[..., :1], ONES), {}, ShapeError, "`a`"),
        ((torch.tensor(1.0), ONES), {}, ShapeError, "`a`"),
        ((ONES[None], ONES), {}, ShapeError, "`a`"),
        ((ONES, ONES, ONES), {}, ShapeError, "`initial`"),
        ((ONES.double(), ONES), {}, NurtTypeError, "`a`"),
        ((ONES, ONES, ONES[:, 0].to(torch.complex64)), {}, NurtTypeError, "`initial`"),
        ((ONES, ONES), {"lengths": [1, 2, 3]}, ShapeError, "2 whole numbers"),
        ((ONES, ONES), {"lengths": [1.0, 2.0]}, ShapeError, "2 whole numbers"),
        ((ONES, ONES), {"lengths": [1, 4]}, NurtValueError, "T=3"),
        ((ONES, ONES), {"lengths": [-1, 3]}, NurtValueError, "T=3"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        scan(*arguments, **options)
