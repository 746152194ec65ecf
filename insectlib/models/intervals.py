"""How far a mean can be trusted: bootstrap intervals over pictures and seeds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from insectlib.models.metrics import Interval


def mean_interval(
    scores: ArrayLike, *, level: float = 0.95, n_draws: int = 2000, seed: int = 0
) -> Interval:
    """Return an interval for the mean score of pictures that were not looked at.

    Chapter ``09_evaluation``. Pictures are drawn anew, with replacement; where each picture has
    been scored with several seeds, seeds are drawn anew within each drawn picture (the
    hierarchical bootstrap, percentile method). To compare two explainers pass the differences of
    their scores: the pictures are the same, so much of the spread cancels.

    Parameters
    ----------
    scores : array, shape (n_pictures,) or (n_pictures, n_seeds)
        At least two pictures.
    level : float
        Share of the draws inside the interval, between 0 and 1.
    n_draws : int
        Number of draws.
    seed : int
        Of the draws.

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
