"""How much of the result is luck: the same model from several initialisations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nurt import plotting
from nurt.reports.html import element, join
from nurt.reports.page import Section
from nurt.reports.picture import Picture, plain_text
from nurt.wording import decimals_for, fixed, forecaster_name

if TYPE_CHECKING:
    from nurt.evaluation.forecasts.results import Scores
    from nurt.tasks.forecasting.results import SeedStudy

__all__ = ["seeds_section"]


def seeds_section(study: SeedStudy, baselines: Mapping[str, Scores]) -> Section:
    """Return one point per seed beside the baselines that are measured alike."""
    metric = study.metric.upper()
    decimals = decimals_for(study.values, 4)
    spread = f" ± {fixed(study.sd, decimals)}" if len(study.values) > 1 else ""
    intro = (
        f"{metric} {fixed(study.mean, decimals)}{spread} (mean and standard deviation of {len(study.values)} "
        f"initialisations), from {fixed(min(study.values), decimals)} to {fixed(max(study.values), decimals)}."
    )
    figure = plotting.new_figure("", f"{plain_text(metric)} on the test part", "")
    figure.add_scatter(
        x=list(study.values),
        y=["network"] * len(study.values),
        mode="markers",
        marker={"size": 12, "color": plotting.translucent(plotting.MODEL, 0.6), "line": {"color": "white", "width": 1}},
        customdata=[f"seed {seed}" for seed in study.seeds],
        hovertemplate="%{customdata}: %{x:.4g}<extra></extra>",
    )
    key = study.metric.lower()
    # A baseline that errs many times as much would press the points of the seeds into one.
    limit = 2.0 * max(study.values)
    alike = {name: error for name, scores in baselines.items() if (error := getattr(scores, key, limit)) < limit}
    for name in sorted(alike, key=alike.__getitem__, reverse=True):
        figure.add_scatter(
            x=[alike[name]],
            y=[plain_text(forecaster_name(name))],
            mode="markers",
            marker={"size": 12, "symbol": "diamond", "color": plotting.forecaster_line(name)["color"]},
            hovertemplate="%{y}: %{x:.4g}<extra></extra>",
        )
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_yaxes(type="category")
    picture = Picture(
        title="One point per initialisation",
        description=f"{metric} of the network for every seed, beside the baselines.",
        how_to_read=(
            "Nothing but the random start differs between the round points: differences between models smaller than "
            "their spread are luck. Baselines with more than twice the error are left out."
        ),
        figures=[figure],
        height=110 + 38 * (1 + len(alike)),
    )
    return Section("seeds", "Luck of the start", join([element("p", intro), picture.to_html()]))
