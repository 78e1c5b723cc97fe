"""Scaling inverts, is blind to missing cells, survives flat windows, and learns from nothing but training rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nurt.data.scaling import (
    SCALINGS,
    MinMaxScaling,
    StandardScaling,
    WindowScaling,
    restore,
    scaling_from_dict,
    standardise,
)
from nurt.errors import DataError, NurtValueError

ANCHORS = ("last", "mean", "none")
SCALES = ("window", "train", "none")
EVERY = [*(WindowScaling(anchor, scale) for anchor in ANCHORS for scale in SCALES), MinMaxScaling(), StandardScaling()]
every = pytest.mark.parametrize("scaling", EVERY, ids=lambda scaling: scaling.name)
TRAINING = [np.array([1.0, np.nan, 4.0, 7.0]), np.array([100.0, 102.0])]

values = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
windows = hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=values)


def observed_of(inputs: torch.Tensor) -> torch.Tensor:
    return torch.isfinite(inputs)


@every
@given(window=windows)
def test_every_scaling_inverts(scaling, window) -> None:
    inputs = torch.from_numpy(window)
    anchor, scale = scaling.fit(TRAINING).statistics(inputs, observed_of(inputs))
    assert anchor.shape == scale.shape == (len(inputs), 1)
    assert (scale > 0).all()
    back = restore(standardise(inputs, anchor, scale), anchor, scale)
    torch.testing.assert_close(back, inputs, rtol=1e-9, atol=1e-9 * (1 + float(inputs.abs().max())))


def test_the_default_anchors_at_the_last_value_in_units_of_the_window() -> None:
    inputs = torch.tensor([[2.0, 4.0, 9.0]], dtype=torch.float64)
    anchor, scale = WindowScaling().fit([]).statistics(inputs, observed_of(inputs))
    assert anchor.item() == 9.0
    assert scale.item() == pytest.approx(np.std([2.0, 4.0, 9.0]), rel=1e-15)


def test_statistics_use_observed_cells_alone() -> None:
    inputs = torch.tensor([[2.0, float("nan"), 4.0, 9.0, float("nan")]], dtype=torch.float64)
    for anchor, expected in (("last", 9.0), ("mean", 5.0), ("none", 0.0)):
        found, scale = WindowScaling(anchor).fit([]).statistics(inputs, observed_of(inputs))
        assert found.item() == expected
        assert scale.item() == pytest.approx(np.std([2.0, 4.0, 9.0]), rel=1e-15)


@every
def test_what_stands_in_a_missing_cell_does_not_matter(scaling) -> None:
    fitted = scaling.fit(TRAINING)
    observed = torch.tensor([[True, False, True, True], [False, False, False, False]])
    results = []
    for filler in (float("nan"), float("inf"), 1e30):
        inputs = torch.where(observed, torch.tensor([[1.0, 2.0, 5.0, 3.0]]), filler)
        results.append(torch.cat(fitted.statistics(inputs, observed), dim=1))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
    assert torch.isfinite(results[0]).all()
    assert (results[0][:, 1] > 0).all()


def test_a_window_without_observations_has_anchor_0_and_scale_1() -> None:
    inputs = torch.full((1, 3), float("nan"))
    anchor, scale = WindowScaling().fit([]).statistics(inputs, observed_of(inputs))
    assert (anchor.item(), scale.item()) == (0.0, 1.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(level=st.floats(-1e6, 1e6), length=st.integers(1, 97))
def test_a_constant_window_has_scale_1_in_any_precision(dtype: torch.dtype, level: float, length: int) -> None:
    """In float32 a naive variance of a constant window is not zero; ours is."""
    inputs = torch.full((1, length), level, dtype=dtype)
    anchor, scale = WindowScaling().fit([]).statistics(inputs, observed_of(inputs))
    assert scale.item() == 1.0
    assert anchor.item() == inputs[0, -1].item()


def test_a_spread_below_the_threshold_counts_as_flat() -> None:
    for spread, flat in ((1e-3, False), (1e-9, True)):
        inputs = torch.tensor([[100.0, 100.0 + spread]], dtype=torch.float64)
        _, scale = WindowScaling().fit([]).statistics(inputs, observed_of(inputs))
        assert (scale.item() == 1.0) == flat


@pytest.mark.parametrize(
    ("anchor", "scale"), [("last", "window"), ("mean", "window"), ("none", "window"), ("last", "none")]
)
def test_statistics_have_the_gradient_of_their_formula(anchor: str, scale: str) -> None:
    fitted = WindowScaling(anchor, scale).fit([])
    observed = torch.tensor([[True, True, False, True, True], [True, False, True, True, False]])
    inputs = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)

    def transform(given: torch.Tensor) -> torch.Tensor:
        a, s = fitted.statistics(given, observed)
        return torch.where(observed, standardise(given, a, s), 0.0)

    assert torch.autograd.gradcheck(transform, inputs)


def test_gradients_stay_finite_where_cells_are_missing_or_the_window_is_flat() -> None:
    inputs = torch.tensor([[1.0, float("nan"), 3.0], [5.0, 5.0, 5.0], [float("nan")] * 3], requires_grad=True)
    anchor, scale = WindowScaling().fit([]).statistics(inputs, observed_of(inputs))
    (anchor + scale).sum().backward()
    assert torch.isfinite(inputs.grad).all()
    assert inputs.grad[0, 1] == 0.0
    assert inputs.grad[2].tolist() == [0.0, 0.0, 0.0]


def test_detached_statistics_carry_no_gradient() -> None:
    inputs = torch.tensor([[1.0, 2.0, 4.0]], requires_grad=True)
    anchor, scale = (part.detach() for part in WindowScaling().fit([]).statistics(inputs, observed_of(inputs)))
    standardise(inputs, anchor, scale).sum().backward()
    torch.testing.assert_close(inputs.grad, (1 / scale).expand(1, 3))


def test_min_max_and_standard_come_from_all_observed_training_rows() -> None:
    flat = np.array([1.0, 4.0, 7.0, 100.0, 102.0])
    low = MinMaxScaling().fit(TRAINING)
    assert (low.anchor, low.scale) == (1.0, 101.0)
    standard = StandardScaling().fit(TRAINING)
    assert (standard.anchor, standard.scale) == pytest.approx((flat.mean(), flat.std()), rel=1e-14)


def test_the_training_scale_measures_each_series_around_its_own_mean() -> None:
    fitted = WindowScaling(scale="train").fit(TRAINING)
    deviations = [1 - 4, 4 - 4, 7 - 4, 100 - 101, 102 - 101]
    assert fitted.train_scale == pytest.approx(np.sqrt(np.mean(np.square(deviations))), rel=1e-14)


@every
def test_constant_training_rows_give_scale_1(scaling) -> None:
    inputs = torch.full((2, 3), 5.0)
    _, scale = scaling.fit([np.full(7, 5.0)]).statistics(inputs, observed_of(inputs))
    assert scale.tolist() == [[1.0], [1.0]]


@every
def test_a_saved_scaling_gives_the_same_numbers(scaling) -> None:
    fitted = scaling.fit(TRAINING)
    again = scaling_from_dict(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
    assert again == fitted
    inputs = torch.tensor([[1.0, 3.0, 2.0]])
    for one, other in zip(fitted.statistics(inputs, inputs > 0), again.statistics(inputs, inputs > 0), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"name": "robust"},
        {"name": "window"},
        {"name": "window", "anchor": "first", "scale": "window"},
        {"name": "window", "anchor": "last", "scale": "window", "more": 1},
        {"name": "minmax", "anchor": 0.0},
        {"name": "minmax", "anchor": float("nan"), "scale": 1.0},
        {"name": "minmax", "anchor": 0.0, "scale": 0.0},
        {"name": "minmax", "anchor": "0", "scale": 1.0},
    ],
)
def test_descriptions_of_no_scaling_are_refused(saved: dict[str, object]) -> None:
    with pytest.raises(NurtValueError):
        scaling_from_dict(saved)


@pytest.mark.parametrize("arguments", [{"anchor": "first"}, {"scale": "robust"}])
def test_unknown_settings_are_refused(arguments: dict[str, str]) -> None:
    with pytest.raises(NurtValueError, match="WindowScaling: unknown"):
        WindowScaling(**arguments)


@pytest.mark.parametrize("scaling", [MinMaxScaling(), StandardScaling(), WindowScaling(scale="train")])
def test_training_without_observations_is_refused(scaling) -> None:
    with pytest.raises(DataError, match="no observed value"):
        scaling.fit([np.array([np.nan, np.nan]), np.array([])])


def test_every_registered_name_fits() -> None:
    assert set(SCALINGS) == {"window", "series", "minmax", "standard", "none"}
    for scaling in SCALINGS.values():
        assert scaling_from_dict(scaling.fit(TRAINING).to_dict())


def test_the_scale_of_a_series_is_what_the_caller_knows_of_it() -> None:
    fitted = SCALINGS["series"].fit(TRAINING)
    inputs = torch.tensor([[1.0, 2.0, 4.0], [3.0, 3.0, 3.0]])
    spread = torch.tensor([[2.5], [0.5]])
    anchor, scale = fitted.statistics(inputs, torch.ones_like(inputs, dtype=torch.bool), spread)
    assert torch.equal(anchor, inputs[:, -1:])
    assert torch.equal(scale, spread)
    with pytest.raises(NurtValueError, match="`spread`"):
        fitted.statistics(inputs, torch.ones_like(inputs, dtype=torch.bool))
