"""Where a model stands against what costs nothing: one of five answers, told apart by sign, word and colour."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from nurt.wording import forecaster_name

if TYPE_CHECKING:
    from nurt.evaluation.forecasts.results import BacktestResult, Verdict
    from nurt.tasks.forecasting.results import Audit

__all__ = ["Standing", "stand"]


SIGNIFICANT = 0.05


class Standing(enum.Enum):
    """The answer, with the sign that stands for it where colours are not seen."""

    BETTER = "✓"
    MIXED = "◐"
    LEVEL = "="
    WORSE = "✕"
    UNSOUND = "!"

    def headline(self, best: str) -> str:
        """Return the answer in a few words; ``best`` is the forecaster with the lowest error."""
        return {
            Standing.BETTER: "Better than repeating the last value",
            Standing.MIXED: f"Beats repeating the last value, but not “{forecaster_name(best)}”",
            Standing.LEVEL: "Not shown to be better than repeating the last value",
            Standing.WORSE: "Worse than repeating the last value",
            Standing.UNSOUND: "The pipeline is at fault: do not rely on these numbers",
        }[self]


def stand(verdict: Verdict, backtest: BacktestResult, audit: Audit | None = None) -> Standing:
    """Return where the model under test stands.

    A pipeline that saw the future is unsound whatever its numbers say. *Worse* needs the support of the test, as
    *better* does; everything between is level.
    """
    if audit is not None and "error" in (audit.causality.verdict, audit.leakage.verdict):
        return Standing.UNSOUND
    if verdict.better_than_naive:
        return Standing.BETTER if verdict.best == backtest.cells.model else Standing.MIXED
    naive = next((one for one in backtest.comparisons if one.baseline == "naive"), None)
    if naive is None or naive.p_holm is None:
        return Standing.LEVEL
    return Standing.WORSE if naive.skill < 0.0 and naive.p_holm < SIGNIFICANT else Standing.LEVEL
