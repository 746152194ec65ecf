"""Metrics that scikit-learn lacks: intervals for accuracies and mean scores, by the bootstrap.

Chapters ``02_cnn`` and ``09_evaluation``. Accuracy, balanced accuracy, confusion matrices and
reports by class are in `sklearn.metrics`; chapter ``02_cnn`` computes the calibration itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Interval(NamedTuple):
    """An interval from `low` to `high`, in the unit of what was measured."""

    low: float
    high: float


def accuracy_interval(
    correct: ArrayLike,
    groups: ArrayLike,
    *,
    level: float = 0.95,
    n_draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return an interval for the accuracy, by drawing whole groups anew (chapter ``02_cnn``).

    Pictures of one group are often right or wrong together, so a test set of 200 pictures in 30
    groups says less than 200 independent pictures would. Groups are drawn with replacement, as
    many as there are, `n_draws` times (the cluster bootstrap, percentile method).

    Parameters
    ----------
    correct : bool or float array, shape (n,)
        Whether each picture was classified correctly. To compare two networks pass the difference,
        from -1 to 1: their pictures are the same, so what is hard for both cancels.
    groups : int array, shape (n,)
        Group of each picture; at least two different ones.
    level : float
        Confidence level, between 0 and 1: the share of the draws inside the interval.
    n_draws : int
        Number of bootstrap draws.
    seed : int
        Seeds the draws.

    Returns
    -------
    Interval
        Accuracies `low` and `high`, from 0 to 1, or differences of them. With few groups, or one
        that is large, it is too narrow: it holds the truth less often than `level`.

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


def mean_interval(
    scores: ArrayLike, *, level: float = 0.95, n_draws: int = 2000, seed: int = 0
) -> Interval:
    """Return an interval for the mean score over all pictures of that kind (the bootstrap).

    Chapter ``09_evaluation``. Pictures are drawn anew, with replacement; where each picture has
    been scored with several seeds, seeds are drawn anew within each drawn picture (the
    hierarchical bootstrap, percentile method). To compare two explainers pass the differences of
    their scores: the pictures are the same, so much of the spread cancels.

    Parameters
    ----------
    scores : array, shape (n_pictures,) or (n_pictures, n_seeds)
        At least two pictures.
    level : float
        Confidence level, between 0 and 1: the share of the draws inside the interval.
    n_draws : int
        Number of bootstrap draws.
    seed : int
        Seeds the draws.

    Returns
    -------
    Interval
        In the unit of the scores. With fewer than about ten pictures it is too narrow.

    Raises
    ------
    ValueError
        With fewer than two pictures, scores that are not finite, or a `level` outside 0 to 1.
    """
    table = np.asarray(scores, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or len(table) < 2 or not table.shape[1]:
        raise ValueError(
            f"scores has shape {np.shape(scores)}; expected (n_pictures,) or "
            "(n_pictures, n_seeds), with at least two pictures"
        )
    if not np.isfinite(table).all():
        raise ValueError("scores must be finite: leave out the pictures without a score")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a share between 0 and 1, such as 0.95")
    n, seeds = table.shape
    random = np.random.default_rng(seed)
    pictures = random.integers(n, size=(n_draws, n, 1))
    means = table[pictures, random.integers(seeds, size=(n_draws, n, seeds))].mean(axis=(1, 2))
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
