"""The network: its training, the spread over seeds, and how far back it learns and remembers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.evaluation.forecasts.baselines import label_of
from nurt.reports.page.document import Picture, Section, numbers, plain_text
from nurt.reports.page.html import element, join
from nurt.reports.sections.layers import findings, layer_table, reach_picture
from nurt.wording import decimals_for, fixed, number, plural, seconds

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.diagnostics.examination.examining import Examination
    from nurt.evaluation.forecasts.results import Scores
    from nurt.tasks.forecasting.results import SeedStudy
    from nurt.training.events import TrainingRecord
    from nurt.training.ledger import ClippingLedger

__all__ = [
    "memory_section",
    "seeds_section",
    "stopped_because",
    "training_section",
]


def stopped_because(record: TrainingRecord) -> str:
    """Return why training ended, as a half-sentence."""
    reasons = {
        "epochs": "all epochs done",
        "patience": "the validation loss no longer fell",
        "interrupt": "interrupted",
    }
    return reasons.get(record.stopped_by, record.stopped_by)


def training_section(record: TrainingRecord) -> Section:
    """Return loss curve, gradient norm and share of clipped steps."""
    intro = (
        f"{plural(record.epochs, 'epoch')} in {seconds(record.seconds)}, then stopped: {stopped_because(record)}. "
        f"The model carries the weights of epoch {record.best_epoch}"
        + (", before any training." if record.best_epoch == 0 else ".")
    )
    parts = [element("p", intro)]
    if not record.history:
        return Section("training", "Training", join(parts))
    parts.append(_losses(record).to_html())
    gradients, clipping = _gradients(record), _clipping(record)
    if gradients is not None and clipping is not None:
        parts.append(element("div", gradients.to_html(), clipping.to_html(), class_="pair"))
    elif gradients is not None:
        parts.append(gradients.to_html())
    if record.clipping is not None and record.clipping.updates:
        parts.append(element("p", record.clipping.verdict))
        parts.append(_shares(record.clipping).to_html())
    return Section("training", "Training", join(parts))


def _losses(record: TrainingRecord) -> Picture:
    figure = plotting.new_figure("", "epoch", "loss, scaled units")
    epochs = [entry.epoch for entry in record.history]
    curves = {
        "training": (numbers([entry.train_loss for entry in record.history]), plotting.REFERENCE, "dash"),
        "validation": (numbers([entry.validation_loss for entry in record.history]), plotting.MODEL, "solid"),
    }
    for name, (losses, colour, dash) in curves.items():
        if np.isfinite(losses).any():
            figure.add_scatter(
                x=epochs,
                y=losses,
                name=name,
                mode="lines+markers" if len(epochs) < 30 else "lines",
                line={"color": colour, "width": 2.5, "dash": dash},
                hovertemplate="%{y:.4g}",
            )
    _mark_best(figure, record)
    known = np.concatenate([losses for losses, _, _ in curves.values()])
    known = known[np.isfinite(known)]
    if len(known) and known.min() > 0.0 and known.max() > 20.0 * known.min():
        figure.update_yaxes(type="log")
    figure.update_xaxes(tickformat="d", rangemode="tozero")
    return Picture(
        title="Loss by epoch",
        description="Training and validation loss by epoch, with the chosen epoch marked.",
        how_to_read=(
            "Epoch 0 is the untrained network. Training below validation and drifting apart is overfitting; the star "
            "marks the epoch whose weights were kept. The training loss is the mean of its epoch, dropout included."
        ),
        figures=[figure],
    )


def _mark_best(figure: go.Figure, record: TrainingRecord) -> None:
    chosen = next((entry for entry in record.history if entry.epoch == record.best_epoch), None)
    if chosen is None:
        return
    loss = chosen.validation_loss if chosen.validation_loss is not None else chosen.train_loss
    if loss is None:
        return
    figure.add_scatter(
        x=[chosen.epoch],
        y=[loss],
        name=f"kept: epoch {chosen.epoch}",
        mode="markers",
        marker={"symbol": "star", "size": 15, "color": plotting.WARNING, "line": {"color": "white", "width": 1}},
        hovertemplate=f"{number(loss)}",
    )


def _gradients(record: TrainingRecord) -> Picture | None:
    norms = numbers([entry.gradient_norm for entry in record.history])
    if not np.isfinite(norms).any():
        return None
    figure = plotting.new_figure("", "epoch", "gradient norm")
    figure.add_scatter(
        x=[entry.epoch for entry in record.history],
        y=norms,
        mode="lines+markers",
        line={"color": plotting.MODEL, "width": 2},
        hovertemplate="epoch %{x}: %{y:.4g}<extra></extra>",
    )
    figure.update_layout(hovermode="closest", showlegend=False)
    if np.nanmin(norms) > 0.0:
        figure.update_yaxes(type="log", exponentformat="power", nticks=5)
    figure.update_xaxes(tickformat="d")
    return Picture(
        title="Gradient norm",
        description="Median gradient norm before clipping, by epoch.",
        how_to_read="Median of the epoch, before clipping. A steep rise warns of divergence."
        + (" No step was clipped." if _never_clipped(record) else ""),
        figures=[figure],
        height=280,
    )


def _never_clipped(record: TrainingRecord) -> bool:
    shares = [entry.clipped_share for entry in record.history if entry.clipped_share is not None]
    return bool(shares) and not any(shares)


def _clipping(record: TrainingRecord) -> Picture | None:
    shares = numbers([entry.clipped_share for entry in record.history])
    if not np.nansum(shares) > 0.0:
        return None
    figure = plotting.new_figure("", "epoch", "steps clipped, per cent")
    figure.add_bar(
        x=[entry.epoch for entry in record.history],
        y=100.0 * shares,
        marker={"color": plotting.translucent(plotting.MODEL, 0.75)},
        hovertemplate="epoch %{x}: %{y:.1f} %<extra></extra>",
    )
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_yaxes(range=[0, 102])
    figure.update_xaxes(tickformat="d")
    return Picture(
        title="Clipped steps",
        description="Share of training steps whose gradient was clipped, by epoch.",
        how_to_read="A few per cent is insurance. Nearly all of them: the limit, not the learning rate, sets the pace.",
        figures=[figure],
        height=280,
    )


def _shares(ledger: ClippingLedger) -> Picture:
    names = list(ledger.shares)[::-1]
    figure = plotting.new_figure("", "share of the squared norm, per cent", "")
    figure.add_bar(
        x=[100.0 * ledger.shares[name] for name in names],
        y=names,
        orientation="h",
        marker={"color": plotting.translucent(plotting.MODEL, 0.75)},
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    figure.update_layout(hovermode="closest", showlegend=False)
    return Picture(
        title="Share of each parameter in the gradient",
        description="Mean share of each parameter in the squared gradient norm before clipping.",
        how_to_read="The shares add up to 100 %. Clipping by norm shortens all by the same factor, whoever caused it.",
        figures=[figure],
        height=120 + 22 * len(names),
    )


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
            y=[plain_text(label_of(name).short)],
            mode="markers",
            marker={"size": 12, "symbol": "diamond", "color": label_of(name).line.colour},
            hovertemplate="%{y}: %{x:.4g}<extra></extra>",
        )
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_yaxes(type="category")
    picture = Picture(
        title="One point per initialisation",
        description=f"{metric} of the network for every seed, beside the baselines.",
        how_to_read=(
            "Nothing but the random start differs between the round points: differences between models smaller than "
            "their spread may be due to chance. Baselines with more than twice the error are left out."
        ),
        figures=[figure],
        height=110 + 38 * (1 + len(alike)),
    )
    return Section("seeds", "Spread over seeds", join([element("p", intro), picture.to_html()]))


def memory_section(found: Examination) -> Section:
    """Return the findings in words, the gradient by lag, and a table of the layers."""
    picture = reach_picture(found)
    parts = [findings(found), *([] if picture is None else [picture.to_html()]), layer_table(found)]
    return Section("memory", "Reach of the gradient", join(parts))
