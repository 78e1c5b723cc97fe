"""Run what is frozen, and write what came out: ``python -m tests.frozen.produce made|real FILE [DATA]``.

The commands run in one process, on the narrowest instruction sets, so that processors of different kinds are as
comparable as they can be. Left out is what no reader may rely on: times, places, versions, the wording of sentences.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before torch and NumPy are loaded: these libraries read them once.
PLAIN = {
    "NURT_ISA": "baseline",
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "OMP_NUM_THREADS": "1",
    "NO_COLOR": "1",
}

# Differ from run to run, from place to place or from release to release.
LEFT_OUT = frozenset({"seconds", "report", "model_file", "versions", "sources", "csv", "file", "path", "nurt_version"})

Nurt = Callable[..., Any]


def machine() -> dict[str, str]:
    """Return what decides the last bits of a number."""
    import numpy
    import torch

    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = ("model name", "cpu family", "model\t")
    found = [next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "") for name in names]
    return {
        "processor": ", ".join(found) if any(found) else platform.machine(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }


def cleaned(value: Any) -> Any:
    """Return ``value`` without what may differ; a sentence becomes its bare presence."""
    if isinstance(value, dict):
        return {key: cleaned(one) for key, one in value.items() if key not in LEFT_OUT}
    if isinstance(value, list | tuple):
        return [cleaned(one) for one in value]
    if isinstance(value, str) and (" " in value or "/" in value):
        return "…"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def digest(model: Path) -> dict[str, str]:
    """Return a digest of each tensor of a model file."""
    from safetensors.torch import load_file

    tensors = load_file(model)
    return {name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for name, tensor in sorted(tensors.items())}


def runner() -> Nurt:
    """Return a function that runs a command and gives what it printed as JSON."""
    from typer.testing import CliRunner

    from nurt.cli.main import app

    def nurt(*arguments: object) -> Any:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if done.exit_code != 0:
            raise SystemExit(f"nurt {' '.join(map(str, arguments))} ended with {done.exit_code}:\n{done.stderr}")
        return json.loads(done.stdout)

    return nurt


def _table(path: Path) -> Path:
    """Write a noisy wave by day."""
    import numpy as np

    values = np.sin(np.arange(230) / 3) + np.random.RandomState(1).standard_normal(230) / 10
    days = np.datetime64("2020-01-01") + np.arange(len(values))
    rows = [f"{day};{value:.5f}" for day, value in zip(days, values, strict=True)]
    path.write_text("\n".join(["day;rate", *rows]) + "\n", encoding="utf-8")
    return path


def _panel(path: Path) -> Path:
    """Write three shops by hour, one of them shorter, with missing sales and a covariate."""
    import numpy as np

    random = np.random.RandomState(2)
    rows = ["when,shop,sales,price"]
    for shop, hours in (("north", 190), ("south", 170), ("west", 150)):
        wave = np.sin(np.arange(hours) * 2 * np.pi / 12) * 3 + 20 + random.standard_normal(hours)
        price = 5 + np.cumsum(random.standard_normal(hours)) / 10
        absent = random.random_sample(hours) < 0.05
        times = np.datetime64("2024-03-01T00:00") + np.arange(hours).astype("timedelta64[h]")
        for time, sale, cost, gone in zip(times, wave, price, absent, strict=True):
            rows.append(f"{time},{shop},{'' if gone else f'{sale:.3f}'},{cost:.3f}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def made(nurt: Nurt, folder: Path) -> dict[str, Any]:
    """Run what needs no data but its own."""
    from nurt.experiments import find

    table, panel = _table(folder / "table.csv"), _panel(folder / "panel.csv")
    out: dict[str, Any] = {}
    small = ("--look-back", 17, "--horizon", 5, "--hidden", 6, "--epochs", 3, "--no-report", "--json")
    out["forecast table"] = nurt("forecast", table, *small, "--out", folder / "table")
    model = folder / "table" / "model.safetensors"
    out["weights of forecast table"] = digest(model)
    out["predict table"] = nurt("predict", model, table, "--json")
    out["backtest table"] = nurt("backtest", model, table, "--json")
    out["examine table"] = nurt("examine", model, table, "--rows", 5, "--json")
    shops = ("--target", "sales", "--series", "shop", "--past-covariate", "price", "--season", 12)
    out["forecast panel"] = nurt(
        "forecast", panel, *shops, "--look-back", 24, "--horizon", 7, "--cell", "gru", "--layers", 2, "--hidden", 5,
        "--dropout", 0.2, "--epochs", 2, "--seeds", 2, "--no-report", "--json", "--out", folder / "panel",
    )  # fmt: skip
    out["weights of forecast panel"] = digest(folder / "panel" / "model.safetensors")
    out["forecast recursive"] = nurt(
        "forecast", table, "--recipe", "course", "--look-back", 12, "--horizon", 3, "--hidden", 4, "--epochs", 2,
        "--no-report", "--json", "--out", folder / "course",
    )  # fmt: skip
    out["weights of forecast recursive"] = digest(folder / "course" / "model.safetensors")
    out["experiment linear/roelants"] = nurt("experiment", "linear/roelants", "--no-report", "--json")
    out["experiment spectrum"] = nurt("experiment", "spectrum", "--no-report", "--json")
    adding = find("adding")
    quick = dataclasses.replace(adding.presets["quick"].settings, updates=60, repeats=1, tested=64, looks=3)
    out["experiment adding"] = adding.run(settings=quick).to_dict()
    echo = find("echo")
    short = dataclasses.replace(echo.presets["default"].settings, updates=40, repeats=1, tested=20, looks=2)
    out["experiment echo"] = echo.run(settings=short).to_dict()
    return out


def real(nurt: Nurt, folder: Path, data: Path) -> dict[str, Any]:
    """Run what works on the archive of exchange rates and on the electricity transformer."""
    rates = [data / "nbp" / f"archiwum_tab_a_{year}.csv" for year in (2023, 2024)]
    ett = data / "forecasting" / "ETTh1.csv.gz"
    out: dict[str, Any] = {}
    out["forecast nbp"] = nurt(
        "forecast", *rates, "--target", "1USD", "--look-back", 30, "--horizon", 10, "--hidden", 8, "--epochs", 3,
        "--no-report", "--json", "--out", folder / "nbp",
    )  # fmt: skip
    model = folder / "nbp" / "model.safetensors"
    out["weights of forecast nbp"] = digest(model)
    out["examine nbp"] = nurt("examine", model, *rates, "--target", "1USD", "--json")
    out["forecast ett"] = nurt(
        "forecast", ett, "--target", "OT", "--look-back", 48, "--horizon", 24, "--season", 24, "--hidden", 8,
        "--epochs", 1, "--batch-size", 256, "--step-size", 97, "--no-report", "--json", "--out", folder / "ett",
    )  # fmt: skip
    out["weights of forecast ett"] = digest(folder / "ett" / "model.safetensors")
    return out


def main(kind: str, target: str, data: str | None = None) -> None:
    """Write what was asked for."""
    os.environ |= PLAIN
    import torch

    # Torch says how many threads it takes only when it is loaded.
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        folder, nurt = Path(place), runner()
        results = real(nurt, folder, Path(data)) if data is not None else made(nurt, folder)
    document = {"machine": machine(), "results": cleaned(json.loads(json.dumps(results, default=_plain)))}
    assert kind in ("made", "real")
    Path(target).write_text(_one_line_each(document), encoding="utf-8")


def _one_line_each(document: dict[str, Any]) -> str:
    """Return JSON with a line for each result, so that a difference is seen where it is."""
    lines = [f'"machine": {json.dumps(document["machine"])}']
    lines += [f"{json.dumps(name)}: {json.dumps(value, sort_keys=True)}" for name, value in document["results"].items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _plain(value: Any) -> Any:
    from nurt.results import plain

    return plain(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
