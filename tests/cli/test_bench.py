"""`nurt bench` on made-up cases."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

import nurt.benchmarks as benchmarks
from nurt.benchmarks import BenchmarkPlan, BenchmarkRun, Case, Contender, Contest, run_cases
from nurt.benchmarks.floors import MatrixProduct
from nurt.cli.main import app


def nurt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["bench", *map(str, arguments)], env={"COLUMNS": "100"})


def case(peer: float, **fields: Any) -> Case:
    """Return a case whose peer computes so much, where 1 is right."""

    def prepare() -> Contest:
        ours, theirs = (
            Contender(library, f"{library} way", lambda: None, lambda value=value: {"outputs": torch.tensor([value])})
            for library, value in (("nurt", 1.0), ("torch", peer))
        )
        right = {"outputs": torch.ones(1, dtype=torch.float64)}
        return Contest(ours, (theirs,), lambda: right, MatrixProduct(1e6, 8, 8, 8))

    return Case(**({"group": "padded", "cell": "lstm", "sizes": {"T": 3, "H": 5}, "prepare": prepare} | fields))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let the command run made-up cases; return its plan, and take the cases."""
    asked: dict[str, Any] = {"cases": [case(1.0)]}

    def run(plan: BenchmarkPlan, listener: Any) -> BenchmarkRun:
        asked["plan"] = plan
        return run_cases(asked["cases"], plan, listener)

    monkeypatch.setattr(benchmarks, "run_benchmark", run)
    return asked


def test_options_become_the_plan(asked: dict[str, Any]) -> None:
    result = nurt("ragged", "busy", "--cells", "lstm,gru", "--threads", "2,1", "--budget", "0.001")
    assert result.exit_code == 0, result.stderr
    assert asked["plan"] == BenchmarkPlan(("ragged", "busy"), ("lstm", "gru"), (2, 1), 0.001)


def test_a_table_with_times_ratio_floor_and_errors(asked: dict[str, Any]) -> None:
    text = nurt("--threads", "1", "--budget", "0.001").stdout
    for expected in ("padded, 1 thread, milliseconds", "LSTM T3 H5", "torch way", "ratio", "floor", "0e+00/0e+00", "±"):
        assert expected in text


def test_a_wrong_case_tells_no_speed_and_ends_with_1(asked: dict[str, Any]) -> None:
    asked["cases"] = [case(1.5)]
    result = nurt("--threads", "1", "--budget", "0.001")
    assert result.exit_code == 1
    assert "red gate" in result.stdout
    assert "±" not in result.stdout.partition("Medians")[0]
    assert "differs from float64: torch (torch way) by 5.0e-01 in outputs" in " ".join(result.stdout.split())
    assert "1 of 1 cases are wrong" in result.stderr


def test_where_nurt_is_slower_it_says_so(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = run_cases([case(1.0)], BenchmarkPlan(threads=(1,), budget_seconds=1e-3)).to_dict()
    found["cases"][0]["peers"][0]["ratio"] = 0.5
    monkeypatch.setattr(benchmarks, "run_benchmark", lambda *_: BenchmarkRun.from_dict(found))
    assert "nurt is slower than torch way, 0.50" in " ".join(nurt().stdout.split())


@pytest.mark.parametrize(("load", "told"), [(0.0, False), (3.2, True)])
def test_times_of_a_busy_machine_are_doubted(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, load: float, told: bool
) -> None:
    monkeypatch.setattr("nurt.benchmarks.runner.busy_cores", lambda: load)
    text = nurt("--threads", "1", "--budget", "0.001").stdout
    assert ("Other programs were busy on 3.2 cores" in text) is told


def test_json_is_one_object_that_can_be_read_again(asked: dict[str, Any]) -> None:
    result = nurt("--json", "--budget", "0.001")
    assert result.stderr == ""
    found = BenchmarkRun.from_dict(json.loads(result.stdout))
    assert [one.threads for one in found.cases] == [1, 2]


def test_the_result_is_written_and_named(asked: dict[str, Any], tmp_path: Path) -> None:
    result = nurt("--out", tmp_path / "results", "--threads", "1", "--budget", "0.001")
    found = json.loads((tmp_path / "results" / "kernels.json").read_text())
    assert BenchmarkRun.from_dict(found).cases[0].threads == 1
    assert "kernels.json" in result.stdout.replace("\n", "")


def test_an_interruption_ends_with_130_and_keeps_what_was_measured(asked: dict[str, Any], tmp_path: Path) -> None:
    def interrupted() -> Contest:
        raise KeyboardInterrupt

    asked["cases"] = [case(1.0), case(1.0, prepare=interrupted)]
    result = nurt("--out", tmp_path, "--threads", "1", "--budget", "0.001", "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout) == json.loads((tmp_path / "kernels.json").read_text())
    assert (json.loads(result.stdout)["interrupted"], len(json.loads(result.stdout)["cases"])) == (True, 1)
    assert "the 1 results up to then are kept" in result.stderr


def test_a_disturbed_case_tells_both_slow_downs(asked: dict[str, Any]) -> None:
    asked["cases"] = [case(1.0, disturbance=nullcontext)]
    text = " ".join(nurt("--threads", "1", "--budget", "0.001").stdout.split())
    assert "with one core taken nurt way takes" in text
    assert "torch way takes" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["raged"], ["--cells", "transformer"], ["--cells", "lstm,"], ["--threads", "0"], ["--threads", "1,,2"],
        ["--threads", "one"], ["--budget", "0"], ["--budget", "inf"],
    ],
)  # fmt: skip
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    result = nurt(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage" in result.stderr
