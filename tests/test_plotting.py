from __future__ import annotations

import subprocess
import sys

from nurt import plotting
from nurt.evaluation.baselines import BASELINES


def test_a_new_figure_carries_its_titles() -> None:
    figure = plotting.new_figure("Title", "steps", "error")
    assert figure.layout.title.text == "Title"
    assert figure.layout.xaxis.title.text == "steps"
    assert figure.layout.yaxis.title.text == "error"


def test_importing_the_style_does_not_import_plotly() -> None:
    code = "import sys, nurt.plotting; print('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_every_baseline_has_a_line_of_its_own() -> None:
    lines = [plotting.forecaster_line(name) for name in BASELINES]
    looks = [(line["color"], line["dash"]) for line in lines]
    assert len(set(looks)) == len(BASELINES)
    assert (plotting.MODEL, "solid") not in looks


def test_the_model_stands_out_whatever_it_is_called() -> None:
    line = plotting.forecaster_line("naive", model=True)
    assert line["color"] == plotting.MODEL
    assert line["width"] > max(plotting.forecaster_line(name)["width"] for name in BASELINES)


def test_an_unknown_forecaster_is_drawn_as_a_reference() -> None:
    assert plotting.forecaster_line("mine")["color"] == plotting.REFERENCE


def test_translucent_keeps_the_colour() -> None:
    assert plotting.translucent("#0072B2", 0.5) == "rgba(0,114,178,0.5)"
