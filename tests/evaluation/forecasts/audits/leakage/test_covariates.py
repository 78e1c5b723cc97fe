"""Each rule about inputs has a pipeline it catches and a neighbour it lets pass."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.evaluation.forecasts.audits.leakage import CovariateFacts, FirstStepError, TransformFacts, lint_leakage


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
