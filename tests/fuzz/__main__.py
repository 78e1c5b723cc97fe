"""Run fuzz campaigns: ``python -m tests.fuzz [NAME ...] --minutes 5 --seed 1``, or ``make fuzz MINUTES=5``.

Without a name every campaign of ``tests/fuzz/campaigns`` runs, each for the minutes given. The exit status is 1 when a
case came out wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import load, names
from tests.fuzz.running import recorded, run, written
from tests.fuzz.table import RESULTS, write_table
from tests.fuzz.worker import outcome_of


def main(arguments: list[str]) -> int:
    """Run what ``arguments`` ask for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}; all without one")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each campaign")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, help="stop after as many")
    parser.add_argument("--case", type=int, help="run this one case of one campaign in this process")
    parser.add_argument("--record", action="store_true", help=f"write {RESULTS.name}/ and the table of the docs")
    parser.add_argument("--continue", dest="goes_on", action="store_true", help="go on with what is recorded")
    parser.add_argument("--sanitized", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    unknown = sorted({*given.names} - {*names()})
    if unknown:
        parser.error(f"no campaign {', '.join(unknown)}; there are {', '.join(names())}")
    if given.case is not None:
        if len(given.names) != 1:
            parser.error("--case needs the name of one campaign")
        with tempfile.TemporaryDirectory() as folder:
            print(outcome_of(load(given.names[0]), given.seed, given.case, Path(folder)))
        return 0
    wrong = 0
    for name in given.names or names():
        before = recorded(name, RESULTS, seed=given.seed, sanitized=given.sanitized) if given.goes_on else None
        outcome = run(
            name,
            seed=given.seed,
            minutes=given.minutes,
            cases=given.cases,
            sanitized=given.sanitized,
            before=before,
        )
        print(outcome, flush=True)
        wrong += outcome.wrong
        if given.record:
            written(outcome, RESULTS)
            write_table()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
