"""Kill runs at random moments and resume them: ``python -m tests.proofs.kills --count 200 --seed 1``.

`nurt forecast` and the library's training are killed with SIGKILL: after a random time, or just after a random change
in their folder, which reaches the short moments between the end of training and the last file. A killed run is
resumed, and may be killed again. In the end everything must be what an uninterrupted run gives, bit for bit: weights,
training record, the printed JSON and the files, times apart; and no other file may be left.

One process imports everything once and never starts a thread; runs are forks of it. Some runs of the command are
processes of their own. The exit status is 1 if one outcome differs. A table says in which state the kills hit.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Outcome = dict[str, Any]

FILES = {"forecast.csv", "model.safetensors", "report.html"}
# Differ from run to run.
TIMES = frozenset({"seconds", "epoch_started"})
COMMON = ["--look-back", "5", "--horizon", "2", "--hidden", "3", "--batch-size", "8", "--json"]
RUNS = (
    ["--epochs", "12"],
    ["--epochs", "6", "--dropout", "0.3", "--layers", "2", "--cell", "gru", "--seeds", "2"],
    ["--epochs", "9", "--dropout", "0.2", "--no-report", "--seeds", "3"],
)
# Flushing to a disk would take most of the time of these runs.
PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@dataclass(frozen=True)
class Job:
    """Something that can be killed.

    Args:
        name: for the table.
        start: ``start(folder, resume)`` runs it in a child of this process and returns the number of the child.
        outcome: reads what it left in its folder.
    """

    name: str
    start: Callable[[Path, bool], int]
    outcome: Callable[[Path], Outcome]


def _child(work: Callable[[], int], folder: Path) -> int:
    """Run ``work`` in a fork whose output goes into files beside the folder; return the number of the process."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        for descriptor, name in ((1, "stdout"), (2, "stderr")):
            target = os.open(f"{folder}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(target, descriptor)
        status = work()
        sys.stdout.flush()
    finally:
        os._exit(status)


def _command(arguments: Sequence[str], seconds: float, *, apart: bool) -> Callable[[Path, bool], int]:
    def start(folder: Path, resume: bool) -> int:
        words = ["forecast", str(folder.parent / "walk.csv"), *COMMON, *arguments, "--out", str(folder)]
        words += ["--resume"] if resume else []

        def work() -> int:
            if apart:
                os.execv(sys.executable, [sys.executable, "-m", "nurt", *words])
            from nurt.cli.main import app
            from nurt.tasks import running

            # Short runs would never reach the second checkpoint.
            running.CHECKPOINT_SECONDS = seconds
            return int(app(words, standalone_mode=False) or 0)

        return _child(work, folder)

    return start


def _library(every: int) -> Callable[[Path, bool], int]:
    def start(folder: Path, resume: bool) -> int:
        def work() -> int:
            import torch
            from tests.training import tiny

            from nurt.training import Checkpoint, ReduceOnPlateau, TrainingSettings, train
            from nurt.writing import write_whole

            folder.mkdir(exist_ok=True)
            network = tiny.Network()
            settings = TrainingSettings(**{**tiny.SETTINGS, "decay": ReduceOnPlateau(0.5, 1), "epochs": 20})
            file = folder / "run.safetensors"
            record = train(
                network,
                tiny.Task(),
                settings,
                checkpoint=Checkpoint(file, every_steps=every),
                resume=resume and file.exists(),
            )
            weights = b"".join(value.numpy().tobytes() for value in network.state_dict().values())
            seen = {"weights": hashlib.sha256(weights).hexdigest(), "record": record.to_dict()}
            write_whole(f"{folder}.stdout", json.dumps(seen))
            assert torch.get_num_threads() == 1
            return 0

        return _child(work, folder)

    return start


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if key not in TIMES}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def _printed(folder: Path) -> Any:
    found = json.loads(Path(f"{folder}.stdout").read_text(encoding="utf-8"))
    return json.loads(json.dumps(_timeless(found)).replace(str(folder), "OUT"))


def _command_outcome(folder: Path) -> Outcome:
    import safetensors.torch

    content = (folder / "model.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    weights = {name: one.numpy().tobytes() for name, one in safetensors.torch.load(content).items()}
    report = folder / "report.html"
    text = report.read_text(encoding="utf-8").replace(str(folder), "OUT") if report.exists() else ""
    # "in 0.31 s", with any kind of space.
    text = re.sub(r"\d+(\.\d+)?\s?(ms|s|min)\b", "TIME", text)
    return {
        "files": sorted(one.name for one in folder.iterdir()),
        "weights": weights,
        "description": _timeless(json.loads(header["__metadata__"]["nurt"])),
        "table": (folder / "forecast.csv").read_bytes(),
        "report": hashlib.sha256(text.encode()).hexdigest(),
        "printed": _printed(folder),
    }


def _library_outcome(folder: Path) -> Outcome:
    return {"files": sorted(one.name for one in folder.iterdir()), "printed": _printed(folder)}


def jobs() -> list[Job]:
    """Return what is killed: commands with few and with many checkpoints, and trainings of the library."""
    found = []
    for number, arguments in enumerate(RUNS):
        for seconds in (2.0, 0.01):
            name = f"forecast {number + 1}, checkpoints every {seconds:g} s"
            found.append(Job(name, _command(arguments, seconds, apart=False), _command_outcome))
    found.append(Job("forecast 1, apart", _command(RUNS[0], 2.0, apart=True), _command_outcome))
    for every in (1, 7):
        found.append(Job(f"training, checkpoints every {every} steps", _library(every), _library_outcome))
    return found


def _seen(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return names, times and sizes of the files of a run."""
    try:
        with os.scandir(folder) as entries:
            stats = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    except FileNotFoundError:
        return ()
    return tuple(sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats))


def _status(child: int, options: int = 0) -> int | None:
    done, status = os.waitpid(child, options)
    return os.waitstatus_to_exitcode(status) if done else None


@dataclass(frozen=True)
class Course:
    """An uninterrupted run: its outcome, its duration in seconds and how often its folder changed."""

    outcome: Outcome
    seconds: float
    changes: int


def observe(job: Job, folder: Path) -> Course:
    """Run a job to its end."""
    begun, changes, last = time.monotonic(), 0, _seen(folder)
    child = job.start(folder, False)
    while (status := _status(child, os.WNOHANG)) is None:
        now = _seen(folder)
        changes, last = changes + (now != last), now
    if status:
        raise RuntimeError(f"{job.name} ended with {status}: {Path(f'{folder}.stderr').read_text()}")
    return Course(job.outcome(folder), time.monotonic() - begun, changes)


def kill(job: Job, folder: Path, course: Course, chance: random.Random, *, resume: bool) -> bool:
    """Run a job and kill it at a random moment; return False if it was over before."""
    child = job.start(folder, resume)
    if chance.random() < 0.5:
        end = time.monotonic() + chance.uniform(0, 1.1 * course.seconds)
        while time.monotonic() < end and (status := _status(child, os.WNOHANG)) is None:
            time.sleep(0.0005)
        else:
            status = None if time.monotonic() >= end else status
    else:
        left, last, status = chance.randint(1, course.changes), _seen(folder), None
        while left and (status := _status(child, os.WNOHANG)) is None:
            now = _seen(folder)
            left, last = left - (now != last), now
        if status is None and chance.random() < 0.5:
            time.sleep(chance.uniform(0, 0.003))
    if status is not None:
        return False
    os.kill(child, signal.SIGKILL)
    return _status(child) == -signal.SIGKILL


def phase(folder: Path) -> str:
    """Return in words how far a killed run had come, by its files."""
    names = {one.name for one in folder.iterdir()} if folder.exists() else set()
    checkpoint = any(name.startswith(("checkpoint", "run.")) for name in names)
    if any(name.endswith(".part") for name in names):
        return "within a write"
    if not checkpoint:
        return "files written, checkpoints gone" if names & FILES else "before the first checkpoint"
    written = len(names & FILES)
    return "with a checkpoint, no file yet" if not written else f"with a checkpoint and {written} of the files"


def differences(expected: Outcome, found: Outcome) -> list[str]:
    """Return the parts of the outcomes that are not the same."""
    return [name for name in expected if expected[name] != found.get(name)]


def campaign(count: int, seed: int, tell: Callable[[str], None] = print) -> tuple[Counter[str], list[str]]:
    """Kill ``count`` times; return how often in which phase, and a sentence for every outcome that differs."""
    import torch

    torch.set_num_threads(1)
    chance, phases, faults = random.Random(seed), Counter[str](), []
    with tempfile.TemporaryDirectory(dir=PLACE) as place:
        values, value = [], 0.0
        for _ in range(60):
            value += chance.gauss(0, 1)
            values.append(f"{value:.5f}")
        (Path(place) / "walk.csv").write_text("y\n" + "\n".join(values) + "\n")
        folder = Path(place) / "out"
        kinds, courses = jobs(), {}
        begun = time.monotonic()
        while phases.total() < count:
            apart = chance.random() < 0.05
            job = chance.choice([one for one in kinds if one.name.endswith("apart") == apart])
            if job.name not in courses:
                courses[job.name] = observe(job, folder)
                _clear(folder)
            kills = 0
            while kill(job, folder, courses[job.name], chance, resume=kills > 0):
                kills += 1
                phases[f"{job.name.split()[0]}: {phase(folder)}"] += 1
                if chance.random() < 0.7:
                    break
            if kills:
                status = _status(job.start(folder, True))
                found = job.outcome(folder) if status == 0 else {}
                differing = differences(courses[job.name].outcome, found)
                if differing:
                    said = Path(f"{folder}.stderr").read_text(encoding="utf-8")[-500:]
                    faults.append(f"{job.name}, {kills} kills: {', '.join(differing)}; status {status}; {said}")
                    tell(faults[-1])
            _clear(folder)
        tell(f"{phases.total()} kills in {time.monotonic() - begun:.0f} s")
    return phases, faults


def _clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("stdout", "stderr"):
        Path(f"{folder}.{name}").unlink(missing_ok=True)


def warm_up() -> None:
    """Import, once for all children, what a run imports; a child that runs to its end tells what that is."""
    known = {*sys.modules, "__main__"}
    with tempfile.TemporaryDirectory(dir=PLACE) as place:
        folder = Path(place) / "out"
        values = "\n".join(str(number % 7) for number in range(60))
        (Path(place) / "walk.csv").write_text(f"y\n{values}\n")

        def work() -> int:
            from tests.training import tiny

            from nurt.cli.main import app

            words = ["forecast", str(Path(place) / "walk.csv"), *COMMON, *RUNS[0], "--out", str(folder)]
            app(words, standalone_mode=False)
            del tiny
            print("\n" + "\n".join(one for one in sys.modules if one not in known))
            return 0

        if _status(_child(work, folder)):
            raise RuntimeError(Path(f"{folder}.stderr").read_text(encoding="utf-8"))
        for name in Path(f"{folder}.stdout").read_text(encoding="utf-8").splitlines():
            # The library of tables has threads, which a fork does not take along.
            if name.startswith(("polars", "narwhals", "nurt.data.readers")):
                continue
            if name.isidentifier() or name.replace(".", "").isidentifier():
                with suppress(ImportError):
                    importlib.import_module(name)


def main() -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="kills")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    given = parser.parse_args()
    warm_up()
    phases, faults = campaign(given.count, given.seed)
    for name, hits in sorted(phases.items()):
        print(f"{hits:5d}  {name}")
    print(f"{len(faults)} outcomes differ from the uninterrupted run, seed {given.seed}")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
