"""One sentence about a back-test: does the model earn its keep?

The model is held against the better of two bars, repeating the last value and the baseline that was best on the
validation part. A win is claimed only when the Holm-adjusted test supports it against both, and several seeds, where
there are any, do not explain it; in every other case the sentence recommends the baseline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nurt.errors import NurtValueError
from nurt.evaluation.chance.seeds import SeedNoise, seed_noise
from nurt.evaluation.chance.significance import IDENTICAL
from nurt.evaluation.forecasts.results import BacktestResult, Comparison, Coverage, Verdict
from nurt.wording import compared, in_words, p_in_words, per_cent

if TYPE_CHECKING:
    from nurt.evaluation.forecasts.audits.copying import CopyingReport

__all__ = ["judge"]

SIGNIFICANT = 0.05

# Below this difference, and without a significant test, two errors are called equal.
TIE = 0.005

# An error so many times that of repeating the last value is seldom the model's fault alone.
IMPLAUSIBLE = 10.0

# Coverage may miss its level by so much before anyone is warned.
TOLERATED_MISS = 0.05


def judge(
    result: BacktestResult,
    *,
    best_baseline: str = "naive",
    copying: CopyingReport | None = None,
    seed_errors: Sequence[float] = (),
) -> Verdict:
    """Return the verdict on the model of a back-test.

    Args:
        result: the scored back-test.
        best_baseline: name of the baseline with the lowest error on the validation part. One that ``result`` left
            out for lack of cells is replaced by "naive".
        copying: what the audit of copying found.
        seed_errors: mean absolute error of the same model on the same cells, one per seed; fewer than two say nothing.

    Raises:
        NurtValueError: there is no baseline of that name.
    """
    if best_baseline not in result.baselines:
        best_baseline = _replacement(result, best_baseline)
    model = result.cells.model
    errors = {name: scores.mae for name, scores in result.baselines.items()} | {model: result.metrics.mae}
    if math.isnan(result.metrics.mae):
        text = f"{model} cannot be judged: there is no cell with a truth and a forecast from everyone."
        return Verdict(text, better_than_naive=False, dm_p_value=None, best="naive")
    naive = _Standing.of(result, "naive")
    bar = naive if errors["naive"] <= errors[best_baseline] else _Standing.of(result, best_baseline)
    noise, naive_noise = (
        seed_noise(seed_errors, errors[name]) if len(seed_errors) > 1 else None for name in (bar.baseline, "naive")
    )
    best = min(errors, key=lambda name: (errors[name], name == model))
    warnings = [
        *_pipeline_warning(naive),
        *_copying_warning(copying, naive),
        *(warning for entry in result.coverage for warning in _coverage_warning(entry)),
        *_seed_warning(noise, bar, errors[bar.baseline]),
        *_best_warning(best, bar, model, errors),
    ]
    return Verdict(
        text=_sentence(model, bar, naive, result.horizon, seeds_agree=_seeds_agree(noise)),
        better_than_naive=naive.wins and _seeds_agree(naive_noise),
        dm_p_value=naive.comparison.p_value,
        best=best,
        warnings=tuple(warnings),
    )


@dataclass(frozen=True)
class _Standing:
    """The model against one baseline: errors as multiples of the baseline's, over the path and at the first step."""

    baseline: str
    ratio: float
    first_ratio: float
    comparison: Comparison

    @classmethod
    def of(cls, result: BacktestResult, baseline: str) -> _Standing:
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


def _sentence(model: str, bar: _Standing, naive: _Standing, horizon: int, *, seeds_agree: bool) -> str:
    if math.isnan(bar.ratio):
        return f"{_capital(in_words(bar.baseline))} makes no error on these origins, nothing can do better: use naive."
    if naive.same:
        return (
            f"{model} gives the same forecasts as repeating the last value, as a network does before it is trained: "
            f"use {bar.baseline}."
        )
    if bar.same:
        return f"{model} gives the same forecasts as {in_words(bar.baseline)}: use {bar.baseline}."
    measured = _measured(model, bar, horizon) + _aside(bar, naive)
    if bar.tied:
        return f"{measured}: use {bar.baseline}, which costs nothing."
    if bar.ratio > 1.0:
        return f"{measured}: use {bar.baseline}."
    if bar.comparison.p_holm is None:
        return f"{measured}; no test was possible ({_first_reason(bar)}): use {bar.baseline}."
    if not (bar.wins and naive.wins):
        return f"{measured}; {_doubt(bar, naive)} may be chance: use {bar.baseline}, the simpler of the two."
    if not seeds_agree:
        return f"{measured}; but another seed may undo it: use {bar.baseline}, the simpler of the two."
    return f"{measured}: use {model}."


def _measured(model: str, bar: _Standing, horizon: int) -> str:
    """Return the clause with the numbers, over the path and at the first step."""
    opponent = in_words(bar.baseline) + ("" if bar.baseline == "naive" else ", the best baseline,")
    ratio = 1.0 if bar.tied else bar.ratio
    where = "one step ahead" if horizon == 1 else f"over {horizon} steps"
    clause = f"{model} is {compared(ratio, opponent)} {where} {bar.p}"
    if horizon == 1 or math.isnan(bar.first_ratio):
        return clause
    agree = (bar.first_ratio - 1.0) * (ratio - 1.0) >= 0
    return f"{clause} {'and' if agree else 'but'} {compared(bar.first_ratio)} at the first step"


def _aside(bar: _Standing, naive: _Standing) -> str:
    """Return how the model stands against repeating the last value, when another baseline is the bar."""
    if bar.baseline == "naive":
        return ""
    link = "though" if bar.ratio > 1.0 and not bar.tied and naive.wins else "and"
    return f", {link} {compared(naive.ratio, in_words('naive'))} {naive.p}"


def _doubt(bar: _Standing, naive: _Standing) -> str:
    """Return which lead the test does not support."""
    if bar.baseline == "naive":
        return "that"
    return f"the lead over {in_words(naive.baseline if bar.wins else bar.baseline)}"


def _first_reason(standing: _Standing) -> str:
    return (standing.comparison.reason or "reason unknown").split("; ")[0]


def _pipeline_warning(naive: _Standing) -> list[str]:
    worst = max((ratio for ratio in (naive.ratio, naive.first_ratio) if not math.isnan(ratio)), default=0.0)
    if worst <= IMPLAUSIBLE:
        return []
    where = "" if worst == naive.ratio else " at the first step"
    return [
        f"Check the pipeline: an error {worst:.0f} times that of repeating the last value{where} points to scaling, "
        "units or misaligned targets rather than to the model."
    ]


def _copying_warning(copying: CopyingReport | None, naive: _Standing) -> list[str]:
    return [copying.text] if copying is not None and copying.copied and not naive.same else []


def _coverage_warning(entry: Coverage) -> list[str]:
    nominal = entry.level / 100.0
    explained = entry.low is not None and entry.high is not None and entry.low <= nominal <= entry.high
    if math.isnan(entry.share) or explained or abs(entry.share - nominal) <= TOLERATED_MISS:
        return []
    held = f"The {entry.level} % intervals held the truth in {per_cent(entry.share)} of the cells"
    if entry.share < nominal:
        return [f"{held}: they are too narrow, so do not rely on them."]
    return [f"{held}: they are wider than they promise."]


def _seed_warning(noise: SeedNoise | None, bar: _Standing, error: float) -> list[str]:
    if noise is None:
        return []
    finding = "within seed noise" if noise.within else "more than seed noise"
    return [
        f"Over {noise.seeds} seeds the error is {noise.mean:.4g} ± {noise.sd:.2g} ({noise.least:.4g} to "
        f"{noise.most:.4g}); the difference from {in_words(bar.baseline)}, {error:.4g}, is {finding}."
    ]


def _best_warning(best: str, bar: _Standing, model: str, errors: dict[str, float]) -> list[str]:
    if best in (model, bar.baseline):
        return []
    below = per_cent(1.0 - errors[best] / errors[model])
    return [
        f"On these origins {in_words(best)} had the lowest error, {below} below {model}; it was not the best on the "
        "validation part."
    ]


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
