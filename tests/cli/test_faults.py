from __future__ import annotations

import errno
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner, Result

from nurt.cli.faults import ARGUMENTS, answering, blaming
from nurt.errors import DataError, MissingExtraError, ModelFileError, NonFiniteError, OutputError


def answer(fault: BaseException, *arguments: str, kept: Path | None = None) -> Result:
    """Let a command fail with ``fault`` and return how it ended."""
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def command(context: typer.Context) -> None:
        context.meta[ARGUMENTS] = arguments
        with answering(context, lambda: kept):
            raise fault

    return CliRunner().invoke(app, [])


@pytest.mark.parametrize(
    "fault",
    [
        DataError("rates.csv, line 7: no number.", got="'x'", cure="Correct it."),
        OutputError("Cannot write out: the disk is full.", cure="Free some space."),
        MissingExtraError("An Excel workbook needs more.", cure="pip install 'nurt[excel]'"),
        NonFiniteError("The loss became NaN at epoch 3.", record={"epoch": 3}),
    ],
)
def test_errors_of_nurt_are_told_in_their_own_words(fault: Exception) -> None:
    result = answer(fault)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == f"nurt: error: {fault}\n"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file", "a.csv"), "There is no file or folder a.csv."),
        (PermissionError(errno.EACCES, "Permission denied", "a.csv"), "You may not use a.csv."),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "a"), "a is a folder."),
        (OSError(errno.ENOSPC, "No space left on device", "a"), "The disk is full: a could not be written."),
        (OSError(errno.EIO, "Input/output error", "a"), "a: Input/output error."),
        (OSError("socket gone"), "the file: socket gone."),
        (MemoryError(), "There is not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "There is not enough memory"),
    ],
)
def test_faults_of_the_machine_are_told_without_a_traceback(fault: Exception, words: str) -> None:
    result = answer(fault)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert "fault of nurt" not in result.stderr


def test_a_fault_of_ours_asks_to_be_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NURT_DEBUG", raising=False)
    result = answer(TypeError("unsupported operand"))
    assert result.exit_code == 1
    assert "A fault of nurt itself" in result.stderr
    assert "TypeError: unsupported operand" in result.stderr
    assert "NURT_DEBUG=1" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_traceback_is_there_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NURT_DEBUG", "1")
    result = answer(TypeError("unsupported operand"))
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert result.stdout == ""


def test_an_interruption_that_kept_something_names_the_command_that_goes_on() -> None:
    result = answer(KeyboardInterrupt(), "forecast", "my rates.csv", "--target", "1USD", kept=Path("out"))
    assert result.exit_code == 130
    assert result.stdout == ""
    assert "kept in out" in result.stderr
    assert result.stderr.splitlines()[-1] == "  nurt forecast 'my rates.csv' --target 1USD --resume"


def test_an_interruption_in_words_of_its_own_keeps_them() -> None:
    result = answer(KeyboardInterrupt("Interrupted after 7 epochs."), "forecast", "a.csv", "--resume")
    assert "Interrupted after 7 epochs." in result.stderr
    assert result.stderr.splitlines()[-1] == "  nurt forecast a.csv --resume"


def test_the_resuming_option_stands_before_bare_arguments() -> None:
    result = answer(KeyboardInterrupt(), "forecast", "--", "-odd-.csv", kept=Path("out"))
    assert result.stderr.splitlines()[-1] == "  nurt forecast --resume -- -odd-.csv"


def test_an_interruption_that_kept_nothing_says_so() -> None:
    result = answer(KeyboardInterrupt(), "demo")
    assert result.exit_code == 130
    assert "nothing was kept" in result.stderr
    assert "--resume" not in result.stderr


def test_wrong_usage_found_late_still_ends_with_2() -> None:
    assert answer(typer.BadParameter("no")).exit_code == 2
    assert answer(typer.Exit(3)).exit_code == 3


def test_a_reader_who_left_is_no_fault_worth_a_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        context = SimpleNamespace(meta={})
        with pytest.raises(typer.Exit) as caught, answering(context):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        assert caught.value.exit_code == 1
        output.write("lost")
    assert (tmp_path / "out").read_text() == ""


def test_an_error_about_a_series_names_the_file() -> None:
    error = DataError("Series 'y' is too short.", expected="7", got="2", cure="Give more data.")
    with pytest.raises(DataError) as caught, blaming(["a.csv", "b\x1b.csv"]):
        raise error
    assert str(caught.value) == "a.csv and 1 more: Series 'y' is too short.\nExpected 7; got 2.\nGive more data."
    with pytest.raises(DataError, match=r"^b\\x1b\.csv: Series"), blaming(["b\x1b.csv"]):
        raise error


@pytest.mark.parametrize(
    ("error", "files"),
    [
        (DataError("a.csv, line 7: no number."), ["a.csv"]),
        (ModelFileError("m.safetensors: damaged."), ["a.csv"]),
        (OutputError("Cannot write out."), ["a.csv"]),
        (DataError("Series 'y' is too short."), []),
    ],
)
def test_an_error_that_names_its_place_stays(error: Exception, files: list[str]) -> None:
    with pytest.raises(type(error)) as caught, blaming(files):
        raise error
    assert caught.value is error
