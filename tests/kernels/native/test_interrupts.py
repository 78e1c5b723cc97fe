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

def interrupted(make, steps):
    # A call that takes long enough, whatever the machine; then by a tenth of its time, long before its end.
    while True:
        call = make(steps)
        call()
        whole = seconds(call)
        if whole > 1:
            break
        steps *= 2
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
    assert spent < 0.75 * whole, (spent, whole)
"""

CALLS = {
    "forward": """
layer = nurt.nn.LSTM(8, 256, 2).requires_grad_(False)
few = torch.randn(20, 4, 8)
expected = layer(few)[0]

def make(steps):
    inputs = torch.randn(steps, 4, 8)
    return lambda: layer(inputs)

interrupted(make, 2000)
assert torch.equal(layer(few)[0], expected)
""",
    "backward": """
layer = nurt.nn.GRU(8, 128, bidirectional=True)
few = torch.randn(20, 4, 8)

def gradients(inputs):
    return torch.autograd.grad(layer(inputs)[0].sum(), list(layer.parameters()))

expected = gradients(few)

def make(steps):
    loss = layer(torch.randn(steps, 4, 8))[0].sum()
    return lambda: torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True)

interrupted(make, 2000)
assert all(map(torch.equal, gradients(few), expected))
""",
    "scan": """
def make(steps):
    a, b = torch.rand(64, 1, 16), torch.rand(64, steps, 16)
    return lambda: kernels.scan(a, b)

interrupted(make, 20000)
outputs, final = kernels.scan(torch.rand(2, 1, 16), torch.rand(2, 5, 16))
assert torch.equal(final, outputs[:, -1])
""",
    "stream": """
live = nurt.nn.stream(nurt.nn.LSTM(8, 64), 2)
moment = torch.randn(2, 8)
interrupted(lambda steps: lambda: [live.step(moment) for _ in range(steps)], 20000)
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
inputs, few = torch.randn(8000, 4, 8), torch.randn(20, 4, 8)
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
# One at the end would be one that waited for it.
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


# Torch's own loops hang in a forked child when OpenMP has had threads in the parent, so none runs there.
FORKED = """
import numpy
layer = nurt.nn.LSTM(16, 64)
inputs, ones = torch.randn(40, 64, 16), torch.ones(40, 64, 64)

def computed():
    layer.zero_grad()
    outputs = layer(inputs)[0]
    outputs.backward(ones)
    return [outputs.detach().numpy(), *[parameter.grad.numpy().copy() for parameter in layer.parameters()]]

expected = computed()
child = os.fork()
if child == 0:
    signal.alarm(100)
    os._exit(not all(map(numpy.array_equal, computed(), expected)))
assert os.waitpid(child, 0)[1] == 0
assert all(map(numpy.array_equal, computed(), expected))
"""


def test_a_forked_child_computes_on():
    done = run(FORKED, 2)
    assert done.returncode == 0, done.stderr
