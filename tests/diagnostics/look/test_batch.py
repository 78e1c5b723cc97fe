"""What a batch says together: means and quantiles, with rows that end and values that are infinite."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from nurt.diagnostics.look.batch import over_batch


def test_quantiles_are_those_of_the_rows_that_have_a_value() -> None:
    values = torch.randn(40, 3)
    values[7:, 2] = torch.nan
    curve = over_batch(values)
    assert curve.rows.tolist() == [40, 40, 7]
    for column, rows in enumerate((40, 40, 7)):
        own = values[:rows, column].double().numpy()
        assert curve.mean[column] == pytest.approx(own.mean(), rel=1e-12)
        expected = np.quantile(own, [0.05, 0.5, 0.95])
        assert [curve.low[column], curve.median[column], curve.high[column]] == pytest.approx(expected, rel=1e-12)


def test_infinities_stay_infinite_and_make_no_nan() -> None:
    curve = over_batch(torch.tensor([[-torch.inf, 1.0, torch.nan], [-torch.inf, -torch.inf, torch.nan]]))
    assert curve.median[0] == curve.mean[1] == -np.inf
    assert curve.low[1] == -np.inf
    assert np.isnan(curve.median[2])
    assert curve.rows.tolist() == [2, 2, 0]
    assert json.loads(json.dumps(curve.to_dict(), allow_nan=False))["mean"] == [None, None, None]
