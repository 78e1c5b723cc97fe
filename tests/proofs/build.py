"""Builds of the native code beside the installed one: a copy of the package with an extension of its own.

Run as a program it builds the baseline instruction set alone, in half a minute, and puts it in the place of the
installed extension: for the time in which a cell's header is being written.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CPU = Path("src/nurt/kernels/cpu")


class BuildError(Exception):
    """The compiler or CMake refused; the message is its output."""


@dataclass(frozen=True)
class SideBuild:
    """A build that never touches the installed one.

    Args:
        folder: everything is written below it.
        sources: where ``CMakeLists.txt`` and ``src`` lie.
    """

    folder: Path
    sources: Path = ROOT

    @property
    def package(self) -> Path:
        """The folder to import nurt from."""
        return self.folder / "package"

    def configure(self, options: Mapping[str, str]) -> None:
        """Prepare the build with CMake's ``options``."""
        import ninja

        defines = options | {
            "Python_EXECUTABLE": sys.executable,
            "CMAKE_MAKE_PROGRAM": str(Path(ninja.BIN_DIR) / "ninja"),
        }
        self._cmake(
            "-S", str(self.sources), "-B", str(self.folder / "cmake"), "-G", "Ninja",
            *(f"-D{name}={value}" for name, value in defines.items()),
        )  # fmt: skip

    def compile(self, jobs: int) -> None:
        """Build the extension and lay a copy of the package around it."""
        extension = self.extension(jobs)
        shutil.rmtree(self.package, ignore_errors=True)
        kept_out = shutil.ignore_patterns("*.so", "*.cpp", "*.h", "__pycache__")
        shutil.copytree(ROOT / "src" / "nurt", self.package / "nurt", ignore=kept_out)
        shutil.copy(extension, self.package / "nurt" / "kernels")

    def extension(self, jobs: int) -> Path:
        """Build the extension alone and return it."""
        self._cmake("--build", str(self.folder / "cmake"), "--parallel", str(jobs))
        return next((self.folder / "cmake").glob("_cpu*.so"))

    def pytest(
        self, arguments: Sequence[str], environment: Mapping[str, str], timeout_seconds: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run tests against this build; past the time they are killed and TimeoutExpired is raised."""
        return self.python("import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))", arguments, environment,
                           timeout_seconds)  # fmt: skip

    def python(
        self,
        code: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        timeout_seconds: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``code`` in a fresh interpreter that imports nurt from :attr:`package`."""
        # Without `site` (-S) no editable install answers for the package; its folders are named instead.
        libraries = [entry for entry in sys.path if entry.endswith("site-packages")]
        settings = {
            "PYTHONPATH": os.pathsep.join([str(self.package), *libraries]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.run(
            [sys.executable, "-S", "-c", code, *arguments],
            cwd=ROOT,
            env=os.environ | settings | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    def _cmake(self, *arguments: str) -> None:
        done = subprocess.run([sys.executable, "-m", "cmake", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(done.stdout + done.stderr)


def main() -> None:
    """Replace the installed extension by one with the baseline instruction set alone."""
    found = importlib.util.find_spec("nurt.kernels._cpu")
    if found is None or found.origin is None:
        raise SystemExit("nurt is not installed here: run `make test` once before.")
    build = SideBuild(ROOT / "build" / "native")
    build.configure({"NURT_ONLY_BASELINE": "ON", "CMAKE_BUILD_TYPE": "Release"})
    # Moved, not copied: a process that has the old one loaded keeps it.
    new = shutil.copy(build.extension(os.cpu_count() or 1), f"{found.origin}.new")
    Path(new).replace(found.origin)
    print(f"Installed as {found.origin}")


if __name__ == "__main__":
    main()
