"""The table: which rung is taken, how one is forced, and that nothing is swapped in silence."""

from __future__ import annotations

import dataclasses
import json
import threading

import pytest
import torch

from nurt import kernels
from nurt.errors import NurtValueError, UnavailableError
from nurt.kernels import PLAIN, Request, Rung, dispatch, explain, rungs, use
from nurt.kernels.reference import RECURRENCES


@pytest.fixture(autouse=True)
def _no_forced_rung(monkeypatch):
    monkeypatch.delenv("NURT_RUNG", raising=False)


def test_the_engine_runs_what_it_has_a_cell_for_then_torch_then_the_adjoint():
    assert {name: explain(name).rung for name in RECURRENCES} == dict.fromkeys(RECURRENCES, "native")


def test_explain_says_why_the_others_were_passed_over():
    account = explain("linear", dtype=torch.bfloat16, options=["reverse", "ragged"])
    assert account.passed_over == {
        "native": "the engine computes in float32 and float64, not in bfloat16",
        "torch": "torch has no operator for linear",
        "adjoint": "the adjoint is proved in float32 and float64, not in bfloat16",
    }
    assert str(account).startswith("linear on cpu, bfloat16, ragged, reverse: runs on 'reference'")
    assert "reference" in explain("lstm").passed_over


def test_the_account_is_json():
    account = json.loads(json.dumps(explain("gru").to_dict(), allow_nan=False))
    assert (account["rung"], account["dtype"], account["options"]) == ("native", "float32", [])


def test_explain_prints_a_cell_with_a_step_of_its_own():
    assert str(explain(None)).startswith("a step of its own on cpu, float32: runs on 'reference'")


@pytest.mark.parametrize(
    ("device", "dtype", "taken"), [("mps", torch.float32, "adjoint"), ("cpu", torch.complex64, "reference")]
)
def test_torch_is_not_taken_where_it_is_not_offered(device, dtype, taken):
    assert explain("lstm", device=device, dtype=dtype).rung == taken


def test_the_adjoint_runs_what_has_one_where_neither_the_engine_nor_torch_does():
    assert explain("linear", device="cuda", options=["ragged", "reverse"]).rung == "adjoint"
    assert explain(None).passed_over["adjoint"] == "there is no adjoint of a step of its own"
    assert "torch.func" in explain("linear", options=["transformed"]).passed_over["adjoint"]


def test_a_recurrence_without_an_adjoint_runs_in_the_reference_loop(monkeypatch):
    monkeypatch.setitem(RECURRENCES, "novel", dataclasses.replace(RECURRENCES["linear"], name="novel", adjoint=None))
    account = explain("novel")
    assert account.rung == "reference"
    assert account.passed_over["adjoint"] == "there is no adjoint of novel"


def test_use_forces_a_rung_inside_its_block_alone():
    with use("reference"):
        assert explain("lstm").rung == "reference"
        assert explain("lstm").passed_over == dict.fromkeys(["native", "torch", "adjoint"], "'reference' is forced")
        with use("torch"):
            assert explain("lstm").rung == "torch"
        assert explain("lstm").reason == 'use("reference") forces it'
    assert explain("lstm").rung == "native"


def test_use_lets_go_after_an_error():
    with pytest.raises(KeyError), use("reference"):
        raise KeyError
    assert explain("lstm").rung == "native"


def test_use_does_not_reach_into_other_threads():
    seen = []
    with use("reference"):
        thread = threading.Thread(target=lambda: seen.append(explain("lstm").rung))
        thread.start()
        thread.join()
    assert seen == ["native"]


def test_the_environment_variable_is_read_at_each_call_and_yields_to_use(monkeypatch):
    monkeypatch.setenv("NURT_RUNG", "reference")
    assert explain("lstm").reason == "NURT_RUNG=reference forces it"
    with use("torch"):
        assert explain("lstm").rung == "torch"
    monkeypatch.setenv("NURT_RUNG", "")
    assert explain("lstm").rung == "native"


def test_an_unknown_rung_is_refused_with_the_names_there_are(monkeypatch):
    with pytest.raises(NurtValueError, match="'native', 'torch', 'adjoint', 'reference'"), use("fast"):
        pass
    monkeypatch.setenv("NURT_RUNG", "fast")
    with pytest.raises(NurtValueError, match="environment variable NURT_RUNG"):
        explain("lstm")


def test_a_forced_rung_that_cannot_serve_is_an_error_that_names_the_alternative():
    with (
        use("torch"),
        pytest.raises(UnavailableError, match="Use 'native' or 'adjoint' or 'reference' instead") as caught,
    ):
        explain("linear")
    assert isinstance(caught.value, RuntimeError)
    assert caught.value.got == "one it does not: torch has no operator for linear"


def test_run_does_not_fall_back_from_a_forced_rung():
    linear = RECURRENCES["linear"]
    weights = kernels.Weights(torch.ones(2, 3), torch.ones(2, 2))
    with use("torch"), pytest.raises(UnavailableError):
        kernels.run(linear, torch.ones(1, 2, 3), linear.state(torch.zeros(1, 2)), weights)


@pytest.mark.parametrize("name", ["lstmm", "LSTM", ""])
def test_explain_refuses_unknown_recurrences(name):
    with pytest.raises(NurtValueError, match="unknown recurrence"):
        explain(name)


def test_unknown_options_are_refused():
    with pytest.raises(NurtValueError, match="fused"):
        explain("lstm", options=["fused"])


def test_a_new_rung_is_one_row_of_the_table(monkeypatch):
    calls = []

    def run(recurrence, inputs, state, weights, *, lengths, reverse, options=PLAIN):
        calls.append((recurrence.name, lengths, reverse))
        return inputs, state

    def refuse(request: Request) -> str | None:
        return None if request.recurrence == "gru" else "it only knows gru"

    newcomer = Rung(name="newcomer", summary="a test", refuse=refuse, run=run)
    monkeypatch.setattr(dispatch, "RUNGS", (newcomer, *dispatch.RUNGS))
    assert rungs() == ("newcomer", "native", "torch", "adjoint", "reference")
    assert explain("gru").rung == "newcomer"
    assert explain("lstm").passed_over["newcomer"] == "it only knows gru"
    gru = RECURRENCES["gru"]
    weights = kernels.Weights(torch.ones(6, 3), torch.ones(6, 2))
    inputs, state = torch.ones(1, 2, 3), gru.state(torch.zeros(1, 2))
    assert kernels.run(gru, inputs, state, weights, reverse=True) == (inputs, state)
    stacked = [[weights], [weights], [weights]]
    kernels.run_stack(gru, inputs, (torch.zeros(3, 1, 2),), stacked)
    assert calls == [("gru", None, True), *[("gru", None, False)] * 3]


def test_a_call_that_no_rung_serves_says_why_each_refuses(monkeypatch):
    monkeypatch.setattr(dispatch, "RUNGS", dispatch.RUNGS[1:2])
    with pytest.raises(UnavailableError, match="torch: torch has no operator for linear"):
        explain("linear")


def test_each_reason_why_the_engine_is_not_taken_is_said(monkeypatch):
    def why(*request, **options):
        return explain(*request, **options).passed_over["native"]

    assert why(None) == "the engine has no cell for a step of its own"
    assert why("lstm", device="cuda") == "the engine computes on a cpu, not on cuda"
    assert why("lstm", dtype=torch.float16) == "the engine computes in float32 and float64, not in float16"
    assert "torch.func" in why("lstm", options=["transformed"])
    monkeypatch.setattr("nurt.kernels.native.call.INSTRUCTION_SETS", ())
    assert why("lstm") == "the native extension is not built"


# torch's own forward-mode code compiles a helper with the deprecated torch.jit.script on first use.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_calls_inside_transforms_and_forward_mode_run_on_the_reference():
    seen = []

    def spy(request):
        seen.append(request.options)

    rung = Rung("spy", "a spy", refuse=lambda request: spy(request) or "it only looks", run=None)
    linear, weights = RECURRENCES["linear"], kernels.Weights(torch.ones(2, 3), torch.ones(2, 2))

    def call(x):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dispatch, "RUNGS", (rung, *dispatch.RUNGS))
            return kernels.run(linear, x, linear.state(torch.zeros(1, 2)), weights)[0].sum()

    torch.func.vmap(call)(torch.ones(4, 1, 2, 3))
    torch.func.grad(call)(torch.ones(1, 2, 3))
    with torch.autograd.forward_ad.dual_level():
        call(torch.autograd.forward_ad.make_dual(torch.ones(1, 2, 3), torch.ones(1, 2, 3)))
    assert seen == [{"transformed"}] * 3
    call(torch.ones(1, 2, 3))
    assert seen[-1] == frozenset()
