"""Every program in `examples/` runs, in a few seconds, and prints what the guide says it prints."""

from __future__ import annotations

import runpy
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
KEPT = EXAMPLES.parent / "docs" / "output"

# Program → (how to shorten it, what it must print). A program that is not listed here fails the first test.
PROGRAMS: dict[str, tuple[dict[str, int], tuple[str, ...]]] = {
    "audit_a_foreign_model": ({}, ("State: pass", "Outputs: warning", "[31 32 40 50 60]", "Looks ahead")),
    "drop_in_lstm": (
        {},
        ("same up to rounding: True", "all gradients: True", "past the ends: True", "alone: True", "modules.rnn LSTM"),
    ),
    "dynamics": ({}, ("over 60 steps", "largest Lyapunov exponents", "W_hf of the model", "within 1.00 %: K =")),
    "examine_a_network": ({}, ("The gradient vanishes", "layer 1, forward: gru", "half-life")),
    "find_a_leak": ({}, ("centred: Leak", "trailing: No leak", "of the error was hidden", "L06 error")),
    "forecast_in_python": ({}, ("80 % band", "100 origins, 10 step(s) ahead", "closed-form linear regression")),
    "frames_in_frames_out": ({"epochs": 2}, ("3 of 300 values", "GRU-lo-80", "harbour", "seasonal_naive")),
    "hourly_load": ({"hours": 50}, ("load.csv: 50 hours", "nurt forecast load.csv")),
    "judge_foreign_forecasts": ({}, ("theirs is as good as", "use naive", "theirs repeats the last value at")),
    "line_with_calendar": ({}, ("last season with drift", "linear + known ahead", "MW")),
    "look_inside": ({}, ("gradient at 1 of 40 steps, total at 40", "ten steps before", "after lag", "half-life")),
    "loss_surface": ({}, ("cells from 0.25 down to", "264 of 264 weights", "of the variance of the path")),
    "messy_table": ({}, ("38.2  nan 41.5", "cp1250", "newest first", "more than once", "nan  nan", "semicolons")),
    "model_file": ({"epochs": 1}, ("bit for bit: True", "is damaged")),
    "own_cell": ({}, ("MGUCell obeys", "a row of a batch depends on the other rows", "(5, 9, 32)", "'reference'")),
    "own_gradient": ({}, ("w: right", "2 times what it should be")),
    "own_loop": ({}, ("direct gradient at 1 of 50 steps", "At these weights")),
    "resume_training": ({"epochs": 3}, ("cut after step 12", "same weights as without the cut: True")),
    "see_the_gradient": (
        {},
        ("direct gradient at 1 of 40 steps", "after lag", "cell highway", "half-life", "autograd's: True"),
    ),
    "start_at_the_last_value": ({"epochs": 1}, ("bit for bit: True", "direct", "recursive")),
    "swap_and_deploy": (
        {},
        ("weight norm goes along: True", "['LSTM', 'LSTM']", "onnxruntime agrees: True", "alone agrees: True"),
    ),
    "three_verdicts": ({"epochs": 1}, ("random walk: LSTM", "use linear", "Mackey-Glass")),
    "train_any_model": ({"epochs": 1}, ("elman", "lstm", "gru")),
    "where_nan_began": ({}, ("Training stopped in epoch 1", '"module": "encoder.layers.0"')),
    "which_code_runs": ({}, ("runs on 'native'", "forces it", "torch has no operator for linear")),
}  # fmt: skip


@pytest.fixture
def strict_warnings() -> Iterator[None]:
    """Let a warning end the program: a reader who copies it must not be met by one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_every_program_is_listed_with_what_it_prints() -> None:
    assert sorted(PROGRAMS) == sorted(path.stem for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_runs_and_prints_what_it_found(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    strict_warnings: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NURT_RUNG", raising=False)
    shortened, said = PROGRAMS[name]
    program = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="shown")
    if "main" in program:
        program["main"](**shortened)
    printed = capsys.readouterr().out
    missing = [words for words in said if words not in printed]
    assert not missing, f"not printed: {missing}\n{printed}"


@pytest.mark.parametrize("name", sorted(PROGRAMS.keys() - {"hourly_load"}))
def test_the_kept_output_is_that_of_the_program(name: str) -> None:
    """The pages show what a whole run printed; whoever changes a message runs `python docs/hooks/outputs.py`."""
    kept = " ".join((KEPT / f"{name}.txt").read_text(encoding="utf-8").split())
    missing = [words for words in PROGRAMS[name][1] if " ".join(words.split()) not in kept]
    assert not missing, f"not in docs/output/{name}.txt: {missing}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_fits_on_a_page_and_says_what_it_shows(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert text.startswith('"""')
    assert text.count("print(") > 0
