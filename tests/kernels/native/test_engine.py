"""Instruction sets, threads, recording, vector functions and refusals of the native engine."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
import torch
from tests.kernels.native.calls import recurrence

import nurt
from nurt import kernels
from nurt.errors import NurtTypeError, NurtValueError, ShapeError, UnavailableError
from nurt.kernels import Weights, _cpu, explain, recording, run_stack, threads, use
from nurt.kernels.native.call import CELLS as NATIVE
from nurt.kernels.native.call import SCALARS, instruction_set
from nurt.kernels.native.memory import extents
from nurt.kernels.reference import RECURRENCES

CELLS = [name for name, spec in NATIVE.items() if not spec.extra]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("cell", CELLS)
def test_every_instruction_set_agrees_with_the_oracle(isa, problem, agree, cell, dtype):
    for size in [(1, 2, 1, 1), (7, 3, 5, 17), (10, 5, 20, 50), (4, 2, 3, 67)]:
        case = problem(cell, *size, dtype, lengths=[size[1] - b % 2 for b in range(size[0])])
        for got, expected in zip(case.native(), case.oracle(), strict=True):
            agree(got, expected)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_results_are_bitwise_the_same_for_any_number_of_threads(isa, problem, cell, ragged):
    lengths = torch.arange(150) % 21 if ragged else None
    case = problem(cell, 150, 20, 24, 50, torch.float32, lengths=lengths)
    outputs, grads = case.native(threads=1)
    for count in (2, 3, 4):
        again, again_grads = case.native(threads=count)
        assert all(torch.equal(a, b) for a, b in zip(outputs + grads, again + again_grads, strict=True))


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman_tanh"])
def test_a_lone_row_of_many_units_has_the_same_bits_for_any_number_of_threads(problem, cell):
    hidden = 901 if cell == "elman_tanh" else 501
    case = problem(cell, 1, 3, 40, hidden, torch.float32)
    outputs, grads = case.native(threads=1)
    for count in (2, 3):
        again, again_grads = case.native(threads=count)
        assert all(torch.equal(a, b) for a, b in zip(outputs + grads, again + again_grads, strict=True))


def test_a_row_has_the_same_numbers_alone_and_in_a_batch(isa, problem):
    case = problem("lstm", 21, 6, 5, 33, torch.float32)
    together = recurrence("lstm", **case.tensors).outputs
    per_row = ("inputs", "hidden", "cell_state")
    for row in (0, 7, 20):
        alone = {n: t[row : row + 1] if n in per_row else t for n, t in case.tensors.items()}
        assert torch.equal(recurrence("lstm", **alone).outputs[0], together[row])


def test_callers_on_several_threads_do_not_disturb_each_other(problem):
    case = problem("gru", 64, 40, 24, 50, torch.float32)
    expected = case.native(threads=1)[1]
    results: list[list[torch.Tensor]] = []

    def work() -> None:
        for _ in range(5):
            results.append(case.native(threads=2)[1])

    callers = [threading.Thread(target=work) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(results) == 15
    assert all(torch.equal(a, b) for grads in results for a, b in zip(grads, expected, strict=True))


def test_poison_reaches_the_scratch_memory():
    """Without it, a read of memory never written could pass by luck; the engine must not read any."""
    x = torch.randn(2, 3, 4)
    w = [torch.randn(4, 4), torch.randn(4, 4)]
    _cpu.poison_scratch(True)
    a = recurrence("elman_tanh", x, *w).outputs
    _cpu.poison_scratch(False)
    assert torch.equal(a, recurrence("elman_tanh", x, *w).outputs)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, [5, 2, 4]])
def test_recording_shows_gates_states_and_total_gradients(problem, agree, lengths, reverse):
    case = problem("lstm", 3, 5, 4, 18, lengths=lengths, reverse=reverse)
    plain = case.native()
    with recording() as records:
        recorded = case.native()
    (record,) = records
    assert all(torch.equal(a, b) for x, y in zip(plain, recorded, strict=True) for a, b in zip(x, y, strict=True))
    assert list(record.gates) == ["input", "forget", "candidate", "output"]
    assert torch.equal(record.hidden, recorded[0][0])
    torch.testing.assert_close(record.gates["output"] * record.cell.tanh(), record.hidden)
    # dL/dh_t and dL/dc_t: shift the state of one step and watch the loss.
    for row, time in itertools.product(range(3), range(5)):
        if lengths is not None and time >= lengths[row]:
            assert not record.grad_hidden[row, time].any()
            assert not record.grad_cell[row, time].any()
            continue
        expected = total_gradients(case, row, time)
        agree([record.grad_hidden[row, time], record.grad_cell[row, time]], expected)


def total_gradients(case, row: int, time: int) -> list[torch.Tensor]:
    """dL/dh_t and dL/dc_t over all paths, from a loop that cuts the graph open at (row, time)."""
    t = case.tensors
    length = case.tensors["inputs"].shape[1] if case.options["lengths"] is None else case.options["lengths"][row]
    order = list(range(length))[:: -1 if case.options["reverse"] else 1]
    h, c = t["hidden"][row], t["cell_state"][row]
    opened: list[torch.Tensor] = []
    loss = torch.zeros((), dtype=h.dtype)
    for step in order:
        i, f, g, o = (t["weight_ih"] @ t["inputs"][row, step] + t["bias_ih"] + t["weight_hh"] @ h + t["bias_hh"]).chunk(
            4
        )
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        if step == time:
            # c_t reaches the loss through h_t too, so h_t is recomputed from the opened c_t.
            opened_c = c.detach().requires_grad_()
            opened_h = (o.sigmoid() * opened_c.tanh()).detach().requires_grad_()
            via = o.sigmoid() * opened_c.tanh()
            h = opened_h + (via - via.detach())
            c = opened_c
            opened = [opened_h, opened_c]
        else:
            h = o.sigmoid() * c.tanh()
        loss = loss + (h * case.grads[0][row, step]).sum()
    loss = loss + (h * case.grads[1][row]).sum() + (c * case.grads[2][row]).sum()
    return list(torch.autograd.grad(loss, opened))


def test_recorded_gates_of_the_gru_rebuild_its_output(problem):
    case = problem("gru", 3, 5, 4, 18, states=False)
    with recording() as records:
        case.native()
    (record,) = records
    g = record.gates
    assert list(g) == ["candidate", "reset", "update", "recurrent_candidate"]
    before = torch.cat([torch.zeros_like(record.hidden[:, :1]), record.hidden[:, :-1]], dim=1)
    torch.testing.assert_close((1 - g["update"]) * g["candidate"] + g["update"] * before, record.hidden)
    W, b = case.tensors["weight_hh"][36:], case.tensors["bias_hh"][36:]
    torch.testing.assert_close(before @ W.T + b, g["recurrent_candidate"])


# Largest error of the vector functions in units of the last place, over the whole range.
ULP = {torch.float32: 3.0, torch.float64: 3.0}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("code", "name"), [(0, "tanh"), (1, "sigmoid")])
def test_functions_are_accurate_over_the_whole_range(isa, code, name, dtype):
    wide = np.longdouble
    number = np.float32 if dtype == torch.float32 else np.float64
    limit = 85.0 if dtype == torch.float32 else 700.0
    small = np.geomspace(1e-37 if dtype == torch.float32 else 1e-300, limit, 40001)
    x = np.concatenate([small, -small, np.linspace(-12, 12, 60001)]).astype(number)
    got = apply(isa, code, torch.from_numpy(x)).numpy()
    exact = np.tanh(x.astype(wide)) if name == "tanh" else 1 / (1 + np.exp(-x.astype(wide)))
    error = np.abs(got.astype(wide) - exact) / np.spacing(np.abs(exact).astype(number)).astype(wide)
    worst = int(error.argmax())
    assert error[worst] <= ULP[dtype], f"{error[worst]:.2f} ulp at {x[worst]!r}"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_functions_are_right_at_the_edges(isa, dtype):
    tiny = torch.finfo(dtype).tiny / 8
    inf, nan = float("inf"), float("nan")
    x = torch.tensor([inf, -inf, nan, 0.0, -0.0, tiny, -tiny, 1e30, -1e30, 88.5, -88.5, 103.0, -750.0], dtype=dtype)
    tanh, sigmoid = apply(isa, 0, x), apply(isa, 1, x)
    torch.testing.assert_close(tanh, x.tanh(), equal_nan=True, rtol=1e-6, atol=0)
    torch.testing.assert_close(sigmoid, x.sigmoid(), equal_nan=True, rtol=1e-6, atol=torch.finfo(dtype).tiny)
    assert torch.equal(torch.signbit(tanh), torch.signbit(x))


def apply(isa: str, code: int, x: torch.Tensor) -> torch.Tensor:
    y = torch.empty_like(x)
    _cpu.map(isa, code, SCALARS[x.dtype], x.data_ptr(), y.data_ptr(), x.numel())
    return y


GOOD = {"inputs": (2, 3, 4), "weight_ih": (20, 4), "weight_hh": (20, 5), "bias_ih": (20,), "bias_hh": (20,),
        "hidden": (1, 2, 5), "cell_state": (1, 2, 5)}  # fmt: skip


def lstm(tensors: dict[str, torch.Tensor], lengths: torch.Tensor | None = None) -> None:
    """Run a single layer natively on tensors that nothing has looked at before."""
    weights = Weights(*(tensors[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")))
    with use("native"):
        states = (tensors["hidden"], tensors["cell_state"])
        run_stack(RECURRENCES["lstm"], tensors["inputs"], states, [[weights]], lengths=lengths)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("inputs", (2, 3)), ("inputs", (2, 0, 4)), ("inputs", (2, 3, 3)), ("weight_ih", (19, 4)), ("weight_hh", (20, 4)),
     ("weight_hh", (20,)), ("weight_hh", (0, 0)), ("bias_ih", (5,)), ("bias_hh", (20, 1)), ("hidden", (1, 1, 2, 5)),
     ("hidden", (1, 1, 5)), ("cell_state", (1, 3, 5)), ("cell_state", (2, 2, 5))],
)  # fmt: skip
def test_a_wrong_shape_is_refused_with_the_name_of_the_argument(name, shape):
    tensors = {n: torch.ones(s) for n, s in GOOD.items()}
    with pytest.raises(ShapeError) as caught:
        lstm(tensors | {name: torch.ones(shape)})
    assert str(shape) in str(caught.value) or name in ("inputs", "weight_hh")
    assert caught.value.expected
    assert caught.value.cure


def test_another_type_or_device_is_refused():
    tensors = {n: torch.ones(s) for n, s in GOOD.items()}
    with pytest.raises(NurtTypeError, match="`weight_hh` of a lstm is of another kind than the inputs"):
        lstm(tensors | {"weight_hh": torch.ones(20, 5, dtype=torch.float64)})
    with pytest.raises(UnavailableError, match="not in float16"):
        lstm(tensors | {"inputs": torch.ones(2, 3, 4, dtype=torch.float16)})
    with pytest.raises(NurtTypeError, match="meta"):
        lstm(tensors | {"hidden": torch.ones(1, 2, 5, device="meta")})
    with pytest.raises(NurtTypeError, match="sparse"):
        lstm(tensors | {"cell_state": torch.ones(1, 2, 5).to_sparse()})
    with pytest.raises(NurtTypeError, match="a tensor weight_hh"):
        lstm(tensors | {"weight_hh": None})


def test_impossible_options_are_refused(monkeypatch):
    tensors = {n: torch.ones(s) for n, s in GOOD.items()}
    with pytest.raises(NurtValueError, match="unknown recurrence"):
        explain("lstn")
    for outside in ([3, 4], [3, -1]):
        with pytest.raises(ValueError, match=r"a length lies outside 0 \.\. T"):
            lstm(tensors, torch.tensor(outside))
    with pytest.raises(ShapeError, match="`lengths`"):
        lstm(tensors, torch.tensor([3]))
    with pytest.raises(NurtTypeError, match="float"):
        lstm(tensors, torch.tensor([1.0, 2.0]))
    with pytest.raises(NurtValueError, match="threads"), threads(0):
        pass
    monkeypatch.setenv("NURT_ISA", "mmx")
    with pytest.raises(UnavailableError, match="NURT_ISA"):
        lstm(tensors)


def test_lengths_are_read_row_by_row_however_they_lie_in_memory():
    x = torch.randn(70, 3, 4)
    weights = [torch.randn(4, 4), torch.randn(4, 4)]
    expanded = recurrence("elman_tanh", x, *weights, lengths=torch.tensor(2).expand(70))
    assert torch.equal(expanded.outputs, recurrence("elman_tanh", x, *weights, lengths=[2] * 70).outputs)


def test_the_native_guards_refuse_instead_of_touching_memory():
    lstm_code, projected = NATIVE["lstm"].code, NATIVE["projected_lstm"].code
    stack = _cpu.Stack(lstm_code, 0, 1, False, 1, 1, 1, 1, 1, 1, (False,), 0)
    for call in (_cpu.forward, _cpu.backward):
        with pytest.raises(ValueError, match="address is missing"):
            call("baseline", stack)
    kept = torch.zeros(8)
    stack.inputs = (kept.data_ptr(), 1, 1)
    stack.final_hidden = stack.layer(0).outputs = kept.data_ptr()
    stack.side(0, 0).weight_ih = stack.side(0, 0).weight_hh = kept.data_ptr()
    with pytest.raises(ValueError, match="final cell state"):
        _cpu.forward("baseline", stack)
    with pytest.raises(ValueError, match="kept no gates"):
        _cpu.backward("baseline", stack)
    stack.final_cell = stack.side(0, 0).gates = kept.data_ptr()
    with pytest.raises(ValueError, match="gates and cells, or neither"):
        _cpu.forward("baseline", stack)
    with pytest.raises(ValueError, match="kept no cell states"):
        _cpu.backward("baseline", stack)
    with pytest.raises(IndexError):
        stack.layer(1)
    with pytest.raises(IndexError):
        stack.side(0, 1)
    for place in (stack.side(0, 0).learned, stack.side(0, 0).grad_learned):
        with pytest.raises(IndexError):
            place(8, kept.data_ptr())
    stack.constants = (0.5,)
    with pytest.raises(ValueError, match="another number of constants"):
        _cpu.forward("baseline", stack)
    with pytest.raises(ValueError, match="no instruction set"):
        _cpu.map("mmx", 0, 0, 0, 0, 0)
    good = {"cell": lstm_code, "scalar": 0, "threads": 1, "reverse": (False,), "packed": False, "layers": 1}
    good |= {"batch": 1, "time": 1, "features": 1, "hidden": 1, "outputs": 1, "lengths": 0}
    assert _cpu.Stack(**good).scale == 1.0
    ones = torch.ones(4, dtype=torch.int64)
    # Named, so that the memory behind the addresses outlives the calls.
    too_long, rising, falling = torch.tensor([5]), torch.tensor([1, 2]), torch.tensor([2, 1])
    for wrong in (
        {"cell": len(NATIVE)},
        {"cell": -1},
        {"outputs": 2},
        {"cell": projected, "outputs": 2},
        {"scalar": 5},
        {"threads": 0},
        {"layers": 0},
        {"reverse": ()},
        {"reverse": (False, True, False)},
        {"batch": 0},
        {"time": 1 << 41},
        {"lengths": too_long.data_ptr()},
        {"packed": True},
        {"packed": True, "batch": 4, "time": 3, "lengths": ones.data_ptr()},
        {"packed": True, "batch": 2, "time": 3, "lengths": rising.data_ptr()},
        {"packed": True, "batch": 2, "time": 2, "lengths": falling.data_ptr()},
    ):
        with pytest.raises(ValueError, match=r"nurt\.kernels\._cpu"):
            _cpu.Stack(**good | wrong)


def test_the_widest_instruction_set_is_the_default(monkeypatch):
    monkeypatch.delenv("NURT_ISA", raising=False)
    assert instruction_set() == _cpu.instruction_sets()[-1]


# Which of the sizes that are handed over is halved, counted among the tensors of the call.
@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("call", ["forward", "backward", "scan"])
def test_sizes_that_do_not_fit_the_memory_are_refused_before_anything_is_written(monkeypatch, call, place):
    layer, inputs = nurt.nn.GRU(3, 5), torch.randn(7, 2, 3, requires_grad=True)
    results = layer(inputs)[0].sum()

    def halved(*arguments):
        found = extents(*arguments)
        found[2 * (place % (len(found) // 2)) + 1] //= 2
        return found

    where = "scan" if call == "scan" else "engine"
    monkeypatch.setattr(f"nurt.kernels.native.{where}.extents", halved)
    with pytest.raises(ValueError, match="does not lie within the memory that was given"):
        if call == "scan":
            kernels.scan(torch.rand(4), torch.rand(2, 3, 4))
        elif call == "forward":
            layer(inputs)
        else:
            results.backward()
    assert inputs.grad is None
