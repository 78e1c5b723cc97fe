"""Copying memory: the sequence in both variants, and the loss without memory."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.data.synthetic import CopyingMemory
from nurt.errors import NurtValueError

TABLE = {20: 0.51986, 50: 0.297063, 100: 0.173287, 200: 0.094520, 500: 0.039989, 1000: 0.020387, 2000: 0.010294}


def test_the_first_row_of_a_seed() -> None:
    examples = CopyingMemory(3).draw(2, 0)
    symbols = [7, 6, 5, 3, 3, 1, 1, 1, 2, 7]
    assert examples.inputs.argmax(axis=2)[0].tolist() == [*symbols, 0, 0, 9, *[0] * 10]
    assert examples.targets[0].tolist() == [*[0] * 13, *symbols]
    assert (examples.inputs.sum(axis=2) == 1.0).all()
    markers = CopyingMemory(3, "markers").draw(2, 0)
    assert markers.inputs.argmax(axis=2)[0].tolist() == [*symbols, 0, 0, *[9] * 11]
    np.testing.assert_array_equal(markers.targets, examples.targets)


@pytest.mark.parametrize("delay", [1, 2, 33])
def test_symbols_come_back_after_the_delay(delay: int) -> None:
    examples = CopyingMemory(delay).draw(500, 1)
    shown = examples.inputs.argmax(axis=2)
    assert shown.shape == (500, delay + 20)
    np.testing.assert_array_equal(examples.targets[:, -10:], shown[:, :10])
    assert set(np.unique(shown[:, :10])) == set(range(1, 9))
    assert (shown == 9).sum() == 500
    assert (shown[:, delay + 9] == 9).all()


@pytest.mark.parametrize(("delay", "expected"), TABLE.items())
def test_the_loss_without_memory(delay: int, expected: float) -> None:
    # As the loss of the answer itself: sure of the blanks, one in eight for each symbol.
    targets = CopyingMemory(delay).draw(3, 0).targets
    probabilities = np.where(targets == 0, 1.0, 1.0 / 8.0)
    assert CopyingMemory(delay).baseline_loss == pytest.approx(-np.log(probabilities).mean(), rel=1e-12)
    assert CopyingMemory(delay).baseline_loss == pytest.approx(expected, abs=1e-6)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(NurtValueError, match="no delay"):
        CopyingMemory(0)
    with pytest.raises(NurtValueError, match="unknown ending"):
        CopyingMemory(5, "silence")
