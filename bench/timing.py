"""Times that can be compared on a machine that does other things as well."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Timed = dict[str, Callable[[], object]]


def interleaved(timed: Timed, repeats: int) -> dict[str, NDArray[np.float64]]:
    """Run everything once to warm up, then in turn `repeats` times; return the seconds of each."""
    for run in timed.values():
        run()
    seconds = np.empty((repeats, len(timed)))
    for repeat in range(repeats):
        for i, run in enumerate(timed.values()):
            start = time.perf_counter()
            run()
            seconds[repeat, i] = time.perf_counter() - start
    return dict(zip(timed, seconds.T, strict=True))


def ratio(ours: NDArray[np.float64], peer: NDArray[np.float64]) -> float:
    """Return the median over the repeats of what ours takes of the peer's time beside it."""
    return float(np.median(ours / peer))


def shown(seconds: NDArray[np.float64]) -> str:
    """Return the median as text."""
    return f"{np.median(seconds):.2f} s"
