"""The report of the demonstration: a problem whose best possible error is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nurt import plotting
from nurt.reports.forecast import footer, model_line, run_sections
from nurt.reports.page.document import Opening, Picture, Section, plain_text, write_page
from nurt.reports.page.html import Column, element, join, table
from nurt.reports.sections.forecast import forecast_picture, forecast_section
from nurt.reports.sections.verdict import heading, verdict_numbers, verdict_panel
from nurt.wording import decimals_for, fixed

if TYPE_CHECKING:
    from nurt.tasks.forecasting.demo import DemoRun

__all__ = ["write_demo_report"]


def write_demo_report(demo: DemoRun, path: str | Path) -> Path:
    """Write the demonstration as one HTML file that needs no network.

    Args:
        demo: the finished demonstration.
        path: the file; its folder is made if need be.

    Returns:
        the path written.

    Raises:
        OutputError: it cannot be written.
    """
    run = demo.run
    opening = Opening(
        heading("nurt · demonstration", run.target, model_line(run)),
        verdict_panel(run.verdict),
        _picture(demo),
        verdict_numbers(run.backtest, run.audit),
    )
    fans = forecast_picture(run.target, run.forecast, run.recent)
    sections = [
        _known_answer(demo),
        forecast_section(run.target, run.forecast, "" if fans is None else fans.to_html()),
        *run_sections(run),
    ]
    return write_page(Path(path), f"{run.target}: demonstration", opening, sections, footer(run.versions))


def _known_answer(demo: DemoRun) -> Section:
    """Return the errors on the demonstration series beside the noise no forecaster can remove."""
    intro = (
        "The series is a sine wave with noise of known strength, so the best possible error is known too: the noise "
        "floor. A forecaster below it on held-out rows would have seen the answers."
    )
    rows = [_errors(name, value) for name, value in demo.rows.items()]
    decimals = decimals_for([demo.noise_floor], 3)
    table_rows = [["noise floor", fixed(demo.noise_floor, decimals), "1.00"]]
    for name, mean, sd in rows:
        spread = "" if sd is None else f" ± {fixed(sd, decimals)}"
        table_rows.append([name, fixed(mean, decimals) + spread, fixed(mean / demo.noise_floor, 2)])
    columns = [Column("Forecaster", numeric=False), Column("MSE"), Column("Times the floor")]
    numbers = table(columns, table_rows, caption="Test error one step ahead", note="Mean squared errors.")
    return Section("answer", "Against a known answer", join([element("p", intro), numbers]))


def _errors(name: str, value: float | tuple[float, float]) -> tuple[str, float, float | None]:
    return (name, *value) if isinstance(value, tuple) else (name, value, None)


def _picture(demo: DemoRun) -> Picture:
    figure = plotting.new_figure("", "test MSE", "")
    shown = [_errors(name, value) for name, value in reversed(list(demo.rows.items()))]
    figure.add_scatter(
        x=[mean for _, mean, _ in shown],
        y=[plain_text(name).replace(", ", "<br>") for name, _, _ in shown],
        mode="markers",
        marker={"size": 13, "color": plotting.MODEL},
        error_x={"type": "data", "array": [sd or 0.0 for _, _, sd in shown], "color": plotting.ACTUAL},
        hovertemplate="%{y}: %{x:.4g}<extra></extra>",
    )
    figure.add_vline(x=demo.noise_floor, line={"color": plotting.WARNING, "width": 2, "dash": "dash"})
    figure.update_xaxes(type="log", tickformat="~g", tickangle=0, nticks=5)
    figure.update_yaxes(type="category")
    figure.update_layout(hovermode="closest", showlegend=False)
    return Picture(
        title="Test error and noise floor",
        description="Test error of every forecaster beside the noise floor.",
        how_to_read=(
            "The dashed line is the noise floor: a point on it has found everything there was to find. Each step of "
            "the axis multiplies the error. The whisker is one standard deviation over the initialisations."
        ),
        figures=[figure],
        height=90 + 46 * len(shown),
    )
