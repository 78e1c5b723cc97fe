"""The frame of the fuzz campaigns: it sees what is wrong, goes on after it, and repeats a case."""

from __future__ import annotations

import json

import pytest
from tests.fuzz import __main__ as program
from tests.fuzz.campaign import load, names
from tests.fuzz.running import recorded, run, written
from tests.fuzz.table import PAGE, RESULTS, table
from tests.fuzz.worker import outcome_of

BROKEN = "tests.fuzz.broken"


@pytest.fixture(scope="module")
def outcome():
    return run(BROKEN, seed=5, minutes=5, cases=30)


def test_every_way_to_go_wrong_is_counted_and_the_campaign_goes_on(outcome):
    assert outcome.cases == sum(outcome.outcomes.values()) == 30
    assert {"fine", "noisy", "wrong", "foreign exception", "crash", "hang"} == set(outcome.outcomes)
    assert outcome.wrong == 30 - outcome.outcomes["fine"] - outcome.outcomes["noisy"]
    assert sorted(found["case"] for found in outcome.findings) == [found["case"] for found in outcome.findings]
    details = {found["outcome"]: found["detail"] for found in outcome.findings}
    assert details["wrong"] == "2 is not 3"
    assert "SIGABRT" in details["crash"]
    assert any("MemoryError" in found["detail"] for found in outcome.findings)
    assert any("KeyError: 'odd'" in found["detail"] for found in outcome.findings)


def test_a_case_is_the_same_again(outcome, tmp_path):
    found = next(found for found in outcome.findings if found["outcome"] == "wrong")
    assert outcome_of(load(BROKEN), 5, found["case"], tmp_path) == found


def test_the_result_is_a_file_and_a_row_of_the_table(outcome, tmp_path):
    kept = json.loads(written(outcome, tmp_path).read_text(encoding="utf-8"))
    assert (kept["cases"], kept["seed"], kept["outcomes"]) == (30, 5, dict(outcome.outcomes))
    assert kept["machine"]["cores"] >= 1
    row = table(tmp_path).splitlines()[-1]
    assert row.startswith(f"| {BROKEN} | everything that can go wrong | 30 | {outcome.wrong} |")


def test_a_recorded_campaign_goes_on_where_it_stopped(outcome, tmp_path):
    written(run(BROKEN, seed=5, minutes=5, cases=12), tmp_path)
    before = recorded(BROKEN, tmp_path, seed=5)
    spent = before.seconds
    whole = run(BROKEN, seed=5, minutes=5, cases=30, before=before)
    assert (whole.cases, whole.outcomes) == (30, outcome.outcomes)
    assert [found["case"] for found in whole.findings] == [found["case"] for found in outcome.findings]
    assert whole.seconds > spent
    with pytest.raises(ValueError, match="no outcome of seed 6"):
        recorded(BROKEN, tmp_path, seed=6)
    with pytest.raises(ValueError, match="no outcome of seed 5"):
        recorded(BROKEN, tmp_path / "empty", seed=5)


def test_the_page_shows_the_kept_results():
    assert table(RESULTS) in PAGE.read_text(encoding="utf-8")


def test_the_kept_results_found_nothing_wrong():
    for path in RESULTS.glob("*.json"):
        assert not json.loads(path.read_text(encoding="utf-8"))["findings"], path.name


def test_an_unknown_campaign_is_refused_with_the_names_there_are(capsys):
    with pytest.raises(SystemExit):
        program.main(["nope"])
    assert "no campaign nope" in capsys.readouterr().err


@pytest.mark.parametrize("name", names())
def test_every_campaign_runs(name, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    outcome = run(name, seed=1, minutes=1, cases=60)
    assert (outcome.cases, outcome.wrong) == (60, 0), str(outcome)
