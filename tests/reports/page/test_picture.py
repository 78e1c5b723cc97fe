"""A figure on a page: its numbers as they are, and gaps where an axis has no place for them."""

from __future__ import annotations

import base64
import json
import re
import string
import zlib
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from nurt import plotting
from nurt.reports.page.packing import SIGNS
from nurt.reports.page.picture import FORMATS, Picture


def drawn(values: list[float], kind: str, *, axis: str = "y") -> np.ndarray:
    figure = plotting.new_figure("", "", "")
    figure.add_scatter(x=[1, 2, 3], y=np.array(values), yaxis=axis)
    figure.update_layout({f"yaxis{axis[1:]}": {"type": kind}})
    page = Picture("title", "description", "how", [figure]).to_html()
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', page)
    (drawing,) = json.loads(text)
    found = drawing["data"][0]["y"]
    return np.frombuffer(base64.b64decode(found["bdata"]), dtype=found["dtype"])


@pytest.mark.parametrize("axis", ["y", "y2"])
def test_a_line_has_a_gap_where_a_logarithmic_axis_has_no_place(axis: str) -> None:
    np.testing.assert_array_equal(drawn([0.1, 0.0, -2.0], "log", axis=axis), [0.1, np.nan, np.nan])


def test_zeros_stay_on_a_linear_axis() -> None:
    np.testing.assert_array_equal(drawn([0.1, 0.0, -2.0], "linear"), [0.1, 0.0, -2.0])


TO_BASE85 = str.maketrans(
    SIGNS, string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~"
)


def inflated(text: str) -> bytes:
    return zlib.decompress(base64.b85decode(text.translate(TO_BASE85)))


def data_of(figure: go.Figure) -> list[dict[str, Any]]:
    """Return the traces of a figure as its page has them."""
    page = Picture("title", "description", "how", [figure]).to_html()
    ((kind, text),) = re.findall(r'<script type="([^"]*)">(.*?)</script>', page, re.DOTALL)
    ((drawing),) = json.loads(text if kind == "application/json" else inflated(text))
    return drawing["data"]


def test_a_large_map_is_packed_and_a_small_one_is_not() -> None:
    for size, packed in ((11, False), (41, True)):
        heights = np.sin(np.arange(size * size) / 7.0).reshape(size, size)
        (trace,) = data_of(go.Figure(go.Heatmap(z=heights)))
        assert ("packed" in trace["z"]) == packed
        if packed:
            assert trace["z"]["shape"] == [size, size]


def test_numbers_that_lie_too_close_together_keep_all_their_digits() -> None:
    values = 1e6 + np.linspace(0.0, 1.0, 1500)
    (trace,) = data_of(go.Figure(go.Scatter(y=values)))
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(trace["y"]["bdata"])), values)


def test_places_that_several_lines_share_are_written_once() -> None:
    x, other = np.linspace(0.0, 1.0, 50), np.linspace(0.0, 2.0, 50)
    figure = go.Figure([go.Scatter(x=x, y=x + 1), go.Scatter(x=x, y=x + 2), go.Scatter(x=other, y=x)])
    first, second, third = data_of(figure)
    assert second["x"] == {"same": [0, "x"]}
    assert third["y"] == {"same": [0, "x"]}
    assert "bdata" in first["x"] and "bdata" in second["y"] and "bdata" in third["x"]


def test_a_long_figure_is_packed_as_a_whole_and_comes_out_the_same() -> None:
    names = [f"<b> & {index} ż" for index in range(3000)]
    figure = go.Figure(go.Scatter(x=names, y=[1, 2, 3]))
    assert data_of(figure)[0]["x"] == names
    assert len(Picture("t", "d", "h", [figure]).to_html()) < len(json.dumps(names)) / 2


def test_every_figure_has_a_button_for_every_format_hidden_until_it_works() -> None:
    page = Picture("t", "d", "h", [go.Figure()]).to_html()
    assert re.findall(r'data-format="(\w+)"', page) == list(FORMATS)
    assert '<p class="export" hidden>' in page


def test_powers_and_names_of_colours_are_as_large_as_other_labels() -> None:
    figure = plotting.new_figure("", "", "")
    figure.add_heatmap(z=[[1, 2]], colorbar={"title": {"text": "loss"}})
    figure.update_yaxes(type="log", exponentformat="power")
    Picture("t", "d", "h", [figure]).to_html()
    assert figure.data[0].colorbar.title.font.size == 13
    assert figure.layout.yaxis.tickfont.size == pytest.approx(13 / 1.25)
    assert figure.layout.xaxis.tickfont.size is None
