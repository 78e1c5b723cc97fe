"""The public names are those that were reviewed; importing them is cheap; errors are one family with one form."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import nurt
from nurt.errors import NurtError

REVIEWED = {
    module: part["names"]
    for module, part in tomllib.loads(Path(__file__).with_name("public_names.toml").read_text(encoding="utf-8")).items()
}
SOURCES = Path(nurt.__file__).parent
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(nurt.__path__, "nurt.")
    if not module.name.endswith(("._cpu", ".__main__"))
)


@pytest.mark.parametrize("module", REVIEWED)
def test_a_module_promises_the_names_that_were_reviewed(module: str) -> None:
    promised = importlib.import_module(module).__all__
    registered = registered_cells() if module == "nurt.nn" else set()
    assert [name for name in promised if name not in registered] == REVIEWED[module]
    assert registered <= set(promised)


def registered_cells() -> set[str]:
    """Return the names that a cell brings by being registered: its class and that of its state."""
    from nurt.nn import CELLS

    return {kind.__name__ for cell in CELLS.values() for kind in (cell, type(cell(3, 5).initial_state(1)))}


def test_every_cell_is_known_by_one_name_and_shown_by_one() -> None:
    from nurt.nn import CELLS, AbstractCell

    classes = {kind for kind in vars(importlib.import_module("nurt.nn")).values() if isinstance(kind, type)}
    assert {kind for kind in classes if issubclass(kind, AbstractCell)} - {AbstractCell} == set(CELLS.values())
    assert len(set(CELLS.values())) == len({cell.display_name for cell in CELLS.values()}) == len(CELLS)
    assert not [name for name, cell in CELLS.items() if name.replace("_", "") + "cell" != cell.__name__.lower()]


@pytest.mark.parametrize("module", MODULES)
def test_every_promised_name_exists_once(module: str) -> None:
    loaded = importlib.import_module(module)
    promised = getattr(loaded, "__all__", [])
    assert len(set(promised)) == len(promised)
    assert not [name for name in promised if not hasattr(loaded, name)]


def test_the_shortcuts_of_the_package_are_the_objects_of_the_modules() -> None:
    from nurt.evaluation.forecasts.backtest import BacktestPlan
    from nurt.tasks.forecasting import Forecaster, ForecastPlan, run_forecast
    from nurt.training import TrainingSettings

    assert (nurt.BacktestPlan, nurt.Forecaster, nurt.ForecastPlan) == (BacktestPlan, Forecaster, ForecastPlan)
    assert (nurt.run_forecast, nurt.TrainingSettings) == (run_forecast, TrainingSettings)
    for name in nurt.__all__:
        value = getattr(nurt, name)
        if isinstance(value, ModuleType):
            assert value is sys.modules[f"nurt.{name}"]
    assert set(nurt.__all__) <= set(dir(nurt))
    with pytest.raises(AttributeError, match="no attribute 'forcaster'"):
        _ = nurt.forcaster


HEAVY = ("torch", "polars", "pandas", "plotly", "scipy", "rich", "pydantic", "narwhals", "statsforecast", "sklearn")


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import nurt", ()),
        ("import nurt; dir(nurt); nurt.errors.DataError; nurt.environment.versions", ()),
        ("import nurt.cli.main", ("rich",)),
        ("import nurt.data", ()),
        ("import nurt.experiments; nurt.experiments.list_experiments()", ()),
        ("import nurt.descent", ()),
        ("import nurt.training.events", ()),
        ("import nurt.evaluation.forecasts.backtest", ("scipy",)),
        ("import nurt.nn", ("torch",)),
        ("import nurt.tasks.forecasting", ("torch", "scipy", "pydantic")),
    ],
)
def test_an_import_brings_only_what_it_needs(statement: str, allowed: tuple[str, ...]) -> None:
    asked = f"{statement}; import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    brought = ast.literal_eval(done.stdout.splitlines()[-1])
    assert set(brought) <= set(allowed), f"{statement} imports {brought}"


def _family(kind: type[NurtError]) -> Iterator[type[NurtError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _family(child)


def _errors() -> list[type[NurtError]]:
    for module in MODULES:
        importlib.import_module(module)
    return sorted(
        {one for one in _family(NurtError) if one.__module__.startswith("nurt.")}, key=lambda one: one.__name__
    )


def test_every_error_is_also_a_built_in_that_people_catch() -> None:
    family = _errors()
    assert len(family) >= 11
    for kind in family:
        built_in = [one for one in kind.__mro__ if one.__module__ == "builtins" and issubclass(one, Exception)]
        assert set(built_in) - {Exception}, f"{kind.__name__} is caught by `except NurtError` alone"
        assert kind.__doc__, kind


def _raised() -> Iterator[tuple[str, ast.Call]]:
    names = {one.__name__ for one in _errors()} | {"NurtError"}
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                yield f"{path.relative_to(SOURCES)}:{node.lineno}", node


def _ending(part: ast.expr) -> str | None:
    """Return the last sign of a message that is written out in the source; None where it is computed."""
    while isinstance(part, ast.JoinedStr):
        part = part.values[-1]
    while isinstance(part, ast.BinOp):
        part = part.right
    return part.value[-1:] if isinstance(part, ast.Constant) and isinstance(part.value, str) else None


def test_messages_say_what_happened_what_was_expected_and_how_to_mend_it() -> None:
    seen = 0
    for place, call in _raised():
        parts = {keyword.arg: keyword.value for keyword in call.keywords}
        if call.args:
            assert _ending(call.args[0]) in (".", ":", "?", None), f"{place}: what happened is a sentence"
        for name in ("expected", "got"):
            if name in parts:
                assert _ending(parts[name]) != ".", f"{place}: `{name}` stands inside a sentence, without a full stop"
        if "cure" in parts:
            # A path at the end of a cure is to be copied, so no full stop touches it: `*.csv`.
            assert _ending(parts["cure"]) in (".", "v", None), f"{place}: `cure` is a sentence"
        seen += bool(parts)
    assert seen > 100


PLAIN = {"Exception", "ValueError", "TypeError", "RuntimeError", "KeyError", "OSError", "IndexError"}
OWN_MISTAKES = {
    "results.py": "a result that is no dataclass, or holds what has no plain form, is a mistake in nurt itself",
    "data/readers/native.py": "a program that imports nothing of nurt; its caller tells its last line as a DataError",
    "training/tensorfile.py": "caught by its caller, and told as an UnreadableError",
}


def test_nothing_but_the_family_is_raised_at_people() -> None:
    found = set()
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            raised = node.exc.func if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) else None
            if isinstance(raised, ast.Name) and raised.id in PLAIN:
                found.add(str(path.relative_to(SOURCES)))
    assert found <= set(OWN_MISTAKES), "raise an error of nurt.errors there, or say here why not"
