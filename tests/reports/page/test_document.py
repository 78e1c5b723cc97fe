"""A figure on a page: its numbers as they are, and gaps where an axis has no place for them."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

from nurt import plotting
from nurt.reports.page.document import Picture


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
