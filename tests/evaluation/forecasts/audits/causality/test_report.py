"""The report says what it found in a sentence and a picture."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.evaluation.forecasts.audits.causality import BlackBox, Channels, audit_causality
from nurt.evaluation.forecasts.audits.causality.reach import Reach
from nurt.evaluation.forecasts.audits.causality.report import conclude


def _reach(rows, look_back, group="target"):
    classes = np.array(rows, dtype=np.int8)
    return Reach(group, look_back, classes, classes)


def test_a_look_ahead_outweighs_blindness():
    verdict, text = conclude([_reach([[2, 0, 1], [2, 0, 0]], 2)], (1, 2), 2, exact=True)
    assert verdict == "error"
    assert "step 1 changes with the target 1 step after the origin" in text


def test_blindness_outweighs_a_short_memory():
    verdict, text = conclude([_reach([[0, 2, 0, 0], [0, 2, 2, 2]], 4)], (1, 7), 4, exact=True)
    assert verdict == "warning"
    assert text.startswith("Step 1 cannot see the newest 2 values of the target window (step 7: 0).")


def test_a_short_memory_is_a_remark():
    verdict, text = conclude([_reach([[2, 2, 2], [0, 1, 2]], 3)], (1, 2), 3, exact=True)
    assert verdict == "info"
    assert "up to input 1 of 3, cannot be reached by step 2" in text


def test_future_covariates_are_never_blamed():
    target, future = _reach([[2, 2]], 2), _reach([[0, 0, 2]], 2, "future covariates")
    assert conclude([target, future], (1,), 2, exact=True)[0] == "pass"


@pytest.fixture
def report():
    def forecast(inputs):
        return np.stack([inputs[:, :3].sum(axis=(1, 2)), inputs.sum(axis=(1, 2))], axis=1)

    box = BlackBox(forecast, channels=Channels(target=(0,), past=(1,)), sees_future=True)
    return audit_causality(box, look_back=3, horizon=2)


def test_it_prints_its_sentence_and_its_notes(report):
    assert str(report).splitlines()[0] == report.text
    assert report.notes
    assert all(note in str(report) for note in report.notes)


def test_the_picture_has_a_cell_per_step_and_input_and_marks_the_origin(report):
    figure = report.plot()
    assert np.array(figure.data[0].z).tolist() == report.classes.tolist() == [[2, 2, 2, 0, 0], [2, 2, 2, 2, 2]]
    assert list(figure.data[0].y) == ["1", "2"]
    assert figure.layout.shapes[0].x0 == 3.5
    assert "past covariates" in report.plot("past covariates").layout.title.text
