"""The linter as a whole: ten rules, each judged, kept or broken on its own."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.audits.leakage import RULES, FittedStatistic, PipelineFacts, SeriesFacts, lint_leakage


def test_a_pipeline_without_fault_keeps_every_rule(clean):
    report = lint_leakage(clean)
    assert report.findings == ()
    assert report.kept == tuple(RULES) == tuple(f"L{number:02d}" for number in range(1, 11))
    assert report.verdict == "pass"
    assert report.text == "No leakage found by 10 rules."


def test_rules_without_facts_are_listed_as_unjudged():
    report = lint_leakage(PipelineFacts(3, 2, (SeriesFacts("y", 30, 20, 25),)))
    assert report.kept == ("L05", "L07")
    assert report.unjudged == ("L01", "L02", "L03", "L04", "L06", "L08", "L09", "L10")
    assert report.verdict == "pass"
    assert "L10 could not be judged" in report.text


def test_every_rule_explains_itself_in_two_lines():
    for rule in RULES.values():
        assert rule.severity in ("error", "warning")
        for line in (rule.why, rule.cure):
            assert line.endswith(".")
            assert "\n" not in line


def test_findings_come_gravest_first_with_their_explanation(spoilt):
    facts = spoilt(statistics=(FittedStatistic("scaling", 199),), test_evaluations=4, first_step=None, decided_on=())
    report = lint_leakage(replace(facts, series=(replace(facts.series[0], stamps=np.zeros(200)),)))
    assert [(one.rule, one.severity) for one in report.findings] == [
        ("L01", "error"),
        ("L04", "error"),
        ("L09", "info"),
    ]
    assert report.verdict == "error"
    assert report.text == "Leakage: L01, L04 of 9 rules judged are broken."
    assert str(report).splitlines()[1].startswith("L01 error: scaling of series 'y' saw rows up to 199")
    assert RULES["L01"].cure in str(report)


def test_a_remark_alone_is_no_leakage(spoilt):
    report = lint_leakage(spoilt(test_evaluations=3))
    assert report.verdict == "info"
    assert report.text.startswith("No leakage found")
    assert "3 times" in str(report)


def test_single_rules_can_be_asked_for(spoilt):
    facts = spoilt(test_evaluations=3, decided_on=("test",))
    assert lint_leakage(facts, ["L01"]).kept == ("L01",)
    assert {one.rule for one in lint_leakage(facts, ["L01", "L09"]).findings} == {"L09"}
    with pytest.raises(NurtValueError, match="L99"):
        lint_leakage(facts, ["L99"])


def test_the_report_is_plain_json(spoilt):
    shown = json.loads(json.dumps(lint_leakage(spoilt(decided_on=("test",))).to_dict(), allow_nan=False))
    assert shown["verdict"] == "error"
    assert shown["findings"][0]["rule"] == "L09"
    assert "L01" in shown["kept"]
