"""The pages as a browser meets them: parsed, never compared with a stored copy."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import re
import string
import zlib
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import plotly.offline
import pytest
import torch

from nurt.diagnostics import examine
from nurt.errors import OutputError
from nurt.nn import LSTM
from nurt.reports import write_backtest_report, write_demo_report, write_forecast_report
from nurt.standing import Standing
from nurt.training.events import TrainingRecord

STAND_IN = "/* here stands the library */"
BASE85 = string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~"
LARGEST = 2_200_000
VOID = {"meta", "br", "hr", "img"}


class Page(HTMLParser):
    """What a page holds: tags with attributes, text by place, figures as data."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.scripts: list[tuple[str | None, str]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if (id := dict(attrs).get("id")) is not None:
            self.ids.append(id)
        if tag not in VOID and not (tag == "path" or tag == "circle"):
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs).get("id") or dict(attrs).get("type"), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("path", "circle"):
            return
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif "style" not in self.open:
            self.text += data

    def having(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.tags if name == tag and all(found.get(k) == v for k, v in wanted.items())]

    @property
    def figures(self) -> list[list[dict[str, object]]]:
        found = [(kind, text) for kind, text in self.scripts if kind in ("application/json", "text/plain")]
        return [json.loads(text if kind == "application/json" else self.unpacked(text)) for kind, text in found]

    def unpacked(self, text: str) -> str:
        """Return what was packed, by what the page itself says of its packing."""
        (signs,) = [attributes["data-signs"] for attributes in self.having("script", id="library")]
        assert signs is not None
        return zlib.decompress(base64.b85decode(text.translate(str.maketrans(signs, BASE85)))).decode()


def library_of(page: Page) -> str:
    """Return the script that draws."""
    (text,) = [text for kind, text in page.scripts if kind == "library"]
    return page.unpacked(text)


def written(run: object, path: Path) -> Page:
    return Page(write_forecast_report(run, path / "report.html"))


@pytest.fixture(autouse=True)
def _short_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in where the megabytes of plotly go: parsing them over and over tells nothing."""
    monkeypatch.setattr(plotly.offline, "get_plotlyjs", lambda: STAND_IN)


@pytest.fixture
def page(fabricate: ModuleType, tmp_path: Path) -> Page:
    return written(fabricate.make_run(), tmp_path)


def test_every_element_is_closed_and_every_id_is_unique(page: Page) -> None:
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))


def test_the_page_loads_nothing_from_anywhere(page: Page) -> None:
    for _, attributes in page.tags:
        for name in ("src", "href", "data", "srcset", "action", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith("#"), (name, value)
    policy = page.having("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert policy is not None and policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_styles_import_nothing(page: Page, tmp_path: Path) -> None:
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    styles = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in styles
    assert "@import" not in styles


def test_the_drawing_script_is_inside_once(page: Page) -> None:
    assert library_of(page) == STAND_IN


def test_the_real_library_does_not_break_out_of_its_element(
    fabricate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    page = written(fabricate.make_run(), tmp_path)
    assert page.open == []
    assert library_of(page) == plotly.offline.get_plotlyjs()
    assert (tmp_path / "report.html").stat().st_size < LARGEST


def test_parts_come_in_the_order_a_person_asks(page: Page) -> None:
    anchors = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    order = ["forecast", "accuracy", "coverage", "residuals", "choices", "training", "audit", "seeds", "data", "again"]
    assert anchors == order
    assert [link["href"] for link in page.having("a")[1:]] == [f"#{anchor}" for anchor in order]
    assert page.text.index("use naive") < page.text.index("1USD: the forecast")


def test_the_verdict_stands_in_words_with_all_its_warnings(fabricate: ModuleType, page: Page) -> None:
    verdict = fabricate.make_verdict()
    for sentence in (verdict.text, *verdict.warnings, "Not shown to be better than repeating the last value"):
        assert sentence in page.text.replace("\N{NO-BREAK SPACE}", " ")
    assert page.having("div", **{"class": "verdict level"})


def test_every_figure_is_described_and_explained(page: Page) -> None:
    plots = [attributes for _, attributes in page.tags if attributes.get("class") == "plot"]
    assert len(plots) == len(page.figures) == page.text.count("How to read this.") >= 11
    assert all(plot["role"] == "img" and plot["aria-label"] for plot in plots)


def test_headings_never_skip_a_level(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_the_language_is_stated_and_tables_have_captions(page: Page) -> None:
    assert page.having("html", lang="en")
    assert len(page.having("caption")) == len(page.having("table")) >= 3
    assert all(cell.get("scope") in ("col", "row") for cell in page.having("th"))


def test_figures_hold_no_nan_and_no_page_style_of_their_own(page: Page) -> None:
    for drawings in page.figures:
        for drawing in drawings:
            assert set(drawing) == {"data", "layout"}
            json.dumps(drawing, allow_nan=False)


HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)> & \"quoted\" <b>"


def test_names_made_of_markup_are_shown_not_run(fabricate: ModuleType, tmp_path: Path) -> None:
    run = fabricate.make_run(
        target=HOSTILE,
        series=(HOSTILE, "other"),
        notes=(HOSTILE,),
        sources=(HOSTILE,),
        settings={HOSTILE: HOSTILE},
        verdict=fabricate.make_verdict(text=HOSTILE, warnings=(HOSTILE,)),
        model_file=HOSTILE,
    )
    page = written(run, tmp_path)
    assert page.open == []
    assert not page.having("img")
    assert not [text for _, text in page.scripts if "alert('x')" in text and text.startswith("alert")]
    assert sum(kind is None for kind, _ in page.scripts) == 1
    assert HOSTILE in page.text


def test_figure_labels_are_escaped_because_plotly_reads_markup(fabricate: ModuleType, tmp_path: Path) -> None:
    page = written(fabricate.make_run(target="<b>bold</b>"), tmp_path)
    title = page.figures[0][0]["layout"]["yaxis"]["title"]["text"]
    assert title == "&lt;b&gt;bold&lt;/b&gt;"


def test_many_series_are_capped_with_a_word_and_can_be_chosen(fabricate: ModuleType, tmp_path: Path) -> None:
    names = tuple(f"station {i}" for i in range(14))
    page = written(fabricate.make_run(series=names, horizon=5), tmp_path)
    assert "The first 12 of 14 series are drawn" in page.text
    assert len(page.figures[0]) == 12
    assert len(page.having("select")) == 2
    assert "station 11" in page.text
    hidden = [part for part in page.having("div") if "data-choice" in part]
    assert [("hidden" in part) for part in hidden] == [False, *[True] * 11]


def test_one_series_has_nothing_to_choose(page: Page) -> None:
    assert not page.having("select")


@pytest.mark.parametrize("horizon", [1, 2])
def test_short_horizons_are_drawn(fabricate: ModuleType, tmp_path: Path, horizon: int) -> None:
    page = written(fabricate.make_run(horizon=horizon), tmp_path)
    assert page.open == []
    titles = page.text
    assert ("Error by forecast step" in titles) == (horizon > 1)
    assert "1 steps" not in titles


def test_a_point_forecaster_without_bands_says_so(fabricate: ModuleType, tmp_path: Path) -> None:
    cells = dataclasses.replace(fabricate.make_cells(horizon=3), intervals=None)
    run = fabricate.make_run(
        horizon=3,
        backtest=dataclasses.replace(fabricate.make_backtest(cells), coverage=()),
        forecast=fabricate.make_steps(("1USD",), 3, bands=False),
    )
    page = written(run, tmp_path)
    assert "This model gives no bands." in page.text
    names = [trace.get("name") for trace in page.figures[0][0]["data"]]
    assert "80 % band" not in names
    assert "forecast" in names


def test_missing_numbers_and_reasons_are_told(fabricate: ModuleType, tmp_path: Path) -> None:
    backtest = fabricate.make_backtest()
    comparisons = tuple(
        dataclasses.replace(
            one, skill=float("nan"), skill_low=None, skill_high=None, statistic=None, p_value=None, p_holm=None,
            reason="identical forecasts",
        )
        for one in backtest.comparisons
    )  # fmt: skip
    nan = float("nan")
    metrics = dataclasses.replace(backtest.metrics, mase=nan, wql=None, notes=("MASE: the training rows do not vary.",))
    run = fabricate.make_run(
        backtest=dataclasses.replace(backtest, comparisons=comparisons, metrics=metrics),
        verdict=fabricate.make_verdict(dm_p_value=None),
    )
    page = written(run, tmp_path)
    assert "identical forecasts" in page.text
    assert "MASE: the training rows do not vary." in page.text
    assert "nan" not in page.text.lower().replace("finance", "")


def test_truths_all_missing_leave_a_page_that_says_so(fabricate: ModuleType, tmp_path: Path) -> None:
    cells = fabricate.make_cells(horizon=2, origins=20)
    blank = dataclasses.replace(cells, actual=np.full_like(cells.actual, np.nan))
    backtest = dataclasses.replace(fabricate.make_backtest(cells), cells=blank)
    page = written(fabricate.make_run(horizon=2, backtest=backtest), tmp_path)
    assert "No cell one step ahead has a known truth." in page.text


def test_an_untrained_run_without_history_is_told(fabricate: ModuleType, tmp_path: Path) -> None:
    run = fabricate.make_run(training=TrainingRecord(0, 0.0, "epochs", 0, ()), recent={}, forecast=(), seeds=None)
    page = written(run, tmp_path)
    assert "0 epochs" in page.text
    assert "There is no forecast in this run." in page.text
    assert "Spread over seeds" not in page.text


def test_training_without_validation_or_clipping_is_drawn(fabricate: ModuleType, tmp_path: Path) -> None:
    record = fabricate.make_training(5)
    history = tuple(
        dataclasses.replace(entry, validation_loss=None, clipped_share=None) for entry in record.history[1:]
    )
    page = written(fabricate.make_run(training=dataclasses.replace(record, history=history, best_epoch=5)), tmp_path)
    assert "Clipped steps" not in page.text
    assert "Gradient norm" in page.text


@pytest.mark.parametrize("severity", ["error", "warning", "info"])
def test_leakage_findings_come_with_rule_and_cure(fabricate: ModuleType, tmp_path: Path, severity: str) -> None:
    audit = fabricate.make_audit(findings=(fabricate.make_finding(severity),))
    standing = Standing.UNSOUND if severity == "error" else Standing.LEVEL
    page = written(fabricate.make_run(audit=audit, verdict=fabricate.make_verdict(standing=standing)), tmp_path)
    assert "L01" in page.text
    assert "Cure." in page.text
    assert ("do not rely on these numbers" in page.text) == (severity == "error")


def test_settings_of_every_kind_are_put_into_words(fabricate: ModuleType, tmp_path: Path) -> None:
    settings = {"clip_norm": None, "shuffle": True, "decay": {"factor": 0.5, "kind": "plateau"}, "levels": [80, 95]}
    page = written(fabricate.make_run(settings=settings), tmp_path)
    for expected in ("clip norm–", "shuffleyes", "decayfactor 0.5, kind plateau", "levels80, 95"):
        assert expected in page.text


def test_a_loss_that_falls_by_orders_is_drawn_on_a_logarithmic_axis(fabricate: ModuleType, tmp_path: Path) -> None:
    record = fabricate.make_training(5)
    steep = tuple(dataclasses.replace(entry, validation_loss=10.0**-entry.epoch) for entry in record.history)
    training = dataclasses.replace(record, history=steep)
    page = written(fabricate.make_run(training=training), tmp_path)
    axes = [drawing["layout"]["yaxis"] for drawings in page.figures for drawing in drawings]
    losses = next(axis for axis in axes if axis.get("title", {}).get("text") == "loss, scaled units")
    assert losses["type"] == "log"


def test_a_history_that_lost_the_kept_epoch_is_drawn_without_its_star(fabricate: ModuleType, tmp_path: Path) -> None:
    training = dataclasses.replace(fabricate.make_training(5), best_epoch=99)
    assert "kept: epoch" not in json.dumps(written(fabricate.make_run(training=training), tmp_path).figures)


def test_a_training_that_never_clipped_says_so_instead_of_drawing_it(fabricate: ModuleType, tmp_path: Path) -> None:
    record = fabricate.make_training(5)
    history = tuple(dataclasses.replace(entry, clipped_share=0.0) for entry in record.history)
    page = written(fabricate.make_run(training=dataclasses.replace(record, history=history)), tmp_path)
    assert "No step was clipped." in page.text
    assert "Clipped steps" not in page.text


def test_the_clipping_ledger_has_a_panel(fabricate: ModuleType, tmp_path: Path) -> None:
    page = written(fabricate.make_run(), tmp_path)
    assert "30 % of 100 steps were clipped at norm 1, the longest run 30 steps" in page.text
    assert "Share of each parameter in the gradient" in page.text
    bare = dataclasses.replace(fabricate.make_training(5), clipping=None)
    assert "Share of each parameter in the gradient" not in written(fabricate.make_run(training=bare), tmp_path).text


def test_a_single_long_name_never_outgrows_its_axis(fabricate: ModuleType, tmp_path: Path) -> None:
    page = written(fabricate.make_run(target="x" * 90), tmp_path)
    assert page.figures[0][0]["layout"]["yaxis"]["title"]["text"] == "x" * 23 + "…"


def test_hourly_stamps_and_an_observation_axis_are_drawn(fabricate: ModuleType, tmp_path: Path) -> None:
    run = fabricate.make_run(horizon=3, forecast=fabricate.make_steps(("1USD",), 3, dated=True))
    bare = dataclasses.replace(run.backtest.cells, origin_labels=None)
    run = dataclasses.replace(run, backtest=dataclasses.replace(run.backtest, cells=bare))
    page = written(run, tmp_path)
    assert "2025-01-01T03:00:00" in page.text
    assert any("observation 801" in json.dumps(drawing) for drawings in page.figures for drawing in drawings)


def test_the_forecast_is_in_a_table_too(fabricate: ModuleType, page: Page) -> None:
    assert "+30" in page.text
    assert "4.1120" in page.text


def test_a_place_that_cannot_be_written_is_refused(fabricate: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        write_forecast_report(fabricate.make_run(), tmp_path / "file" / "report.html")


def test_the_back_test_page_shares_its_parts(fabricate: ModuleType, tmp_path: Path) -> None:
    run = SimpleNamespace(
        target="1USD", observations=1009, first="2021-01-04", last="2024-12-31", model_file="model.safetensors",
        backtest=fabricate.make_backtest(), verdict=fabricate.make_verdict(), versions={"nurt": "0.1.0"},
        sources=("a.csv",), notes=("Read one file.",),
    )  # fmt: skip
    page = Page(write_backtest_report(run, tmp_path / "backtest.html"))
    assert page.open == []
    assert [attributes["id"] for tag, attributes in page.tags if tag == "section"] == [
        "accuracy", "coverage", "residuals", "data",
    ]  # fmt: skip
    assert "190 consecutive origins" in page.text


def test_the_demonstration_stands_against_its_noise_floor(fabricate: ModuleType, tmp_path: Path) -> None:
    rows = {"persistence": 0.0388, "linear AR(10)": 0.0149, "LSTM": (0.0151, 0.0006)}
    demo = SimpleNamespace(noise_floor=0.0133, rows=rows, run=fabricate.make_run(target="noisy sine", horizon=20))
    page = Page(write_demo_report(demo, tmp_path / "demo.html"))
    assert page.open == []
    for expected in ("0.0133", "0.0388", "0.0151 ± 0.0006", "2.92", "noise floor"):
        assert expected in page.text
    assert page.text.index("Against a known answer") < page.text.index(": the forecast")


def test_how_far_back_the_network_learns_is_told_where_it_is_known(fabricate: ModuleType, tmp_path: Path) -> None:
    torch.manual_seed(0)
    found = examine(LSTM(1, 4, num_layers=2, batch_first=True), torch.randn(3, 9, 1))
    page = written(fabricate.make_run(examination=found), tmp_path)
    assert "memory" in page.ids
    assert all(one.text.en in page.text for one in found.advice)
    assert "memory" not in written(fabricate.make_run(), tmp_path).ids
