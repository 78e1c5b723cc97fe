"""Every group on tiny shapes: contenders agree with float64, and with a broken one the gate is red."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from nurt.benchmarks import GROUPS, BenchmarkPlan, Case, Contest, choose, run_cases
from nurt.benchmarks.conditions import one_core_taken
from nurt.benchmarks.groups import course, layers, loops, streaming
from nurt.benchmarks.runner import deviation
from nurt.benchmarks.steps import CELLS, Shape
from nurt.cli import bench
from nurt.errors import NurtValueError

TINY = Shape(7, 3, 2, 5)
JOB = course.Job(look_back=6, layers=2, hidden=3, batch=4, epochs=1, windows=9)
CONTESTS: dict[str, Callable[[str], Contest]] = {
    "padded": lambda cell: layers.layer_contest(cell, TINY),
    "stacked": lambda cell: layers.layer_contest(cell, TINY, num_layers=3, dropout=0.5),
    "bidirectional": lambda cell: layers.layer_contest(cell, TINY, bidirectional=True),
    "ragged": lambda cell: layers.ragged_contest(cell, TINY),
    "recording": lambda cell: layers.recording_contest(cell, TINY),
    "streaming": lambda cell: streaming.contest(cell, 5),
    "layer-norm": lambda _: loops.layer_norm_contest(TINY),
    "scan": lambda cell: loops.scan_contest(cell, 7, 3, 5),
    "seed-job": lambda cell: course.contest(cell, JOB),
}
# Groups that do not hold every cell.
HELD = {"streaming": ("lstm", "gru"), "layer-norm": ("layer_norm_lstm",), "scan": tuple(loops.SCANNED)}
COMBINATIONS = [(group, cell) for group in CONTESTS for cell in HELD.get(group, tuple(CELLS))]


@pytest.mark.parametrize(("group", "cell"), COMBINATIONS)
def test_all_contenders_are_right_and_can_run(group: str, cell: str) -> None:
    torch.manual_seed(0)
    contest = CONTESTS[group](cell)
    reference = contest.reference()
    assert {value.dtype for value in reference.values()} == {torch.float64}
    for one in contest.contenders:
        one.run()
        found = deviation(one.outcome(), reference)
        assert found.acceptable, (one.name, found)
    assert contest.ours.library == "nurt"
    assert "torch" in {peer.library for peer in contest.peers}


@pytest.mark.parametrize("group", ["padded", "ragged", "stacked"])
def test_a_gradient_that_is_wrong_makes_the_gate_red(group: str) -> None:
    torch.manual_seed(0)
    contest = CONTESTS[group]("lstm")
    outcome = dict(contest.ours.outcome())
    outcome["gradient of weight_hh_l0"] = outcome["gradient of weight_hh_l0"] * 1.001
    found = deviation(outcome, contest.reference())
    assert (found.acceptable, found.quantity) == (False, "gradient of weight_hh_l0")


@pytest.mark.parametrize("part", [0, 1], ids=["real", "imaginary"])
def test_both_parts_of_a_complex_gradient_are_looked_at(part: int) -> None:
    torch.manual_seed(0)
    contest = loops.scan_contest("complex_diagonal", 7, 3, 5)
    outcome = dict(contest.ours.outcome())
    outcome["gradient of a"][..., part] *= 1.001
    found = deviation(outcome, contest.reference())
    assert (found.acceptable, found.quantity) == (False, "gradient of a")


def test_a_stream_starts_again_for_its_outcome() -> None:
    torch.manual_seed(0)
    contest = streaming.contest("lstm", 5)
    first = contest.ours.outcome()["outputs"]
    contest.ours.run()
    assert torch.equal(contest.ours.outcome()["outputs"], first)


def test_the_job_has_the_windows_it_says() -> None:
    job = course.Job()
    assert len(course._cut(job, job.values())[0]) == 759
    forecaster = job.plan("lstm").forecaster()
    assert (forecaster.layers, forecaster.hidden, forecaster.dropout, forecaster.look_back) == (3, 50, 0.2, 60)
    assert forecaster.training is not None
    assert (forecaster.training.epochs, forecaster.training.batch_size) == (20, 32)


def test_an_interrupted_fit_is_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped:
        stopped_by = "interrupt"

    monkeypatch.setattr("nurt.tasks.forecasting.Forecaster.fit", lambda self, *_: self)
    monkeypatch.setattr("nurt.tasks.forecasting.Forecaster.training_record_", Stopped(), raising=False)
    contest = course.contest("lstm", JOB)
    with pytest.raises(KeyboardInterrupt):
        contest.ours.run()


def test_the_registry_holds_the_sizes_that_are_published() -> None:
    cases = choose()
    assert {case.group for case in cases} == set(GROUPS)
    sizes = {(case.group, *case.sizes.values()) for case in cases}
    for shape in ((60, 32, 1, 50), (60, 32, 50, 50), (100, 32, 64, 128), (100, 64, 256, 256), (50, 64, 512, 512)):
        assert ("padded", *shape) in sizes
    assert {("scan", 1024, 8, 256), ("scan", 16384, 1, 64)} <= sizes
    assert {("ragged", 1000, 8, 64, 64), ("streaming", 1, 512, 512), ("stacked", 60, 32, 1, 50)} <= sizes
    assert {case.disturbance for case in cases if case.group == "busy"} == {one_core_taken}
    assert len({(case.group, case.cell, *case.sizes.values()) for case in cases}) == len(cases)


def test_groups_and_cells_are_chosen() -> None:
    chosen = choose(("ragged", "padded"), ("gru",))
    assert {case.group for case in chosen} == {"ragged", "padded"}
    assert {case.cell for case in chosen} == {"gru"}
    with pytest.raises(NurtValueError, match="no such group"):
        choose(("raged",))
    with pytest.raises(NurtValueError, match="no such cell"):
        choose((), ("transformer",))
    with pytest.raises(NurtValueError, match="no such cell"):
        choose(("seed-job",), ("elman",))


def test_the_command_names_the_groups_and_cells_that_there_are() -> None:
    assert tuple(GROUPS) == bench.GROUPS
    assert set(bench.CELLS) == {case.cell for case in choose()}


def test_a_case_runs_from_end_to_end() -> None:
    case = Case("ragged", "gru", TINY.sizes(), lambda: layers.ragged_contest("gru", TINY), "T/2 … T")
    (found,) = run_cases([case], BenchmarkPlan(threads=(1,), budget_seconds=1e-3)).cases
    assert found.fault is None
    assert [peer.name for peer in found.peers] == ["PackedSequence", "pad and gather"]
    assert all(peer.ratio is not None for peer in found.peers)
