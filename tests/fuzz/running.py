"""Run a campaign for a time or a number of cases, and write down what came of it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from tests.fuzz.campaign import load

from nurt.environment import machine, versions

__all__ = ["ROOT", "Outcome", "recorded", "run", "written"]

ROOT = Path(__file__).resolve().parents[2]
# To import the package and what the campaign needs.
LOADING_SECONDS = 180.0
# Findings kept whole; the rest is counted.
KEPT = 50
WRONG = ("wrong", "foreign exception", "crash", "hang")


@dataclass
class Outcome:
    """What came of a campaign.

    Args:
        name: of the campaign.
        title: what was tried.
        seed: of all cases.
        sanitized: whether the native code was built with sanitizers.
        date: when it began, UTC.
        cases: how many were tried.
        seconds: how long it took.
        outcomes: how often each came.
        findings: what was wrong: case, outcome, detail; at most fifty are kept.
        versions: of what ran.
        machine: it ran on.
    """

    name: str
    title: str
    seed: int
    sanitized: bool
    date: str
    cases: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[dict[str, Any]] = field(default_factory=list)
    versions: Mapping[str, str] = field(default_factory=versions)
    machine: Mapping[str, str | int] = field(default_factory=machine)

    @property
    def wrong(self) -> int:
        """How many cases came out wrong."""
        return sum(self.outcomes[kind] for kind in WRONG)

    def add(self, line: Mapping[str, Any]) -> None:
        """Count one case."""
        self.cases += 1
        self.outcomes[line["outcome"]] += 1
        if line["outcome"] in WRONG and len(self.findings) < KEPT:
            self.findings.append(dict(line))

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.most_common())
        lines = [
            f"{self.name}, seed {self.seed}: {self.cases} cases in {self.seconds:.0f} s, {self.wrong} wrong: {kinds}"
        ]
        lines += [f"--- case {found['case']}: {found['outcome']}\n{found['detail']}" for found in self.findings]
        return "\n".join(lines)


def run(
    name: str,
    *,
    seed: int,
    minutes: float,
    cases: int | None,
    sanitized: bool = False,
    before: Outcome | None = None,
) -> Outcome:
    """Run campaign ``name`` until the time is over or ``cases`` are tried, whichever comes first.

    Args:
        name: of the campaign.
        seed: of its cases.
        minutes: how long to run.
        cases: how many to try, those of ``before`` included; None for as many as there is time for.
        sanitized: whether the native code was built with sanitizers.
        before: an outcome of the same campaign and seed that goes on with the case after its last one.
    """
    campaign = load(name)
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    outcome = before or Outcome(name, campaign.title, seed, sanitized, today)
    begun, spent = time.monotonic(), outcome.seconds
    for line in _lines(name, seed, campaign.seconds, first=outcome.cases):
        outcome.add(line)
        outcome.seconds = spent + time.monotonic() - begun
        if outcome.cases == cases or outcome.seconds - spent > 60 * minutes:
            break
    return outcome


def recorded(name: str, folder: Path, *, seed: int, sanitized: bool = False) -> Outcome:
    """Return the outcome that :func:`written` wrote into ``folder``.

    Raises:
        ValueError: there is none of this seed.
    """
    path = _place(name, folder, sanitized=sanitized)
    outcome = Outcome(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
    if outcome is None or outcome.seed != seed or outcome.versions != versions():
        raise ValueError(f"{name}: no outcome of seed {seed} and of these versions is recorded, so none can go on.")
    outcome.outcomes = Counter(outcome.outcomes)
    return outcome


def written(outcome: Outcome, folder: Path) -> Path:
    """Write ``outcome`` as JSON into ``folder``; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = _place(outcome.name, folder, sanitized=outcome.sanitized)
    shown = asdict(outcome) | {"seconds": round(outcome.seconds), "outcomes": dict(outcome.outcomes.most_common())}
    path.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _place(name: str, folder: Path, *, sanitized: bool) -> Path:
    return folder / f"{name}{'-sanitized' if sanitized else ''}.json"


def _lines(name: str, seed: int, seconds: float, *, first: int) -> Iterator[dict[str, Any]]:
    """Yield the outcome of case after case, from a new worker wherever the last one died."""
    number = first
    while True:
        # Without site-packages' own start-up where this process runs without it.
        flags = ["-S"] if sys.flags.no_site else []
        command = [sys.executable, *flags, "-m", "tests.fuzz.worker", name, str(seed), str(number)]
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=ROOT) as worker,
        ):
            try:
                for line in _of_worker(worker, errors, number, seconds):
                    yield line
                    number = line["case"] + 1
            finally:
                worker.kill()


def _of_worker(
    worker: subprocess.Popen[bytes], errors: IO[bytes], number: int, seconds: float
) -> Iterator[dict[str, Any]]:
    """Yield what one worker says, and last how it died."""
    said = _patient_lines(worker, seconds)
    first = next(said, None)
    if first is None or "ready" not in first:
        raise RuntimeError(f"The worker did not start: {_last_words(errors)}")
    for line in said:
        if line is None:
            yield {"case": number, "outcome": "hang", "detail": f"no answer after {seconds} s"}
            return
        yield line
        number = line["case"] + 1
    status = worker.wait()
    how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    yield {"case": number, "outcome": "crash", "detail": f"{how}\n{_last_words(errors)}"}


def _patient_lines(worker: subprocess.Popen[bytes], seconds: float) -> Iterator[dict[str, Any] | None]:
    """Yield the worker's lines; None, and no more, when it takes too long for the next."""
    assert worker.stdout is not None
    held, deadline = b"", time.monotonic() + LOADING_SECONDS
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([worker.stdout], [], [], left)[0]:
            yield None
            return
        piece = os.read(worker.stdout.fileno(), 1 << 16)
        if not piece:
            return
        *lines, held = (held + piece).split(b"\n")
        for line in lines:
            yield json.loads(line)
        deadline = time.monotonic() + seconds


def _last_words(errors: IO[bytes]) -> str:
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - 2000))
    return errors.read().decode(errors="replace")
