"""The verdict in every case it can meet: the sentence, and that no win is claimed without support."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.audits.leakage import Finding, LeakageReport
from nurt.evaluation.forecasts.backtest import score
from nurt.evaluation.forecasts.baselines import label_of
from nurt.evaluation.forecasts.cells import Cells
from nurt.evaluation.forecasts.results import BacktestResult, Comparison, Coverage, HorizonScore, Scores
from nurt.evaluation.forecasts.verdict import judge
from nurt.standing import Standing

NAN = float("nan")


def result(ratios, p_values, first=None, *, horizon=30, reason=None, coverage=()) -> BacktestResult:
    """A back-test in which the model's error is ``ratios[name]`` times that of each baseline."""
    model, first = 0.1, ratios if first is None else first
    empty = np.zeros((1, horizon))
    steps = HorizonScore(1, 99, model, model, {name: model / first[name] for name in ratios})
    return BacktestResult(
        origins=99,
        horizon=horizon,
        step_size=1,
        dropped_cells=0,
        by_horizon=(steps,),
        metrics=Scores(model, model, 1.0, 1.0),
        baselines={name: Scores(model / ratio, model, 1.0, 1.0) for name, ratio in ratios.items()},
        comparisons=tuple(
            Comparison(name, 1 - ratio, None, None, None, p_values[name], p_values[name], reason)
            for name, ratio in ratios.items()
        ),
        season=1,
        cells=Cells(
            np.zeros(1, dtype=int), np.zeros(1, dtype=int), empty, {"LSTM": empty} | dict.fromkeys(ratios, empty)
        ),
        coverage=coverage,
    )


def naive_only(ratio, p_value, first=None, **more) -> BacktestResult:
    return result({"naive": ratio}, {"naive": p_value}, None if first is None else {"naive": first}, **more)


def test_better_and_significant():
    verdict = judge(naive_only(0.92, 0.003, 0.95))
    assert verdict.text == (
        "LSTM is 8 % better than repeating the last value over 30 steps (p = 0.003) and 5 % better at the first step: "
        "use LSTM."
    )
    assert verdict.better_than_naive
    assert (verdict.dm_p_value, verdict.best, verdict.warnings) == (0.003, "LSTM", ())


def test_better_but_perhaps_by_chance():
    verdict = judge(naive_only(0.99, 0.41, 0.98))
    assert verdict.text == (
        "LSTM is 1 % better than repeating the last value over 30 steps (p = 0.41) and 2 % better at the first step; "
        "that may be chance: use naive, the simpler of the two."
    )
    assert not verdict.better_than_naive
    assert verdict.best == "LSTM"


def test_better_over_the_path_but_worse_at_the_first_step():
    assert judge(naive_only(0.92, 0.003, 1.62)).text == (
        "LSTM is 8 % better than repeating the last value over 30 steps (p = 0.003) but 1.6 times worse at the first "
        "step: use LSTM."
    )


def test_worse_and_significant():
    verdict = judge(naive_only(1.45, 0.0001, 4.37))
    assert verdict.text == (
        "LSTM is 45 % worse than repeating the last value over 30 steps (p < 0.001) and 4.4 times worse at the first "
        "step: use naive."
    )
    assert not verdict.better_than_naive
    assert verdict.best == "naive"


def test_worse_perhaps_by_chance():
    verdict = judge(naive_only(1.04, 0.31, 1.02))
    assert verdict.text == (
        "LSTM is 4 % worse than repeating the last value over 30 steps (p = 0.31) and 2 % worse at the first step: "
        "use naive."
    )


def test_one_step_ahead_has_no_first_step_beside_it():
    assert judge(naive_only(2.4, 0.002, horizon=1)).text == (
        "LSTM is 2.4 times worse than repeating the last value one step ahead (p = 0.002): use naive."
    )


def test_a_tie():
    assert judge(naive_only(1.003, 0.83, 1.03)).text == (
        "LSTM is as good as repeating the last value over 30 steps (p = 0.83) and 3 % worse at the first step: "
        "use naive, the simpler of the two."
    )


def test_a_small_gain_that_is_significant_is_no_tie():
    verdict = judge(naive_only(0.996, 0.01, 1.0))
    assert "0.4 % better" in verdict.text
    assert verdict.text.endswith("and as good at the first step: use LSTM.")


def test_an_untrained_model_is_the_naive_forecast():
    verdict = judge(naive_only(1.0, None, reason="identical forecasts"))
    assert verdict.text == (
        "LSTM gives the same forecasts as repeating the last value, as a network does before it is trained: use naive."
    )
    assert (verdict.better_than_naive, verdict.dm_p_value, verdict.best) == (False, None, "naive")


def test_a_gain_that_could_not_be_tested_is_not_claimed():
    verdict = judge(naive_only(0.9, None, reason="too few origins: 7, at least 60 are needed; no interval: x"))
    assert verdict.text == (
        "LSTM is 10 % better than repeating the last value over 30 steps (untested) and 10 % better at the first step; "
        "no test was possible (too few origins: 7, at least 60 are needed): not decided, LSTM had the lower error."
    )
    assert not verdict.better_than_naive
    assert (verdict.recommended, verdict.decided, verdict.standing) == ("LSTM", False, Standing.LEVEL)
    assert verdict.headline.startswith("Not decided against repeating the last value")


def test_a_higher_error_that_could_not_be_tested_is_not_advised():
    verdict = judge(naive_only(1.1, None, reason="too few origins: 7, at least 60 are needed"))
    assert verdict.text.endswith("(untested) and 10 % worse at the first step: use naive.")
    assert (verdict.recommended, verdict.decided) == ("naive", True)


def test_better_than_the_best_baseline():
    verdict = judge(result({"naive": 0.86, "linear": 0.92}, {"naive": 0.0002, "linear": 0.004}), best_baseline="linear")
    assert verdict.text == (
        "LSTM is 8 % better than closed-form linear regression, the best baseline, over 30 steps (p = 0.004) and 8 % "
        "better at the first step: use LSTM."
    )
    assert verdict.better_than_naive
    assert (verdict.standing, verdict.recommended, verdict.best_baseline) == (Standing.BETTER, "LSTM", "linear")
    assert verdict.headline == "Better than closed-form linear regression, the best baseline"
    assert (verdict.error_saved, verdict.p_value) == (pytest.approx(0.08), 0.004)


def test_better_than_naive_but_not_than_the_best_baseline():
    verdict = judge(result({"naive": 0.91, "linear": 1.05}, {"naive": 0.001, "linear": 0.02}), best_baseline="linear")
    assert verdict.text == (
        "LSTM is 5 % worse than closed-form linear regression, the best baseline, over 30 steps (p = 0.020) and 5 % "
        "worse at the first step: use linear."
    )
    assert (verdict.standing, verdict.recommended) == (Standing.MIXED, "linear")
    assert "closed-form linear regression, the best baseline" in verdict.headline
    assert verdict.error_saved == pytest.approx(-0.05)
    assert verdict.better_than_naive
    assert verdict.best == "linear"


def test_better_than_naive_and_perhaps_than_the_best_baseline():
    verdict = judge(result({"naive": 0.88, "linear": 0.97}, {"naive": 0.001, "linear": 0.2}), best_baseline="linear")
    assert verdict.text == (
        "LSTM is 3 % better than closed-form linear regression, the best baseline, over 30 steps (p = 0.20) and 3 % "
        "better at the first step; the lead over closed-form linear regression may be chance: use linear, the simpler "
        "of the two."
    )
    assert verdict.better_than_naive


def test_better_than_the_best_baseline_but_perhaps_not_than_naive():
    verdict = judge(result({"naive": 0.9, "linear": 0.97}, {"naive": 0.08, "linear": 0.01}), best_baseline="linear")
    assert verdict.text.endswith(
        "; the lead over repeating the last value may be chance: use linear, the simpler of the two."
    )
    assert not verdict.better_than_naive


def test_a_best_baseline_that_fails_in_the_test_part_is_no_easy_prey():
    verdict = judge(result({"naive": 1.1, "linear": 0.5}, {"naive": 0.2, "linear": 0.001}), best_baseline="linear")
    assert verdict.text.startswith("LSTM is 10 % worse than repeating the last value")
    assert verdict.text.endswith("use naive.")
    assert verdict.best == "naive"


def test_identical_to_another_baseline():
    found = result({"naive": 0.9, "linear": 1.0}, {"naive": 0.01, "linear": None})
    same = dataclasses.replace(found.comparisons[1], reason="identical forecasts")
    found = dataclasses.replace(found, comparisons=(found.comparisons[0], same))
    assert judge(found, best_baseline="linear").text == (
        "LSTM gives the same forecasts as closed-form linear regression: use linear."
    )


def test_a_model_that_was_measured_worse_than_any_baseline_is_never_advised():
    verdict = judge(result({"naive": 0.98, "drift": 1.04}, {"naive": 0.01, "drift": 0.5}))
    assert verdict.text.startswith("LSTM is 4 % worse than continuing the drift of the window, the best baseline,")
    assert verdict.text.endswith("use drift.")
    assert (verdict.best, verdict.recommended, verdict.standing) == ("drift", "drift", Standing.MIXED)
    assert verdict.warnings == ()


def test_another_best_on_the_validation_part_is_a_remark():
    found = result({"naive": 0.8, "drift": 1.04, "linear": 0.9}, {"naive": 0.01, "drift": 0.5, "linear": 0.2})
    assert judge(found, best_baseline="linear").warnings == (
        "The best baseline is the best of these origins; on the validation part closed-form linear regression had the "
        "lowest error.",
    )
    assert judge(found, best_baseline="drift").warnings == ()


@given(
    st.dictionaries(st.sampled_from(["linear", "drift", "mean"]), st.floats(0.2, 5)),
    st.floats(0.2, 5),
    st.one_of(st.none(), st.floats(0, 1)),
)
def test_title_sentence_and_fields_name_one_best_baseline(others, naive, p):
    ratios = {"naive": naive, **others}
    verdict = judge(result(ratios, dict.fromkeys(ratios, p)))
    best = max(ratios, key=lambda name: (ratios[name], name == "naive"))
    action = label_of(best).action.en
    assert verdict.best_baseline == best
    assert verdict.headline.startswith("Not decided") is (not verdict.decided)
    assert action in verdict.headline
    assert action in verdict.text
    assert verdict.error_saved == pytest.approx(1 - ratios[best])
    assert verdict.recommended in ("LSTM", best)
    if ratios[best] > 1.005:
        assert verdict.recommended == best
    if verdict.recommended == best:
        assert verdict.text.count(f"use {best}") == 1


def test_an_absurd_error_points_to_the_pipeline():
    assert judge(naive_only(13.2, 0.0001, 12.0)).warnings == (
        "Check the pipeline: an error 13 times that of repeating the last value points to scaling, units or misaligned "
        "targets rather than to the model.",
    )
    at_first = judge(naive_only(3.0, 0.0001, 40.0)).warnings[0]
    assert at_first.startswith("Check the pipeline: an error 40 times that of repeating the last value at the first")
    assert judge(naive_only(9.9, 0.0001, 9.9)).warnings == ()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Coverage(80, 0.62, 0.55, 0.69, 900), "in 62 % of the cells: they are too narrow, so do not rely on them."),
        (Coverage(80, 0.93, 0.9, 0.96, 900), "in 93 % of the cells: they are wider than they promise."),
        (Coverage(80, 0.62, None, None, 9, "too few origins"), "too narrow"),
        (Coverage(80, 0.70, 0.55, 0.82, 900), None),
        (Coverage(80, 0.78, 0.77, 0.79, 900), None),
        (Coverage(80, NAN, None, None, 0, "no interval"), None),
    ],
)
def test_coverage_that_misses_its_level_is_said(entry, words):
    warnings = judge(naive_only(0.9, 0.001, coverage=(entry,))).warnings
    assert (warnings == ()) if words is None else (len(warnings) == 1 and words in warnings[0])


def test_a_gain_within_seed_noise_is_not_claimed():
    gain = naive_only(0.95, 0.001)
    naive = gain.baselines["naive"].mae
    noisy = judge(gain, seed_errors=(0.1, naive + 0.004, naive - 0.003, naive + 0.001, naive))
    assert noisy.text.endswith("; but another seed may undo it: use naive, the simpler of the two.")
    assert not noisy.better_than_naive
    assert "Over 5 seeds the error is" in noisy.warnings[0]
    assert noisy.warnings[0].endswith(
        f"the difference from repeating the last value, {naive:.4g}, is within seed noise."
    )
    steady = judge(gain, seed_errors=(0.1, 0.1001, 0.0999, 0.1))
    assert steady.better_than_naive
    assert steady.warnings[0].endswith("is more than seed noise.")
    assert judge(gain, seed_errors=(0.1,)).warnings == ()


def test_one_lucky_seed_among_bad_ones_is_no_win():
    verdict = judge(naive_only(0.95, 0.001), seed_errors=(0.1, 0.16, 0.17, 0.16, 0.17))
    assert verdict.text.endswith("; but another seed may undo it: use naive, the simpler of the two.")
    assert not verdict.better_than_naive
    assert verdict.warnings[0].endswith("is more than seed noise.")


def test_support_of_the_test_and_the_lowest_error_make_it_better():
    verdict = judge(naive_only(0.92, 0.003))
    assert (verdict.standing, verdict.best) == (Standing.BETTER, "LSTM")


def test_better_than_naive_but_beaten_by_another_is_mixed():
    verdict = judge(result({"naive": 0.9, "linear": 1.1}, {"naive": 0.001, "linear": 0.3}))
    assert (verdict.standing, verdict.best) == (Standing.MIXED, "linear")
    assert "linear regression" in verdict.headline


@pytest.mark.parametrize(("p", "expected"), [(0.01, Standing.WORSE), (0.31, Standing.LEVEL), (None, Standing.LEVEL)])
def test_a_higher_error_is_worse_only_with_the_support_of_the_test(p, expected):
    assert judge(naive_only(1.013, p)).standing is expected


def test_a_pipeline_that_saw_the_future_is_unsound_however_good_its_numbers():
    found = naive_only(0.92, 0.003)
    assert judge(found, audits=[SimpleNamespace(verdict="error")]).standing is Standing.UNSOUND
    leak = LeakageReport((Finding("L01", "error", "Seen.", "Why.", "Cure."),), (), ())
    unsound = judge(found, audits=[SimpleNamespace(verdict="pass"), leak])
    assert unsound.standing is Standing.UNSOUND
    assert unsound.text == judge(found).text
    assert judge(found, audits=[SimpleNamespace(verdict="warning")]).standing is Standing.BETTER


def test_headlines_differ():
    verdict = judge(naive_only(0.92, 0.003))
    scale = (Standing.BETTER, Standing.MIXED, Standing.LEVEL, Standing.WORSE, Standing.UNSOUND)
    assert len({dataclasses.replace(verdict, standing=one).headline for one in scale}) == len(scale)


def test_copying_is_passed_on_in_its_own_words():
    report = SimpleNamespace(copied=(1, 2), text="LSTM repeats the last value at steps 1-2.")
    assert judge(naive_only(1.04, 0.31), copying=report).warnings == (report.text,)
    clean = SimpleNamespace(copied=(), text="LSTM does not copy the last value.")
    assert judge(naive_only(1.04, 0.31), copying=clean).warnings == ()
    untrained = naive_only(1.0, None, reason="identical forecasts")
    assert judge(untrained, copying=report).warnings == ()


def test_a_verdict_prints_the_sentence_then_the_warnings_and_is_plain_json():
    verdict = judge(naive_only(13.2, 0.0001))
    assert str(verdict).splitlines() == [verdict.text, *verdict.warnings]
    json.dumps(verdict.to_dict(), allow_nan=False)
    assert {"text", "better_than_naive", "dm_p_value", "best", "warnings"} <= verdict.to_dict().keys()
    assert {
        "headline",
        "standing",
        "best_baseline",
        "recommended",
        "error_saved",
        "decided",
    } <= verdict.to_dict().keys()


def test_a_baseline_that_is_not_there_is_refused_unless_it_was_left_out():
    found = naive_only(0.9, 0.01)
    with pytest.raises(NurtValueError, match="one of naive; got 'linear'"):
        judge(found, best_baseline="linear")
    left_out = dataclasses.replace(found, notes=("linear could forecast only 20 % of the cells, …",))
    assert judge(left_out, best_baseline="linear").text == judge(found).text


@given(
    st.floats(0.2, 20), st.floats(0.2, 20), st.one_of(st.none(), st.floats(0, 1)), st.one_of(st.none(), st.floats(0, 1))
)
def test_the_model_is_recommended_only_with_significant_support_against_both_bars(naive, linear, p_naive, p_linear):
    verdict = judge(
        result({"naive": naive, "linear": linear}, {"naive": p_naive, "linear": p_linear}), best_baseline="linear"
    )
    recommended = verdict.text.endswith("use LSTM.")
    if recommended:
        assert verdict.better_than_naive
        assert verdict.text.count("use ") == 1
    if recommended or verdict.better_than_naive:
        assert naive < 1
        assert p_naive is not None
        assert p_naive < 0.05
    if recommended and linear > naive:
        assert p_linear is not None
        assert p_linear < 0.05


def cells(errors: np.ndarray, naive: np.ndarray) -> Cells:
    count = len(errors)
    return Cells(np.zeros(count, dtype=int), np.arange(count), np.zeros(errors.shape), {"GRU": errors, "naive": naive})


def test_from_cells_to_a_claim():
    random = np.random.RandomState(0)
    naive = random.randn(300, 3)
    training = random.randn(50)
    assert judge(score(cells(0.8 * naive, naive), [training])).better_than_naive
    assert judge(score(cells(0.8 * random.randn(300, 3), naive), [training])).better_than_naive
    assert not judge(score(cells(random.randn(300, 3), naive), [training])).better_than_naive
    assert judge(score(cells(naive, naive), [training])).text.startswith("GRU gives the same forecasts")


def test_a_perfect_repeat_cannot_be_beaten():
    verdict = judge(score(cells(np.ones((40, 2)), np.zeros((40, 2))), [np.arange(9.0)]))
    assert verdict.text == "Repeating the last value makes no error on these origins, nothing can do better: use naive."
    assert verdict.best == "naive"


def test_nothing_to_score_is_said():
    empty = cells(np.ones((4, 2)), np.ones((4, 2)))
    unknown = dataclasses.replace(empty, actual=np.full((4, 2), NAN))
    verdict = judge(score(unknown, [np.arange(9.0)]))
    assert verdict.text == "GRU cannot be judged: there is no cell with a truth and a forecast from everyone."
    assert verdict.standing is Standing.LEVEL
    assert (
        judge(score(unknown, [np.arange(9.0)]), audits=[SimpleNamespace(verdict="error")]).standing is Standing.UNSOUND
    )
    assert not verdict.better_than_naive


def panel(scale: float, errors: dict[str, tuple[float, float]]) -> BacktestResult:
    """Two series, the second ``scale`` times as large; errors of each forecaster in units of each series."""
    random = np.random.RandomState(0)
    count = 80
    noise = random.randn(2 * count, 2)
    sizes = np.repeat([1.0, scale], count)[:, None]
    forecasts = {name: noise * sizes * np.repeat(pair, count)[:, None] for name, pair in errors.items()}
    origin = np.tile(np.arange(count), 2)
    cells = Cells(
        np.repeat([0, 1], count), origin, np.zeros((2 * count, 2)), forecasts, series_names=("small", "large")
    )
    walk = random.randn(60).cumsum()
    return score(cells, [walk, scale * walk])


def test_series_of_different_scale_are_compared_by_mase_and_each_counts_once():
    errors = {"GRU": (0.5, 1.1), "naive": (1.0, 1.0), "linear": (0.9, 0.9)}
    found = panel(1000.0, errors)
    assert found.headline == "mase"
    assert any("MASE" in note for note in found.notes)
    # In units the large series would drown the small one.
    assert found.metrics.mae > found.baselines["naive"].mae
    verdict = judge(found)
    assert verdict.best_baseline == "linear"
    assert verdict.error_saved == pytest.approx(1 - found.metrics.mase / found.baselines["linear"].mase)
    assert verdict.error_saved > 0
    step = found.by_horizon[0]
    assert step.error() == step.mase
    assert step.error("naive") == step.mase_of["naive"]
    assert {"mase", "naive_mase"} <= step.to_dict().keys()


def test_series_of_one_scale_are_compared_in_their_units():
    found = panel(2.0, {"GRU": (0.5, 1.1), "naive": (1.0, 1.0)})
    assert found.headline == "mae"
    assert "mase" not in found.by_horizon[0].to_dict()
    assert judge(found).error_saved == pytest.approx(1 - found.metrics.mae / found.baselines["naive"].mae)
