"""Eigenvalues, norms and powers of recurrent weights, where the answer is known, and while a model changes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from nurt.diagnostics import SpectrumHistory, SpectrumObserver, weight_spectrum
from nurt.errors import NonFiniteError, NurtValueError, ShapeError
from nurt.nn import build

DEFECTIVE = np.array([[0.9, 5.0], [0.0, 0.9]])
# Power → ‖W^k‖₂ of the matrix above.
NORMS = {1: 5.157066, 2: 9.072319, 9: 19.378769763, 20: 13.509611278, 50: 1.4316228, 100: 0.0147563805}


def test_the_matrix_that_grows_before_it_decays() -> None:
    found = weight_spectrum(DEFECTIVE)
    assert found.radius == pytest.approx(0.9, rel=1e-12)
    assert found.departure == pytest.approx(5.0, rel=1e-12)
    assert found.condition > 1e15
    for k, norm in NORMS.items():
        exact = np.linalg.norm(np.linalg.matrix_power(DEFECTIVE, k), 2)
        assert found.envelope[k] == pytest.approx(exact, rel=1e-9)
        # The digits that are printed, to half a unit of the last.
        assert found.envelope[k] == pytest.approx(norm, rel=1e-9 if k == 9 else 1e-7)
    assert int(found.envelope.argmax()) == 9
    assert found.norm == found.envelope[1] == pytest.approx(5.157066, rel=1e-7)
    assert "powers grow to 19.38 at k = 9 before they decay" in str(found)


@pytest.mark.parametrize("kind", ["symmetric", "rotation", "skew"])
def test_a_normal_matrix_has_no_departure_and_powers_of_its_radius(kind: str) -> None:
    drawn = np.random.default_rng(1).standard_normal((6, 6)) / 3
    matrix = {"symmetric": drawn + drawn.T, "rotation": 1.3 * np.linalg.qr(drawn)[0], "skew": drawn - drawn.T}[kind]
    found = weight_spectrum(torch.from_numpy(matrix))
    assert found.departure == pytest.approx(0.0, abs=1e-13)
    assert found.norm == pytest.approx(found.radius, rel=1e-12)
    assert found.condition == pytest.approx(1.0, rel=1e-6)
    assert np.allclose(found.log_envelope, np.arange(101) * np.log(found.radius), rtol=1e-11, atol=1e-11)
    assert "before they decay" not in str(found)


def test_the_numbers_are_those_of_another_library_and_of_the_definition() -> None:
    matrix = np.random.default_rng(2).standard_normal((7, 7))
    found = weight_spectrum(matrix)
    values = np.linalg.eigvals(matrix)
    # Every zero of det(W - λ) is among them, and there are as many as there should be.
    assert len(found.eigenvalues) == 7
    for value in found.eigenvalues:
        assert np.linalg.svd(matrix - value * np.eye(7))[1][-1] < 1e-12
    assert found.eigenvalues.sum() == pytest.approx(np.trace(matrix), rel=1e-11)
    assert (np.diff(np.abs(found.eigenvalues)) <= 1e-12).all()
    assert found.departure == pytest.approx(np.sqrt((matrix**2).sum() - (np.abs(values) ** 2).sum()), rel=1e-9)
    assert found.smallest == pytest.approx(np.linalg.svd(matrix)[1][-1], rel=1e-12)
    assert found.condition == pytest.approx(np.linalg.cond(np.linalg.eig(matrix)[1]), rel=1e-9)


def test_powers_leave_the_range_of_numbers_and_not_that_of_logarithms() -> None:
    found = weight_spectrum(np.array([[1e200]]))
    assert found.log_envelope[100] == pytest.approx(100 * 200 * np.log(10), rel=1e-12)
    assert found.envelope[2] == np.inf
    tiny = weight_spectrum(np.array([[0.0, 1.0], [0.0, 0.0]]))
    assert tiny.radius == 0.0
    assert tiny.log_envelope[1] == pytest.approx(0.0, abs=1e-15)
    assert (tiny.log_envelope[2:] == -np.inf).all()
    for one in (found, tiny):
        json.dumps(one.to_dict(), allow_nan=False)
        assert len(one.plot().data) >= 1
        assert len(one.plot_eigenvalues().data) == 2


def test_what_is_no_square_matrix_of_numbers_is_refused() -> None:
    for wrong in (np.ones((2, 3)), np.ones(3), np.ones((0, 0))):
        with pytest.raises(ShapeError, match="W` is not square"):
            weight_spectrum(wrong)
    with pytest.raises(NonFiniteError, match="`V` is not finite"):
        weight_spectrum(np.array([[np.nan]]), "V")


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
