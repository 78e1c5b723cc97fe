"""The three linear experiments: their published and measured numbers, their gradients by three other ways."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nurt.experiments import ExperimentResult, find, run
from nurt.experiments.linear import model
from nurt.experiments.linear.model import draw_sequences
from nurt.experiments.linear.pictures import _told_extremes, _told_path
from nurt.experiments.linear.study import LinearResult
from nurt.nn import LinearCell, unroll

IDS = ("linear/roelants", "linear/variant-11", "linear/variant-14")


def linear(id: str, preset: str | None = None) -> LinearResult:
    result = run(id, preset)
    assert isinstance(result, LinearResult)
    return result


def test_the_data_are_those_of_the_frozen_stream() -> None:
    inputs, targets = draw_sequences("bits", "sum", (20, 10), 1)
    assert np.flatnonzero(inputs[0]).tolist() == [1, 9]
    assert (inputs.sum(), targets[:5].tolist()) == (103.0, [2, 4, 6, 6, 4])
    inputs, targets = draw_sequences("fifths", "mean", (30, 20), 42)
    np.testing.assert_allclose(inputs[0, :5], [0.6, 0.8, 0.4, 0.8, 0.8])
    np.testing.assert_allclose(targets[:5], [0.6, 0.54, 0.41, 0.56, 0.58])
    assert inputs.sum() == pytest.approx(294.2)
    inputs, targets = draw_sequences("thirds", "count", (30, 20), 1)
    assert [int((inputs == value).sum()) for value in (0.33, 0.66, 1.0)] == [199, 188, 213]
    assert (inputs.sum(), targets[:5].tolist()) == (pytest.approx(402.75), [9, 7, 10, 5, 4])


# Per experiment: loss, ∂ℓ/∂w_x, ∂ℓ/∂w_rec, G_T, G_0 at (1.2, 1.2) and at the six markers.
VALUES = {
    "linear/roelants": [
        (110.22803726617079, 274.595429133, 1593.24284448, 19.8743760589, 123.056898116),
        (28.35, 56.7, 467.2, 10.3, 10.3),
        (265551.15, 535908.3, 2174323.9, 884.3, 905523.2),
        (85002.75, 168858.3, -739548.9, -179.7, -184012.8),
        (21.35, -6.3, -5.7, -8.9, 0.0),
        (16.3960103989, -10.0329792023, -17.4254707336, -7.7810546875, -0.00759868621826),
        (23.2950033188, -4.60921211243, -2.3586479187, -9.2947265625, -0.00907688140869),
    ],
    "linear/variant-11": [
        (11660.923852154792, 19523.6688286, 281451.268198, 211.420289097, 8105.34645933),
        (378.00399, 387.6964, 7223.4448, 38.246, 38.246),
        (252177145839, 504354755279, 4.55119838195e12, 924760.606, 969681777197),
        (78586556376.2, 157172960130, -1.47932099789e12, -308595.607333, -323585947555),
        (0.108656666667, 0.280133333333, 0.0117333333333, 0.152666666667, 0.0),
        (0.414655232943, 1.39523086389, 2.29632994293, 1.13036439514, 1.07799949183e-6),
        (0.181616049944, 0.258858403547, -0.336892509378, -0.155486180623, -1.48283177017e-7),
    ],
    "linear/variant-14": [
        (20847.4600128, 36261.1814758, 529499.012266, 284.497647528, 10906.9569904),
        (426.100386667, 552.153053333, 10418.4558933, 40.4333333333, 40.4333333333),
        (535421348657, 1.07085173308e12, 9.66167424887e12, 1403063.30933, 1.47121851265e12),
        (74518350732.4, 149033747173, -1.42435083794e12, -444149.634667, -465724647320),
        (39.6056466667, -7.89404, -8.27058, -11.9173333333, 0.0),
        (31.8997376051, -14.1518126455, -28.6942968046, -10.512267718, -1.00252797298e-5),
        (42.5951193077, -5.16035440846, -4.75255922438, -12.4160731227, -1.18408900477e-5),
    ],
}


@pytest.mark.parametrize("id", IDS)
def test_loss_and_gradients_at_the_markers(id: str) -> None:
    result = linear(id)
    for found, expected in zip((result.check, *result.markers), VALUES[id], strict=True):
        values = (*(found.loss, found.input_weight, found.recurrent_weight), found.over_time[-1], found.over_time[0])
        np.testing.assert_allclose(values, expected, rtol=1e-9)


# End of the walk and its loss, from (-1.5, 2) and from (0.5, 1.5).
ENDS = {
    ("linear/roelants", "default"): (1.001355547207, 0.999674473785, 1.80e-6),
    ("linear/roelants", "near-start"): (0.977286813, 1.005398621, 5.05e-4),
    ("linear/roelants", "torch-rprop"): (1.00009489, 0.99997672, 9.21e-9),
    ("linear/variant-11", "default"): (0.073397929971, 0.956485948494, 2.95e-4),
    ("linear/variant-11", "near-start"): (0.048559334, 1.003115356, 1.53e-6),
    ("linear/variant-11", "torch-rprop"): (0.05659244, 0.98650216, 2.87e-5),
    ("linear/variant-14", "default"): (1.726422967836, 0.820619482821, 5.750181),
    ("linear/variant-14", "near-start"): (0.541874416, 0.985810249, 6.2230),
}


@pytest.mark.parametrize(("id", "preset"), ENDS)
def test_the_walk_ends_where_it_was_measured(id: str, preset: str) -> None:
    result = linear(id, preset)
    input_weight, recurrent_weight, loss = ENDS[id, preset]
    np.testing.assert_allclose(result.path.end, [input_weight, recurrent_weight], rtol=0, atol=1e-6)
    assert result.score is not None
    assert result.score.value == pytest.approx(loss, rel=3e-3)


def test_torchs_own_rprop_ends_where_ours_of_that_form_does() -> None:
    inputs, targets = (torch.from_numpy(part) for part in draw_sequences("bits", "sum", (20, 10), 1))
    point = torch.tensor([-1.5, 2.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Rprop([point], lr=0.001)
    for _ in range(100):
        optimiser.zero_grad()
        state = torch.zeros(20, dtype=torch.float64)
        for step in range(10):
            state = point[0] * inputs[:, step] + point[1] * state
        ((targets - state) ** 2).mean().backward()
        optimiser.step()
    np.testing.assert_allclose(linear("linear/roelants", "torch-rprop").path.points[100], point.detach(), rtol=1e-9)


@pytest.mark.parametrize("id", IDS)
def test_the_cell_of_nurt_gives_the_same_gradients(id: str) -> None:
    result = linear(id)
    cell = LinearCell(1, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih.fill_(1.2)
        cell.weight_hh.fill_(1.2)
    inputs = torch.from_numpy(result.inputs)[:, :, None]
    outputs, _ = unroll(cell, inputs)
    loss = ((outputs[:, -1, 0] - torch.from_numpy(result.targets)) ** 2).mean()
    loss.backward()
    assert cell.weight_ih.grad is not None
    assert cell.weight_hh.grad is not None
    found = [loss.item(), cell.weight_ih.grad.item(), cell.weight_hh.grad.item()]
    np.testing.assert_allclose(found, [result.check.loss, *result.check.vector], rtol=1e-12)
    np.testing.assert_allclose(result.numeric, result.check.vector, rtol=1e-7)


@pytest.mark.parametrize("id", IDS)
def test_the_gradient_over_time_is_a_power_of_the_weight(id: str) -> None:
    result = linear(id)
    back = np.arange(result.settings.steps + 1)[::-1]
    np.testing.assert_allclose(result.check.over_time, 1.2**back * result.check.over_time[-1], rtol=1e-12)


def test_the_closed_form_of_the_surface_is_the_loss() -> None:
    inputs, targets = draw_sequences("fifths", "mean", (30, 20), 42)
    x, y = np.array([-1.1, 0.3]), np.array([-2.9, 0.4, 2.2])
    looped = [[model.loss(np.array([a, b]), inputs, targets) for a in x] for b in y]
    np.testing.assert_allclose(model.surface(x, y, inputs, targets), looped, rtol=1e-12)


# Saddle: w_rec and loss. Minimum: w_x, w_rec and loss.
EXTREMES = {
    "linear/roelants": ((-1.149, 28.35), (1.0, 1.0)),
    "linear/variant-11": ((-1.027, 0.2485), (0.05, 1.0)),
    "linear/variant-14": ((-0.999, 48.03), (1.7317, 0.82)),
}


@pytest.mark.parametrize("id", IDS)
def test_there_is_one_minimum_and_one_saddle(id: str) -> None:
    (saddle, minimum) = linear(id).extremes
    expected_saddle, expected_minimum = EXTREMES[id]
    assert (saddle[0], minimum[0]) == ("saddle", "minimum")
    assert (saddle[1], saddle[3]) == pytest.approx(expected_saddle, rel=2e-4)
    assert (minimum[2], minimum[1]) == pytest.approx(expected_minimum, rel=1e-4)


def test_the_optimum_of_the_mean_is_exact() -> None:
    inputs, targets = draw_sequences("fifths", "mean", (30, 20), 42)
    assert model.loss(np.array([0.05, 1.0]), inputs, targets) < 1e-28


def test_weights_learnt_on_ten_steps_add_twelve() -> None:
    sequence = np.array([[0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1]], dtype=np.float64)
    answer = model.states(linear("linear/roelants").path.end, sequence)[0, -1]
    assert answer == pytest.approx(4.99896, abs=1e-5)


def test_verdicts_and_baselines() -> None:
    constants = {"linear/roelants": 1.8275, "linear/variant-11": 0.00809656, "linear/variant-14": 4.03222}
    standings = {"linear/roelants": "reached", "linear/variant-11": "partly", "linear/variant-14": "missed"}
    for id in IDS:
        result: ExperimentResult = linear(id)
        assert result.baselines[0].value == pytest.approx(constants[id], rel=1e-5)
        assert result.verdict.standing == standings[id]
    assert "orse than the constant baseline" in run("linear/variant-14").verdict.text.en
    assert run("linear/variant-14").baselines[1].value == pytest.approx(0.9941, abs=5e-5)


def test_plain_descent_leaves_every_bound_and_says_so() -> None:
    result = linear("linear/roelants", "sgd")
    assert not np.isfinite(result.path.end).all()
    assert result.verdict.standing == "missed"
    assert np.isfinite(linear("linear/roelants", "clipped-sgd").path.end).all()


def test_the_plot_with_the_batch_summed_twice_is_b_squared_times_the_gradient() -> None:
    titles = [figure.title.en for figure in find("linear/roelants").run().figures()]
    place = titles.index("Gradient over time")
    exact = linear("linear/roelants").figures()[place].draw("en").data[1].customdata
    summed = linear("linear/roelants", "summed-scale").figures()[place].draw("en").data[1].customdata
    np.testing.assert_allclose(summed, 400.0 * exact)
    assert exact[-1] == pytest.approx(905523.2)


@pytest.mark.parametrize(
    ("points", "leaves", "diverges"),
    [
        ([[0.5, 1.5], [1.0, 1.0]], False, False),
        ([[0.5, 1.5], [5.0, 1.0], [1.0, 1.0]], True, False),
        ([[0.5, 1.5], [np.inf, np.nan]], True, True),
    ],
)
def test_the_caption_of_a_path_says_where_it_starts_and_whether_it_leaves(
    points: list[list[float]], leaves: bool, diverges: bool
) -> None:
    told = _told_path(np.array(points), (-3.0, 3.0))
    assert "starts at (0.5, 1.5)" in told.en and "w (0,5; 1,5)" in told.pl
    assert ("leaves the map" in told.en) is leaves
    assert ("diverges" in told.en) is diverges


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (("saddle", "minimum"), "one minimum and one saddle"),
        (("minimum",), "Minima: 1, saddles: 0."),
        (("minimum", "saddle", "minimum"), "Minima: 2, saddles: 1."),
        ((), "Minima: 0, saddles: 0."),
    ],
)
def test_the_profile_counts_its_own_extremes(kinds: tuple[str, ...], told: str) -> None:
    extremes = tuple((kind, 0.0, 0.0, 1.0) for kind in kinds)
    found = _told_extremes(extremes).en
    assert told in found
    assert ("no steep passages" in found) is (told == "one minimum and one saddle")
