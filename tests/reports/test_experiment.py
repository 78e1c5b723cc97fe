"""The page of an experiment: complete in one file, in the language asked for."""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import re
import string
import zlib
from pathlib import Path

import pytest

from nurt.errors import NurtValueError, OutputError
from nurt.experiments import LANGUAGES, ExperimentResult, Language, find, run
from nurt.reports import export_experiment, figure_csv, write_experiment_report
from nurt.reports.experiment import HEADLINES
from nurt.reports.page.html import typeset
from nurt.reports.page.packing import SIGNS
from nurt.standing import Standing

BASE85 = string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~"


def unpacked(text: str) -> bytes:
    """Return what was packed."""
    return zlib.decompress(base64.b85decode(text.translate(str.maketrans(SIGNS, BASE85))))


@pytest.fixture(scope="module")
def result() -> ExperimentResult:
    return run("linear/roelants", "near-start")


@pytest.fixture(params=LANGUAGES)
def page(request: pytest.FixtureRequest, result: ExperimentResult, tmp_path: Path) -> tuple[Language, str]:
    path = write_experiment_report(result, tmp_path / "page.html", language=request.param)
    return request.param, path.read_text(encoding="utf-8")


def test_everything_a_reader_needs_is_there_in_the_language(
    page: tuple[Language, str], result: ExperimentResult
) -> None:
    language, text = page
    experiment = find("linear/roelants")
    assert f'<html lang="{language}">' in text
    shown = [experiment.name, experiment.description, experiment.how_to_read, result.verdict.text]
    shown += [part for one in experiment.exercises for part in (one.question, one.answer)]
    shown += [part for one in result.figures() for part in (one.title, one.how_to_read)]
    shown += [one.caption for one in result.tables()] + [one.name for one in result.baselines]
    for one in shown:
        assert typeset(one[language]) in text
        if one["en"] != one["pl"]:
            assert typeset(one["pl" if language == "en" else "en"]) not in text


def test_nothing_is_fetched_and_the_script_is_inside(page: tuple[Language, str]) -> None:
    _, text = page
    assert "default-src 'none'" in text
    assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="http', text)


def test_figures_are_json_with_the_decimal_sign_of_the_language(page: tuple[Language, str]) -> None:
    language, text = page
    found = re.findall(r'<script type="(application/json|text/plain)">(.*?)</script>', text)
    drawings = [json.loads(one if kind == "application/json" else unpacked(one)) for kind, one in found]
    assert len(drawings) == len(run("linear/roelants").figures())
    for (drawing,) in drawings:
        assert (drawing["layout"].get("separators") == ",\N{NO-BREAK SPACE}") == (language == "pl")


def test_the_page_says_how_to_do_it_again(page: tuple[Language, str]) -> None:
    language, text = page
    told = "nurt experiment linear/roelants --preset near-start --seed 1"
    assert (told + (" --lang pl" if language == "pl" else "")) + "<" in text


def test_a_page_of_own_settings_does_not_promise_a_command(tmp_path: Path) -> None:
    settings = find("linear/roelants").settings("near-start")
    own = run("linear/roelants", settings=settings)
    text = write_experiment_report(own, tmp_path / "own.html").read_text(encoding="utf-8")
    assert "nurt experiment linear/roelants" not in text
    assert html.escape("custom settings") in text


def test_presets_are_listed_and_the_one_of_this_run_is_tinted(page: tuple[Language, str]) -> None:
    language, text = page
    for name, preset in find("linear/roelants").presets.items():
        assert f"<code>--preset {name}</code>" in text
        assert typeset(preset.label[language]) in text
    assert re.search(r'<tr class="tinted"><th[^>]*><code>--preset near-start</code>', text)


def test_points_and_numbers_have_the_decimal_sign_of_the_language(page: tuple[Language, str]) -> None:
    language, text = page
    assert (">(1; 0,5)<" in text) == (language == "pl")
    assert (">(1, 0.5)<" in text) == (language == "en")


@pytest.mark.parametrize("standing", [Standing.REACHED, Standing.PARTLY, Standing.MISSED, Standing.SHOWN])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_tells_the_standing_of_the_verdict_and_no_other(
    language: Language, standing: Standing, result: ExperimentResult, tmp_path: Path
) -> None:
    told = dataclasses.replace(result, verdict=dataclasses.replace(result.verdict, standing=standing))
    text = write_experiment_report(told, tmp_path / "page.html", language=language).read_text(encoding="utf-8")
    for one, words in HEADLINES.items():
        assert (f'class="headline">{words[language]}<' in text) == (one is standing)


def test_what_cannot_be_written_or_found_is_told(result: ExperimentResult, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_experiment_report(result, tmp_path / "file" / "page.html")
    with pytest.raises(NurtValueError):
        write_experiment_report(dataclasses.replace(result, experiment="none"), tmp_path / "page.html")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_is_exported_in_the_order_of_the_page(
    language: Language, result: ExperimentResult, tmp_path: Path
) -> None:
    paths = export_experiment(result, tmp_path / "figures", language=language)
    assert [path.name[:3] for path in paths] == [f"{number:02d}-" for number in range(1, len(result.figures()) + 1)]
    series = {"en": "trace", "pl": "seria"}[language]
    for path, figure in zip(paths, result.figures(), strict=True):
        assert path.read_text(encoding="utf-8") == figure_csv(figure.draw(language), series=series)
    assert paths[0].read_text(encoding="utf-8").startswith(series)


@pytest.mark.parametrize("name", ["surface/cliff", "linear/variant-11", "structures", "spectrum"])
def test_a_page_of_many_maps_stays_small(name: str, tmp_path: Path) -> None:
    page = write_experiment_report(run(name), tmp_path / "page.html", language="pl")
    assert page.stat().st_size < 2_200_000
