"""`nurt examine`: look into the network of a model file, and show what was found on a terminal of 80 columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurt.cli import console, options
from nurt.cli.faults import answering
from nurt.cli.options import Reading, place, whole, with_options
from nurt.cli.progress import Progress
from nurt.wording import MISSING, count, percent

if TYPE_CHECKING:
    from nurt.diagnostics.examination.examining import Examination
    from nurt.diagnostics.examination.layer_findings import LayerFindings
    from nurt.tasks.forecasting.reuse import ExamineRun

__all__ = ["EXAMPLE", "HELP", "NAME", "examine", "show_examination"]

NAME = "examine"
HELP = (
    "Look into the network of a model file: how far its gradients and its memory reach, on windows of the data.\n\n"
    "Nothing is trained, nothing is random. The data need at least one window with its target."
)
EXAMPLE = "Example: nurt examine nurt-out/model.safetensors rates.csv --target 1USD --out nurt-out"
REPORT = "examination.html"


@with_options(reading=Reading)
def examine(
    context: typer.Context,
    model: options.ModelFile,
    reading: Reading,
    rows: Annotated[int, whole("--rows", "Windows to look at, spread evenly over the data.", "Examination")] = 8,
    threads: options.ThreadsOption = 1,
    out: Annotated[Path | None, place("--out", "FOLDER", "Write an HTML report with all figures there.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    with answering(context):
        from nurt.kernels import threads as computing

        # Results compute what they show when they are asked for it.
        with computing(threads):
            run = _examined(reading, model, rows, out)
            if as_json:
                console.emit_json(run.to_dict())
            else:
                show_examination(run)


def _examined(reading: Reading, model: Path, rows: int, out: Path | None) -> ExamineRun:
    with Progress() as progress:
        import dataclasses

        from nurt.diagnostics.examination.layer_findings import Scope
        from nurt.tasks.forecasting.reuse import run_examine

        selection = reading.selection()
        progress.phase("examining")
        run = run_examine(model, selection, Scope(rows=rows))
        if out is None:
            return run
        from nurt.reports import write_examination_report

        progress.phase("writing")
        run = dataclasses.replace(run, report=str(out / REPORT))
        write_examination_report(run, out / REPORT)
        return run


def show_examination(run: ExamineRun) -> None:
    """Print the result of `nurt examine`."""
    found = run.examination
    console.line(run.target, strong=True)
    model = run.model
    shape = f"{model.name}, {model.layers} × {model.hidden} units, reads {model.look_back}, forecasts {model.horizon}"
    looked = f"{found.rows} windows of {count(run.observations)} observations, {run.first} to {run.last}"
    console.facts([("model", shape), ("looked at", looked)])
    if notes := [*run.notes, *(note.en for note in found.notes)]:
        console.gap()
        console.facts([("·", note) for note in notes])
    console.gap()
    console.table(
        ["layer", "gradient", "half-life", "gates", "σ_max", "Lyapunov"],
        [_row(one) for one in found.layers],
        words=(0,),
    )
    console.line("Gradient: the lag after which it stays below "
                 f"{_threshold(found)} of its maximum. Half-life: median and 95 % quantile of the units, in steps. "
                 "Gates: share of saturated places. σ_max: median of the step Jacobians. Lyapunov: the largest "
                 "exponent, nats per step.", quiet=True)  # fmt: skip
    console.gap()
    warned = any(one.level == "warning" for one in found.advice)
    first, *others = [one.text.en for one in found.advice] or [found.headline.en]
    console.panel("At these weights, on these windows", first, "doubtful" if warned else "good", others)
    console.gap()
    console.line(f"Written to {run.report}" if run.report else "--out FOLDER writes a report with every figure.")


def _row(layer: LayerFindings) -> list[str]:
    import numpy as np

    gradient = layer.gradient
    half = MISSING
    if layer.memory is not None:
        median, high = np.quantile(layer.memory.half_life, [0.5, 0.95])
        half = f"{median:.3g} / {high:.3g}"
    gates = MISSING
    if layer.gates is not None and layer.gates.gates:
        gates = percent(float(np.mean([one.left + one.right for one in layer.gates.gates.values()])), 0)
    return [
        f"{layer.id.layer}, {layer.id.direction}",
        MISSING if gradient is None else "all" if gradient.horizon is None else str(gradient.horizon),
        half,
        gates,
        MISSING if layer.jacobians is None else f"{float(layer.jacobians.largest.nanmedian()):.3f}",
        MISSING if layer.lyapunov is None else f"{layer.lyapunov.largest:+.3f}".replace("-", "−"),
    ]


def _threshold(found: Examination) -> str:
    known = next((one.gradient.threshold for one in found.layers if one.gradient is not None), 0.01)
    return percent(known, 0)
