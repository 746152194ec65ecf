"""A model that workers import: a file of its own, for they do not import tests."""

import os

import numpy as np
from distributed import get_worker
from numpy.typing import NDArray


def scores(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
    """Score pictures by the brightness of three of their quarters."""
    halves = np.array(pictures, dtype=np.float64).mean(axis=3)
    middle = halves.shape[1] // 2
    quarters = (halves[:, :middle, :middle], halves[:, middle:, :middle], halves[:, middle:])
    return np.stack([quarter.mean(axis=(1, 2)) for quarter in quarters], axis=1)


def fatal_for_workers(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
    """End the process that asks, unless it is the one that began the run."""
    try:
        get_worker()
    except ValueError:
        return scores(pictures)
    os._exit(1)
