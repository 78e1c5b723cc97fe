from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from nurt import plotting


def test_a_new_figure_carries_its_titles() -> None:
    figure = plotting.new_figure("Title", "steps", "error")
    assert figure.layout.title.text == "Title"
    assert figure.layout.xaxis.title.text == "steps"
    assert figure.layout.yaxis.title.text == "error"


def test_importing_the_style_does_not_import_plotly() -> None:
    code = "import sys, nurt.plotting; print('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_model_stands_out_from_every_other_line() -> None:
    line = plotting.MODEL_LINE.to_plotly()
    assert line["color"] == plotting.MODEL
    assert line["width"] > plotting.OTHER_LINE.width


def test_a_line_without_a_style_of_its_own_is_drawn_as_a_reference() -> None:
    assert plotting.OTHER_LINE.to_plotly()["color"] == plotting.REFERENCE


def test_translucent_keeps_the_colour() -> None:
    assert plotting.translucent("#0072B2", 0.5) == "rgba(0,114,178,0.5)"


@pytest.mark.parametrize(
    ("smallest", "largest", "dtick"), [(0.2, 0.9, "D2"), (1e-3, 1.0, 1), (1e-16, 1.0, 2), (1e-30, 1e30, 8)]
)
def test_a_logarithmic_axis_has_few_labels(smallest: float, largest: float, dtick: int | str) -> None:
    figure = plotting.new_figure("", "", "")
    figure.add_scatter(y=[smallest, 0.0, None])
    figure.add_scatter(y=[float("nan"), largest])
    plotting.log_axis(figure)
    assert (figure.layout.yaxis.type, figure.layout.yaxis.dtick) == ("log", dtick)


def test_a_logarithmic_axis_of_nothing_is_drawn_too() -> None:
    figure = plotting.new_figure("", "", "")
    figure.add_scatter(y=[0.0])
    plotting.log_axis(figure)
    assert figure.layout.yaxis.type == "log"


def test_one_dark_point_does_not_take_all_colours() -> None:
    heights = np.linspace(0.0, 1.0, 1600)
    heights[0] = -35.0
    low, high = plotting.colour_range(heights)
    assert low > -1.0
    assert high == 1.0


@pytest.mark.parametrize("value", [np.nan, 3.0])
def test_the_colours_of_nothing_and_of_one_value_are_a_range(value: float) -> None:
    low, high = plotting.colour_range(np.full((2, 3), value))
    assert low < high


def test_a_log_map_leaves_zeros_empty_and_begins_at_the_top() -> None:
    figure = plotting.new_figure("", "", "")
    plotting.add_log_map(figure, np.array([[1.0, 0.0], [100.0, 0.1]]), "log₁₀", np.array([3, 4]))
    (drawn,) = figure.data
    np.testing.assert_allclose(drawn.z, [[0.0, np.nan], [2.0, -1.0]])
    assert list(drawn.x) == list(drawn.y) == [3, 4]
    assert figure.layout.yaxis.autorange == "reversed"


def test_signs_and_dashes_stay_apart_until_they_come_again() -> None:
    for choice in (plotting.symbol, plotting.dash):
        assert len({choice(index) for index in range(6)}) == 6
        assert choice(6) == choice(0)
    assert plotting.marker(1)["symbol"] == plotting.symbol(1)
    assert plotting.marker(1)["color"] == plotting.PALETTE[1]
