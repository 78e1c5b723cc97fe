"""The verdict on a back-test: is the model better than the best of the baselines?

There is one comparison, and title, sentence, table and JSON all name it: the model against the baseline with the lowest
error on the judged cells. That baseline is chosen with hindsight, which favours it and never the model. A win is
claimed only when the Holm-adjusted test supports it, against repeating the last value too, and several seeds, where
there are any, do not explain it. A lower error that no test could judge is called undecided; in every other case the
sentence recommends the baseline.
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
        standing: *unsound* when an audit found a fault in the pipeline; *better* or *worse* than the best baseline only
            with the support of the test; *mixed* when better than repeating the last value, but not than the best.
        text: the sentence; the same in terminal, JSON and report.
        warnings: further sentences (copying, coverage, seed noise, "check the pipeline").
        better_than_naive: True only when the error is lower *and* the Holm-adjusted test supports it at 5 % *and*
            seeds, where several were tried, do not explain the difference.
        dm_p_value: two-sided p against repeating the last value, whole path; None where undefined.
        best: name of the forecaster with the lowest back-test error (the model under test included).
        best_baseline: name of the baseline with the lowest back-test error, which the model is compared with.
        recommended: name of the forecaster to use.
        error_saved: 1 - error of the model / error of the best baseline; None where undefined.
        p_value: two-sided p against the best baseline, adjusted by Holm; None where there was no test.
        decided: False where the model has the lower error and no test was possible.
    """

    better_than_naive: bool
    dm_p_value: float | None
    best: str
    best_baseline: str = "naive"
    recommended: str = "naive"
    error_saved: float | None = None
    p_value: float | None = None
    decided: bool = True

    @property
    def headline(self) -> str:
        """The standing in a few words."""
        other = _opponent(self.best_baseline)
        if not self.decided and self.standing is Standing.LEVEL:
            return f"Not decided against {other}: too little to test"
        return {
            Standing.BETTER: f"Better than {other}",
            Standing.MIXED: f"Beats repeating the last value, but is not shown to beat {other}",
            Standing.WORSE: f"Worse than {other}",
            Standing.UNSOUND: "The pipeline is at fault: do not rely on these numbers",
        }.get(self.standing, f"Not shown to be better than {other}")

    def to_dict(self) -> dict[str, Any]:
        """Return the sentence, the fields for programs and the warnings."""
        return {
            "text": self.text,
            "headline": self.headline,
            "standing": self.standing.value,
            "better_than_naive": self.better_than_naive,
            "dm_p_value": plain(self.dm_p_value),
            "best": self.best,
            "best_baseline": self.best_baseline,
            "recommended": self.recommended,
            "error_saved": plain(self.error_saved),
            "p_value": plain(self.p_value),
            "decided": self.decided,
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
        best_baseline: name of the baseline with the lowest error on the validation part; where another one was the
            best on the judged cells, a remark says so. One that ``result`` left out for lack of cells is no remark.
        copying: what the audit of copying found.
        audits: what the audits of causality and leakage found; an error makes the numbers unsound.
        seed_errors: headline error of the same model on the same cells, one per seed; fewer than two say nothing.

    Raises:
        NurtValueError: there is no baseline of that name.
    """
    if best_baseline not in result.baselines:
        best_baseline = _replacement(result, best_baseline)
    model, errors = result.cells.model, result.errors
    unsound = any(audit.verdict == "error" for audit in audits)
    if math.isnan(errors[model]):
        return ForecastVerdict(
            standing=Standing.UNSOUND if unsound else Standing.LEVEL,
            text=f"{model} cannot be judged: there is no cell with a truth and a forecast from everyone.",
            better_than_naive=False,
            dm_p_value=None,
            best="naive",
        )
    naive, bar = (_Against.of(result, name) for name in ("naive", result.best_baseline))
    noise, naive_noise = (
        seed_noise(seed_errors, errors[one.baseline]) if len(seed_errors) > 1 else None for one in (bar, naive)
    )
    better = naive.wins and _seeds_agree(naive_noise)
    advice = _advice(model, bar, naive, seeds_agree=_seeds_agree(noise))
    return ForecastVerdict(
        standing=Standing.UNSOUND if unsound else _standing(bar, better=better, wins=advice.wins),
        text=_sentence(model, bar, naive, result.horizon, advice),
        warnings=(
            *_pipeline_warning(naive),
            *_copying_warning(copying, naive),
            *(warning for entry in result.coverage for warning in _coverage_warning(entry)),
            *_seed_warning(noise, bar, errors[bar.baseline]),
            *_hindsight_remark(best_baseline, bar),
        ),
        better_than_naive=better,
        dm_p_value=naive.comparison.p_value,
        best=min(errors, key=lambda name: (math.isnan(errors[name]), errors[name], name == model)),
        best_baseline=bar.baseline,
        recommended=advice.name,
        error_saved=None if math.isnan(bar.ratio) else 1.0 - bar.ratio,
        p_value=bar.comparison.p_holm,
        decided=advice.decided,
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
        own, other = first.error(), first.error(baseline)
        ratio = own / other if own is not None and other is not None and other > 0 else math.nan
        return cls(baseline, 1.0 - comparison.skill, ratio, comparison)

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


@dataclass(frozen=True)
class _Advice:
    """What to use: its name, how the sentence ends, and whether that is a win of the model, or undecided."""

    name: str
    words: str
    wins: bool = False
    decided: bool = True


def _advice(model: str, bar: _Against, naive: _Against, *, seeds_agree: bool) -> _Advice:
    """Return what to use: the model where it wins or where its lead cannot be tested, else the best baseline."""
    baseline = _Advice(bar.baseline, f": use {bar.baseline}.")
    simpler = f": use {bar.baseline}, the simpler of the two."
    if math.isnan(bar.ratio) or bar.same or (naive.same and bar.baseline == "naive"):
        return baseline
    if bar.tied:
        return _Advice(bar.baseline, simpler)
    if bar.ratio > 1.0:
        return baseline
    if bar.comparison.p_holm is None:
        words = f"; no test was possible ({_first_reason(bar)}): not decided, {model} had the lower error."
        return _Advice(model, words, decided=False)
    if not (bar.wins and naive.wins):
        return _Advice(bar.baseline, f"; {_doubt(bar, naive)} may be chance{simpler}")
    if not seeds_agree:
        return _Advice(bar.baseline, f"; but another seed may undo it{simpler}")
    return _Advice(model, f": use {model}.", wins=True)


def _standing(bar: _Against, *, better: bool, wins: bool) -> Standing:
    """Return where the model stands. *Worse* needs the support of the test, as *better* does; between is level."""
    if wins:
        return Standing.BETTER
    if better:
        return Standing.MIXED
    return Standing.WORSE if bar.ratio > 1.0 and bar.significant else Standing.LEVEL


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


def _sentence(model: str, bar: _Against, naive: _Against, horizon: int, advice: _Advice) -> str:
    if math.isnan(bar.ratio):
        return (
            f"{_capital(_action(bar.baseline))} makes no error on these origins, nothing can do better: "
            f"use {bar.baseline}."
        )
    if naive.same:
        same = f"{model} gives the same forecasts as repeating the last value, as a network does before it is trained"
        worse = "" if bar.baseline == "naive" else f", and is {compared(bar.ratio, _opponent(bar.baseline))}"
        return f"{same}{worse}{advice.words}"
    if bar.same:
        return f"{model} gives the same forecasts as {_action(bar.baseline)}{advice.words}"
    return f"{_measured(model, bar, horizon)}{advice.words}"


def _measured(model: str, bar: _Against, horizon: int) -> str:
    """Return the clause with the numbers, over the path and at the first step."""
    opponent = _opponent(bar.baseline) + ("" if bar.baseline == "naive" else ",")
    ratio = 1.0 if bar.tied else bar.ratio
    where = "one step ahead" if horizon == 1 else f"over {horizon} steps"
    clause = f"{model} is {compared(ratio, opponent)} {where} {bar.p}"
    if horizon == 1 or math.isnan(bar.first_ratio):
        return clause
    agree = (bar.first_ratio - 1.0) * (ratio - 1.0) >= 0
    return f"{clause} {'and' if agree else 'but'} {compared(bar.first_ratio)} at the first step"


def _opponent(baseline: str) -> str:
    """Return the best baseline within a sentence."""
    return _action(baseline) + ("" if baseline == "naive" else ", the best baseline")


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


def _hindsight_remark(validated: str, bar: _Against) -> list[str]:
    if validated in (bar.baseline, "naive"):
        return []
    return [
        f"The best baseline is the best of these origins; on the validation part {_action(validated)} had the lowest "
        "error."
    ]


def _action(name: str) -> str:
    """Return what a forecaster does, within a sentence; models keep their names."""
    return label_of(name).action.en


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
