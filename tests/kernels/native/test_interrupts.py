"""Ctrl-C in the middle of a native call: the call ends early, nothing hangs, and the engine computes as before.

Each test runs a program of its own, which sends the signal to itself while the engine computes.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMON = """
import os, signal, sys, threading, time
import torch, nurt
from nurt import kernels

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(0)

def seconds(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin

def interrupted(call):
    # By a tenth of the time that the call takes, and in any case long before its end.
    whole = seconds(call)
    assert whole > 0.3, whole
    timer = threading.Timer(whole / 10, os.kill, (os.getpid(), signal.SIGINT))
    begin = time.perf_counter()
    timer.start()
    try:
        call()
    except KeyboardInterrupt:
        spent = time.perf_counter() - begin
    else:
        raise SystemExit("not interrupted")
    timer.join()
    # Generous: a look every tenth of a second, on a machine that does other things too.
    assert spent < 0.5 * whole + 0.25, (spent, whole)
"""

CALLS = {
    "forward": """
layer = nurt.nn.LSTM(8, 256, 2)
inputs, few = torch.randn(2500, 4, 8), torch.randn(20, 4, 8)
expected = layer(few)[0]
with torch.no_grad():
    interrupted(lambda: layer(inputs))
assert torch.equal(layer(few)[0], expected)
""",
    "backward": """
layer = nurt.nn.GRU(8, 256, bidirectional=True)
inputs, few = torch.randn(1200, 4, 8), torch.randn(20, 4, 8)
def gradients(inputs):
    return torch.autograd.grad(layer(inputs)[0].sum(), list(layer.parameters()))
expected = gradients(few)
loss = layer(inputs)[0].sum()
interrupted(lambda: torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True))
assert all(map(torch.equal, gradients(few), expected))
""",
    "scan": """
a, b = torch.rand(64, 1, 64, requires_grad=True), torch.rand(64, 40000, 64)
def run():
    with torch.no_grad():
        for _ in range(1 if seconds_of_one > 0.35 else 8):
            outputs = kernels.scan(a, b)
with torch.no_grad():
    seconds_of_one = seconds(lambda: kernels.scan(a, b))
interrupted(run)
outputs, final = kernels.scan(a, b[:, :5])
assert torch.allclose(final, outputs[:, -1])
""",
    "stream": """
live = nurt.nn.stream(nurt.nn.LSTM(8, 64), 2)
moment = torch.randn(2, 8)
interrupted(lambda: [live.step(moment) for _ in range(40000)])
live.reset()
first = live.step(moment).clone()
live.reset()
assert torch.equal(live.step(moment), first)
""",
}


def run(program, threads):
    return subprocess.run(
        [sys.executable, "-c", COMMON + program, str(threads)], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_ends_a_call_before_its_end(call, threads):
    done = run(CALLS[call], threads)
    assert done.returncode == 0, done.stderr


HANDLED = """
layer, other = nurt.nn.LSTM(8, 256, 2), nurt.nn.GRU(8, 32)
inputs, few = torch.randn(2500, 4, 8), torch.randn(20, 4, 8)
ran = []

def handler(number, frame):
    # What the handler computes goes by the same threads.
    with torch.enable_grad():
        other(few)[0].sum().backward()
    ran.append(number)

with torch.no_grad():
    expected = layer(inputs)[0]
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    found = layer(inputs)[0]
    signal.setitimer(signal.ITIMER_REAL, 0)
assert len(ran) > 1, ran
assert torch.equal(found, expected)
assert other.weight_hh_l0.grad.isfinite().all()
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_a_handler_that_does_not_raise_lets_the_call_go_on(threads):
    done = run(HANDLED, threads)
    assert done.returncode == 0, done.stderr


ELSEWHERE = """
layer = nurt.nn.LSTM(8, 256, 2)
inputs = torch.randn(2500, 4, 8)
found = []

def compute():
    with torch.no_grad():
        found.append(layer(inputs)[0])

thread = threading.Thread(target=compute)
thread.start()
try:
    os.kill(os.getpid(), signal.SIGINT)
    thread.join()
    raise SystemExit("not interrupted")
except KeyboardInterrupt:
    pass
thread.join()
with torch.no_grad():
    assert torch.equal(found[0], layer(inputs)[0])
"""


def test_a_signal_is_the_main_threads_own():
    done = run(ELSEWHERE, 2)
    assert done.returncode == 0, done.stderr


FORKED = """
layer = nurt.nn.LSTM(16, 64)
inputs = torch.randn(40, 64, 16)
expected = [layer(inputs)[0].detach()]
layer(inputs)[0].sum().backward()
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    signal.alarm(60)
    layer.zero_grad()
    outputs = layer(inputs)[0]
    outputs.sum().backward()
    os.write(writer, b"same" if torch.equal(outputs, expected[0]) else b"other")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert os.read(reader, 10) == b"same"
"""


def test_a_forked_child_computes_on():
    done = run(FORKED, 2)
    assert done.returncode == 0, done.stderr
