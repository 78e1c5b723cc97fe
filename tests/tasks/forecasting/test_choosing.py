"""Choices on validation blocks: sure where they must be, silent where they must be, blind to what comes after."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.data import Series
from nurt.data.transforms import Identity
from nurt.data.windows import Origins
from nurt.tasks.forecasting import Forecaster
from nurt.tasks.forecasting.choosing import Bench, Choices, Tried, adds, choose_start, leads
from nurt.tasks.forecasting.parts import BLOCKS, Parts
from nurt.training import TrainingSettings

LOOK_BACK, HORIZON = 12, 6
ROWS = 900
QUICK = TrainingSettings(epochs=2, batch_size=64)


def _bench(values: np.ndarray, blocks: int = BLOCKS) -> Bench:
    series = (Series(values),)
    return Bench(series, Parts.cut(series, LOOK_BACK, HORIZON, 0.2, blocks=blocks), HORIZON, "quantile")


def _wave(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0.0, 0.2, ROWS)
    return np.sin(2 * np.pi * np.arange(ROWS) / 12) + noise


def _walk(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=ROWS).cumsum()


def _chosen(bench: Bench, season: int = 1) -> str:
    return choose_start(bench, LOOK_BACK, season, (), "none", calendar="no", country=None)[0].name


def test_no_training_window_touches_a_block_and_all_blocks_lie_apart() -> None:
    bench = _bench(_wave())
    parts = bench.parts
    assert len(parts.blocks) == BLOCKS
    decides = np.zeros(ROWS, dtype=bool)
    for block in parts.blocks:
        assert not decides[block.position[0] + 1]
        for origin in block.position:
            decides[origin + 1 : origin + 1 + HORIZON] = True
    assert not (decides & parts.learnt[0]).any()
    for origin in parts.training.position:
        assert not decides[origin - LOOK_BACK + 1 : origin + HORIZON + 1].any()
    assert decides[-1]


@pytest.mark.parametrize(("rows", "series"), [(90, 1), (ROWS, 9)])
def test_short_or_many_series_have_one_block_at_their_end(rows: int, series: int) -> None:
    given = tuple(Series(_wave(seed)[:rows], name=str(seed)) for seed in range(series))
    parts = Parts.cut(given, LOOK_BACK, HORIZON, 0.2, blocks=BLOCKS)
    assert len(parts.blocks) == 1
    assert parts.blocks[0].position.max() == rows - HORIZON - 1


def test_a_wave_starts_at_its_law_and_a_walk_at_its_last_value() -> None:
    assert _chosen(_bench(_wave()), season=12) == "linear regression"
    assert [_chosen(_bench(_walk(seed))) for seed in range(5)].count("repeat last value") >= 4


def test_the_start_learns_nothing_from_the_blocks() -> None:
    values = _wave()
    bench = _bench(values)
    changed = values.copy()
    changed[~bench.parts.learnt[0]] += np.random.default_rng(1).normal(0, 5, (~bench.parts.learnt[0]).sum())
    first, second = (
        choose_start(_bench(one), LOOK_BACK, 1, ("linear",), "none", calendar="no", country=None)[0]
        for one in (values, changed)
    )
    assert first == second
    assert isinstance(first.transform, Identity)


def _losses(bench: Bench, level: float, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [level + 0.3 * random.random(len(block)) for block in bench.parts.blocks]


def test_a_clear_lead_is_a_lead_and_an_equal_rival_is_not() -> None:
    bench = _bench(_wave())
    rival = _losses(bench, 1.0, 0)
    assert leads(bench, [one - 0.3 for one in _losses(bench, 1.0, 1)], rival)
    assert not leads(bench, _losses(bench, 1.0, 1), rival)
    assert not leads(bench, [one + 0.3 for one in _losses(bench, 1.0, 1)], rival)


def test_where_no_test_is_possible_a_tenth_decides() -> None:
    bench = _bench(_wave()[:90], blocks=1)
    few = Bench(bench.series, Parts(bench.parts.training, (_first(bench, 4),), bench.parts.learnt, bench.parts.splits),
                HORIZON, "quantile")  # fmt: skip
    rival = [np.array([1.0, 1.2, 0.9, 1.1])]
    assert leads(few, [0.85 * rival[0]], rival)
    assert not leads(few, [0.95 * rival[0]], rival)


def _first(bench: Bench, count: int) -> Origins:
    return bench.parts.blocks[0][:count]


def test_a_network_that_is_ahead_in_two_blocks_of_four_does_not_add() -> None:
    bench = _bench(_wave())
    start = _losses(bench, 1.0, 0)
    ahead = [one - 0.4 for one in start]
    assert adds(bench, [*ahead[:3], start[3] + 0.01], start)
    assert not adds(bench, [*ahead[:2], *(one + 0.01 for one in start[2:])], start)


@pytest.mark.parametrize("start", ["naive", "linear", "seasonal_naive"])
def test_the_untrained_network_is_its_start_bit_for_bit(start: str) -> None:
    values = _wave()
    settings = TrainingSettings(epochs=0)
    model = Forecaster(
        look_back=LOOK_BACK, horizon=HORIZON, season=12, hidden=4, start=start, transform="none", training=settings
    ).fit(values)
    origins = np.arange(100, 140)
    found = model.quantiles_at([Series(values)], Origins(np.zeros(40, dtype=int), origins))
    (own,) = [one for one in model.baselines() if one.name == start]
    wanted = own.fit([values]).forecast(values, origins, HORIZON)
    assert np.array_equal(found[..., model.quantile_levels().index(0.5)], wanted)


def test_a_walk_is_repeated_and_the_sentences_say_so() -> None:
    walk = _walk(3)
    model = Forecaster(look_back=LOOK_BACK, horizon=HORIZON, hidden=4, transform="none", training=QUICK).fit(walk)
    assert (model.choices_.network, model.choices_.epoch, model.choices_.members) == (False, 0, 1)
    assert np.array_equal(model.predict(), np.full(HORIZON, walk[-1]))
    said = " ".join(model.choices_.sentences())
    assert "Start: repeat last value" in said
    assert "left out, the forecast is the start itself" in said


def test_sentences_are_silent_where_nothing_was_chosen() -> None:
    named = Choices("anchor", "none", "minmax", False, 3, "none", 12, 1)
    assert named.sentences() == ()
    tried = (Tried("network", 0.2, (0.2, 0.2)), Tried("drift", 0.3, (0.3, 0.3)))
    kept = Choices("drift", "none", "minmax", False, 3, "none", 12, 1, network=True, tried=tried)
    (sentence,) = kept.sentences()
    assert "Network: kept (0.2 against 0.3, ahead in 2 of 2 validation blocks)" in sentence
