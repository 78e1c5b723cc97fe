"""Figures as files: every number in full, under a heading a person and a spreadsheet can read."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt import plotting
from nurt.errors import NurtValueError, OutputError, UnavailableError
from nurt.reports.export import export_figures, figure_csv, file_name, write_figure


def table(figure: go.Figure, **words: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(figure_csv(figure, **words), newline="")))


def lines(*names: str, x: object = (0, 1, 2)) -> go.Figure:
    figure = plotting.new_figure("", "step", "loss")
    for index, name in enumerate(names):
        figure.add_scatter(x=x, y=np.array([0.1, 1 / 3, np.nan]) + index, name=name)
    return figure


def test_lines_over_the_same_places_stand_side_by_side() -> None:
    assert table(lines("training", "validation")) == [
        ["step", "training – loss", "validation – loss"],
        ["0", "0.1", "1.1"],
        ["1", "0.3333333333333333", "1.3333333333333333"],
        ["2", "", ""],
    ]


def test_lines_over_different_places_stand_one_below_the_other() -> None:
    figure = lines("a")
    figure.add_scatter(x=[5.5], y=[7], name="b")
    assert table(figure, series="seria") == [
        ["seria", "step", "loss"],
        ["a", "0", "0.1"],
        ["a", "1", "0.3333333333333333"],
        ["a", "2", ""],
        ["b", "5.5", "7"],
    ]


def test_lines_of_one_name_are_not_mixed_up() -> None:
    assert [row[0] for row in table(lines("a", "a"))] == ["trace"] + ["a"] * 6


def test_a_single_trace_needs_no_name() -> None:
    assert table(lines("a"))[0] == ["step", "loss"]


def test_a_line_in_a_casing_is_written_once() -> None:
    figure = lines("a")
    figure.add_scatter(x=(0, 1, 2), y=figure.data[0].y, name="a", line={"width": 9})
    assert len(table(figure)) == 4


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_read_back_bit_for_bit(values: list[float]) -> None:
    figure = plotting.new_figure("", "", "")
    figure.add_scatter(y=values)
    header, *rows = table(figure)
    assert header == ["x", "y"]
    assert [float(y) for _, y in rows] == values
    assert [x for x, _ in rows] == [str(place) for place in range(len(values))]


def test_a_map_has_a_row_per_cell_and_the_values_behind_its_logarithms() -> None:
    x, y = np.array([0.5, 1.5, 2.5]), np.array([-1.0, 4.0])
    values = np.array([[1.0, 1e-30, 3.5], [np.nan, 7e8, 0.125]])
    figure = plotting.new_figure("", "w<sub>x</sub>", "")
    figure.add_heatmap(
        x=x, y=y, z=np.log10(values), colorbar={"title": {"text": "loss ℓ"}}, meta=plotting.along(z="log10")
    )
    header, *rows = table(figure)
    assert header == ["w_x", "y", "loss ℓ"]
    assert [(float(a), float(b)) for a, b, _ in rows] == [(a, b) for b in y for a in x]
    found = [float(cell) if cell else np.nan for _, _, cell in rows]
    np.testing.assert_allclose(found, values.ravel(), rtol=1e-13)


def test_a_map_without_a_scale_is_written_as_it_is_drawn() -> None:
    figure = plotting.new_figure("", "", "")
    plotting.add_log_map(figure, np.array([[1.0, 100.0]]), "log₁₀ ‖J‖")
    assert table(figure) == [["x", "y", "log₁₀ ‖J‖"], ["0", "0", "0.0"], ["1", "0", "2.0"]]


def test_edges_of_cells_become_their_middles() -> None:
    figure = go.Figure(go.Heatmap(x=[0.0, 1.0, 3.0], y=[7], z=[[5, 6]]))
    assert table(figure) == [["x", "y", "z"], ["0.5", "7", "5"], ["2.0", "7", "6"]]


def test_a_surface_takes_its_titles_from_its_scene() -> None:
    figure = go.Figure(go.Surface(x=[1, 2], y=[3], z=[[0.5, 0.25]]))
    figure.update_layout(scene={"xaxis": {"title": {"text": "w"}}, "zaxis": {"title": {"text": "loss"}}})
    assert table(figure) == [["w", "y", "loss"], ["1", "3", "0.5"], ["2", "3", "0.25"]]


def test_an_axis_of_both_signs_is_written_as_its_values() -> None:
    values = np.array([-120.0, -0.001, 0.0, 3.5e6])
    drawn = np.sign(values) * np.log10(1.0 + np.abs(values) / 0.01)
    figure = plotting.new_figure("", "k", "G")
    figure.add_scatter(x=[1, 2, 3, 4], y=drawn, meta=plotting.along(y=0.01))
    np.testing.assert_allclose([float(row[1]) for row in table(figure)[1:]], values, rtol=1e-12)


def test_error_bars_have_columns_of_their_own() -> None:
    figure = plotting.new_figure("", "skill", "")
    bars = {"type": "data", "array": [0.5, 0.25], "arrayminus": [1.0, 2.0]}
    figure.add_scatter(x=[3.0, 4.0], y=["naive", "drift"], error_x=bars)
    assert table(figure) == [
        ["skill", "skill, +", "skill, −", "y"], ["3.0", "0.5", "1.0", "naive"], ["4.0", "0.25", "2.0", "drift"],
    ]  # fmt: skip


def test_an_even_error_bar_is_as_long_below() -> None:
    figure = plotting.new_figure("", "a", "b")
    figure.add_scatter(x=[3.0], y=[1], error_y={"type": "data", "array": [0.5]})
    assert table(figure)[1] == ["3.0", "1", "0.5", "0.5"]


def test_titles_that_differ_give_way_to_the_letter_of_the_axis() -> None:
    figure = plotting.new_figure("", "step", "loss")
    figure.update_layout(yaxis2={"title": {"text": "norm"}, "overlaying": "y"})
    figure.add_scatter(x=[1], y=[2], name="a")
    figure.add_scatter(x=[3], y=[4], name="b", yaxis="y2")
    assert table(figure)[0] == ["trace", "step", "y"]
    figure.data[1].x = [1]
    assert table(figure)[0] == ["step", "a – loss", "b – norm"]


@pytest.mark.parametrize("name", ["=SUM(A1)", "+1", "-1", "@x", "\t=1", "\r-x"])
def test_a_name_is_no_formula(name: str) -> None:
    figure = lines("a", x=(0, 1))
    figure.add_scatter(x=["=1+1"], y=[2], name=name)
    last = table(figure)[-1]
    assert last[0].startswith("'") and last[1] == "'=1+1"


@pytest.mark.parametrize("name", ["naive", "'quoted'", "x=1", "−1"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert table(lines(name, "other"))[0][1] == f"{name} – loss"


def test_names_lose_tags_and_keep_signs_quotes_and_commas() -> None:
    name = '‖W<sup>k</sup>‖, "h<sub>t</sub>"<br>&lt;b&gt; żółć'
    assert table(lines(name, "other"))[0][1] == '‖W^k‖, "h_t" <b> żółć – loss'


def test_dates_and_times_are_written_as_they_are() -> None:
    figure = lines("a", x=np.array(["2024-03-01", "2024-03-02", "2024-03-03"], dtype="datetime64[D]"))
    assert [row[0][:10] for row in table(figure)[1:]] == ["2024-03-01", "2024-03-02", "2024-03-03"]


def test_points_without_a_partner_are_left_out() -> None:
    assert len(table(lines("a", x=(0, 1)))) == len(table(lines("a", "b", x=(0, 1)))) == 3


def test_a_decoration_is_left_out_and_nothing_else() -> None:
    figure = lines("a")
    before = table(figure)
    figure.add_scatter(x=[9], y=[9], name="lifted", meta=plotting.DECORATION)
    assert table(figure) == before
    figure.add_scatter(x=[9], y=[9], name="own", meta={"decoration": False})
    assert len(table(figure)) == len(before) + 1


def test_a_figure_without_numbers_is_a_heading() -> None:
    assert figure_csv(plotting.new_figure("", "", "")).strip() == ""


def test_figures_are_written_under_number_and_title(tmp_path: Path) -> None:
    figures = [("Norm of W<sub>hh</sub>", lines("a")), ("Zanikający gradient: żółć/Łódź", lines("b"))]
    paths = export_figures(figures, tmp_path / "new")
    assert [path.name for path in paths] == ["01-norm-of-w-hh.csv", "02-zanikajacy-gradient-zolc-lodz.csv"]
    assert paths[0].read_text(encoding="utf-8") == figure_csv(figures[0][1])


@pytest.mark.parametrize("title", ["", "żż☃☃", "../../etc/passwd", "a\0b", "x" * 300])
def test_a_title_never_leaves_the_folder(title: str) -> None:
    name = file_name(title)
    assert name and name.isascii() and len(name) <= 60
    assert not set(name) & set("/\\.\0 ")


@pytest.mark.parametrize("name", ["a.txt", "a", "a.csv.gz"])
def test_an_ending_that_says_nothing_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(NurtValueError, match=r"\.csv, \.svg, \.png"):
        write_figure(lines("a"), tmp_path / name)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        write_figure(lines("a"), tmp_path / "file" / "a.csv")


@pytest.mark.parametrize(
    "error", [ValueError("no kaleido,\nInstall it"), RuntimeError("no Chrome", "at all"), ImportError()]
)
def test_a_drawing_that_nothing_can_draw_names_the_cure(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def to_image(*_: object, **__: object) -> bytes:
        raise error

    monkeypatch.setattr(plotly.io, "to_image", to_image)
    with pytest.raises(UnavailableError, match="pip install kaleido") as caught:
        write_figure(lines("a"), tmp_path / "a.svg")
    assert any(f"SVG: {told}." in str(caught.value) for told in ("no kaleido", "no Chrome", "ImportError"))
    assert not list(tmp_path.iterdir())


def test_a_drawing_is_what_plotly_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotly.io, "to_image", lambda figure, format: f"{format} {len(figure.data)}".encode())
    assert write_figure(lines("a", "b"), tmp_path / "A.SVG").read_text() == "svg 2"
