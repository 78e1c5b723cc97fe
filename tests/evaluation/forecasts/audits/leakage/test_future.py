"""A pipeline with a leak cares about the future, one without does not, and the price can be stated."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.audits.leakage import (
    CovariateFacts,
    FirstStepError,
    TransformFacts,
    future_scramble,
    lint_leakage,
    price_of_leak,
)
from nurt.evaluation.forecasts.audits.leakage.future import scramble_after

CUTOFF, LOOK_BACK, HORIZON = 139, 6, 3


@pytest.fixture
def values():
    return np.random.default_rng(5).standard_normal(200).cumsum() + 40.0


def fit_and_forecast(values, *, prepare=lambda values: values, train_end=CUTOFF + 1):
    """Least squares on windows whose targets end before ``train_end``, after ``prepare``."""
    values = prepare(values)
    windows = np.lib.stride_tricks.sliding_window_view(values[:train_end], LOOK_BACK + HORIZON)
    inputs = np.c_[windows[:, :LOOK_BACK], np.ones(len(windows))]
    weights = np.linalg.lstsq(inputs, windows[:, LOOK_BACK:], rcond=None)[0]
    return np.r_[values[CUTOFF - LOOK_BACK + 1 : CUTOFF + 1], 1.0] @ weights


def whole_series_scaler(values):
    return (values - values.mean()) / values.std()


def training_scaler(values):
    seen = values[: CUTOFF + 1]
    return (values - seen.mean()) / seen.std()


def centred_rolling_mean(values):
    return np.convolve(np.pad(values, 2, mode="edge"), np.ones(5) / 5.0, mode="valid")


def trailing_rolling_mean(values):
    return np.convolve(np.pad(values, (4, 0), mode="edge"), np.ones(5) / 5.0, mode="valid")


def back_fill_of_every_tenth(values):
    hole = np.arange(len(values)) % 10 == 9
    return np.where(hole, np.roll(values, -1), values)


def linear_detrending(values):
    time = np.arange(len(values))
    return values - np.polyval(np.polyfit(time, values, 1), time)


def whole_series_maximum(values):
    return values / np.abs(values).max()


@pytest.mark.parametrize(
    "prepare",
    [whole_series_scaler, centred_rolling_mean, back_fill_of_every_tenth, linear_detrending, whole_series_maximum],
)
def test_preparation_with_the_whole_series_is_caught(prepare, values):
    report = future_scramble(lambda given: fit_and_forecast(given, prepare=prepare), values, CUTOFF)
    assert report.verdict == "error"
    assert report.changed > 0
    assert report.largest_difference > 0.0
    assert str(report).startswith(f"Leak: forecasts at row {CUTOFF}")


def test_training_windows_with_later_targets_are_caught(values):
    report = future_scramble(lambda given: fit_and_forecast(given, train_end=CUTOFF + 2), values, CUTOFF)
    assert report.verdict == "error"


@pytest.mark.parametrize("prepare", [lambda given: given, training_scaler, trailing_rolling_mean])
def test_preparation_with_the_past_passes_bit_for_bit(prepare, values):
    report = future_scramble(lambda given: fit_and_forecast(given, prepare=prepare), values, CUTOFF)
    assert (report.verdict, report.changed, report.largest_difference) == ("pass", 0, 0.0)
    assert "bit-identical" in report.text


def test_one_bit_of_difference_is_a_leak(values):
    def nearly(given):
        forecast = fit_and_forecast(given)
        return np.where(given[-1] == values[-1], forecast, np.nextafter(forecast, np.inf))

    assert future_scramble(nearly, values, CUTOFF).verdict == "error"


def test_a_pipeline_that_does_not_repeat_itself_is_not_called_leaking(values):
    rng = np.random.default_rng(0)
    report = future_scramble(lambda given: fit_and_forecast(given) + 1e-9 * rng.standard_normal(), values, CUTOFF)
    assert report.verdict == "undetermined"
    assert "seed" in report.text


def test_forecasts_of_another_shape_are_a_leak(values):
    def shorter(given):
        return given[: CUTOFF - (np.abs(given[-1]) > 1e6)]

    report = future_scramble(shorter, values, CUTOFF)
    assert report.verdict == "error"
    assert report.to_dict()["largest_difference"] is None


def test_two_fits_suffice_where_nothing_leaks(values):
    calls = []
    future_scramble(lambda given: (calls.append(len(given)), fit_and_forecast(given))[1], values, CUTOFF)
    assert calls == [200, 200]


def test_the_values_given_are_left_alone_even_by_a_pipeline_that_writes_to_them(values):
    before = values.copy()

    def careless(given):
        given[:] = 1.0
        return given[:3]

    future_scramble(careless, values, CUTOFF)
    assert (values == before).all()


@pytest.mark.parametrize("shape", [(50,), (50, 3)])
def test_scrambling_keeps_every_row_up_to_the_cutoff_and_no_row_after(shape):
    values = np.random.default_rng(1).standard_normal(shape)
    values[3] = np.nan
    scrambled = scramble_after(values, 20, seed=4)
    np.testing.assert_array_equal(scrambled[:21], values[:21])
    assert (np.abs(scrambled[21:]) > 10 * np.nanmax(np.abs(values))).mean() > 0.99
    np.testing.assert_array_equal(scrambled, scramble_after(values, 20, seed=4))
    assert (scrambled[21:] != scramble_after(values, 20, seed=5)[21:]).all()


@pytest.mark.parametrize("cutoff", [-1, 199, 500])
def test_a_cutoff_without_a_future_is_refused(cutoff, values):
    with pytest.raises(NurtValueError, match="no future"):
        future_scramble(fit_and_forecast, values, cutoff)


@pytest.mark.parametrize("forecast", [np.full(3, np.nan), np.empty(0)])
def test_forecasts_that_prove_nothing_are_refused(forecast, values):
    with pytest.raises(NurtValueError, match="proves nothing"):
        future_scramble(lambda _: forecast, values, CUTOFF)


@pytest.mark.parametrize(
    ("honest", "leaking", "sentence"),
    [
        (0.070, 0.021, "MAE 0.021 with the leak, 0.070 without: 70 % of the error was hidden."),
        (14.0, 3.5, "MAE 3.5 with the leak, 14.0 without: 75 % of the error was hidden."),
        (2.0, 2.0, "MAE 2.0 with the leak, 2.0 without: the leak gained nothing here."),
        (0.5, 0.0, "MAE 0.00 with the leak, 0.50 without: 100 % of the error was hidden."),
        (0.0, 0.0, "MAE 0.0 with the leak, 0.0 without: the leak gained nothing here."),
    ],
)
def test_the_price_is_stated_with_two_digits_of_the_smaller_error(honest, leaking, sentence):
    assert price_of_leak(honest, leaking) == sentence


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_a_price_needs_two_errors(wrong):
    with pytest.raises(NurtValueError, match="honest_mae"):
        price_of_leak(wrong, 1.0)
    with pytest.raises(NurtValueError, match="leaking_mae"):
        price_of_leak(1.0, wrong)


def broken(facts, rule):
    """Return the findings of ``rule`` alone."""
    return list(lint_leakage(facts, [rule]).findings)


def shifted(values, steps):
    """Return c with c_i = y_{i+steps}, NaN beyond the data."""
    places = np.arange(len(values)) + steps
    return np.where((places >= 0) & (places < len(values)), values[places.clip(0, len(values) - 1)], np.nan)


class TestDisguise:
    @pytest.mark.parametrize("steps", [1, 3, 5])
    def test_a_past_covariate_that_runs_ahead_of_the_target_is_caught(self, steps, spoilt, clean_series):
        covariate = CovariateFacts("rate", "past", 3.0 - 2.0 * shifted(clean_series.values, steps))
        (finding,) = broken(spoilt(series={"covariates": (covariate,)}), "L05")
        assert finding.severity == "error"
        assert f"{steps} rows later" in finding.text

    @pytest.mark.parametrize("steps", [0, -1, -5])
    def test_a_past_covariate_that_repeats_the_known_target_is_harmless(self, steps, spoilt, clean_series):
        covariate = CovariateFacts("rate", "past", shifted(clean_series.values, steps))
        assert not broken(spoilt(series={"covariates": (covariate,)}), "L05")

    @pytest.mark.parametrize("steps", [2, 0, -1, -4])
    def test_a_future_covariate_that_hands_over_the_target_is_caught(self, steps, spoilt, clean_series):
        covariate = CovariateFacts("rate", "future", shifted(clean_series.values, steps), "plan")
        (finding,) = broken(spoilt(series={"covariates": (covariate,)}), "L05")
        assert ("the same row" if steps == 0 else f"{abs(steps)} rows") in finding.text

    def test_a_future_covariate_that_lags_by_the_horizon_is_harmless(self, spoilt, clean_series):
        covariate = CovariateFacts("rate", "future", shifted(clean_series.values, -5), "plan")
        assert not broken(spoilt(series={"covariates": (covariate,)}), "L05")

    def test_a_close_relative_is_caught_and_a_distant_one_is_not(self, spoilt, clean_series):
        noise = np.random.default_rng(0).standard_normal(200)
        ahead = shifted(clean_series.values, 1)
        spread = np.nanstd(ahead)
        close = CovariateFacts("close", "past", ahead + 0.01 * spread * noise)
        distant = CovariateFacts("distant", "past", ahead + 0.3 * spread * noise)
        assert broken(spoilt(series={"covariates": (close,)}), "L05")
        assert not broken(spoilt(series={"covariates": (distant,)}), "L05")

    def test_a_smooth_series_is_not_accused_of_resembling_itself(self, spoilt):
        """Neighbours of a slow wave correlate above 0.999, yet the covariate is only today's value."""
        wave = np.sin(np.arange(200) / 40.0)
        covariate = CovariateFacts("copy", "past", wave)
        assert np.corrcoef(wave[:-1], wave[1:])[0, 1] > 0.999
        assert not broken(spoilt(series={"values": wave, "covariates": (covariate,)}), "L05")

    def test_the_calendar_cannot_leak(self, spoilt, clean_series):
        covariate = CovariateFacts("hour", "future", clean_series.values, "calendar")
        assert not broken(spoilt(series={"covariates": (covariate,)}), "L05")

    def test_gaps_and_constant_columns_are_survived(self, spoilt, clean_series):
        values = clean_series.values.copy()
        values[::4] = np.nan
        covariates = (
            CovariateFacts("empty", "past", np.full(200, np.nan)),
            CovariateFacts("constant", "past", np.ones(200)),
            CovariateFacts("leak", "past", shifted(values, 2)),
        )
        (finding,) = broken(spoilt(series={"values": values, "covariates": covariates}), "L05")
        assert "'leak'" in finding.text

    def test_covariates_without_target_values_are_unjudged(self, spoilt):
        assert lint_leakage(spoilt(series={"values": None}), ["L05"]).unjudged == ("L05",)


def trailing_mean(values):
    return np.convolve(np.r_[np.full(4, values[0]), values], np.ones(5) / 5.0, mode="valid")


def centred_mean(values):
    return np.convolve(np.pad(values, 2, mode="edge"), np.ones(5) / 5.0, mode="valid")


def standardised(values):
    return (values - values.mean()) / values.std()


def back_filled(values):
    return np.where(np.arange(len(values)) % 2 == 1, np.roll(values, -1), values)


class TestTransforms:
    @pytest.mark.parametrize("kind", ["centred window", "back-fill", "interpolation", "whole-series decomposition"])
    def test_a_transform_of_a_kind_that_reads_ahead_is_caught(self, kind, spoilt):
        (finding,) = broken(spoilt(transforms=(TransformFacts("step", kind),)), "L06")
        assert finding.severity == "error"
        assert "step" in finding.text

    @pytest.mark.parametrize("apply", [centred_mean, standardised, back_filled, lambda values: values - values[-1]])
    def test_a_transform_that_reacts_to_later_rows_is_caught_in_the_act(self, apply, spoilt):
        (finding,) = broken(spoilt(transforms=(TransformFacts("step", apply=apply),)), "L06")
        assert "only rows after 119 change" in finding.text

    @pytest.mark.parametrize("apply", [trailing_mean, np.cumsum, np.tanh, lambda values: values - values[0]])
    def test_a_transform_that_looks_back_passes(self, apply, spoilt):
        assert not broken(spoilt(transforms=(TransformFacts("step", apply=apply),)), "L06")

    def test_a_transform_called_causal_is_still_tried_out(self, spoilt):
        assert broken(spoilt(transforms=(TransformFacts("step", "causal", centred_mean),)), "L06")

    def test_missing_values_are_no_reaction(self, spoilt, clean_series):
        values = clean_series.values.copy()
        values[5:8] = np.nan
        facts = spoilt(series={"values": values}, transforms=(TransformFacts("step", apply=np.tanh),))
        assert not broken(facts, "L06")


class TestForesight:
    def test_measured_future_weather_is_perfect_foresight(self, spoilt):
        covariate = CovariateFacts("temperature", "future", np.arange(200.0) ** 2)
        (finding,) = broken(spoilt(series={"covariates": (covariate,)}), "L07")
        assert finding.severity == "warning"
        assert "perfect foresight" in finding.why

    @pytest.mark.parametrize(("role", "source"), [("future", "forecast"), ("future", "plan"), ("past", "measured")])
    def test_what_is_known_in_time_passes(self, role, source, spoilt):
        covariate = CovariateFacts("temperature", role, np.arange(200.0) ** 2, source)
        assert not broken(spoilt(series={"covariates": (covariate,)}), "L07")


class TestBelief:
    def test_an_error_below_half_of_the_best_baseline_is_suspicious(self, spoilt):
        (finding,) = broken(spoilt(first_step=FirstStepError(0.49, 1.0, "naive")), "L10")
        assert finding.severity == "warning"
        assert finding.text.startswith("Suspiciously good")
        assert "naive" in finding.text

    def test_a_plain_improvement_is_believed(self, spoilt):
        assert not broken(spoilt(first_step=FirstStepError(0.5, 1.0, "naive")), "L10")

    @pytest.mark.parametrize("error", [None, FirstStepError(np.nan, 1.0, "naive")])
    def test_unknown_errors_are_unjudged(self, error, spoilt):
        assert lint_leakage(spoilt(first_step=error), ["L10"]).unjudged == ("L10",)
