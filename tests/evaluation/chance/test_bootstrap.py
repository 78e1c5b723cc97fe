"""The circular block bootstrap: points, normal intervals, dependence, and when there is no interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.chance.bootstrap import (
    block_bootstrap_coverage,
    block_bootstrap_skill,
    block_length,
    resampled_sums,
)


@pytest.mark.parametrize(
    ("origins", "overlap", "block"), [(27, 1, 3), (28, 1, 4), (64, 1, 4), (1000, 1, 10), (343, 7, 7), (90, 30, 30)]
)
def test_blocks_are_at_least_the_cube_root_and_the_overlap(origins, overlap, block):
    assert block_length(origins, overlap) == block


def test_a_constant_advantage_gives_a_point():
    found = block_bootstrap_skill(np.full(50, 0.3), np.full(50, 0.4), overlap=3)
    assert (found.low, found.high) == pytest.approx((0.25, 0.25), abs=1e-12)
    assert found.low == found.high


def test_on_white_noise_with_blocks_of_one_it_is_the_normal_interval():
    loss = 10 + np.random.RandomState(0).randn(400)
    found = block_bootstrap_skill(loss, np.ones(400), block=1, replicates=8000)
    reach = 1.96 * loss.std() / 20
    assert (found.low, found.high) == pytest.approx((1 - loss.mean() - reach, 1 - loss.mean() + reach), abs=0.006)


def test_blocks_widen_the_interval_where_neighbours_agree():
    walk = np.convolve(np.random.RandomState(1).randn(420), np.ones(21), mode="valid")
    loss = 100 + walk
    alone, together = (block_bootstrap_skill(loss, np.full(400, 100.0), block=block) for block in (1, 25))
    assert together.high - together.low > 2.5 * (alone.high - alone.low)


def test_the_same_seed_draws_the_same_origins_for_every_model():
    columns = np.random.RandomState(2).rand(40, 3)
    together = resampled_sums(columns, block=4, replicates=50, seed=7)
    alone = resampled_sums(columns[:, 1:2], block=4, replicates=50, seed=7)
    np.testing.assert_allclose(together[:, 1], alone[:, 0])
    assert not np.allclose(together, resampled_sums(columns, block=4, replicates=50, seed=8))


@given(st.integers(1, 30), st.data())
def test_every_resample_has_as_many_origins_as_the_data(count, data):
    block = data.draw(st.integers(1, count))
    sums = resampled_sums(np.ones((count, 1)), block=block, replicates=20)
    assert np.all(sums == count)


def test_a_resample_is_made_of_whole_circular_blocks():
    sums = resampled_sums(np.eye(7), block=3, replicates=200)
    runs = {tuple(np.roll([1, 1, 1, 0, 0, 0, 0], shift)) for shift in range(7)}
    for counts in sums:
        last = [tuple(counts - np.array(a) - np.array(b)) for a in runs for b in runs]
        assert any(sorted(one) == [0] * 6 + [1] for one in last)


def test_coverage_of_always_and_never():
    cells = np.full(30, 5.0)
    assert block_bootstrap_coverage(cells, cells).low == 1.0
    assert block_bootstrap_coverage(0 * cells, cells).high == 0.0


def test_coverage_interval_holds_the_share():
    hits = np.random.RandomState(3).binomial(10, 0.8, 200)
    found = block_bootstrap_coverage(hits, np.full(200, 10))
    assert found.low < hits.sum() / 2000 < found.high
    assert found.high - found.low < 0.06


def test_too_few_origins_give_a_reason_instead_of_bounds():
    found = block_bootstrap_skill(np.ones(9), np.ones(9), overlap=5)
    assert (found.low, found.high) == (None, None)
    assert found.reason == "too few origins: 9, at least 10 are needed for blocks of 5"
    assert block_bootstrap_skill(np.empty(0), np.empty(0)).reason.startswith("too few origins: 0")


def test_a_baseline_that_makes_no_error_gives_a_reason():
    assert "nothing to divide by" in block_bootstrap_skill(np.ones(30), np.zeros(30)).reason


def test_refused_arguments():
    with pytest.raises(ShapeError, match="two sums per origin"):
        block_bootstrap_skill(np.ones(30), np.ones(29))
    with pytest.raises(NurtValueError, match="1 <= block <= 5"):
        resampled_sums(np.ones((5, 1)), block=6)
