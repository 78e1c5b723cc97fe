"""Torch's own test definitions agree with the drop-in classes, but for what the documentation lists with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.proofs import torch_tests

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "torch-tests.md"


def test_a_difference_without_a_reason_fails_the_program(monkeypatch, capsys):
    found = {"outputs": {"GRU": torch_tests.Count(3, {"outputs": 1})}}
    monkeypatch.setattr(torch_tests, "run", lambda: found)
    assert torch_tests.main() == 1
    assert "| outputs | 1 | not on purpose |" in capsys.readouterr().out
    found["outputs"]["GRU"].differences = {"words of errors": 1}
    assert torch_tests.main() == 0


def test_a_wrong_number_is_a_difference():
    case = next(torch_tests.cases(torch_tests.infos()[0]))
    count = torch_tests.Count()
    torch_tests.forward(case, count)
    torch_tests.gradients(case, count)
    assert not count.differences
    next(case.ours.parameters()).data += 1e-2
    torch_tests.forward(case, count)
    torch_tests.gradients(case, count)
    torch_tests.state_dicts(case, count)
    assert count.differences.keys() == {"outputs", "gradients", "state_dict"}


@pytest.mark.slow
def test_the_page_shows_what_the_program_prints_and_every_difference_has_its_reason():
    found = torch_tests.run()
    assert not torch_tests.differences(found).keys() - torch_tests.REASONS.keys()
    assert torch_tests.page(found) in PAGE.read_text(encoding="utf-8"), "run: python -m tests.proofs.torch_tests"
