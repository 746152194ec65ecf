"""Whether explanations agree, with themselves and with each other, and how sparse they are.

Chapter ``09_evaluation``. None of this says that a map is right: a wrong one can be steady, sparse,
and shared by all explainers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from insectlib.evaluate.maps import rank_correlation


def map_agreement(
    one: NDArray[np.float64], other: NDArray[np.float64], segments: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the rank correlation of two maps of the same picture, segment by segment.

    Chapter ``09_evaluation``.

    Parameters
    ----------
    one, other : float64 array, shape (n, height, width)
    segments : int64 array, shape (n, height, width)

    Returns
    -------
    float64 array, shape (n,)
        From -1 to 1.
    """
    scores = []
    for a, b, cut in zip(one, other, segments, strict=True):
        sums = [np.bincount(cut.ravel(), weights=of.ravel()) for of in (a, b)]
        scores.append(float(rank_correlation(*sums)))
    return np.array(scores)


def stability(
    runs: Sequence[NDArray[np.float64]], segments: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return how well maps of the same pictures agree, where they should be the same.

    Chapter ``09_evaluation``: runs with other seeds, or of pictures with a little noise.

    Parameters
    ----------
    runs : sequence of float64 array, shape (n, height, width)
        At least two.
    segments : int64 array, shape (n, height, width)

    Returns
    -------
    float64 array, shape (n,)
        Mean `map_agreement` of all pairs of runs.

    Raises
    ------
    ValueError
        For fewer than two runs.
    """
    if len(runs) < 2:
        raise ValueError(f"{len(runs)} runs; expected at least two to compare")
    pairs = [map_agreement(a, b, segments) for a, b in combinations(runs, 2)]
    return np.asarray(np.mean(pairs, axis=0))


def with_noise(
    pictures: NDArray[np.float32], *, seed: int, sigma: float = 3.0
) -> NDArray[np.float32]:
    """Return pictures with noise that is hardly visible (chapter ``09_evaluation``).

    Parameters
    ----------
    pictures : float32 array
        Values from 0 to 255.
    seed : int
        Seed of the noise.
    sigma : float
        Standard deviation of the noise in grey levels.

    Returns
    -------
    float32 array of the same shape
        Clipped to 0 and 255.
    """
    noise = np.random.default_rng(seed).normal(0, sigma, pictures.shape)
    return np.clip(pictures + noise, 0, 255).astype(np.float32)


def gini(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how unevenly attribution is spread over the pixels, the Gini index of its sizes.

    Chapter ``09_evaluation``; Chalasani et al. (2020). A sparse map is easy to read; that does not
    make it true.

    Parameters
    ----------
    maps : float64 array, shape (n, height, width)

    Returns
    -------
    float64 array, shape (n,)
        0 when all pixels have the same, close to 1 when one has it all. 0 for a map of zeros.
    """
    sizes = np.sort(np.abs(maps).reshape(len(maps), -1), axis=1)
    m = sizes.shape[1]
    total = sizes.sum(axis=1)
    weights = 2 * np.arange(1, m + 1) - m - 1
    return np.asarray((sizes @ weights) / (m * np.where(total, total, 1)))
