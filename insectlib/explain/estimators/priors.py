"""What is assumed about a game before it is evaluated: the parts of it, and their usual sizes."""

from __future__ import annotations

import numpy as np

from insectlib.explain.estimators.covariances import (
    Additive,
    Array,
    Fading,
    Interacting,
    Sized,
    alike_sizes,
)
from insectlib.explain.estimators.gaussian_process import Prior

SIZE_WIDTH = 0.7
"""How far sizes of coalitions, from -1 to 1, are alike."""


LOCAL_STRENGTH = 0.8
"""Of the interactions in a neighbourhood."""


LOCAL_WIDTH = 0.75
"""Of a neighbourhood, in regions."""


GLOBAL_STRENGTH = 3.0
"""Of the one neighbourhood that holds every region."""


def local_prior(centres: Array) -> Prior:
    """Return what is assumed about the odd half of a game of logits.

    A neighbourhood is about one region in every direction.

    Parameters
    ----------
    centres : float64 array, shape (n, 2)
        Where each player is, from 0 to 1 in both directions.
    """
    n = len(centres)
    apart = ((centres[:, None] - centres) ** 2).sum(axis=-1)
    near = LOCAL_STRENGTH * np.exp(-apart * n / (2 * LOCAL_WIDTH**2))
    parts = Additive(), Fading(alike_sizes(n, SIZE_WIDTH, 1)), Interacting(near)
    return Prior(parts, np.array([0, -3.5, -4, -9.5]))


def global_prior(n: int) -> Prior:
    """Return the same without places: every region interacts with every other."""
    everywhere = np.full((1, n), GLOBAL_STRENGTH / n)
    parts = Additive(), Fading(alike_sizes(n, SIZE_WIDTH, 1)), Interacting(everywhere)
    return Prior(parts, np.array([0, -3.5, -4, -9.5]), 1.5)


def even_prior(n: int) -> Prior:
    """Return what is assumed about the even half of a game of logits."""
    parts = (
        Sized(np.ones((n + 1, n + 1))),
        Sized(alike_sizes(n, SIZE_WIDTH, 1)),
        Fading(alike_sizes(n, SIZE_WIDTH, -1)),
        Interacting(np.full((1, n), GLOBAL_STRENGTH / n), odd=False),
    )
    return Prior(parts, np.array([0, -1, -2, -4, -10]), 1.5)
