"""The page of an examination: a section for each question that was asked, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import plotly.offline
import pytest
import torch

from nurt.diagnostics import Scope, examine
from nurt.nn import GRU
from nurt.reports import write_examination_report
from nurt.reports.examination import QUESTIONS
from nurt.tasks.forecasting import ExamineRun


@pytest.mark.parametrize("parts", [("gates", "memory"), ("reach", "spectra", "lyapunov")])
def test_sections_are_those_of_the_parts(
    parts: tuple[str, ...], fabricate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plotly.offline, "get_plotlyjs", lambda: "")
    found = examine(GRU(2, 3, batch_first=True), torch.randn(2, 6, 2), scope=Scope(parts))
    run = ExamineRun("y", 9, "1", "9", fabricate.make_run().model, "m", found, {}, ("a.csv",), ("A note.",))
    page = write_examination_report(run, tmp_path / "e.html").read_text(encoding="utf-8")
    for part, question in QUESTIONS.items():
        assert (f'id="{part}"' in page) == (part in parts), question.title
    assert "A note." in page


def test_titles_are_typeset_and_the_name_of_the_colours_stands_beside_them(
    fabricate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plotly.offline, "get_plotlyjs", lambda: "")
    found = examine(GRU(2, 3, batch_first=True), torch.randn(2, 6, 2), scope=Scope(("connectivity", "jacobians")))
    run = ExamineRun("y", 9, "1", "9", fabricate.make_run().model, "m", found, {}, ("a.csv",), ())
    page = write_examination_report(run, tmp_path / "e.html").read_text(encoding="utf-8")
    layouts = [
        json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    ]
    texts = json.dumps(layouts, ensure_ascii=False)
    assert "J<sub>t</sub>" in texts and "J_t" not in texts
    (colours,) = [trace["colorbar"] for (drawing,) in layouts for trace in drawing["data"] if "colorbar" in trace]
    assert colours["title"].items() >= {"text": "log₁₀ ‖∂y<sub>t</sub>/∂x<sub>s</sub>‖", "side": "right"}.items()
