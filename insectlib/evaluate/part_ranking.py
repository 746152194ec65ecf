"""Whether a map ranks the parts of a scene well, and assigns each one to the right class.

Chapter ``09_evaluation``. These scores need no threshold between important and unimportant parts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.explain.games.coalitions import player_count


def order_gain(values: ArrayLike, table: NDArray[np.float64]) -> float:
    """Return how much more the highest ranked players earn than all others.

    Chapter ``09_evaluation``. For each number of players from one to all but one: what the top
    ones earn alone, minus what all others earn without them; then the mean. It is the area
    between insertion and deletion curve, played with parts.

    Parameters
    ----------
    values : array, shape (n_players,)
        What ranks the players. Where players tie, the mean of both orders in which they could come.
    table : float64 array, shape (2**n_players,)
        What each coalition earns, in the order of `insectlib.explain.all_coalitions`.

    Returns
    -------
    float
        In the unit of the table. Random orders have 0 on average, and the reversed order has the
        same gain with the opposite sign.

    Raises
    ------
    ValueError
        When values and table have different numbers of players, or there is only one.
    """
    given = np.asarray(values, dtype=np.float64)
    n = player_count(table[:, None])
    if given.shape != (n,) or n < 2:
        raise ValueError(
            f"values has shape {given.shape} and the table {n} players; expected one value for "
            "each of at least two"
        )
    first_first = np.argsort(-given, kind="stable")
    last_first = n - 1 - np.argsort(-given[::-1], kind="stable")
    tops = np.cumsum(2 ** np.stack([first_first, last_first]), axis=1)[:, :-1]
    return float(np.mean(table[tops] - table[len(table) - 1 - tops]))


def best_order_gain(table: NDArray[np.float64]) -> float:
    """Return the largest `order_gain` that any order of the players has.

    Chapter ``09_evaluation``.

    Parameters
    ----------
    table : float64 array, shape (2**n_players,)
        What each coalition earns; at least two players.

    Returns
    -------
    float
        Not below zero.
    """
    n = player_count(table[:, None])
    everybody = len(table) - 1
    gain = table - table[::-1]  # the complement of a coalition stands at the mirrored place
    best = np.full(len(table), -np.inf)
    best[0] = 0.0
    for row in range(1, everybody + 1):  # a coalition comes after all of its parts
        joined = max(best[row ^ 1 << i] for i in range(n) if row >> i & 1)
        best[row] = joined + (gain[row] if row < everybody else 0.0)
    return float(best[everybody] / (n - 1))


def completeness(values: ArrayLike, table: NDArray[np.float64]) -> float:
    """Return whether the parts that an explanation ranks highest carry the output.

    Chapter ``09_evaluation``. FunnyBirds (Hesse et al., 2023) tests whether the important parts
    alone keep the prediction, and whether it is lost without them, for the parts above a tuned
    threshold. This score tests both for every number of parts.

    Parameters
    ----------
    values : array, shape (n_players,)
        One picture's and class's column of `insectlib.explain.region_sums`.
    table : float64 array, shape (2**n_players,)
        The same class's column of ``scene_shapley(...).table``.

    Returns
    -------
    float
        `order_gain`, as a share of what the best of all orders has: 1 for that one, 0 on average
        for a blind guess, -1 for the worst order. 0 where all orders are alike.

    Raises
    ------
    ValueError
        When values and table do not fit.
    """
    best = best_order_gain(table)
    return order_gain(values, table) / best if best else 0.0


def contrastivity(
    values: NDArray[np.float64], reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return whether an explanation assigns each part to the right class of two.

    Chapter ``09_evaluation``. Where two classes are compared, each part speaks for the one or the
    other, by the difference of its values. The score adds up the true differences whose sign the
    explanation has right, minus those whose sign it has wrong, as a share of all, over all pairs
    of classes. A map that is the same for every class has no differences and scores 0.

    Parameters
    ----------
    values : float64 array, shape (..., n_players, n_classes)
        From `insectlib.explain.region_sums`, with all classes explained in the order of the model.
    reference : float64 array of the same shape
        From ``scene_shapley(...).values``.

    Returns
    -------
    float64 array, shape (...)
        From -1 to 1; 0 on average for a blind guess.

    Raises
    ------
    ValueError
        When the shapes differ, or there is only one class.
    """
    if values.shape != reference.shape or values.shape[-1] < 2:
        raise ValueError(
            f"values have shape {values.shape} and the reference {reference.shape}; expected "
            "the same, with at least two classes"
        )
    one, other = np.triu_indices(values.shape[-1], k=1)
    claimed = np.sign(values[..., one] - values[..., other])
    actual = reference[..., one] - reference[..., other]
    total = np.abs(actual).sum(axis=(-2, -1))
    return np.asarray((actual * claimed).sum(axis=(-2, -1)) / np.where(total, total, 1))
