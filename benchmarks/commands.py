"""How long the commands take: median and spread of whole processes, written to ``benchmarks/results/commands.json``.

Run on a quiet machine: ``make bench``. The exchange-rate case needs the real data (``NURT_DATA``) and is left out
where they are absent. ``import torch`` alone is timed beside the commands, because no command that computes can be
faster than that.
"""

from __future__ import annotations

import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nurt.environment import machine, versions

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("NURT_DATA", HERE.parents[1] / "shared" / "data"))
WARM_UP = 1


def _cases(folder: Path) -> dict[str, tuple[list[str], int]]:
    """Return name → (arguments of python, repetitions)."""
    nurt = ["-m", "nurt"]
    cases = {
        "import torch": (["-c", "import torch"], 5),
        "import nurt": (["-c", "import nurt"], 9),
        "nurt --help": ([*nurt, "--help"], 9),
        "nurt forecast --help": ([*nurt, "forecast", "--help"], 9),
        "nurt demo": ([*nurt, "demo", "--out", str(folder / "demo")], 3),
    }
    rates = sorted(map(str, DATA.glob("nbp/archiwum_tab_a_*.csv")))
    if rates:
        forecast = [*nurt, "forecast", *rates, "--target", "1USD", "--json"]
        cases["nurt forecast USD/PLN"] = ([*forecast, "--out", str(folder / "default")], 3)
        cases["nurt forecast USD/PLN --recipe course"] = (
            [*forecast, "--recipe", "course", "--out", str(folder / "course")],
            3,
        )
    return cases


def _seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Time every case and keep the result."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (arguments, repetitions) in _cases(Path(folder)).items():
            times = [_seconds(arguments) for _ in range(WARM_UP + repetitions)][WARM_UP:]
            middle, low, high = statistics.median(times), min(times), max(times)
            found[name] = {"median": middle, "low": low, "high": high, "runs": len(times)}
            print(f"{name:40s} {middle:7.2f} s   ({low:.2f} … {high:.2f}, {len(times)} runs)")
    document = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "unit": "seconds",
        "cases": found,
    }
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "commands.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
