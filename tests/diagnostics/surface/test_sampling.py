"""Points go where the loss changes, as many as were allowed, and cells cover the rectangle without gap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurt.diagnostics import Adaptive, Grid, loss_surface
from nurt.diagnostics.surface.sampling import SMALLEST, Samples, has_signs, heights
from nurt.errors import NurtValueError


def area(samples: Samples) -> float:
    corners = samples.points[samples.cells]
    return float(np.prod(corners[:, 3] - corners[:, 0], axis=1).sum())


def wall(x: float, y: float) -> tuple[float]:
    """A step of three powers of ten across a slanted line."""
    return (1000.0,) if y > 0.3 * x + 0.11 else (1.0,)


def test_a_grid_goes_row_by_row_and_hits_both_ends() -> None:
    samples = Grid(3, 2).run((-0.3, 0.7), (1.0, 5.0), lambda x, y: (x * y,))
    assert samples.points[:, 1].tolist() == [1.0] * 3 + [5.0] * 3
    np.testing.assert_allclose(samples.points[:3, 0], [-0.3, 0.2, 0.7], rtol=1e-15)
    assert samples.cells.tolist() == [[0, 1, 3, 4], [1, 2, 4, 5]]
    assert samples.budget == 6 and samples.complete


def test_points_gather_at_a_wall_and_nowhere_else() -> None:
    samples = Adaptive(600, start=9).run((-1, 1), (-1, 1), wall)
    off = np.abs(samples.points[:, 1] - 0.3 * samples.points[:, 0] - 0.11)
    assert 595 < len(off) <= 600
    # The band holds a tenth of the area.
    assert (off < 0.1).mean() > 0.8
    widths = samples.points[samples.cells[:, 1], 0] - samples.points[samples.cells[:, 0], 0]
    assert widths.min() <= 0.25 / 2**4 and widths.max() == 0.25


@pytest.mark.parametrize("budget", [400, 1500])
def test_the_wall_of_the_cliff_gets_five_times_the_points_of_the_plains(cliff, budget: int) -> None:
    surface = loss_surface(cliff.loss, cliff.plane, (4.5, 7.0), (-5.0, -1.0), Adaptive(budget, start=9))
    ridge = 0.5 - surface.points[:, 0] / (1 + math.exp(-0.5))
    off = np.abs(surface.points[:, 1] - ridge)
    at_wall, on_plains = (off < 0.1).sum() / 0.2, (off > 0.5).sum() / (4.0 - 1.0)
    assert len(off) <= budget
    assert at_wall >= 5 * on_plains, (at_wall, on_plains)


def test_a_flat_surface_stays_a_coarse_grid() -> None:
    samples = Adaptive(1000, start=5).run((0, 1), (0, 1), lambda _x, _y: (3.0,))
    assert len(samples.points) == 25 and samples.complete


def test_a_threshold_says_what_is_flat() -> None:
    few, many = (Adaptive(3000, threshold, 5).run((0, 1), (0, 1), lambda x, _y: (10**x,)) for threshold in (0.2, 0.1))
    widths = [one.points[one.cells[:, 1], 0] - one.points[one.cells[:, 0], 0] for one in (few, many)]
    assert widths[0].max() == 0.125 and widths[1].max() == 0.0625


def test_depth_ends_the_splitting() -> None:
    samples = Adaptive(10_000, start=3, depth=3).run((0, 1), (0, 1), lambda x, _y: (1.0 if x < 1 / math.pi else 9.0,))
    assert np.diff(np.unique(samples.points[:, 0])).min() == 0.5 / 2**3
    assert len(samples.points) < 200


def test_the_border_of_what_is_not_finite_is_found() -> None:
    samples = Adaptive(500, start=5).run((0, 1), (0, 1), lambda x, _y: (math.inf if x > 0.61 else 1.0,))
    off = np.abs(samples.points[:, 0] - 0.61)
    assert (off < 0.05).mean() > 0.6
    assert not (samples.points[:, 0] > 0.8).sum() > 25


def test_a_zero_does_not_take_all_points() -> None:
    samples = Adaptive(800, start=9).run((-1, 1), (-1, 1), lambda x, y: ((x - 0.013) ** 2 if y < 0 else wall(x, y)[0],))
    on_zero = (np.abs(samples.points[:, 0] - 0.013) < 0.02) & (samples.points[:, 1] < -0.1)
    assert on_zero.mean() < 0.4


def test_losses_with_signs_are_followed_too() -> None:
    samples = Adaptive(300, start=5).run((0, 1), (0, 1), lambda x, _y: (-50.0 if x > 0.61 else 50.0,))
    assert (np.abs(samples.points[:, 0] - 0.61) < 0.05).mean() > 0.5


@given(seed=st.integers(0, 10_000), budget=st.integers(25, 300), start=st.integers(2, 5))
@settings(deadline=None, max_examples=30)
def test_cells_cover_the_rectangle_and_points_keep_within_the_budget(seed: int, budget: int, start: int) -> None:
    stream = np.random.default_rng(seed)
    a, b, c = stream.normal(size=3) * 3

    def measure(x: float, y: float) -> tuple[float]:
        value = math.exp(a * x) * abs(math.sin(b * y + c * x))
        return (math.nan if value > 20 else value,)

    samples = Adaptive(budget, 0.05, start).run((-2.0, 1.0), (0.0, 0.5), measure)
    assert start**2 <= len(samples.points) <= budget
    assert len({tuple(point) for point in samples.points}) == len(samples.points)
    assert area(samples) == pytest.approx(1.5, rel=1e-12)
    again = Adaptive(budget, 0.05, start).run((-2.0, 1.0), (0.0, 0.5), measure)
    np.testing.assert_array_equal(samples.points, again.points)


@pytest.mark.parametrize("sampling", [Grid(5), Adaptive(60, start=4)])
@pytest.mark.parametrize("after", [1, 7, 20])
def test_what_was_done_before_a_stop_is_kept(sampling, after: int) -> None:
    left = iter(range(after))
    samples = sampling.run((-1, 1), (-1, 1), lambda x, y: None if next(left, None) is None else wall(x, y))
    assert len(samples.points) == after and not samples.complete
    assert len(samples.cells) == 0 or samples.cells.max() < after


@pytest.mark.parametrize(
    "make",
    [
        lambda: Grid(1),
        lambda: Grid(5, 1),
        lambda: Adaptive(10, start=4),
        lambda: Adaptive(threshold=0.0),
        lambda: Adaptive(start=1),
        lambda: Adaptive(depth=41),
    ],
)
def test_samplings_that_make_no_sense_are_refused(make) -> None:
    with pytest.raises(NurtValueError):
        make()


def test_a_small_budget_goes_to_the_largest_change() -> None:
    samples = Adaptive(80, 0.1, 5).run((-1, 1), (-1, 1), lambda x, y: (wall(x, y)[0] * 10**x,))
    extra = samples.points[25:]
    assert (np.abs(extra[:, 1] - 0.3 * extra[:, 0] - 0.11) < 0.55).mean() > 0.9


def test_heights_are_powers_of_ten_and_zero_has_one_too() -> None:
    np.testing.assert_array_equal(heights(np.array([1e-3, 1.0, 0.0])), [-3, 0, np.log10(SMALLEST)])


def test_what_is_not_finite_has_no_height() -> None:
    assert np.isnan(heights(np.array([np.nan, np.inf, -np.inf]))).all()


def test_negative_losses_keep_their_order() -> None:
    losses = np.array([-1e6, -3.0, -1e-3, 0.0, 0.5, 1e9])
    assert has_signs(losses) and not has_signs(np.array([0.0, -np.inf, np.nan]))
    assert (np.diff(heights(losses)) > 0).all()
    np.testing.assert_allclose(heights(np.array([9.0]), signed=True), 1.0)
