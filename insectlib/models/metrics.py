"""Judging a classifier: what scikit-learn lacks (chapter ``02_cnn``).

Accuracy, balanced accuracy, confusion matrices and reports by class are in `sklearn.metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Interval(NamedTuple):
    """A range from `low` to `high`."""

    low: float
    high: float


def calibration_table(
    probabilities: ArrayLike, labels: Sequence[int] | NDArray[np.int64], n_bins: int = 10
) -> NDArray[np.float64]:
    """Compare confidence with accuracy, bin by bin (chapter ``02_cnn``).

    The pictures are sorted by confidence, the probability of the predicted class, and cut into
    bins of equal size, so that no bin rests on a handful of pictures.

    Parameters
    ----------
    probabilities : array, shape (n, n_classes)
        From 0 to 1.
    labels : int array, shape (n,)
        True class indices.
    n_bins : int
        From 1 to n.

    Returns
    -------
    float64 array, shape (n_bins, 3)
        Mean confidence, accuracy and number of pictures of each bin.

    Raises
    ------
    ValueError
        When there are more bins than pictures.
    """
    if not 1 <= n_bins <= len(labels):
        raise ValueError(f"n_bins is {n_bins}; expected 1 to {len(labels)}, one picture a bin")
    probabilities = np.asarray(probabilities)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.array_split(np.argsort(confidence, kind="stable"), n_bins)
    return np.array([(confidence[b].mean(), correct[b].mean(), len(b)) for b in bins])


def calibration_error(table: ArrayLike) -> float:
    """Return the expected calibration error of a `calibration_table` (chapter ``02_cnn``).

    The mean distance between confidence and accuracy, weighted by the bins' sizes
    (Guo et al., 2017).

    Parameters
    ----------
    table : array, shape (n_bins, 3)
        From `calibration_table`.

    Returns
    -------
    float
        From 0 (a confidence of 80 % is right eight times of ten) to 1.
    """
    confidence, accuracy, count = np.asarray(table).T
    return float(np.average(abs(confidence - accuracy), weights=count))


def accuracy_interval(
    correct: ArrayLike,
    groups: ArrayLike,
    *,
    level: float = 0.95,
    n_draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return an interval for the accuracy, by drawing whole groups anew (chapter ``02_cnn``).

    Pictures of one group stand or fall together, so a test set of 200 pictures in 30 groups says
    less than 200 independent pictures would. Groups are drawn with replacement, as many as there
    are, `n_draws` times (the cluster bootstrap, percentile method).

    Parameters
    ----------
    correct : bool array, shape (n,)
        Whether each picture was classified correctly.
    groups : int array, shape (n,)
        Group of each picture; at least two different ones.
    level : float
        Share of the draws inside the interval, between 0 and 1.
    n_draws : int
        Number of draws.
    seed : int
        Of the draws.

    Returns
    -------
    Interval
        Accuracies `low` and `high`, from 0 to 1.

    Raises
    ------
    ValueError
        With fewer than two groups, a `level` outside 0 to 1, or lengths that differ.
    """
    hits, members = np.asarray(correct, dtype=float), np.asarray(groups)
    if hits.shape != members.shape:
        raise ValueError(
            f"correct has the shape {hits.shape} and groups {members.shape}; expected one value "
            "of each for every picture"
        )
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a share between 0 and 1, such as 0.95")
    names, index = np.unique(members, return_inverse=True)
    if len(names) < 2:
        raise ValueError("one group alone says nothing about others: pass at least two groups")
    right, size = np.bincount(index, hits), np.bincount(index)
    random = np.random.default_rng(seed)
    draws = random.multinomial(len(names), np.full(len(names), 1 / len(names)), n_draws)
    low, high = np.quantile(draws @ right / (draws @ size), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
