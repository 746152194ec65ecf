"""Intervals for mean scores."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from insectlib.models.intervals import mean_interval


def test_interval_holds_the_mean_as_often_as_it_says() -> None:
    hits = 0
    for trial in range(300):
        scores = np.random.default_rng(trial).normal(5, 2, 30)
        low, high = mean_interval(scores, level=0.8, n_draws=300)
        hits += low < 5 < high
    assert 0.72 < hits / 300 < 0.86


def test_width_is_that_of_the_standard_error() -> None:
    scores = np.random.default_rng(0).normal(0, 1, 400)
    low, high = mean_interval(scores)
    assert low < scores.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * scores.std() / 20, rel=0.1)


def test_pictures_that_differ_count_for_more_than_seeds() -> None:
    random = np.random.default_rng(0)
    pictures: NDArray[np.float64] = random.normal(0, 1, (10, 1))
    many_seeds = pictures + random.normal(0, 0.01, (10, 50))
    one, many = mean_interval(pictures), mean_interval(many_seeds)
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.15)
    seeds_only = mean_interval(np.zeros((10, 1)) + random.normal(0, 1, (10, 5)))
    assert seeds_only.low < 0 < seeds_only.high


def test_same_seed_same_interval() -> None:
    scores = np.random.default_rng(0).normal(size=8)
    assert mean_interval(scores, seed=1) == mean_interval(scores[:, None], seed=1)
    assert mean_interval(scores, seed=1) != mean_interval(scores, seed=2)


@pytest.mark.parametrize(
    ("scores", "level", "message"),
    [
        ([1.0], 0.95, "at least two pictures"),
        ([1.0, np.nan], 0.95, "finite"),
        ([1.0, 2.0], 95, "level is 95"),
        (np.zeros((2, 2, 2)), 0.95, "expected \\(n_pictures,\\)"),
    ],
)
def test_what_is_wrong_is_named(scores: NDArray[np.float64], level: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mean_interval(scores, level=level)
