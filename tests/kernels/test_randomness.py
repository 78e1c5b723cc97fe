"""Everything nurt draws comes from the generator of the block, number for number what torch's global one would give."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest
import torch
from torch import nn

from nurt.kernels import randomness, use
from nurt.kernels.randomness import borrowing, drawing_from, own_generator
from nurt.nn import CELLS, Checkpointed, Recurrent, Regularisation, Stack, build
from nurt.nn import LSTM as DropIn
from nurt.nn.init import Linear
from nurt.nn.regularisation import drop


def both_ways(draw):
    """What ``draw`` gives from torch's global generator, and from a generator of its own in the same state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        globally, after = draw(), torch.rand(4)
    callers = torch.get_rng_state()
    own = torch.Generator().manual_seed(8)
    with drawing_from(own):
        privately = draw()
    assert torch.equal(torch.get_rng_state(), callers)
    assert torch.equal(torch.rand(4, generator=own), after)
    return globally, privately


def same(first, second):
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    return len(first) == len(second) and all(map(same, first, second))


@pytest.mark.parametrize("cell", CELLS)
def test_initial_weights(cell):
    globally, privately = both_ways(lambda: list(build(cell, 3, 5, num_layers=2).parameters()))
    assert same(globally, privately)


def test_a_linear_layer_is_torchs():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        torchs = nn.Linear(7, 3)
    globally, privately = both_ways(lambda: list(Linear(7, 3).parameters()))
    assert same(globally, list(torchs.parameters()))
    assert same(globally, privately)


@pytest.mark.parametrize("rung", ["native", "torch", "reference"])
@pytest.mark.parametrize("lengths", [None, torch.tensor([6, 1, 4, 4])])
def test_dropout_between_layers(rung, lengths):
    layer = DropIn(3, 5, num_layers=3, dropout=0.4, batch_first=True, bidirectional=True)
    inputs = torch.randn(4, 6, 3)

    def run():
        with use(rung):
            return layer(inputs, lengths=lengths)[0].detach()

    globally, privately = both_ways(run)
    assert same(globally, privately)


@pytest.mark.parametrize(
    "given",
    [
        {"zoneout_hidden": 0.3, "zoneout_cell": 0.2},
        {"input_dropout": 0.3},
        {"state_dropout": 0.3},
        {"weight_dropout": 0.3},
    ],
    ids=lambda given: next(iter(given)),
)
@pytest.mark.parametrize("gradient", [None, Checkpointed(every=2)], ids=["exact", "checkpointed"])
def test_regularisation_forward_and_backward(given, gradient):
    layer = Recurrent(CELLS["lstm"](3, 5), regularisation=Regularisation(**given))
    inputs = torch.randn(2, 7, 3)

    def run():
        layer.zero_grad()
        options = {} if gradient is None else {"gradient": gradient}
        layer(inputs, **options)[0].square().sum().backward()
        return [parameter.grad.clone() for parameter in layer.parameters()]

    globally, privately = both_ways(run)
    assert same(globally, privately)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_dropout_of_a_tensor(dtype, probability):
    globally, privately = both_ways(lambda: drop(torch.ones(40, 3, dtype=dtype), probability))
    assert same(globally, privately)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        assert same(privately, nn.functional.dropout(torch.ones(40, 3, dtype=dtype), probability))


def test_dropout_of_a_stack():
    stack = Stack([Recurrent(CELLS["gru"](3, 5)), Recurrent(CELLS["lstm"](5, 4))], dropout=0.5)
    globally, privately = both_ways(lambda: stack(torch.ones(2, 7, 3))[0].detach())
    assert same(globally, privately)


def test_a_block_reaches_neither_other_threads_nor_other_tasks():
    seen = []
    with drawing_from(torch.Generator()):
        thread = threading.Thread(target=lambda: seen.append(own_generator()))
        thread.start()
        thread.join()
    assert seen == [None]

    async def task(number):
        own = torch.Generator().manual_seed(number)
        with drawing_from(own):
            await asyncio.sleep(0)
            return own_generator() is own

    async def tasks():
        return await asyncio.gather(*map(task, range(3)))

    assert asyncio.run(tasks()) == [True, True, True]
    assert own_generator() is None


def test_borrowing_waits_for_another_thread_and_gives_back():
    callers, order = torch.get_rng_state(), []
    begun, may_end = threading.Event(), threading.Event()

    def first():
        with borrowing(torch.Generator().manual_seed(1)):
            begun.set()
            may_end.wait()
            order.append("first")

    def second():
        begun.wait()
        may_end.set()
        with borrowing(torch.Generator().manual_seed(2)):
            order.append("second")
            drawn.append(torch.rand(2))

    drawn = []
    threads = [threading.Thread(target=one) for one in (first, second)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert order == ["first", "second"]
    assert torch.equal(drawn[0], torch.rand(2, generator=torch.Generator().manual_seed(2)))
    assert torch.equal(torch.get_rng_state(), callers)


def test_a_forked_child_can_draw_although_a_thread_of_its_parent_was_drawing():
    begun, may_end = threading.Event(), threading.Event()

    def hold():
        with randomness.exchanging(), borrowing(torch.Generator()):
            begun.set()
            may_end.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        with borrowing(torch.Generator()):
            drop(torch.ones(5), 0.5)
        os._exit(7)
    _, status = os.waitpid(child, 0)
    may_end.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 7
