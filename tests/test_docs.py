"""The pages hold what they promise: every public name, every program as it is, every link, every number."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from tests.test_public_api import registered_cells

import nurt

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
READ = [*PAGES, ROOT / "README.md"]

FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`|^::: .*$|\]\([^)]*\)|\]\[[^\]]*\]|<!--.*?-->|\{ #[^}]*\}", re.MULTILINE)
SNIPPET = re.compile(r'--8<-- "([^":]+)(?::\d+:\d+)?"')
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _prose(path: Path) -> str:
    """Return the text of a page without code, directives and the targets of links."""
    return CODE.sub("", FENCE.sub("", path.read_text(encoding="utf-8")))


def _hook(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / "hooks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------------- the public names


def _public() -> Iterator[str]:
    reviewed = tomllib.loads((ROOT / "tests" / "public_names.toml").read_text(encoding="utf-8"))
    for module, part in reviewed.items():
        for name in part["names"]:
            if not isinstance(getattr(importlib.import_module(module), name), ModuleType):
                yield f"{module}.{name}"
    yield from (f"nurt.nn.{name}" for name in registered_cells())


def _documented() -> list[str]:
    """Return what the pages of the API document, by directive or by an anchor of their own."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "api").glob("*.md")))
    return re.findall(r"^::: (\S+)$", text, re.MULTILINE) + re.findall(r"\[\]\(\)\{ #(nurt\.\S+) \}", text)


def test_every_public_name_has_its_place_in_the_api() -> None:
    documented = set(_documented())
    missing = [name for name in _public() if name not in documented]
    # A shortcut to what is shown elsewhere needs no place of its own.
    shown = [_object(name) for name in documented]
    assert not [name for name in missing if not any(_object(name) is one for one in shown)], "on no page of docs/api"


def test_the_api_shows_nothing_twice_and_nothing_that_is_not_there() -> None:
    documented = _documented()
    assert len(set(documented)) == len(documented)
    for name in documented:
        assert _object(name) is not None, name


def _object(path: str) -> object:
    """Return what a dotted path names."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise AssertionError(f"nothing is called {path}")


@pytest.mark.parametrize("name", sorted(_public()))
def test_what_is_public_is_explained(name: str) -> None:
    found = _object(name)
    if inspect.isclass(found) or inspect.isfunction(found):
        assert (found.__doc__ or "").strip(), f"{name} has no docstring"
        assert not (found.__doc__ or "").startswith(f"{found.__name__}("), f"{name} has no docstring of its own"


# ------------------------------------------------------------------- programs and outputs


@pytest.mark.parametrize("page", READ, ids=_named)
def test_what_a_page_includes_exists(page: Path) -> None:
    for included in SNIPPET.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / included).is_file(), f"{_named(page)} includes {included}"


def test_every_program_and_every_output_is_shown_somewhere() -> None:
    shown = {name for page in PAGES for name in SNIPPET.findall(page.read_text(encoding="utf-8"))}
    programs = {f"examples/{path.name}" for path in (ROOT / "examples").glob("*.py")}
    assert not programs - shown, "in examples/, and on no page"
    outputs = {f"docs/output/{path.name}" for path in (DOCS / "output").glob("*.txt")}
    shown |= {"docs/output/nurt_demo.txt"}  # shown in the README, which includes nothing
    assert not {name for name in outputs - shown if name != "docs/output/hourly_load.txt"}, "printed, and on no page"
    assert {Path(name).stem for name in programs} <= {path.stem for path in (DOCS / "output").glob("*.txt")}


def test_the_readme_shows_the_program_and_its_output_as_they_are() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("forecast_in_python", "look_inside"):
        program = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
        assert f"```python\n{program}```\n" in readme, name
    for output in ("nurt_forecast", "nurt_demo", "look_inside"):
        assert f"```\n{(DOCS / 'output' / f'{output}.txt').read_text(encoding='utf-8')}```\n" in readme, output
    assert "make demo" in readme
    assert "make test" in readme


def test_the_page_of_the_command_line_is_that_of_the_program() -> None:
    hook = _hook("command_page")
    text = hook.PAGE.read_text(encoding="utf-8")
    assert hook.written(text) == hook.tables(), "run: python docs/hooks/command_page.py"


def test_the_page_and_the_readme_tell_the_times_that_were_measured() -> None:
    hook = _hook("benchmark_page")
    run = hook.kernels()
    told = "run: python docs/hooks/benchmark_page.py"
    assert hook.PAGE.read_text(encoding="utf-8") == hook.page(run, hook.commands()), told
    readme = hook.README.read_text(encoding="utf-8")
    assert readme.partition(hook.BEGIN)[2].partition(hook.END)[0] == hook.table(run), told
    assert 4 <= hook.table(run).count("\n") <= 10


# ------------------------------------------------------------------------------- links


def _anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+?)(?: \{ #([\w.-]+) \})?$", text, re.MULTILINE)
    return {own or re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title, own in headings}


@pytest.mark.parametrize("page", READ, ids=_named)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        assert not target.startswith("/"), f"{_named(page)}: {target} is absolute"
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{_named(page)}: {target}"
        if anchor and goal.suffix == ".md":
            assert anchor in _anchors(goal), f"{_named(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_references_to_the_api_name_what_is_there(page: Path) -> None:
    for name in re.findall(r"\]\[(nurt\.[\w.]+)\]", page.read_text(encoding="utf-8")):
        assert name in _documented(), f"{_named(page)}: {name} is on no page of docs/api"


def test_every_page_is_in_the_contents_and_the_other_way_round() -> None:
    listed = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in PAGES)


def test_pictures_are_small_and_used() -> None:
    used = {
        (page.parent / target).resolve() for page in READ for target in LINK.findall(page.read_text(encoding="utf-8"))
    }
    for picture in (DOCS / "images").iterdir():
        assert picture.stat().st_size < 300_000, _named(picture)
        assert picture.resolve() in used, f"{_named(picture)} is on no page"


def test_no_page_asks_for_anything_from_elsewhere() -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in settings
    for place in (settings, *(page.read_text(encoding="utf-8") for page in READ)):
        assert not re.findall(r"(?:src|href|extra_javascript|extra_css)\W+https?://", place)


def test_the_built_pages_are_complete_in_themselves(tmp_path: Path) -> None:
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("the group 'docs' is not installed: `make docs` builds the pages")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    told = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=told, check=False)
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        fetched = re.findall(
            r"<(?:script|img|link|iframe)[^>]+(?:src|href)=\"(https?://[^\"]+)", page.read_text("utf-8")
        )
        assert not fetched, f"{page.relative_to(tmp_path)} fetches {fetched}"


# Pages with a few lines of code of their own, and what a reader has at hand there.
FRAGMENTS: dict[str, dict[str, object]] = {
    "README.md": {},
    "docs/guide/recurrences.md": {
        "cell": nurt.nn.LSTMCell(3, 5),
        "batch": 2,
        "x": torch.ones(2, 3),
        "inputs": torch.ones(2, 7, 3),
    },
    "docs/guide/training.md": {},
    "docs/guide/deploying.md": {"model": torch.nn.Sequential(nurt.nn.LSTM(3, 5))},
}


@pytest.mark.parametrize("page", FRAGMENTS)
def test_lines_of_code_in_the_text_run(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "--8<--" not in code]
    at_hand = {"nurt": nurt, "torch": torch, **FRAGMENTS[page]}
    own = [code for code in blocks if not code.startswith('"""')]
    assert own
    for code in own:
        exec(compile(code, page, "exec"), at_hand)


def test_pages_show_programs_by_including_them() -> None:
    for page in PAGES:
        blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        assert _named(page) in FRAGMENTS or all("--8<--" in code for code in blocks), _named(page)


# ------------------------------------------------------------------------------ content


def test_the_map_of_the_architecture_names_every_package() -> None:
    source = ROOT / "src" / "nurt"
    packages = {str(path.parent.relative_to(source)) for path in source.rglob("__init__.py")} - {"."}
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[a-z].*?) \|", text.partition("## Map")[2].partition("\n## ")[0], re.MULTILINE)
    assert set(re.findall(r"`([\w/]+)`", " ".join(rows))) == packages | {"kernels/cpu"}


def test_every_environment_variable_is_described() -> None:
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    asked = r"(?:environ(?:\.get\(|\[)|\bvariable\()[\"'](\w+)"
    read = re.compile(asked + r"|^ENVIRONMENT_VARIABLE = [\"'](\w+)", re.MULTILINE)
    found = {a or b for path in sources for a, b in read.findall(path.read_text(encoding="utf-8"))}
    found -= {"PATH"}  # every shell's own
    assert {"NURT_RUNG", "NURT_DEBUG", "NURT_DATA"} <= found
    for page in (DOCS / "reference" / "environment.md", ROOT / "ARCHITECTURE.md"):
        described = set(re.findall(r"^\| `([A-Z_]+)`", page.read_text(encoding="utf-8"), re.MULTILINE))
        assert found <= described, f"{_named(page)} does not describe all of them"
        assert described - {"NO_COLOR"} <= found, f"{_named(page)} describes what nobody reads"


def _held() -> Iterator[tuple[str, list[Path]]]:
    """Return each part of the page of numbers with the tests that are said to hold it."""
    text = (DOCS / "reference" / "numbers.md").read_text(encoding="utf-8")
    part = ""
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("Held by"):
            yield part, [ROOT / path for path in re.findall(r"`(tests/\S+\.py)`", paragraph)]
            part = ""
        part += f"{paragraph}\n"


DECIMAL = re.compile(r"(?<![\w.])-?\d+\.\d{3,}(?![\d])")
# Other numbers that may stand between those of a row: tolerances.
BETWEEN = 2


def test_the_numbers_on_the_page_are_those_in_the_tests() -> None:
    checked = 0
    for part, tests in _held():
        stated = [float(number) for path in tests for number in DECIMAL.findall(path.read_text(encoding="utf-8"))]
        for row in (line for line in part.splitlines() if line.startswith("|")):
            numbers = [float(number) for number in DECIMAL.findall(row)]
            assert not numbers or _in_a_row(numbers, stated), f"not in {tests}: {row}"
            checked += len(numbers)
    assert checked > 150


def _in_a_row(numbers: list[float], stated: list[float]) -> bool:
    """Tell whether ``numbers`` stand in ``stated`` in their order and close together."""
    for start in (place for place, number in enumerate(stated) if number == numbers[0]):
        place = start
        for number in numbers[1:]:
            nearby = stated[place + 1 : place + 2 + BETWEEN]
            if number not in nearby:
                break
            place += 1 + nearby.index(number)
        else:
            return True
    return False


SPELT = {
    r"\blookback": "look-back",
    r"(?<!nurt )\bbacktest(?:s|ing)?\b": "back-test",
    r"\btime-series\b": "series",
    r"\bhyper-?parameter": "setting",
    r"\bground truth\b": "truth",
    r"\bpersistence\b": "naive forecast",
    r"\bearly[- ]stopp": "stopping",
    r"\bdata ?set": "data",
    r"\bstate[- ]of[- ]the[- ]art|\bpowerful\b|\bblazing|\bsimply\b|\beasily\b|\bseamless": "(no praise)",
    r"\bcenter|\bbehavior|\bnormaliz|\bcolor\b|\brecogniz|\binitializ": "British spelling",
}


@pytest.mark.parametrize("page", READ, ids=_named)
def test_one_thing_has_one_name(page: Path) -> None:
    text = _prose(page).lower()
    for wrong, right in SPELT.items():
        found = re.search(wrong, text)
        assert found is None, f"{_named(page)}: {found.group(0)!r}; the glossary says {right}"


def test_the_glossary_is_in_order() -> None:
    terms = re.findall(r"^(\S.*)\n:   ", (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(terms) > 25
    assert terms == sorted(terms, key=str.lower)
