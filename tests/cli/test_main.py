from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nurt.cli.main import app

# typer itself brings pydantic as soon as a command has options.
HEAVY = ("torch", "polars", "plotly", "scipy", "numpy", "narwhals", "safetensors")
COMMANDS = ("demo", "forecast", "predict", "backtest", "bench", "experiment", "info")


def nurt(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own."""
    code = "from nurt.cli.main import run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"COLUMNS": "80"} | environment,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["forecast", "--help"], ["--version"]])
def test_asking_for_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys, json\n"
        "from nurt.cli.main import app\n"
        f"try: app({arguments!r})\n"
        f"except SystemExit: print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr.splitlines()[-1]) == []


def test_help_answers_at_once() -> None:
    """Best of several starts, beside the best bare interpreter, so that a busy machine does not decide."""

    def seconds(code: str) -> float:
        # User and system time of the child: what the program costs, not what it waits for.
        before = os.times()
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        after = os.times()
        return (after.children_user - before.children_user) + (after.children_system - before.children_system)

    helping = "import sys; sys.argv = ['nurt', '--help']; from nurt.cli.main import run; run()"
    assert min(seconds(helping) for _ in range(3)) < 0.5


@pytest.mark.parametrize("arguments", [["--help"], ["forecast", "--help"], ["--version"], ["info"], ["info", "--json"]])
def test_an_output_that_takes_nothing_is_told_without_a_traceback(arguments: list[str]) -> None:
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("this system has no device that is always full")
    code = "from nurt.cli.main import run; run()"
    with full.open("w") as output:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], stdout=output, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith("nurt: error: The disk is full")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
@pytest.mark.parametrize("arguments", ["--version", "info", "info --json"])
def test_without_any_output_nothing_fails(arguments: str, closed: str) -> None:
    code = "from nurt.cli.main import run; run()"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} {arguments} {closed}"
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_is_listed() -> None:
    text = CliRunner().invoke(app, ["--help"]).stdout
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: nurt {command}" in " ".join(result.stdout.split())
    assert "--json" in result.stdout


@pytest.mark.parametrize("command", ["forecast", "predict", "backtest", "bench", "experiment"])
def test_commands_that_compute_take_threads(command: str) -> None:
    assert "--threads" in CliRunner().invoke(app, [command, "--help"]).stdout


def test_help_fits_a_terminal_of_80_columns() -> None:
    lines = nurt("forecast", "--help").stdout.splitlines()
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["forecast"],
        ["forecast", "x.csv", "--nonsense"],
        ["forecast", "x.csv", "--horizon", "-1"],
        ["forecast", "x.csv", "--horizon", "0"],
        ["forecast", "x.csv", "--look-back", "many"],
        ["forecast", "x.csv", "--cell", "transformer"],
        ["forecast", "x.csv", "--recipe", "sine"],
        ["forecast", "x.csv", "--dropout", "1"],
        ["forecast", "x.csv", "--dropout", "nan"],
        ["forecast", "x.csv", "--test", "-0.1"],
        ["forecast", "x.csv", "--learning-rate", "0"],
        ["forecast", "x.csv", "--learning-rate", "nan"],
        ["forecast", "x.csv", "--learning-rate", "inf"],
        ["forecast", "x.csv", "--seed", "-1"],
        ["forecast", "x.csv", "--threads", "0"],
        ["forecast", "x.csv", "--on-duplicate", "guess"],
        ["forecast", "x.csv", "--format", "xml"],
        ["predict", "m.safetensors"],
        ["backtest", "m.safetensors", "x.csv", "--windows", "0"],
        ["demo", "--seeds", "1"],
        ["info", "a", "b"],
    ],
)
def test_wrong_usage_ends_with_2_and_says_so_on_standard_error(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage" in result.stderr


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert nurt("--version").stdout == f"nurt {version('nurt')}\n"


def test_without_a_command_the_help_is_shown() -> None:
    done = nurt()
    assert done.returncode == 2
    assert "forecast" in done.stdout + done.stderr


def test_a_missing_file_is_one_message_without_a_traceback() -> None:
    done = nurt("forecast", "no-such-file.csv", "--target", "x", "--json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("nurt: error: no-such-file.csv: there is no such file.")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_the_terminal_prints(encoding: str) -> None:
    done = nurt("info", PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert done.stderr == ""


def test_no_colour_where_nobody_wants_it() -> None:
    assert "\x1b[" not in nurt("info", NO_COLOR="1", FORCE_COLOR="").stdout
    assert "\x1b[" not in nurt("--help", NO_COLOR="1").stdout
