"""The wheel: it builds from the sources, holds what it should and nothing else, and computes where nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Without `site` only what is named can be imported: the wheel, and the packages it depends on.
PROGRAM = """
import sys, torch
import nurt.kernels, nurt.nn
assert nurt.__path__[0].startswith(sys.argv[1]), nurt.__path__
layer = nurt.nn.LSTM(3, 5).double()
twin = nurt.nn.to_torch(layer)
x = torch.randn(7, 2, 3, dtype=torch.float64)
assert nurt.kernels.explain("lstm", dtype=x.dtype).rung == "native"
gradients = [torch.autograd.grad(each(x)[0].square().sum(), list(each.parameters())) for each in (layer, twin)]
for mine, theirs in zip(*gradients, strict=True):
    torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)
print("the same gradients")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from the sources, in folders of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--quiet",
               "--wheel-dir", str(folder), f"--config-settings=build-dir={folder / 'build'}"]  # fmt: skip
    # CMake and ninja lie beside the interpreter that runs the tests.
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PATH": tools})
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_a_wheel_holds_the_package_its_licence_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    (information,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops == {"nurt", information}
    assert f"{information}/licenses/LICENSE" in names
    endings = {Path(name).suffix for name in names if name.startswith("nurt/") and Path(name).name != "py.typed"}
    assert endings <= {".py", ".pyi", ".so", ".md", ".html", ".css", ".js", ".csv"}
    (extension,) = (name for name in names if name.endswith(".so"))
    assert extension.startswith("nurt/kernels/_cpu.")
    modules = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src" / "nurt").rglob("*.py")}
    assert modules == {name for name in names if name.endswith(".py")}


@pytest.mark.slow
def test_an_installed_wheel_computes_a_gradient_on_the_plainest_processor(wheel, tmp_path):
    target = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(target)
    libraries = [entry for entry in sys.path if entry.endswith("site-packages")]
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM, str(target)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(target), *libraries]), "NURT_ISA": "baseline"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "the same gradients", done.stderr
