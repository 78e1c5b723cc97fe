"""Every cell of the package serves a forecaster: it trains, is saved, loaded, examined and judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nurt.diagnostics import Scope
from nurt.nn import CELLS, LRUCell, MinGRUCell, MinLSTMCell
from nurt.tasks.forecasting import Forecaster
from nurt.tasks.forecasting.judging import audit_reach

# The diagonal cells, under the names they are registered by.
EVERY = dict(CELLS) | {"min_gru": MinGRUCell, "min_lstm": MinLSTMCell, "lru": LRUCell}
NAMES = {"linear": "LinearRNN", "elman": "Elman", "lstm": "LSTM", "gru": "GRU"}


@pytest.mark.parametrize("strategy", ["parallel", "direct", "recursive"])
@pytest.mark.parametrize("cell", EVERY)
def test_every_cell_forecasts(
    cell: str,
    strategy: str,
    walk: np.ndarray,
    quick: Callable[..., Forecaster],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if cell not in CELLS:
        monkeypatch.setitem(CELLS, cell, EVERY[cell])
    model = quick(cell=cell, strategy=strategy, epochs=1, layers=2).fit(walk)
    forecast = model.predict()
    assert np.isfinite(forecast).all()
    model.save(tmp_path / "m")
    loaded = Forecaster.load(tmp_path / "m")
    assert np.array_equal(loaded.predict(walk), model.predict(walk))
    assert loaded.explain().to_dict() == model.explain().to_dict()
    found = loaded.examine(walk, scope=Scope(rows=3))
    assert np.isfinite(found.loss)
    assert len(found.layers) == 2
    assert audit_reach(loaded.examined_network(), model.look_back).verdict == "pass"


def test_cells_keep_their_names() -> None:
    assert {cell: CELLS[cell].display_name for cell in NAMES} == NAMES
    assert len({cell.display_name for cell in CELLS.values()}) == len(CELLS)
