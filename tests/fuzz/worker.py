"""A process that runs the cases of one campaign, one line of JSON for each: ``python -m tests.fuzz.worker``."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, TextIO

from tests.fuzz.campaign import Campaign, Finding, generator_of, load

__all__ = ["outcome_of", "serve"]

# What a traceback tells beyond this, its last lines say again.
SHOWN = 2000


def outcome_of(campaign: Campaign, seed: int, number: int, folder: Path) -> dict[str, Any]:
    """Run one case; return its number, its outcome, and for a finding what was found."""
    try:
        return {"case": number, "outcome": campaign.case(generator_of(seed, number), folder)}
    except Finding as finding:
        return {"case": number, "outcome": "wrong", "detail": str(finding)[:SHOWN]}
    # A panic of a library written in another language passes `except Exception`.
    except BaseException:
        return {"case": number, "outcome": "foreign exception", "detail": traceback.format_exc()[-SHOWN:]}


def serve(name: str, seed: int, first: int, out: TextIO) -> None:
    """Run the cases from ``first`` on until the reader goes away; the first line says that the campaign is loaded."""
    campaign = load(name)
    if campaign.memory_gib is not None:
        held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        bound = held + int(campaign.memory_gib * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    print(json.dumps({"ready": True}), file=out, flush=True)
    number = first
    with tempfile.TemporaryDirectory() as home:
        while True:
            folder = Path(home) / str(number)
            folder.mkdir()
            line = json.dumps(outcome_of(campaign, seed, number, folder))
            shutil.rmtree(folder, ignore_errors=True)
            try:
                print(line, file=out, flush=True)
            except BrokenPipeError:
                return
            number += 1


if __name__ == "__main__":
    # What a case prints must not come between the lines.
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), lines)
