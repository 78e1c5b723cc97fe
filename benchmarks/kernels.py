"""Private grid of the native recurrences against torch.nn: training steps, ours and torch alternating in one process.

    python benchmarks/kernels.py [--cells lstm,gru,elman_tanh] [--threads 1,2] [--repeats 15] [--grid padded,ragged,…]

Every case first compares outputs and gradients with torch; a case that disagrees prints no time. `floor` is the time
of one torch matrix product of as many FLOPs as the step's three products, 3·2·T·B·G·H·(I+H).
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from nurt.kernels import native

MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "elman_tanh": torch.nn.RNN}
GATES = {"lstm": 4, "gru": 3, "elman_tanh": 1}
PADDED = [(60, 32, 1, 50), (60, 32, 50, 50), (100, 32, 64, 128), (100, 64, 256, 256), (50, 64, 512, 512)]


@dataclass
class Case:
    """Two closures that each run one training step and return what must agree."""

    name: str
    ours: Callable[[], list[torch.Tensor]]
    torch: Callable[[], list[torch.Tensor]]
    flops: float = 0.0


def _step(outputs: torch.Tensor, grad: torch.Tensor, parameters: list[torch.Tensor]) -> list[torch.Tensor]:
    for p in parameters:
        p.grad = None
    outputs.backward(grad)
    return [outputs.detach(), *(p.grad for p in parameters)]


def padded(cell: str, T: int, B: int, I: int, H: int, *, recording: bool = False) -> Case:
    module = MODULES[cell](I, H)
    x = torch.randn(T, B, I, requires_grad=True)
    grad = torch.randn(T, B, H)
    parameters = [x, *module.parameters()]

    def ours() -> list[torch.Tensor]:
        record = native.Recording() if recording else None
        outputs = native.recurrence(cell, x.transpose(0, 1), *parameters[1:], recording=record).outputs
        return _step(outputs.transpose(0, 1), grad, parameters)

    def theirs() -> list[torch.Tensor]:
        return _step(module(x)[0], grad, parameters)

    name = f"{cell} T{T} B{B} I{I} H{H}" + (" recording" if recording else "")
    return Case(name, ours, theirs, 3 * 2 * T * B * GATES[cell] * H * (I + H))


def ragged(cell: str, T: int, B: int, I: int, H: int) -> Case:
    module = MODULES[cell](I, H)
    x = torch.randn(T, B, I, requires_grad=True)
    lengths = torch.randint(T // 2, T + 1, (B,))
    lengths[0] = T
    mask = (torch.arange(T)[:, None] < lengths).unsqueeze(2)
    grad = torch.randn(T, B, H) * mask
    parameters = [x, *module.parameters()]

    def ours() -> list[torch.Tensor]:
        outputs = native.recurrence(cell, x.transpose(0, 1), *parameters[1:], lengths=lengths).outputs
        return _step(outputs.transpose(0, 1), grad, parameters)

    def theirs() -> list[torch.Tensor]:
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        return _step(pad_packed_sequence(module(packed)[0], total_length=T)[0], grad, parameters)

    return Case(
        f"{cell} ragged T{T} B{B} I{I} H{H}", ours, theirs, 6.0 * float(lengths.sum()) * GATES[cell] * H * (I + H)
    )


def stacked(cell: str, T: int, B: int, I: int, H: int, layers: int = 3, dropout: float = 0.2) -> Case:
    module = MODULES[cell](I, H, num_layers=layers, dropout=dropout)
    x = torch.randn(T, B, I)
    grad = torch.randn(T, B, H)
    parameters = list(module.parameters())

    def run(rate: float) -> torch.Tensor:
        y = x
        for layer in range(layers):
            if layer and rate:
                y = torch.nn.functional.dropout(y, rate)
            y = native.recurrence(cell, y.transpose(0, 1), *parameters[4 * layer : 4 * layer + 4]).outputs.transpose(
                0, 1
            )
        return y

    def ours() -> list[torch.Tensor]:
        torch.manual_seed(0)
        return list(_step(run(dropout), grad, parameters))

    def theirs() -> list[torch.Tensor]:
        torch.manual_seed(0)
        return _step(module(x)[0], grad, parameters)

    return Case(
        f"{cell} {layers} layers, dropout T{T} B{B} I{I} H{H}",
        ours,
        theirs,
        6.0 * T * B * GATES[cell] * H * (I + H + (layers - 1) * 2 * H),
    )


def bidirectional(cell: str, T: int, B: int, I: int, H: int) -> Case:
    module = MODULES[cell](I, H, bidirectional=True)
    x = torch.randn(T, B, I, requires_grad=True)
    grad = torch.randn(T, B, 2 * H)
    parameters = [x, *module.parameters()]

    def ours() -> list[torch.Tensor]:
        xs = x.transpose(0, 1)
        forth = native.recurrence(cell, xs, *parameters[1:5]).outputs
        back = native.recurrence(cell, xs, *parameters[5:9], reverse=True).outputs
        return _step(torch.cat([forth, back], dim=2).transpose(0, 1), grad, parameters)

    def theirs() -> list[torch.Tensor]:
        return _step(module(x)[0], grad, parameters)

    return Case(f"{cell} bidirectional T{T} B{B} I{I} H{H}", ours, theirs, 12.0 * T * B * GATES[cell] * H * (I + H))


def streaming(cell: str, H: int) -> Case:
    module = MODULES[cell](H, H)
    x, parameters = torch.randn(1, 1, H), [p.detach() for p in module.parameters()]

    def ours() -> list[torch.Tensor]:
        return [native.recurrence(cell, x, *parameters).outputs]

    def theirs() -> list[torch.Tensor]:
        with torch.no_grad():
            return [module(x)[0]]

    return Case(f"{cell} streaming H{H}", ours, theirs, 2.0 * GATES[cell] * 2 * H * H)


def grid(cells: list[str], kinds: list[str]) -> list[Callable[[], Case]]:
    cases: list[Callable[[], Case]] = []
    for cell in cells:
        if "padded" in kinds:
            cases += [lambda c=cell, s=s: padded(c, *s) for s in PADDED]
        if "ragged" in kinds:
            cases += [lambda c=cell, s=s: ragged(c, *s) for s in ((60, 32, 50, 50), (100, 32, 64, 128))]
        if "stacked" in kinds:
            cases += [lambda c=cell: stacked(c, 60, 32, 1, 50)]
        if "bidirectional" in kinds:
            cases += [lambda c=cell: bidirectional(c, 60, 32, 50, 50)]
        if "recording" in kinds:
            cases += [lambda c=cell, s=s: padded(c, *s, recording=True) for s in PADDED[1:3]]
        if "streaming" in kinds:
            cases += [lambda c=cell, h=h: streaming(c, h) for h in (64, 512)]
    return cases


def disagreement(case: Case) -> float:
    return max(
        float((a - b).abs().max() / b.abs().max().clamp_min(1e-6))
        for a, b in zip(case.ours(), case.torch(), strict=True)
    )


def measure(case: Case, repeats: int) -> tuple[list[float], list[float]]:
    runs = (case.ours, case.torch)
    times: tuple[list[float], list[float]] = ([], [])
    begin = time.perf_counter()
    for run in runs:
        run()
    count = max(5, min(repeats, int(6.0 / max(1e-9, time.perf_counter() - begin))))
    for _ in range(count):
        for run, record in zip(runs, times, strict=True):
            t = time.perf_counter()
            run()
            record.append(time.perf_counter() - t)
    return times


def floor(flops: float) -> float:
    """Seconds of a matrix product of 512 x 512 x n on the threads in use."""
    a, b = torch.randn(2048, 512), torch.randn(512, 512)
    best = math.inf
    for _ in range(5):
        t = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - t)
    return flops / (2.0 * 2048 * 512 * 512) * best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", default="lstm,gru,elman_tanh")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--grid", default="padded,ragged,stacked,bidirectional,recording")
    options = parser.parse_args()
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, instruction set {native.instruction_set()}; milliseconds: median (least)")
    for threads in map(int, options.threads.split(",")):
        torch.set_num_threads(threads)
        ratios: dict[str, list[float]] = {}
        for make in grid(options.cells.split(","), options.grid.split(",")):
            case = make()
            error = disagreement(case)
            if not error < 1e-4:
                print(f"{threads} threads  {case.name:40} DISAGREES with torch by {error:.1e}; not timed")
                continue
            ours, theirs = measure(case, options.repeats)
            a, b = statistics.median(ours), statistics.median(theirs)
            low = min(ours)
            ratios.setdefault(case.name.split()[0], []).append(min(theirs) / low)
            print(
                f"{threads} threads  {case.name:40} ours {a * 1e3:8.2f} ({low * 1e3:8.2f})  torch {b * 1e3:8.2f} "
                f"({min(theirs) * 1e3:8.2f})  ratio {b / a:5.2f} ({min(theirs) / low:5.2f})  "
                f"floor {floor(case.flops) * 1e3:7.2f}  {case.flops / low / 1e9:5.0f} GFLOP/s  error {error:.0e}",
                flush=True,
            )
        for cell, values in ratios.items():
            print(f"{threads} threads  {cell}: geometric mean of ratios {math.prod(values) ** (1 / len(values)):.2f}")


if __name__ == "__main__":
    main()
