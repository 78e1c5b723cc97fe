from __future__ import annotations

import io
import json
import sys

import pytest

from nurt.cli import console


def test_signs_an_encoding_lacks_are_spelt(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", newline=""))
    console.prepare()
    console.line("−0.5 … 1 × ± “x” ż")
    sys.stdout.flush()
    assert raw.getvalue().decode() == '-0.5 ... 1 x +- "x" ?\n'


def test_signs_an_encoding_has_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8", newline=""))
    console.prepare()
    console.line("−0.5 żółć")
    sys.stdout.flush()
    assert raw.getvalue().decode() == "−0.5 żółć\n"


def test_text_in_brackets_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    console.line("[bold]file[/bold] :smile: [/nonsense]")
    console.table(["[red]a[/red]"], [["[b]"]])
    console.panel("[x]", "[y]", "good", ["[z]"])
    console.complain("[/w]")
    out, err = capsys.readouterr()
    for text in ("[bold]file[/bold] :smile: [/nonsense]", "[red]a[/red]", "[b]", "[x]", "[y]", "[z]"):
        assert text in out
    assert err == "nurt: error: [/w]\n"


def test_a_complaint_is_never_wrapped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    command = "  nurt forecast " + "a-long-name.csv " * 20
    console.complain(command)
    assert command.rstrip() in capsys.readouterr().err


def test_numbers_stand_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    console.table(["name", "value"], [["x", "1.0"], ["long name", "100.0"]], words=(0,), strong_rows=(1,))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert {len(line) for line in lines if line.endswith(".0")} == {len(lines[0])}


def test_a_narrow_table_breaks_titles_and_words_but_no_number(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "48")
    titles = ["shape", "largest difference", "off through all steps"]
    console.table(titles, [["many-to-many, encoder–decoder", "−3.636597·10⁹", "1.3·10⁻¹⁵"]], words=(0,))
    out = capsys.readouterr().out
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 48
    for whole in ("−3.636597·10⁹", "1.3·10⁻¹⁵", "encoder–decoder", "difference", "through"):
        assert whole in out


def test_a_table_too_wide_for_the_window_runs_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    cells = [f"{index}23456789.5" for index in range(1, 6)]
    console.table(["a", "b", "c", "d", "e"], [cells])
    out = capsys.readouterr().out
    assert all(cell in out for cell in cells)


def test_json_for_programs_is_one_line_without_nan(capsys: pytest.CaptureFixture[str]) -> None:
    console.emit_json({"name": "Kraków", "value": 1.5})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"name": "Kraków", "value": 1.5}
    with pytest.raises(ValueError, match="not JSON compliant"):
        console.emit_json({"value": float("nan")})
    assert capsys.readouterr().out == ""
