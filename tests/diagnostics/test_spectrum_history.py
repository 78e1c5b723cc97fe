"""Spectra while the weights change."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from nurt.diagnostics import SpectrumHistory, SpectrumObserver, weight_spectrum
from nurt.errors import NurtValueError
from nurt.nn import build

DEFECTIVE = np.array([[0.9, 5.0], [0.0, 0.9]])
# Power → ‖W^k‖₂ of the matrix above.
NORMS = {1: 5.157066, 2: 9.072319, 9: 19.378769763, 20: 13.509611278, 50: 1.4316228, 100: 0.0147563805}


def test_the_observer_tells_how_the_weights_went() -> None:
    model = build("lstm", 2, 3)
    observer = SpectrumObserver(model)
    weight = model.layers[0].cell.weight_hh
    expected = []
    for update in (0, 10, 25):
        expected.append(weight_spectrum(weight[3:6]).radius)
        observer(update)
        with torch.no_grad():
            weight.mul_(1.5)
    histories = observer.histories()
    assert [history.name for history in histories] == [f"W_h{gate} of the model, layer 0, forward" for gate in "ifgo"]
    assert histories[1].updates.tolist() == [0, 10, 25]
    assert histories[1].radius.tolist() == pytest.approx(expected, rel=1e-12)
    assert histories[1].radius[2] == pytest.approx(2.25 * histories[1].radius[0], rel=1e-6)
    assert "over 3 snapshots" in str(histories[1])
    assert len(histories[0].plot().data) == 3
    json.dumps(histories[0].to_dict(), allow_nan=False)


def test_a_history_of_matrices() -> None:
    history = SpectrumHistory.of("W", [DEFECTIVE, np.eye(2)])
    assert history.departure.tolist() == pytest.approx([5.0, 0.0], abs=1e-12)
    assert np.exp(history.peak) == pytest.approx([19.378769763, 1.0], rel=1e-9)
    with pytest.raises(NurtValueError, match="2 updates"):
        SpectrumHistory.of("W", [DEFECTIVE, DEFECTIVE], [1])
    assert str(SpectrumHistory.of("W", [])) == "W: no snapshot"
