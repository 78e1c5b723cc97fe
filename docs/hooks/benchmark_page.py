"""Write `docs/reference/benchmarks.md` and the table of the README from the results in `benchmarks/results/`.

Run it after `nurt bench --out benchmarks/results`: `python docs/hooks/benchmark_page.py`. A test compares both with
what this program makes of the results.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nurt.benchmarks import GROUPS, BenchmarkRun, CaseResult, ContenderResult
from nurt.wording import percent

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- speed: begin -->\n", "<!-- speed: end -->\n"

OPENING = """\
# How fast

`nurt bench` times nurt beside torch on your machine. This page is what it found on one:

{machine}

Contenders take turns in one process, each on the same weights and numbers. Every case is first compared with torch in
float64; one that is off by more than {limit} tells no time. To measure again, on a quiet machine:

```
nurt bench --out results
```

| column | meaning |
|---|---|
| case | sizes in the letters of the [legend](glossary.md) |
| nurt ms, other ms | median of a run in milliseconds, ± half the distance of the quartiles |
| ratio | how many times as long the other takes; below 1 nurt is slower |
| floor ms | what the machine needs for the same arithmetic or memory traffic alone, measured beside the case |
| share | the floor's time in that of nurt; it can pass 100 % where torch's matrix product is slow |
| errors | of nurt / of the other against float64, in units of the largest magnitude: results and all gradients |
"""
STOPPED = "\n\nThe run was stopped before its end; cases are missing."
BUSY = """

Other programs were busy on it when the run began: these times, above all those on several threads, say little."""
HEAD = """\
| case | threads | nurt ms | against | other ms | ratio | floor ms | share | errors |
|---|---|---|---|---|---|---|---|---|"""

SHOWN_IN_README = (
    ("padded", "lstm", 50),
    ("padded", "gru", 50),
    ("padded", "elman", 50),
    ("ragged", "lstm", 64),
    ("streaming", "lstm", 64),
)


def kernels() -> BenchmarkRun:
    """Return the committed result."""
    return BenchmarkRun.from_dict(json.loads((RESULTS / "kernels.json").read_text(encoding="utf-8")))


def commands() -> dict[str, Any]:
    """Return the committed times of the commands."""
    found: dict[str, Any] = json.loads((RESULTS / "commands.json").read_text(encoding="utf-8"))
    return found


def page(run: BenchmarkRun, times: dict[str, Any]) -> str:
    """Return the whole page."""
    parts = [OPENING.format(machine=_machine(run), limit=f"{run.limit:.0e}".replace("e-0", "e-"))]
    for name, group in GROUPS.items():
        cases = [case for case in run.cases if case.group == name]
        if cases:
            title = name.replace("-", " ").capitalize()
            rows = "\n".join(row for case in cases for row in _rows(case))
            parts.append(f"## {title}\n\n{_filled(group.compared)}\n\n{HEAD}\n{rows}\n\n{_filled(group.bound)}\n")
            parts += [_disturbed(cases)] if any(case.ours.disturbed for case in cases) else []
    return "\n".join([*parts, _slower(run), _commands(times)])


def table(run: BenchmarkRun) -> str:
    """Return the table of the README: some cases on the most threads that were used."""
    most = max(case.threads for case in run.cases)
    rows = [
        f"| {case.group}: {case.title} | {_milliseconds(case.ours)} | {peer.name.removeprefix('torch.')} "
        f"{_milliseconds(peer)} | {_ratio(peer)} |"
        for group, cell, hidden in SHOWN_IN_README
        for case in run.cases
        if (case.group, case.cell, case.sizes["H"], case.threads) == (group, cell, hidden, most)
        if case.sizes["I"] == hidden
        for peer in case.peers
    ]
    head = f"| {run.machine['processor']}, {most} threads | nurt ms | torch ms | ratio |\n|---|---|---|---|"
    return "\n".join([head, *rows]) + "\n"


def _machine(run: BenchmarkRun) -> str:
    machine = run.machine
    source = f" ({run.commit})" if run.commit else ""
    return (
        f"- {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; "
        f"instruction set {run.instruction_set}\n"
        f"- nurt {run.versions['nurt']}{source}, torch {run.versions['torch']}, Python {run.versions['python']}\n"
        f"- {run.date}, {run.budget_seconds:g} s of rounds for each case"
        f"{STOPPED if run.interrupted else ''}{BUSY if run.was_busy else ''}"
    )


def _rows(case: CaseResult) -> Iterator[str]:
    floor, share = ("–", "–") if case.floor is None else (_digits(case.floor.seconds), percent(case.share_of_floor, 0))
    for peer in case.peers:
        yield (
            f"| {case.title} | {case.threads} | {_spread(case.ours)} | {peer.name} | {_spread(peer)} | {_ratio(peer)} "
            f"| {floor} | {share} | {_error(case.ours)} / {_error(peer)} |"
        )


def _disturbed(cases: list[CaseResult]) -> str:
    rows = [
        f"| {case.title} | {case.threads} | {_times(case.ours)} | {', '.join(map(_times, case.peers))} |"
        for case in cases
    ]
    opening = "With one core taken, times as long as on the quiet machine:\n"
    return "\n".join([opening, "| case | threads | nurt | torch |", "|---|---|---|---|", *rows]) + "\n"


def _slower(run: BenchmarkRun) -> str:
    told = [
        f"- {case.group}, {case.title}, {case.threads} thread{'s' if case.threads > 1 else ''}: {peer.name} is "
        f"{1.0 / (peer.ratio or 1.0):.2f} times as fast."
        for case in run.cases
        for peer in case.slower_than()
    ]
    wrong = [f"- {case.group}, {case.title}, {case.threads} threads: no time, {case.fault}." for case in run.faults]
    counted = sum(peer.library != "nurt" for case in run.cases for peer in case.peers)
    summary = f"In {len(told)} of {counted} comparisons with torch nurt is slower" + (":" if told else ".")
    return "\n".join([f"## Where nurt is slower\n\n{summary}\n", *told, *wrong]).rstrip("\n") + "\n"


def _commands(times: dict[str, Any]) -> str:
    rows = [
        f"| `{name}` | {one['median']:.2f} | {one['low']:.2f} … {one['high']:.2f} |"
        for name, one in times["cases"].items()
    ]
    machine = f"{times['machine']['processor']}, {times['machine']['cores']} cores, {times['date']}"
    opening = f"## Commands\n\nWhole processes, start to end, in seconds ({machine}):\n"
    return "\n".join([opening, "| command | median | range |", "|---|---|---|", *rows]) + "\n"


def _filled(text: str) -> str:
    return textwrap.fill(text, 120, break_on_hyphens=False)


def _spread(one: ContenderResult) -> str:
    if one.time is None:
        return "–"
    spread = f"± {percent(one.time.spread, 0)}" if one.time.samples > 1 else "(1 run)"
    return f"{_digits(one.time.median)} {spread}"


def _milliseconds(one: ContenderResult) -> str:
    return "–" if one.time is None else _digits(one.time.median)


def _digits(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}" if seconds < 1.0 else f"{seconds * 1e3:.0f}"


def _ratio(peer: ContenderResult) -> str:
    return "no time" if peer.ratio is None else f"{peer.ratio:.2f}"


def _times(one: ContenderResult) -> str:
    return "–" if one.slow_down is None else f"{one.slow_down:.2f}"


def _error(one: ContenderResult) -> str:
    return "not finite" if one.error is None else f"{one.error:.0e}".replace("e-0", "e-")


if __name__ == "__main__":
    found = kernels()
    PAGE.write_text(page(found, commands()), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    before, after = readme.partition(BEGIN)[0], readme.partition(END)[2]
    README.write_text(before + BEGIN + table(found) + END + after, encoding="utf-8")
