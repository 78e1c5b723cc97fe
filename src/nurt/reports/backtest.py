"""The report of a back-test of a stored model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nurt.reports.forecast import footer
from nurt.reports.page.document import Opening, write_page
from nurt.reports.sections.accuracy import accuracy_pictures, accuracy_section
from nurt.reports.sections.residuals import coverage_section, residuals_section
from nurt.reports.sections.verdict import data_section, heading, verdict_numbers, verdict_panel
from nurt.wording import count

if TYPE_CHECKING:
    from nurt.tasks.forecasting.reuse import BacktestRun

__all__ = ["write_backtest_report"]


def write_backtest_report(run: BacktestRun, path: str | Path) -> Path:
    """Write a back-test as one HTML file that needs no network.

    Args:
        run: the finished back-test.
        path: the file; its folder is made if need be.

    Returns:
        the path written.

    Raises:
        OutputError: it cannot be written.
    """
    result = run.backtest
    lead = (
        f"{result.cells.model} at {result.origins} origins, every {result.step_size}. observation, "
        f"{result.horizon} steps ahead."
        if result.step_size > 1
        else f"{result.cells.model} at {result.origins} consecutive origins, {result.horizon} steps ahead."
    )
    pictures = accuracy_pictures(run.target, result)
    opening = Opening(
        heading("nurt · back-test", run.target, lead),
        verdict_panel(run.verdict),
        pictures[0] if pictures else None,
        verdict_numbers(result),
    )
    facts = [
        ("target", run.target),
        ("observations", count(run.observations)),
        ("first", run.first),
        ("last", run.last),
        ("origins", count(result.origins)),
        ("model file", run.model_file),
    ]
    sections = [
        accuracy_section(run.target, result, pictures[1:]),
        coverage_section(result),
        residuals_section(run.target, result.cells),
        data_section(facts, run.notes, run.sources),
    ]
    return write_page(Path(path), f"{run.target}: back-test", opening, sections, footer(run.versions))
