"""Break the native code on purpose, one mistake at a time, and see that the tests turn red: ``make mutants``.

Prints a table of the mistakes. The exit status is 1 if one of them survives, does not compile or no longer matches
its source, or if the tests fail on the code as it is. With ``--sample N`` only N of the mistakes are tried, others at
every commit, because all of them take minutes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.proofs.breakages import BREAKAGES, Breakage
from tests.proofs.build import CPU, ROOT, BuildError, SideBuild

# Small and quick, and between them every cell and option, forward, backward, ragged, reversed, kept and not kept.
TESTS = [
    "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly",
    "tests/kernels/native/test_recurrence.py", "tests/kernels/native/test_carry.py",
    "tests/kernels/native/test_stack.py", "tests/kernels/native/test_scan.py",
    "tests/kernels/native/test_dropout.py", "-k",
    "ragged or absent or past_the_end or all_rows_empty or every_size or (every_option and everything and 17) "
    "or (test_recurrence and nothing_is_kept) or dropout_has_the_draws or frozen or shared or bernoulli",
]  # fmt: skip
# A broken loop may never end; the tests take a few seconds.
TIMEOUT_SECONDS = 60


def main(breakages: Sequence[Breakage]) -> int:
    """Build once per worker, try every mistake, tell of each when it is known."""
    workers, width = os.cpu_count() or 1, max(len(breakage.mistake) for breakage in breakages)
    alive = 0
    with tempfile.TemporaryDirectory() as folder:
        builds = [_prepared(Path(folder) / str(worker)) for worker in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda build: build.compile(jobs=1), builds))
            if (verdict := _verdict(builds[0])) != "survived":
                print(f"The tests fail on the code as it is; mend that first: {verdict}")
                return 1
            free: SimpleQueue[SideBuild] = SimpleQueue()
            for build in builds:
                free.put(build)
            verdicts = pool.map(lambda breakage: _tried(breakage, free), breakages)
            for breakage, verdict in zip(breakages, verdicts, strict=True):
                print(f"{breakage.mistake:{width}}  {verdict}", flush=True)
                alive += not verdict.startswith("killed")
    print(f"{len(breakages) - alive} of {len(breakages)} mistakes noticed")
    return 1 if alive else 0


def sample(count: int) -> Sequence[Breakage]:
    """Return ``count`` mistakes spread over the list; the first of them moves on with every commit."""
    history = ["git", "-C", str(ROOT), "rev-list", "--count", "HEAD"]
    commits = subprocess.run(history, capture_output=True, text=True, check=False).stdout
    first = int(commits or 0)
    return [BREAKAGES[(first + i * len(BREAKAGES) // count) % len(BREAKAGES)] for i in range(count)]


def _prepared(folder: Path) -> SideBuild:
    """Return a configured build of a copy of the sources."""
    sources = folder / "sources"
    shutil.copytree(ROOT / CPU, sources / CPU)
    shutil.copy(ROOT / "CMakeLists.txt", sources)
    build = SideBuild(folder, sources)
    build.configure({"CMAKE_BUILD_TYPE": "None", "NURT_ONLY_BASELINE": "ON", "NURT_OPTIMISATION": "-O0"})
    return build


def _tried(breakage: Breakage, free: SimpleQueue[SideBuild]) -> str:
    """Apply one mistake to a free build, look, and take it back."""
    build = free.get()
    file = build.sources / CPU / breakage.file
    right = file.read_text(encoding="utf-8")
    try:
        if right.count(breakage.old) != 1:
            return "NO MATCH: move the anchor"
        file.write_text(right.replace(breakage.old, breakage.new), encoding="utf-8")
        build.compile(jobs=1)
        return _verdict(build)
    except BuildError as error:
        return f"DOES NOT COMPILE: {error}"
    finally:
        file.write_text(right, encoding="utf-8")
        free.put(build)


def _verdict(build: SideBuild) -> str:
    try:
        done = build.pytest(TESTS, {}, TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return "killed: never ends"
    if done.returncode == 0:
        return "survived"
    if done.returncode < 0:
        return f"killed: signal {-done.returncode}"
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return f"killed: {failed[0].split('::')[1].split(' - ')[0]}" if failed else f"NOT TRIED: {done.stdout[-500:]}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", choices=range(1, len(BREAKAGES) + 1), help="try N of them")
    wanted = parser.parse_args().sample
    sys.exit(main(BREAKAGES if wanted is None else sample(wanted)))
