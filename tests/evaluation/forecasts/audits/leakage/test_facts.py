"""Facts that contradict each other are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.audits.leakage import CovariateFacts, FittedStatistic, PipelineFacts, SeriesFacts


@pytest.mark.parametrize("ends", [(5, 4), (-1, 4), (4, 11)])
def test_parts_must_stand_in_order(ends):
    with pytest.raises(NurtValueError, match="out of order"):
        SeriesFacts("y", 10, *ends)


@pytest.mark.parametrize("what", ["values", "stamps"])
def test_arrays_must_match_the_length(what, clean_series):
    with pytest.raises(NurtValueError, match=what):
        replace(clean_series, **{what: np.zeros(7)})


def test_a_covariate_must_cover_its_series(clean_series):
    with pytest.raises(NurtValueError, match="'rain' does not cover"):
        replace(clean_series, covariates=(CovariateFacts("rain", "past", np.zeros(199)),))


def test_names_of_series_must_exist_once(clean, clean_series):
    with pytest.raises(NurtValueError, match="same name"):
        replace(clean, series=(clean_series, clean_series))
    with pytest.raises(NurtValueError, match="no series is called 'z'"):
        PipelineFacts(3, 2, (clean_series,), statistics=(FittedStatistic("scaling", 3, series="z"),))
