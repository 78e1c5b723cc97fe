"""Run the native tests under the address and undefined-behaviour sanitizers: ``make sanitize``.

Any report fails the run, as does a test. Arguments are handed to pytest in place of the usual tests; after the word
``fuzz`` they are those of ``python -m tests.fuzz native``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.proofs.build import ROOT, SideBuild

# Every cell, ragged and reversed batches, packed data, streams, bad input.
TESTS = ["tests/kernels/native", "tests/nn/test_streaming.py", "tests/contracts/test_bad_input.py"]

READ_PAST_THE_END = (
    "import torch; from nurt.kernels import _cpu; x, y = torch.ones(3), torch.ones(300); "
    "_cpu.map('baseline', 0, 0, x.data_ptr(), y.data_ptr(), 300)"
)


# Its workers import the same build.
FUZZ = "import sys; from tests.fuzz.__main__ import main; sys.exit(main(sys.argv[1:]))"


def main(arguments: list[str]) -> int:
    """Build, run, read the reports; return the exit status."""
    build = SideBuild(ROOT / "build" / "sanitize")
    build.configure({"CMAKE_BUILD_TYPE": "RelWithDebInfo", "NURT_SANITIZE": "ON", "NURT_OPTIMISATION": "-O1"})
    build.compile(jobs=os.cpu_count() or 1)
    reports = build.folder / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir()
    environment = {
        "LD_PRELOAD": " ".join(_library(name) for name in ("libasan.so", "libubsan.so")),
        # Python keeps much until its end, so leaks cannot be told from that.
        "ASAN_OPTIONS": f"detect_leaks=0:log_path={reports}/address",
        "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={reports}/undefined",
    }
    build.python(READ_PAST_THE_END, [], environment)
    if not _cleared(reports):
        print("The address sanitizer did not see a read past the end of a tensor, so its silence would mean nothing.")
        return 1
    if arguments[:1] == ["fuzz"]:
        here = {"PYTHONPATH": os.pathsep.join([str(build.package), str(ROOT), *_libraries()])}
        done = build.python(FUZZ, ["native", "--sanitized", *arguments[1:]], environment | here)
    else:
        tests = arguments or TESTS
        done = build.pytest(["-q", "-p", "no:cacheprovider", "-p", "no:randomly", *tests], environment)
    print(done.stdout)
    found = sorted(reports.iterdir())
    for report in found:
        print(f"--- {report.name}\n{report.read_text(errors='replace')}")
    print(f"{len(found)} reports of the sanitizers, the run {'passed' if done.returncode == 0 else 'failed'}")
    return 1 if found or done.returncode else 0


def _libraries() -> list[str]:
    return [entry for entry in sys.path if entry.endswith("site-packages")]


def _cleared(reports: Path) -> bool:
    """Delete the reports; return whether there was one."""
    found = list(reports.iterdir())
    for report in found:
        report.unlink()
    return bool(found)


def _library(name: str) -> str:
    return subprocess.run(
        ["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or TESTS))
