"""Run the shown programs and commands in full and keep what they print in `docs/output/`, for the pages.

Run it after a change of an example or of what a command prints: `python docs/hooks/outputs.py [NAME ...]`. Digits may
differ a little between machines; what the tests compare are words.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "docs" / "output"
WIDTH = 88
# Run in this order in one folder: later commands use what earlier ones wrote.
COMMANDS = {
    "nurt_forecast": "forecast load.csv --target load --look-back 168 --horizon 24",
    "nurt_predict": "predict nurt-out/model.safetensors load.csv --target load",
    "nurt_backtest": "backtest nurt-out/model.safetensors load.csv --target load --windows 100",
    "nurt_missing_column": "forecast load.csv --target lod",
    "nurt_demo": "demo",
}


def main(wanted: list[str]) -> None:
    """Write the output of the programs and commands in ``wanted``, of all of them when it is empty."""
    folder = Path(tempfile.mkdtemp())
    runs = {path.stem: [sys.executable, str(path)] for path in sorted((ROOT / "examples").glob("*.py"))}
    runs |= {name: [sys.executable, "-m", "nurt", *words.split()] for name, words in COMMANDS.items()}
    OUTPUT.mkdir(exist_ok=True)
    for name, command in runs.items():
        if wanted and name not in wanted:
            continue
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, env=os.environ | {"COLUMNS": "80"}, check=False
        )
        printed = done.stdout or done.stderr
        lines = [part for line in printed.replace(str(folder), ".").splitlines() for part in _wrapped(line)]
        (OUTPUT / f"{name}.txt").write_text("\n".join(lines).strip("\n") + "\n", encoding="utf-8")


def _wrapped(line: str) -> list[str]:
    """Return a line as a terminal of that width shows it, broken between words."""
    if len(line) <= WIDTH:
        return [line.rstrip()]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    main(sys.argv[1:])
