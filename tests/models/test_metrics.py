"""Calibration and intervals, against figures worked out by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insectlib.models.metrics import accuracy_interval, calibration_error, calibration_table


def test_calibration_table_by_hand() -> None:
    confidence = np.array([0.6, 0.9, 0.7, 0.8])
    probabilities = np.stack([1 - confidence, confidence], axis=1)
    table = calibration_table(probabilities, labels=[1, 1, 0, 1], n_bins=2)
    np.testing.assert_allclose(table, [(0.65, 0.5, 2), (0.85, 1.0, 2)])
    assert calibration_error(table) == pytest.approx(0.15)


def test_bins_weigh_by_their_size() -> None:
    assert calibration_error([(0.9, 0.5, 3), (0.9, 0.9, 1)]) == pytest.approx(0.3)


def test_overconfident_network_is_found() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 4000)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    honest = (random.uniform(size=4000) > confidence).astype(int)
    boastful = (random.uniform(size=4000) > confidence - 0.2).astype(int)
    assert calibration_error(calibration_table(probabilities, honest)) < 0.04
    assert calibration_error(calibration_table(probabilities, boastful)) == pytest.approx(
        0.2, abs=0.04
    )


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 60), n_bins=st.integers(1, 60), seed=st.integers(0, 99))
def test_table_accounts_for_every_picture(n: int, n_bins: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    probabilities, labels = random.dirichlet(np.ones(3), n), random.integers(3, size=n)
    if n_bins > n:
        with pytest.raises(ValueError, match="n_bins"):
            calibration_table(probabilities, labels, n_bins)
        return
    confidence, accuracy, count = calibration_table(probabilities, labels, n_bins).T
    assert count.sum() == n
    assert count.max() - count.min() <= 1
    assert (np.diff(confidence) >= -1e-12).all()
    hits = (probabilities.argmax(axis=1) == labels).sum()
    assert (accuracy * count).sum() == pytest.approx(hits)


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
