"""Intervals, against figures worked out by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from insectlib.models.metrics import accuracy_interval, mean_interval


def test_interval_is_wider_for_fewer_groups() -> None:
    correct = np.repeat(np.arange(40) % 4 > 0, 5)
    alone = accuracy_interval(correct, np.arange(200), seed=1)
    grouped = accuracy_interval(correct, np.repeat(np.arange(40), 5), seed=1)
    assert alone.low < 0.75 < alone.high
    assert grouped.high - grouped.low == pytest.approx(
        np.sqrt(5) * (alone.high - alone.low), rel=0.15
    )


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        skill = random.beta(8, 2, 60)
        groups = np.repeat(np.arange(60), 4)
        correct = random.uniform(size=240) < skill[groups]
        low, high = accuracy_interval(correct, groups, n_draws=300, seed=trial)
        covered += low <= 0.8 <= high
    assert 178 <= covered <= 200


def test_interval_is_as_wide_as_the_standard_error_says() -> None:
    correct = np.arange(400) % 4 > 0
    low, high = accuracy_interval(correct, np.arange(400))
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.75 * 0.25 / 400), rel=0.08)


def test_each_picture_counts_the_same_however_large_its_group() -> None:
    groups = np.concatenate([np.repeat(np.arange(5), 40), np.arange(5, 25)])
    correct = np.where(groups < 5, np.arange(220) % 5 > 0, False)
    low, high = accuracy_interval(correct, groups)
    assert low < correct.mean() < high  # 160 of 220; the mean of the groups is 0.16


def test_interval_repeats_itself_and_narrows_with_its_level() -> None:
    random = np.random.default_rng(5)
    correct, groups = random.uniform(size=90) < 0.7, np.repeat(np.arange(30), 3)
    wide = accuracy_interval(correct, groups, seed=2)
    assert wide == accuracy_interval(correct, groups, seed=2)
    narrow = accuracy_interval(correct, groups, level=0.5, seed=2)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(
    ("correct", "groups", "level", "message"),
    [
        ([True, False], [1, 1], 0.95, "at least two groups"),
        ([True, False], [1], 0.95, "one value"),
        ([True, False], [1, 2], 95, "between 0 and 1"),
    ],
)
def test_interval_refuses(
    correct: list[bool], groups: list[int], level: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        accuracy_interval(correct, groups, level=level)


def test_mean_interval_holds_the_mean_as_often_as_it_says() -> None:
    hits = 0
    for trial in range(300):
        scores = np.random.default_rng(trial).normal(5, 2, 30)
        low, high = mean_interval(scores, level=0.8, n_draws=300)
        hits += low < 5 < high
    assert 0.72 < hits / 300 < 0.86


def test_mean_interval_is_as_wide_as_the_standard_error_says() -> None:
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


def test_seeds_are_drawn_anew_within_each_picture() -> None:
    scores = np.random.default_rng(1).normal(0, 1, 20)
    low, high = mean_interval(np.tile(scores, (10, 1)))
    assert high - low == pytest.approx(2 * 1.96 * scores.std() / np.sqrt(200), rel=0.1)


def test_same_seed_same_mean_interval() -> None:
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
def test_mean_interval_refuses(scores: NDArray[np.float64], level: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mean_interval(scores, level=level)


def test_the_difference_of_two_networks_is_surer_than_each() -> None:
    """What is hard for both cancels: the interval of the difference is narrow."""
    random = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 5)
    easy = random.random(40)[groups]
    luck = random.random(200)
    first, second = luck < easy, luck < easy - 0.05
    low, high = accuracy_interval(first.astype(float) - second, groups)
    assert low <= np.mean(first) - np.mean(second) <= high
    widths = [np.ptp(accuracy_interval(hits, groups)) for hits in (first, second)]
    assert high - low < 0.6 * min(widths)
