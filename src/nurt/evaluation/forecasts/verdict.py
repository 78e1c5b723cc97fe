"""The verdict on a back-test: is the model better than the baselines?

The model is held against the better of two bars, repeating the last value and the baseline that was best on the
validation part. A win is claimed only when the Holm-adjusted test supports it against both, and several seeds, where
there are any, do not explain it; in every other case the sentence recommends the baseline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nurt.errors import NurtValueError
from nurt.evaluation.chance.seeds import SeedNoise, seed_noise
from nurt.evaluation.chance.significance import IDENTICAL
from nurt.evaluation.forecasts.baselines import label_of
from nurt.evaluation.forecasts.results import BacktestResult, Comparison, Coverage
from nurt.results import plain
from nurt.standing import Standing, Verdict
from nurt.wording import compared, p_in_words, percent_in_words

if TYPE_CHECKING:
    from nurt.evaluation.forecasts.audits.causality import CausalityReport
    from nurt.evaluation.forecasts.audits.copying import CopyingReport
    from nurt.evaluation.forecasts.audits.leakage import LeakageReport

__all__ = ["ForecastVerdict", "judge"]

SIGNIFICANT = 0.05

# Below this difference, and without a significant test, two errors are called equal.
TIE = 0.005

# An error so many times that of repeating the last value is seldom the model's fault alone.
IMPLAUSIBLE = 10.0

# Coverage may miss its level by so much before anyone is warned.
TOLERATED_MISS = 0.05


@dataclass(frozen=True, kw_only=True)
class ForecastVerdict(Verdict[str]):
    """The verdict on the model of a back-test: one sentence for people, three fields for programs.

    Args:
        standing: *unsound* when an audit found a fault in the pipeline; *better* or *worse* than repeating the last
            value only with the support of the test; *mixed* when better, but not the best of all.
        text: the sentence; the same in terminal, JSON and report.
        warnings: further sentences (copying, coverage, seed noise, "check the pipeline").
        better_than_naive: True only when the error is lower *and* the Holm-adjusted test supports it at 5 % *and*
            seeds, where several were tried, do not explain the difference.
        dm_p_value: two-sided p against repeating the last value, whole path; None where undefined.
        best: name of the forecaster with the lowest back-test MAE (the model under test included).
    """

    better_than_naive: bool
    dm_p_value: float | None
    best: str

    @property
    def headline(self) -> str:
        """The standing in a few words."""
        return {
            Standing.BETTER: "Better than repeating the last value",
            Standing.MIXED: f"Beats repeating the last value, but not “{label_of(self.best).short}”",
            Standing.WORSE: "Worse than repeating the last value",
            Standing.UNSOUND: "The pipeline is at fault: do not rely on these numbers",
        }.get(self.standing, "Not shown to be better than repeating the last value")

    def to_dict(self) -> dict[str, Any]:
        """Return the sentence, the fields for programs and the warnings."""
        return {
            "text": self.text,
            "better_than_naive": self.better_than_naive,
            "dm_p_value": plain(self.dm_p_value),
            "best": self.best,
            "warnings": list(self.warnings),
        }


def judge(
    result: BacktestResult,
    *,
    best_baseline: str = "naive",
    copying: CopyingReport | None = None,
    audits: Sequence[CausalityReport | LeakageReport] = (),
    seed_errors: Sequence[float] = (),
) -> ForecastVerdict:
    """Return the verdict on the model of a back-test.

    Args:
        result: the scored back-test.
        best_baseline: name of the baseline with the lowest error on the validation part. One that ``result`` left
            out for lack of cells is replaced by "naive".
        copying: what the audit of copying found.
        audits: what the audits of causality and leakage found; an error makes the numbers unsound.
        seed_errors: mean absolute error of the same model on the same cells, one per seed; fewer than two say nothing.

    Raises:
        NurtValueError: there is no baseline of that name.
    """
    if best_baseline not in result.baselines:
        best_baseline = _replacement(result, best_baseline)
    model = result.cells.model
    errors = {name: scores.mae for name, scores in result.baselines.items()} | {model: result.metrics.mae}
    unsound = any(audit.verdict == "error" for audit in audits)
    if math.isnan(result.metrics.mae):
        return ForecastVerdict(
            standing=Standing.UNSOUND if unsound else Standing.LEVEL,
            text=f"{model} cannot be judged: there is no cell with a truth and a forecast from everyone.",
            better_than_naive=False,
            dm_p_value=None,
            best="naive",
        )
    naive = _Against.of(result, "naive")
    bar = naive if errors["naive"] <= errors[best_baseline] else _Against.of(result, best_baseline)
    noise, naive_noise = (
        seed_noise(seed_errors, errors[name]) if len(seed_errors) > 1 else None for name in (bar.baseline, "naive")
    )
    best = min(errors, key=lambda name: (errors[name], name == model))
    better = naive.wins and _seeds_agree(naive_noise)
    return ForecastVerdict(
        standing=Standing.UNSOUND if unsound else _standing(naive, better=better, is_best=best == model),
        text=_sentence(model, bar, naive, result.horizon, seeds_agree=_seeds_agree(noise)),
        warnings=(
            *_pipeline_warning(naive),
            *_copying_warning(copying, naive),
            *(warning for entry in result.coverage for warning in _coverage_warning(entry)),
            *_seed_warning(noise, bar, errors[bar.baseline]),
            *_best_warning(best, bar, model, errors),
        ),
        better_than_naive=better,
        dm_p_value=naive.comparison.p_value,
        best=best,
    )


@dataclass(frozen=True)
class _Against:
    """The model against one baseline: errors as multiples of the baseline's, over the path and at the first step."""

    baseline: str
    ratio: float
    first_ratio: float
    comparison: Comparison

    @classmethod
    def of(cls, result: BacktestResult, baseline: str) -> _Against:
        comparison = next(one for one in result.comparisons if one.baseline == baseline)
        first = result.by_horizon[0]
        other = first.mae_of[baseline]
        return cls(baseline, 1.0 - comparison.skill, first.mae / other if other > 0 else math.nan, comparison)

    @property
    def same(self) -> bool:
        return self.comparison.reason is not None and IDENTICAL in self.comparison.reason

    @property
    def significant(self) -> bool:
        return self.comparison.p_holm is not None and self.comparison.p_holm < SIGNIFICANT

    @property
    def wins(self) -> bool:
        return self.ratio < 1.0 and self.significant

    @property
    def tied(self) -> bool:
        return abs(self.ratio - 1.0) < TIE and not self.significant

    @property
    def p(self) -> str:
        """The p-value in brackets, or that there was no test."""
        p_holm = self.comparison.p_holm
        return "(untested)" if p_holm is None else f"({p_in_words(p_holm)})"


def _standing(naive: _Against, *, better: bool, is_best: bool) -> Standing:
    """Return where the model stands. *Worse* needs the support of the test, as *better* does; between is level."""
    if better:
        return Standing.BETTER if is_best else Standing.MIXED
    return Standing.WORSE if naive.comparison.skill < 0.0 and naive.significant else Standing.LEVEL


def _seeds_agree(noise: SeedNoise | None) -> bool:
    """Tell whether the mean over seeds is better too, by more than seed noise: one lucky seed proves nothing."""
    return noise is None or noise.high < 0.0


def _replacement(result: BacktestResult, best_baseline: str) -> str:
    if any(note.startswith(f"{best_baseline} ") for note in result.notes):
        return "naive"
    raise NurtValueError(
        "judge: the best baseline is not part of the back-test.",
        expected="one of " + ", ".join(result.baselines),
        got=repr(best_baseline),
    )


def _sentence(model: str, bar: _Against, naive: _Against, horizon: int, *, seeds_agree: bool) -> str:
    if math.isnan(bar.ratio):
        return f"{_capital(_action(bar.baseline))} makes no error on these origins, nothing can do better: use naive."
    if naive.same:
        return (
            f"{model} gives the same forecasts as repeating the last value, as a network does before it is trained: "
            f"use {bar.baseline}."
        )
    if bar.same:
        return f"{model} gives the same forecasts as {_action(bar.baseline)}: use {bar.baseline}."
    measured = _measured(model, bar, horizon) + _aside(bar, naive)
    if bar.tied:
        return f"{measured}: use {bar.baseline}, the simpler of the two."
    if bar.ratio > 1.0:
        return f"{measured}: use {bar.baseline}."
    if bar.comparison.p_holm is None:
        return f"{measured}; no test was possible ({_first_reason(bar)}): use {bar.baseline}."
    if not (bar.wins and naive.wins):
        return f"{measured}; {_doubt(bar, naive)} may be chance: use {bar.baseline}, the simpler of the two."
    if not seeds_agree:
        return f"{measured}; but another seed may undo it: use {bar.baseline}, the simpler of the two."
    return f"{measured}: use {model}."


def _measured(model: str, bar: _Against, horizon: int) -> str:
    """Return the clause with the numbers, over the path and at the first step."""
    opponent = _action(bar.baseline) + ("" if bar.baseline == "naive" else ", the best baseline,")
    ratio = 1.0 if bar.tied else bar.ratio
    where = "one step ahead" if horizon == 1 else f"over {horizon} steps"
    clause = f"{model} is {compared(ratio, opponent)} {where} {bar.p}"
    if horizon == 1 or math.isnan(bar.first_ratio):
        return clause
    agree = (bar.first_ratio - 1.0) * (ratio - 1.0) >= 0
    return f"{clause} {'and' if agree else 'but'} {compared(bar.first_ratio)} at the first step"


def _aside(bar: _Against, naive: _Against) -> str:
    """Return how the model stands against repeating the last value, when another baseline is the bar."""
    if bar.baseline == "naive":
        return ""
    link = "though" if bar.ratio > 1.0 and not bar.tied and naive.wins else "and"
    return f", {link} {compared(naive.ratio, _action('naive'))} {naive.p}"


def _doubt(bar: _Against, naive: _Against) -> str:
    """Return which lead the test does not support."""
    if bar.baseline == "naive":
        return "that"
    return f"the lead over {_action(naive.baseline if bar.wins else bar.baseline)}"


def _first_reason(standing: _Against) -> str:
    return (standing.comparison.reason or "reason unknown").split("; ")[0]


def _pipeline_warning(naive: _Against) -> list[str]:
    worst = max((ratio for ratio in (naive.ratio, naive.first_ratio) if not math.isnan(ratio)), default=0.0)
    if worst <= IMPLAUSIBLE:
        return []
    where = "" if worst == naive.ratio else " at the first step"
    return [
        f"Check the pipeline: an error {worst:.0f} times that of repeating the last value{where} points to scaling, "
        "units or misaligned targets rather than to the model."
    ]


def _copying_warning(copying: CopyingReport | None, naive: _Against) -> list[str]:
    return [copying.text] if copying is not None and copying.copied and not naive.same else []


def _coverage_warning(entry: Coverage) -> list[str]:
    nominal = entry.level / 100.0
    explained = entry.low is not None and entry.high is not None and entry.low <= nominal <= entry.high
    if math.isnan(entry.share) or explained or abs(entry.share - nominal) <= TOLERATED_MISS:
        return []
    held = f"The {entry.level} % intervals held the truth in {percent_in_words(entry.share)} of the cells"
    if entry.share < nominal:
        return [f"{held}: they are too narrow, so do not rely on them."]
    return [f"{held}: they are wider than they promise."]


def _seed_warning(noise: SeedNoise | None, bar: _Against, error: float) -> list[str]:
    if noise is None:
        return []
    finding = "within seed noise" if noise.within else "more than seed noise"
    return [
        f"Over {noise.seeds} seeds the error is {noise.mean:.4g} ± {noise.sd:.2g} ({noise.least:.4g} to "
        f"{noise.most:.4g}); the difference from {_action(bar.baseline)}, {error:.4g}, is {finding}."
    ]


def _best_warning(best: str, bar: _Against, model: str, errors: dict[str, float]) -> list[str]:
    if best in (model, bar.baseline):
        return []
    below = percent_in_words(1.0 - errors[best] / errors[model])
    return [
        f"On these origins {_action(best)} had the lowest error, {below} below {model}; it was not the best on the "
        "validation part."
    ]


def _action(name: str) -> str:
    """Return what a forecaster does, within a sentence; models keep their names."""
    return label_of(name).action.en


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
