from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType

import pytest
import torch

from nurt.cli import summary
from nurt.diagnostics import examine
from nurt.nn import LSTM
from nurt.standing import Standing


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_a_run_fits_80_columns_and_says_what_matters(fabricate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    run = fabricate.make_run(report="out/report.html")
    summary.show_forecast(run, Path("out"))
    text = shown(capsys)
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) < 52
    words = " ".join(text.replace("│", " ").split())
    for expected in (
        "1009 observations, 2021-01-04 to 2024-12-31, none missing",
        "23 epochs in 12 s (the validation loss no longer fell); weights of epoch 13",
        "30 % of 100 steps were clipped at norm 1, the longest run 30 steps",
        "= Not shown to be better than repeating the last value",
        run.verdict.text,
        *run.verdict.warnings,
        "Every forecast step sees all 60 inputs",
        "Written to out: report.html, model.safetensors, forecast.csv",
    ):
        assert expected in words


def test_the_last_word_before_the_files_is_how_far_back_the_network_learns(
    fabricate: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    found = examine(LSTM(1, 4, batch_first=True), torch.randn(3, 60, 1))
    summary.show_forecast(fabricate.make_run(examination=found), Path("out"))
    *_, told, written = shown(capsys).split("\n\n")
    assert " ".join(told.split()) == f"network {found.headline.en}"
    assert "hardly contribute to training" in " ".join(told.split())
    assert written.startswith("Written to")


def test_steps_of_the_table_are_the_usual_ones_and_the_last(
    fabricate: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    summary.show_forecast(fabricate.make_run(horizon=24, forecast=()), Path("out"))
    rows = [line.split()[0] for line in shown(capsys).splitlines() if line.strip().startswith(("+", "all"))]
    assert rows == ["+1", "+5", "+10", "+20", "+24", "all"]


def test_one_step_and_no_bands(fabricate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    run = fabricate.make_run(horizon=1, forecast=fabricate.make_steps(("1USD",), 1, bands=False))
    metrics = dataclasses.replace(run.backtest.metrics, coverage_80=None, coverage_95=None)
    run = dataclasses.replace(run, backtest=dataclasses.replace(run.backtest, metrics=metrics))
    summary.show_forecast(run, Path("out"))
    text = shown(capsys)
    assert "in 80 %" not in text
    assert "+1     4.1004" in text


def test_many_series_with_long_names_never_crop_a_number(
    fabricate: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("Kraków, Al. Krasińskiego [bold]PM10[/bold] " * 3, "b", "c", "d", "e")
    steps = fabricate.make_steps(names, 24, dated=True)
    summary.show_forecast(fabricate.make_run(series=names, horizon=24, forecast=steps), Path("out"))
    text = shown(capsys)
    assert max(map(len, text.splitlines())) <= 80
    assert "[bold]PM10[/bold]" in text
    assert "3.9176 … 4.3016" in text
    assert "2025-01-01 01:00" in text
    assert "and 2 more series" in text


def test_many_remarks_are_cut_with_a_word(fabricate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    summary.show_forecast(fabricate.make_run(notes=tuple(f"Remark {i}." for i in range(9))), Path("out"))
    text = shown(capsys)
    assert "Remark 3." in text
    assert "Remark 4." not in text
    assert "and 5 more remarks" in text


def test_an_unsound_pipeline_is_told_in_the_title(fabricate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    verdict = fabricate.make_verdict(standing=Standing.UNSOUND)
    summary.show_forecast(fabricate.make_run(verdict=verdict), Path("out"))
    assert "! The pipeline is at fault" in shown(capsys)


def test_missing_errors_are_a_dash(fabricate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    run = fabricate.make_run()
    nan = float("nan")
    first = dataclasses.replace(run.backtest.by_horizon[0], mae=nan, mae_of=dict.fromkeys(run.backtest.baselines, nan))
    backtest = dataclasses.replace(run.backtest, by_horizon=(first, *run.backtest.by_horizon[1:]))
    summary.show_forecast(dataclasses.replace(run, backtest=backtest), Path("out"))
    text = shown(capsys)
    assert "nan" not in text
    row = next(line for line in text.splitlines() if line.strip().startswith("+1 "))
    assert row.split()[1:3] == ["–", "–"]
