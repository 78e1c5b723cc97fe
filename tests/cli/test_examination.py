"""An examination on the terminal, without the parts that were not asked for."""

from __future__ import annotations

import pytest
import torch

from nurt.cli.examine import show_examination
from nurt.diagnostics import Scope, examine
from nurt.nn import RNN
from nurt.tasks.forecasting import ExamineRun


def test_what_was_not_looked_at_is_a_dash(capsys: pytest.CaptureFixture[str], fabricate) -> None:
    found = examine(RNN(2, 3, batch_first=True), torch.randn(2, 5, 2), scope=Scope(("lyapunov",)))
    made = fabricate.make_run()
    show_examination(ExamineRun("y", 9, "1", "9", made.model, "m", found, {}, (), ()))
    row = next(line for line in capsys.readouterr().out.splitlines() if "0, forward" in line)
    assert row.split()[2:6] == ["–"] * 4
