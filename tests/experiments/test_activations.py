"""Slopes against differences, knees in closed form, products against back-propagation, and the sentences about them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nurt.experiments import run
from nurt.experiments.activations import FUNCTIONS, Activation, ActivationsResult, ActivationsSettings, _verdict


def found(preset: str) -> ActivationsResult:
    result = run("activations", preset)
    assert isinstance(result, ActivationsResult)
    return result


@pytest.mark.parametrize("one", FUNCTIONS, ids=lambda one: one.id)
def test_the_slope_is_the_derivative(one: Activation) -> None:
    z = np.concatenate([np.linspace(-9.0, -0.01, 500), np.linspace(0.01, 9.0, 500)])
    numeric = (one.value(z + 1e-6) - one.value(z - 1e-6)) / 2e-6
    np.testing.assert_allclose(one.slope(z), numeric, atol=1e-9)
    assert one.slope(z).max() <= one.steepest
    assert one.slope(np.array([1e-9]))[0] == pytest.approx(one.steepest)


@pytest.mark.parametrize("one", FUNCTIONS[:2], ids=lambda one: one.id)
def test_at_the_knee_the_slope_is_a_tenth_of_the_largest(one: Activation) -> None:
    np.testing.assert_allclose(one.slope(np.array([-one.knee, one.knee])), 0.1 * one.steepest, rtol=1e-12)


def test_tanh_is_the_sigmoid_in_another_scale() -> None:
    sigmoid, tanh, relu = FUNCTIONS
    z = np.linspace(-5.0, 5.0, 101)
    np.testing.assert_allclose(tanh.value(z), 2.0 * sigmoid.value(2.0 * z) - 1.0, atol=1e-15)
    np.testing.assert_array_equal(relu.value(z), np.where(z > 0, z, 0.0))


@pytest.mark.parametrize("preset", ["default", "heavy", "saturated", "quiet"])
def test_products_are_what_back_propagation_gives(preset: str) -> None:
    result = found(preset)
    assert result.verdict.standing == "shown"
    for product in result.products:
        assert product.off < 1e-12
        assert product.medians[0] == 1.0
        assert len(product.medians) == result.settings.steps + 1
    sigmoid, _, relu = result.products
    size = abs(result.settings.weight)
    assert np.all(sigmoid.medians <= (size / 4.0) ** np.arange(result.settings.steps + 1) * (1 + 1e-12))
    # ReLU passes everything or nothing.
    assert relu.median == (0.0 if relu.zeros > 0.5 else pytest.approx(size**result.settings.steps))


def test_inputs_that_are_all_positive_close_no_rectifier() -> None:
    result = found("default")
    _, _, relu = result.products
    settings = ActivationsSettings()
    opened = dataclasses.replace(relu, zeros=0.0)
    closed = dataclasses.replace(relu, zeros=0.25)
    for one, told, silent in (
        (opened, "no step was closed", "closed the path"),
        (closed, "25 % of the draws", "no step"),
    ):
        text = _verdict(settings, (*result.products[:2], one)).text.en
        assert told in text and silent not in text


@pytest.mark.parametrize(("weight", "bounded"), [(1.0, True), (-3.9, True), (4.0, False), (5.0, False)])
def test_the_bound_of_the_sigmoid_is_told_only_where_it_binds(weight: float, bounded: bool) -> None:
    text = run("activations", settings=ActivationsSettings(weight=weight, draws=20)).verdict.text.en
    assert ("cannot exceed" in text) is bounded
    assert ("makes up for" in text) is not bounded


def test_a_product_that_differs_from_back_propagation_is_told() -> None:
    result = found("default")
    wrong = dataclasses.replace(result.products[0], off=0.1)
    verdict = _verdict(result.settings, (wrong, *result.products[1:]))
    assert verdict.standing == "missed"
    assert "another factor" in verdict.text.en
    assert "another factor" not in result.verdict.text.en
