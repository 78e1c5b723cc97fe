from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.training import ClipByNorm, ClipByValue, ClippedStep, ClippingLedger
from nurt.training.ledger import LedgerBuilder, Trace, TraceBuilder


def step(norm, clipped, cosine=1.0):
    after = 1.0 if clipped else norm
    return ClippedStep(norm, after, clipped, cosine, norm - after, {"weight": 0.75, "bias": 0.25})


BAD = ClippedStep(float("nan"), float("nan"), False, float("nan"), 0.0, {"weight": 0.0}, "nan", "weight")


def builder_of(steps):
    builder = LedgerBuilder()
    for one in steps:
        builder.note(one, 0.1)
    return builder


@pytest.mark.parametrize(
    ("clipped", "expected"),
    [
        (0, "None of 100 steps was clipped at norm 1; the longest norm was 0.5."),
        (2, "2.0 % of 100 steps were clipped at norm 1, the longest run 2 steps: the threshold is a safety net."),
        (12, "12 % of 100 steps were clipped at norm 1, the longest run 12 steps: the threshold takes part"),
        (31, "31 % of 100 steps were clipped at norm 1, the longest run 31 steps: the threshold steers this training"),
    ],
)
def test_the_verdict_says_what_the_threshold_does(clipped, expected):
    ledger = builder_of([step(5.0, True)] * clipped + [step(0.5, False)] * (100 - clipped)).ledger(ClipByNorm(1.0))
    assert str(ledger).startswith(expected)


def test_an_unclipped_and_an_empty_training_have_a_verdict_too():
    assert str(builder_of([step(7.0, False)]).ledger(None)) == (
        "Nothing limits the gradient; over 1 step the longest norm was 7."
    )
    empty = LedgerBuilder().ledger(ClipByNorm(1.0))
    assert (str(empty), empty.clipped_share, empty.mean_cosine) == ("No step was taken.", 0.0, None)


@pytest.mark.parametrize("clipping", [None, ClipByNorm(1.0, 1e-6), ClipByValue(0.5)])
def test_a_ledger_survives_json(clipping):
    ledger = builder_of([step(5.0, True, 0.8), step(0.1 + 0.2, False), BAD] * 150).ledger(clipping)
    values = json.loads(json.dumps(ledger.to_dict(), allow_nan=False))
    assert values["verdict"] == ledger.verdict
    assert values["clipped_share"] == 0.5
    assert ClippingLedger.from_dict(values) == ledger


@pytest.mark.parametrize("cut", [0, 1, 3, 250, 450])
def test_a_builder_stored_and_restored_is_the_same(cut):
    steps = [step(5.0 + 0.1 * number, number % 3 == 0, 0.9) for number in range(450)] + [BAD]
    resumed = LedgerBuilder.from_dict(json.loads(json.dumps(builder_of(steps[:cut]).to_dict())))
    for one in steps[cut:]:
        resumed.note(one, 0.1)
    assert resumed == builder_of(steps)


def test_a_figure_shows_norms_threshold_coefficients_and_shares():
    ledger = builder_of([step(5.0, True), step(0.5, False)]).ledger(ClipByNorm(1.0))
    figure = ledger.plot()
    drawn = {trace.name: list(trace.y) for trace in figure.data if trace.name is not None}
    assert drawn["mean norm"] == [5.0, 0.5]
    assert drawn["coefficient"] == [0.2, 1.0]
    assert drawn["clipped share"] == [1.0, 0.0]
    assert figure.layout.shapes[0].y0 == 1.0
    assert dict(zip(figure.data[-1].y, figure.data[-1].x, strict=True)) == {"weight": 0.75, "bias": 0.25}
    assert not LedgerBuilder().ledger(None).plot().layout.shapes


UPDATES = st.lists(st.tuples(st.floats(0.0, 1e9), st.floats(0.0, 1.0), st.booleans()), max_size=70)


def written(updates, points=8):
    builder = TraceBuilder(points)
    for norm, coefficient, clipped in updates:
        builder.note(norm, coefficient, clipped=clipped)
    return builder.trace()


def test_few_updates_are_kept_one_by_one():
    trace = written([(5.0, 0.2, True), (0.5, 1.0, False)])
    assert trace == Trace(1, (1, 1), (5.0, 0.5), (5.0, 0.5), (0.2, 1.0), (1.0, 0.0))


def test_neighbours_are_joined_when_the_points_are_used_up():
    trace = written([(float(number), 0.5, number % 4 == 0) for number in range(19)])
    assert trace.width == 4
    assert trace.steps == (4, 4, 4, 4, 3)
    assert trace.largest == (3.0, 7.0, 11.0, 15.0, 18.0)
    assert trace.norms == (1.5, 5.5, 9.5, 13.5, 17.0)
    assert trace.clipped == (0.25, 0.25, 0.25, 0.25, 1 / 3)


@given(UPDATES)
def test_no_update_is_lost_whatever_the_number(updates):
    trace = written(updates)
    assert len(trace.steps) <= 8
    assert all(steps == trace.width for steps in trace.steps[:-1])
    assert sum(trace.steps) == len(updates)
    total = sum(mean * steps for mean, steps in zip(trace.norms, trace.steps, strict=True))
    assert total == pytest.approx(sum(update[0] for update in updates))
    assert max(trace.largest, default=0.0) == max((update[0] for update in updates), default=0.0)
