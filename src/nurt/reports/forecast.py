"""The report of one forecasting run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nurt.reports.page.document import Opening, Section, write_page
from nurt.reports.page.html import Markup, join
from nurt.reports.sections.accuracy import accuracy_pictures, accuracy_section
from nurt.reports.sections.choices import choices_section
from nurt.reports.sections.forecast import forecast_picture, forecast_section, series_switch
from nurt.reports.sections.network import memory_section, seeds_section, training_section
from nurt.reports.sections.residuals import coverage_section, residuals_section
from nurt.reports.sections.verdict import (
    audit_section,
    data_section,
    heading,
    reproduction_section,
    verdict_numbers,
    verdict_panel,
)
from nurt.wording import count, spanned

if TYPE_CHECKING:
    from nurt.tasks.forecasting.results import ForecasterSummary, ForecastRun

__all__ = ["footer", "model_line", "run_sections", "write_forecast_report"]


def write_forecast_report(run: ForecastRun, path: str | Path) -> Path:
    """Write everything a run found out as one HTML file that needs no network.

    Args:
        run: the finished run; nothing is computed anew.
        path: the file; its folder is made if need be.

    Returns:
        the path written.

    Raises:
        OutputError: it cannot be written; an older report stays as it was.
    """
    opening = Opening(
        heading("nurt · forecast", run.target, model_line(run)),
        verdict_panel(run.verdict),
        forecast_picture(run.target, run.forecast, run.recent),
        verdict_numbers(run.backtest, run.audit),
        series_switch(run.forecast),
    )
    sections = [forecast_section(run.target, run.forecast), *run_sections(run)]
    return write_page(Path(path), f"{run.target}: forecast", opening, sections, footer(run.versions))


def model_line(run: ForecastRun) -> str:
    """Return the facts of a run in one sentence."""
    many = "" if run.series == 1 else f" in {run.series} series"
    model = run.model
    what = f"{count(run.observations)} observations{many}{spanned(run.first, run.last)}"
    return f"{what}. {model.name} reads the last {model.look_back} and forecasts the next {model.horizon}."


def run_sections(run: ForecastRun) -> list[Section]:
    """Return the parts of the page after the forecast itself, in the order a person asks."""
    sections = [
        accuracy_section(run.target, run.backtest, accuracy_pictures(run.target, run.backtest)),
        coverage_section(run.backtest),
        residuals_section(run.target, run.backtest.cells),
        choices_section(run.choices),
        training_section(run.training),
        audit_section(run.audit),
    ]
    if run.examination is not None:
        sections.append(memory_section(run.examination))
    if run.seeds is not None:
        sections.append(seeds_section(run.seeds, run.backtest.baselines))
    sections.append(data_section(_data_facts(run), run.notes, run.sources))
    settings = {**_model_facts(run.model), **run.settings, "seed": run.seed}
    sections.append(reproduction_section(settings, run.versions))
    return sections


def footer(versions: Mapping[str, str]) -> Markup:
    """Return the last line of a page."""
    version = f" {versions['nurt']}" if "nurt" in versions else ""
    return join([f"Written by nurt{version}. One file, complete in itself: keep it, send it, print it."])


def _data_facts(run: ForecastRun) -> list[tuple[str, str]]:
    return [
        ("target", run.target),
        ("observations", count(run.observations)),
        ("series", str(run.series)),
        ("first", run.first),
        ("last", run.last),
        ("missing values", str(run.missing)),
        *([("model file", run.model_file)] if run.model_file else []),
    ]


def _model_facts(model: ForecasterSummary) -> dict[str, object]:
    return {
        "model": model.name,
        "cell": model.cell,
        "layers": model.layers,
        "hidden units": model.hidden,
        "parameters": count(model.parameters),
        "strategy": model.strategy,
        "scaling": model.scaling,
        "loss": model.loss,
        "dropout": model.dropout,
        "ran on": model.rung,
    }
