"""Every experiment is complete in both languages, quick to list, and refuses what is not there."""

from __future__ import annotations

import dataclasses
import json
import re
import string
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from nurt.errors import DataError, NurtValueError
from nurt.experiments import LANGUAGES, Experiment, ExperimentResult, Language, Text, find, list_experiments, run
from nurt.reports import write_experiment_report
from nurt.reports.page.html import typeset
from nurt.wording import counted, localised, updates_made

ALL = list_experiments()
IDS = [one.id for one in ALL]
# What a quick run of an experiment changes; the others take less than a second as they are.
QUICK: dict[str, dict[str, Any]] = {
    "addition/roelants": {"draws": 1},
    "addition/subtract-15": {"draws": 1, "rounds": 2},
    "addition/add-28": {"rounds": 1, "batches": 3, "samples": 300},
    "adding": {"cells": ("RNN", "LSTM"), "steps": 6, "hidden": 4, "updates": 20, "tested": 50},
    "copying": {"cells": ("GRU",), "delay": 1, "hidden": 4, "updates": 20, "tested": 20},
    "temporal-order": {"cells": ("GRU", "RNN"), "hidden": 4, "updates": 20, "tested": 50},
    "echo": {"cells": ("RNN", "LSTM"), "hidden": 4, "updates": 20, "tested": 5},
    "sine": {"observations": 100, "epochs": 2, "repeats": 2},
    "parity": {"trained": 3, "hidden": 4, "updates": 10, "repeats": 1},
    "pm10": {"cells": ("gru", "lstm"), "hidden": (4,), "horizons": (1, 6), "repeats": 2, "epochs": 1},
    "usd-pln": {"look_back": 10, "horizon": 3, "epochs": 1},
    "remedies": {"steps": 7, "hidden": 4, "updates": 8, "batch": 8},
    "history": {
        "cells": ("RNN", "LSTM"),
        "longest": 4,
        "steps": 9,
        "hidden": 4,
        "updates": 10,
        "tested": 20,
        "distances": (2, 4),
    },
    "order": {"steps": 4, "hidden": 4, "updates": 10, "tested": 30, "longer": (1, 2)},
    "truncation": {"hidden": 4, "updates": 20, "tested": 5, "repeats": 1, "echoes": ((1, 2), (2, 2))},
}


def quick(experiment: Experiment[Any], files: Sequence[Path]) -> ExperimentResult:
    settings = dataclasses.replace(experiment.settings(), **QUICK.get(experiment.id, {}))
    return experiment.run(settings=settings, files=files)


@pytest.fixture(scope="module")
def results(own_files: dict[str, list[Path]]) -> dict[str, ExperimentResult]:
    return {one.id: quick(one, own_files.get(one.id, [])) for one in ALL}


def _texts(value: object) -> Iterator[Text]:
    if isinstance(value, Text):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _texts(getattr(value, field.name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _texts(item)


def _complete(text: Text, *, where: str) -> None:
    assert text.en.strip() and text.pl.strip(), where
    for language in LANGUAGES:
        assert "{" not in text[language], f"{where}: {text[language]}"
        assert "  " not in text[language], f"{where}: {text[language]}"
        assert text[language] == text[language].strip(), f"{where}: {text[language]!r}"
    numbers = [set(re.findall(r"\d+(?:\.\d+)?", part)) for part in (text.en, text.pl.replace(",", "."))]
    assert numbers[0] == numbers[1], f"{where}: other numbers in {text}"
    assert not re.search(r"\d\.\d", text.pl), f"{where}: a decimal point in {text.pl}"
    assert (text.en[-1] in ".?!") == (text.pl[-1] in ".?!"), f"{where}: {text}"


@pytest.mark.parametrize("experiment", ALL, ids=IDS)
def test_words_are_complete_in_both_languages(experiment: Experiment[Any]) -> None:
    found = list(_texts(experiment))
    assert len(found) > 6
    for text in found:
        _complete(text, where=experiment.id)
    assert experiment.exercises
    assert len(experiment.description.en) > 150


@pytest.mark.parametrize("id", IDS)
def test_results_are_complete_in_both_languages(id: str, results: dict[str, ExperimentResult]) -> None:
    result = results[id]
    found = [*_texts(result), *_texts(result.tables()), *_texts(result.figures())]
    for text in found:
        _complete(text, where=id)


@pytest.mark.parametrize("id", IDS)
def test_a_result_prints_itself_and_turns_into_json(id: str, results: dict[str, ExperimentResult]) -> None:
    result = results[id]
    assert id in str(result)
    assert result.verdict.text.en in str(result)
    found = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert found["experiment"] == id
    assert set(found["verdict"]["text"]) == {"en", "pl"}
    assert found["settings"]["seed"] == result.settings.seed
    assert len(json.dumps(found)) < 1_000_000


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("id", IDS)
def test_baseline_budget_seed_and_verdict_are_on_every_page(
    id: str, language: Language, results: dict[str, ExperimentResult], tmp_path: Path
) -> None:
    result = results[id]
    page = write_experiment_report(result, tmp_path / "page.html", language=language).read_text(encoding="utf-8")
    told = [result.verdict.text, updates_made(result.updates)]
    assert result.score is not None and result.baselines
    for one in (result.score, *result.baselines):
        told.append(one.name)
        assert f">{localised(one.value, language, 5)}<" in page
    assert all(typeset(one[language]) in page for one in told)
    assert f"{'ziarno' if language == 'pl' else 'seed'} {result.settings.seed}" in page
    assert f">{localised(max(0.1, round(result.seconds, 1)), language)} s<" in page
    # Nothing is fetched: links may lead away, sources may not.
    styles = page[page.index("<style>") : page.index("</style>")]
    assert not re.search(r"""<[^>]+\s(?:src|srcset|data|poster)=""", page[: page.index("<script>\n")])
    assert "url(" not in styles and "@import" not in styles


@pytest.mark.parametrize("id", IDS)
def test_a_result_printed_holds_the_same(id: str, results: dict[str, ExperimentResult]) -> None:
    result = results[id]
    assert result.score is not None
    told = [f"seed {result.settings.seed},", f" {result.seconds:.1f} s,", updates_made(result.updates).en]
    told += [f"{one.name.en}: {localised(one.value, 'en')}" for one in (result.score, *result.baselines)]
    assert all(one in str(result) for one in told)
    assert str(result).endswith(result.verdict.text.en)


@pytest.mark.parametrize("id", IDS)
def test_every_picture_is_drawn_in_both_languages(id: str, results: dict[str, ExperimentResult]) -> None:
    for figure in results[id].figures():
        for language in LANGUAGES:
            assert figure.draw(language).data, figure.title.en


@pytest.mark.parametrize("id", IDS)
def test_a_result_draws_itself(id: str, results: dict[str, ExperimentResult]) -> None:
    result = results[id]
    assert result.plot("pl").layout.title.text == result.figures()[0].title.pl
    with pytest.raises(NurtValueError, match="there is no picture 99"):
        result.plot(index=99)


@pytest.mark.parametrize("experiment", ALL, ids=IDS)
def test_presets_are_named_for_the_command_line(experiment: Experiment[Any]) -> None:
    assert experiment.default == "default"
    assert all(set(name) <= set(string.ascii_lowercase + string.digits + "-") for name in experiment.presets)
    labels = [preset.label.en for preset in experiment.presets.values()]
    assert len(set(labels)) == len(labels)
    settings = [preset.settings for preset in experiment.presets.values()]
    assert len(set(settings)) == len(settings), "two presets are the same"


def test_ids_name_the_files() -> None:
    assert len(set(IDS)) == len(IDS)
    for experiment in ALL:
        assert find(experiment.id).name == experiment.name


def test_a_seed_replaces_that_of_the_preset() -> None:
    assert run("linear/roelants", seed=7).settings.seed == 7
    assert run("linear/roelants").settings.seed == 1
    settings = find("linear/roelants").settings("near-start")
    result = run("linear/roelants", settings=settings, seed=3)
    assert (result.preset, result.settings.seed) == ("own", 3)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("linear/variant-12", "linear/variant-1"),
        ("addition", "addition/roelants"),
        ("clif", "surface/cliff"),
        ("linear.roelants", "linear/roelants"),
        ("Simple_RNN", "simple-rnn"),
        ("usd", "usd-pln"),
    ],
)
def test_an_unknown_experiment_is_refused_with_the_nearest(asked: str, meant: str) -> None:
    with pytest.raises(NurtValueError, match=f"Did you mean .*{meant}") as told:
        find(asked)
    assert all(id in str(told.value) for id in IDS)


@pytest.mark.parametrize("asked", ["nope", "", "xyzzy"])
def test_where_nothing_is_near_nothing_is_meant(asked: str) -> None:
    with pytest.raises(NurtValueError, match="surface/cliff") as told:
        find(asked)
    assert "Did you mean" not in str(told.value)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(NurtValueError, match="near-start"):
        run("linear/roelants", "far-start")


@pytest.mark.parametrize("experiment", [one for one in ALL if one.files], ids=lambda one: one.id)
def test_files_that_are_needed_are_asked_for_by_name_and_origin(experiment: Experiment[Any]) -> None:
    with pytest.raises(DataError) as told:
        experiment.run()
    assert experiment.files is not None
    assert experiment.files.en in str(told.value)
    assert f"nurt experiment {experiment.id} FILE" in str(told.value)


def test_files_nobody_reads_are_refused() -> None:
    with pytest.raises(NurtValueError, match=r"linear/roelants reads no files.*\n.*a\.csv"):
        run("linear/roelants", files=["a.csv"])


@pytest.mark.parametrize(
    ("value", "english", "polish"),
    [
        (0.000015213, "1.5213·10⁻⁵", "1,5213·10⁻⁵"),
        (-2.5, "−2.5", "−2,5"),
        (4, "4", "4"),
        (float("nan"), "–", "–"),
        (float("-inf"), "−∞", "−∞"),
        (123456.7, "1.2346·10⁵", "1,2346·10⁵"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(value: float, english: str, polish: str) -> None:
    assert (localised(value, "en"), localised(value, "pl")) == (english, polish)


COUNTED = [
    (0, "0 steps", "0 kroków"),
    (1, "1 step", "1 krok"),
    (2, "2 steps", "2 kroki"),
    (5, "5 steps", "5 kroków"),
    (12, "12 steps", "12 kroków"),
    (21, "21 steps", "21 kroków"),
    (22, "22 steps", "22 kroki"),
    (104, "104 steps", "104 kroki"),
    (112, "112 steps", "112 kroków"),
]


@pytest.mark.parametrize(("count", "english", "polish"), COUNTED)
def test_counts_have_the_noun_that_goes_with_them(count: int, english: str, polish: str) -> None:
    assert counted(count, ("step", "steps"), ("krok", "kroki", "kroków")) == Text(english, polish)
