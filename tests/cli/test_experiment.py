"""`nurt experiment`: lists, runs, writes a page, refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nurt.cli.main import app


def experiment(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["experiment", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_list_names_every_experiment_in_either_language() -> None:
    code, text, _ = experiment("--list")
    assert code == 0
    assert "linear/roelants" in text and "seconds" in text
    assert "Klif" in experiment("--list", "--lang", "pl")[1]
    found = json.loads(experiment("--list", "--json")[1])["experiments"]
    assert {"linear/variant-14", "surface/cliff"} <= {one["id"] for one in found}
    assert "near-start" in found[0]["presets"]


def test_the_list_says_whose_seconds_it_gives_and_rounds_them() -> None:
    for language, told in (("en", "one core of an AMD EPYC"), ("pl", "jednym rdzeniu serwera AMD EPYC")):
        text = experiment("--list", "--lang", language)[1]
        assert told in " ".join(text.split())
    rows = {line.split()[0]: line.split()[-2:] for line in text.splitlines() if line.strip()}
    assert rows["memory-cell"] == ["<", "1"]
    assert rows["adding"][-1].isdigit()


def test_a_run_prints_its_verdict_and_writes_its_page(tmp_path: Path) -> None:
    code, text, error = experiment("linear/variant-14", "--out", str(tmp_path), "--lang", "pl")
    assert code == 0, error
    assert "werdykt" in text and "4,0322" in text and "Gorzej niż stała" in text
    page = (tmp_path / "linear-variant-14.html").read_text(encoding="utf-8")
    assert '<html lang="pl">' in page


def test_json_is_one_object_and_nothing_else(tmp_path: Path) -> None:
    code, text, _ = experiment("surface/cliff", "--preset", "steeper", "--json", "--no-report", "--out", str(tmp_path))
    found = json.loads(text)
    assert code == 0
    assert (found["experiment"], found["preset"], found["report"]) == ("surface/cliff", "steeper", None)
    assert found["closed_form"][1] == pytest.approx(-2571138.34681)
    assert not list(tmp_path.iterdir())


def test_a_seed_reaches_the_run(tmp_path: Path) -> None:
    found = json.loads(experiment("linear/roelants", "--seed", "5", "--json", "--out", str(tmp_path))[1])
    assert found["settings"]["seed"] == 5
    assert Path(found["report"]).is_file()


def test_an_unknown_experiment_or_preset_is_the_users_to_mend() -> None:
    code, text, error = experiment("linear/roelant")
    assert (code, text) == (1, "")
    assert "linear/roelants" in error
    code, _, error = experiment("linear/roelants", "--preset", "nowhere")
    assert code == 1
    assert "near-start" in error
    code, _, error = experiment("adding-problem")
    assert code == 1
    assert "Did you mean adding?" in error


def test_without_an_experiment_the_usage_is_wrong() -> None:
    assert experiment()[0] == 2


@pytest.mark.parametrize(("language", "told"), [("en", "Numbers of the figures in"), ("pl", "Liczby z rysunków w")])
def test_figures_are_exported_where_that_is_asked_for_and_only_then(language: str, told: str, tmp_path: Path) -> None:
    asked = ("linear/roelants", "--lang", language, "--no-report")
    code, text, _ = experiment(*asked, "--export", str(tmp_path / "figures"))
    assert code == 0
    assert told in text
    assert len(list((tmp_path / "figures").glob("*.csv"))) > 3
    assert told not in experiment(*asked)[1]
    found = json.loads(experiment(*asked, "--json", "--export", str(tmp_path / "again"))[1])
    assert sorted(found["exported"]) == sorted(str(path) for path in (tmp_path / "again").iterdir())
    assert json.loads(experiment(*asked, "--json")[1])["exported"] == []
