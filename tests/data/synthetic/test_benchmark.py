"""What every benchmark of long memory keeps: its seed, its shapes, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.data.synthetic import (
    AbstractBenchmark,
    AddingProblem,
    AddingProblem1997,
    CopyingMemory,
    Echo,
    FlipFlop,
    TemporalOrder,
)
from nurt.errors import NurtValueError

BENCHMARKS = [
    AddingProblem(11),
    AddingProblem(11, "any"),
    AddingProblem1997(23),
    AddingProblem1997(23, "kept"),
    CopyingMemory(7),
    CopyingMemory(7, "markers"),
    TemporalOrder.preset("normal"),
    Echo(3, 5, 35),
    FlipFlop(2, 35),
]
every_benchmark = pytest.mark.parametrize("benchmark", BENCHMARKS, ids=repr)


@every_benchmark
def test_a_seed_gives_the_same_examples_and_disturbs_no_other_stream(benchmark: AbstractBenchmark) -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    first, again, other = benchmark.draw(7, 3), benchmark.draw(7, 3), benchmark.draw(7, 4)
    np.testing.assert_array_equal(first.inputs, again.inputs)
    np.testing.assert_array_equal(first.targets, again.targets)
    assert first.inputs.shape != other.inputs.shape or not np.array_equal(first.inputs, other.inputs)
    assert np.array_equal(np.random.get_state()[1], before)


@every_benchmark
def test_a_stream_goes_on_where_it_was(benchmark: AbstractBenchmark) -> None:
    stream = np.random.default_rng(3)
    first, second = benchmark.draw(7, stream), benchmark.draw(7, stream)
    np.testing.assert_array_equal(first.inputs, benchmark.draw(7, 3).inputs)
    assert first.inputs.shape != second.inputs.shape or not np.array_equal(first.inputs, second.inputs)


@every_benchmark
def test_examples_have_the_sizes_that_are_told(benchmark: AbstractBenchmark) -> None:
    examples = benchmark.draw(9, 1)
    batch, steps, size = examples.inputs.shape
    assert (batch, size) == (9, benchmark.input_size)
    assert examples.targets.shape in ((9,), (9, steps), (9, steps, benchmark.output_size))
    assert examples.inputs.dtype == np.float64
    if benchmark.loss == "cross-entropy":
        assert examples.targets.dtype == np.int64
        assert 0 <= examples.targets.min() <= examples.targets.max() < benchmark.output_size
    if examples.lengths is not None:
        assert 1 <= examples.lengths.min() <= examples.lengths.max() <= steps
        past = np.arange(steps) >= examples.lengths[:, None]
        assert past.any()
        assert not examples.inputs[past].any()


@every_benchmark
def test_one_example_is_enough_and_none_is_refused(benchmark: AbstractBenchmark) -> None:
    assert len(benchmark.draw(1).inputs) == 1
    with pytest.raises(NurtValueError, match="A draw needs examples"):
        benchmark.draw(0)
