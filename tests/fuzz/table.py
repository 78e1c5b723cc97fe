"""The table of ``docs/fuzzing.md``, made from the results that are kept in ``tests/fuzz/results``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fuzz.running import ROOT, WRONG

__all__ = ["PAGE", "RESULTS", "table", "write_table"]

RESULTS = ROOT / "tests" / "fuzz" / "results"
PAGE = ROOT / "docs" / "fuzzing.md"
BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->\n"
HEAD = """\
| campaign | tried | cases | wrong | outcomes | date, seed |
|---|---|---:|---:|---|---|
"""


def table(folder: Path) -> str:
    """Return the table of the results in ``folder``."""
    rows = []
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        outcomes = result["outcomes"]
        wrong = sum(outcomes.get(kind, 0) for kind in WRONG)
        name = result["name"] + (", sanitized" if result["sanitized"] else "")
        counted = ", ".join(f"{_grouped(count)} {outcome}" for outcome, count in outcomes.items())
        cells = (name, result["title"], _grouped(result["cases"]), str(wrong), counted)
        rows.append(f"| {' | '.join(cells)} | {result['date']}, {result['seed']} |\n")
    return HEAD + "".join(rows)


def write_table() -> None:
    """Put the table of the kept results into the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + "\n" + table(RESULTS) + "\n" + END + after, encoding="utf-8")


def _grouped(count: int) -> str:
    return f"{count:,}".replace(",", " ")
