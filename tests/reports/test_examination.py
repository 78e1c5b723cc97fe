"""The page of an examination: what was asked for and nothing else, in either language, within its size."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import plotly.offline
import pytest
import torch
from torch import nn

from nurt.diagnostics import PARTS, Examination, Scope, examine
from nurt.diagnostics.examination.naming import in_words
from nurt.nn import GRU, LSTM, RNN
from nurt.reports import write_examination_report
from nurt.reports.examination import _ends, export_examination
from nurt.reports.sections.layers import reach_picture
from nurt.reports.sections.parts import COLOURS, DYNAMICS, LAYER_QUESTIONS, MEANINGS, SPECTRA
from nurt.tasks.forecasting import ExamineRun

LANGUAGES = ("en", "pl")


@pytest.fixture(autouse=True)
def _without_the_script(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    if not {"whole", "large"} & {*request.node.name.split("[")[0].split("_")}:
        monkeypatch.setattr(plotly.offline, "get_plotlyjs", lambda: "")


class Reader(nn.Module):
    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.rnn, self.head = layer, nn.Linear(width, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(inputs)[0][:, -1])


def run_of(found: Examination, fabricate: ModuleType) -> ExamineRun:
    return ExamineRun("y", 9, "1", "9", fabricate.make_run().model, "m", found, {"nurt": "1"}, ("a.csv",), ("A note.",))


def written(found: Examination, fabricate: ModuleType, folder: Path, language: Any = "en") -> str:
    return write_examination_report(run_of(found, fabricate), folder / "e.html", language).read_text(encoding="utf-8")


def body_of(page: str) -> str:
    """Return what a reader sees, without scripts and styles."""
    return re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)


def drawings_of(page: str) -> list[Any]:
    return [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)]


@pytest.mark.parametrize("parts", [("gates", "memory"), ("reach", "spectra", "lyapunov"), ("maps",), PARTS])
@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_are_those_of_the_parts(
    parts: tuple[str, ...], language: Any, fabricate: ModuleType, tmp_path: Path
) -> None:
    found = examine(GRU(2, 3, batch_first=True), torch.randn(2, 6, 2), scope=Scope(parts))
    page = body_of(written(found, fabricate, tmp_path, language))
    there = {name for layer in found.layers for name, _ in layer.parts()}
    for part, question in {**LAYER_QUESTIONS, **DYNAMICS}.items():
        assert (f">{question.title[language]}</h3>" in page) == (part in there), part
    assert ('id="dynamics"' in page) == bool(there & set(DYNAMICS))
    assert ('id="weights"' in page) == ("spectra" in there) == (f">{SPECTRA.title[language]}</h2>" in page)
    assert ('id="layer-0"' in page) == bool(there & {*LAYER_QUESTIONS, "maps"})
    assert (COLOURS["gradient"][language] in page) == ("maps" in parts)
    assert "A note." in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_layer_and_direction_has_a_section_with_its_maps(
    language: Any, fabricate: ModuleType, tmp_path: Path
) -> None:
    model = Reader(LSTM(2, 3, num_layers=2, bidirectional=True, batch_first=True), 6)
    found = examine(model, torch.randn(4, 6, 2))
    page = body_of(written(found, fabricate, tmp_path, language))
    for at, layer in enumerate(found.layers):
        start = page.index(f'<section id="layer-{at}"')
        section = page[start : page.index("</section>", start)]
        for name in layer.maps.values:
            assert html.escape(MEANINGS[name][language]) in section, name
    assert page.count("<option") == 4 + 4 * 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_verdict_stands_beside_the_first_figure(language: Any, fabricate: ModuleType, tmp_path: Path) -> None:
    found = examine(Reader(RNN(2, 3, batch_first=True), 3), torch.randn(8, 60, 2))
    page = written(found, fabricate, tmp_path, language)
    opening = page[page.index("<header") : page.index("</header>")]
    text = html.unescape(re.sub(r"<[^>]*>|\N{NO-BREAK SPACE}", " ", opening))
    for advice in found.advice[:4]:
        first = advice.text[language].split(" ")[:4]
        assert " ".join(first) in re.sub(r" +", " ", text)
    assert opening.count('class="plot"') == 1
    everything = html.unescape(re.sub(r"<[^>]*>|\N{NO-BREAK SPACE}", "", body_of(page))).replace(" ", "")
    for advice in found.advice:
        assert re.sub(r"[_^() ]", "", advice.text[language])[:40] in re.sub(r"[_^()]", "", everything)


def test_titles_are_typeset_and_the_name_of_the_colours_stands_beside_them(
    fabricate: ModuleType, tmp_path: Path
) -> None:
    found = examine(GRU(2, 3, batch_first=True), torch.randn(2, 6, 2), scope=Scope(("connectivity", "jacobians")))
    layouts = drawings_of(written(found, fabricate, tmp_path))
    texts = json.dumps(layouts, ensure_ascii=False)
    assert "J<sub>t</sub>" in texts and "J_t" not in texts
    (colours,) = [trace["colorbar"] for (drawing,) in layouts for trace in drawing["data"] if "colorbar" in trace]
    assert colours["title"]["text"] == "log₁₀ ‖∂y<sub>t</sub>/∂x<sub>s</sub>‖" and colours["title"]["side"] == "right"


def test_a_page_in_polish_has_no_english_label(fabricate: ModuleType, tmp_path: Path) -> None:
    model = Reader(LSTM(2, 3, num_layers=2, batch_first=True), 3)
    page = written(examine(model, torch.randn(4, 12, 2)), fabricate, tmp_path, "pl")
    assert '<html lang="pl">' in page
    seen = body_of(page)
    drawn = json.dumps(drawings_of(page), ensure_ascii=False)
    english = r"\b(the|of|steps?|units?|layer|gate|share|lag|forward|state|inputs|row|window|read|median)\b"
    for words in (re.sub(r"<[^>]*>", " ", seen), *re.findall(r'"(?:text|name)":"([^"]*)"', drawn)):
        assert not re.findall(english, words), words[:2000]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_is_exported(language: Any, tmp_path: Path) -> None:
    found = examine(Reader(LSTM(2, 3, num_layers=2, batch_first=True), 3), torch.randn(4, 12, 2))
    paths = export_examination(found, tmp_path / "figures", language=language)
    parts = [name for layer in found.layers for name, _ in layer.parts()]
    maps = sum(len(layer.maps.values) for layer in found.layers)
    assert len(paths) == len(set(paths)) == 1 + len(parts) - 2 + maps
    assert all(path.suffix == ".csv" and len(path.read_text().splitlines()) > 1 for path in paths)


def test_a_whole_page_of_a_large_network_keeps_its_size(fabricate: ModuleType, tmp_path: Path) -> None:
    model = Reader(LSTM(3, 64, num_layers=3, batch_first=True), 64)
    page = write_examination_report(
        run_of(examine(model, torch.randn(8, 100, 3)), fabricate), tmp_path / "e.html", "pl"
    ).read_bytes()
    assert len(page) <= 2_200_000
    assert "Pokazano" in page.decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_of_a_very_large_network_leaves_out_what_there_is_no_room_for_and_says_so(
    language: Any, fabricate: ModuleType, tmp_path: Path
) -> None:
    model = Reader(LSTM(3, 48, num_layers=4, bidirectional=True, batch_first=True), 96)
    found = examine(model, torch.randn(4, 128, 3))
    whole = write_examination_report(run_of(found, fabricate), tmp_path / "e.html", language)
    assert whole.stat().st_size <= 2_200_000
    page = body_of(whole.read_text(encoding="utf-8"))
    drawn = [at for at in range(8) if f'id="layer-{at}"' in page]
    assert {0, 7} <= set(drawn)
    assert page.count(">Paths of the gradient<") + page.count(">Drogi gradientu<") == len(drawn)
    words = {"en": "These have no figures here", "pl": "Bez rysunków, które"}[language]
    assert (words in page) == (len(drawn) < 8)
    for at in set(range(8)) - set(drawn):
        assert in_words(found.layers[at].id)[language] in page[page.index(words) :]


def test_layers_are_left_out_from_the_middle() -> None:
    assert [_ends(5, drawn) for drawn in (5, 3, 1)] == [[0, 1, 2, 3, 4], [0, 3, 4], [4]]


def test_a_recurrence_without_gates_has_no_figure_of_them(fabricate: ModuleType, tmp_path: Path) -> None:
    title = LAYER_QUESTIONS["gates"].title.en
    for layer, there in ((RNN(2, 3, batch_first=True), False), (GRU(2, 3, batch_first=True), True)):
        found = examine(layer, torch.randn(2, 6, 2))
        assert (f">{title}</h3>" in body_of(written(found, fabricate, tmp_path))) == there
        names = [path.name for path in export_examination(found, tmp_path / type(layer).__name__)]
        assert any("saturation-of-the-gates" in name for name in names) == there


def test_a_model_that_is_one_layer_of_one_step(fabricate: ModuleType, tmp_path: Path) -> None:
    for language in LANGUAGES:
        found = examine(GRU(2, 1, batch_first=True), torch.randn(1, 1, 2))
        assert "</html>" in written(found, fabricate, tmp_path, language)


def test_the_first_figure_of_a_deep_network_shows_its_branches_alone() -> None:
    for layers, both, lines in ((3, False, 4), (7, False, 1), (4, True, 2)):
        layer = RNN(2, 3, num_layers=layers, bidirectional=both, batch_first=True)
        drawn = reach_picture(examine(Reader(layer, 6 if both else 3), torch.randn(2, 9, 2)), "pl").figures[0]
        names = [trace.name for trace in drawn.data]
        assert len(names) == lines, names
        assert not re.search(r"\b(layer|forward|to)\b", " ".join(names)), names
