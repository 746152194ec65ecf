"""Games with few players: every coalition is evaluated, so nothing is estimated.

Chapter ``04_shapley``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray


def all_coalitions(n: int) -> NDArray[np.bool_]:
    """Return every coalition of `n` players, from nobody to everybody.

    Chapter ``04_shapley``.

    Parameters
    ----------
    n : int
        Number of players.

    Returns
    -------
    bool array, shape (2**n, n)
        Row r has the binary digits of r, the lowest first: player i is in coalition r where bit
        i of r is set.
    """
    rows = np.arange(2**n)[:, None]
    players = np.arange(n)
    return np.array(rows >> players & 1, dtype=bool)


def player_count(table: NDArray[np.float64]) -> int:
    """Return how many players a table of all coalitions has.

    Chapter ``04_shapley``.

    Parameters
    ----------
    table : float64 array, shape (2**n, n_outputs)
        What each coalition earns, in the order of `all_coalitions`.

    Raises
    ------
    ValueError
        When the number of rows is not a power of two, at least two.
    """
    n = len(table).bit_length() - 1
    if n < 1 or len(table) != 2**n:
        raise ValueError(f"table has {len(table)} rows; expected one for each of 2**n coalitions")
    return n


def exact_shapley(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Shapley values of a game from the values of all its coalitions.

    Chapter ``04_shapley``; Shapley (1953).

    Parameters
    ----------
    table : float64 array, shape (2**n, n_outputs)
        What each coalition earns, in the order of `all_coalitions`.

    Returns
    -------
    float64 array, shape (n, n_outputs)

    Raises
    ------
    ValueError
        When the number of rows is not a power of two, at least two.
    """
    n = player_count(table)
    coalitions = all_coalitions(n)
    weight = np.array([1 / (n * comb(n - 1, size)) for size in range(n)])
    values = []
    for i in range(n):
        without = np.flatnonzero(~coalitions[:, i])
        gain = table[without + 2**i] - table[without]
        size = coalitions[without].sum(axis=1)
        values.append(weight[size] @ gain)
    return np.stack(values)


def leave_one_out(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the whole loses when one player leaves it (chapter ``04_shapley``).

    Parameters
    ----------
    table : float64 array, shape (2**n, n_outputs)
        What each coalition earns, in the order of `all_coalitions`.

    Returns
    -------
    float64 array, shape (n, n_outputs)

    Raises
    ------
    ValueError
        When the number of rows is not a power of two, at least two.
    """
    n = player_count(table)
    everybody = len(table) - 1
    others = everybody - 2 ** np.arange(n)
    return np.asarray(table[everybody] - table[others])


def join_in_order(table: NDArray[np.float64], order: Sequence[int]) -> NDArray[np.float64]:
    """Return what each player adds when the players join in one order (chapter ``04_shapley``).

    Parameters
    ----------
    table : float64 array, shape (2**n, n_outputs)
        What each coalition earns, in the order of `all_coalitions`.
    order : sequence of int
        Every player once, the first to join first.

    Returns
    -------
    float64 array, shape (n, n_outputs)
        In the order of the players' numbers, not of their joining.

    Raises
    ------
    ValueError
        When `order` does not name every player once.
    """
    n = player_count(table)
    if sorted(order) != list(range(n)):
        raise ValueError(f"order is {list(order)}; expected each player from 0 to {n - 1} once")
    added = np.empty((n, table.shape[1]))
    row = 0
    for player in order:
        added[player] = table[row + 2**player] - table[row]
        row += 2**player
    return added


def pair_interactions(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Shapley interaction value of each pair of players.

    Chapter ``04_shapley``; Grabisch and Roubens (1999). It is what two players add together beyond
    what each adds alone, as a mean over the coalitions of the others: positive where they need
    each other, negative where one stands in for the other.

    Parameters
    ----------
    table : float64 array, shape (2**n, n_outputs)
        What each coalition earns, in the order of `all_coalitions`; two players or more.

    Returns
    -------
    float64 array, shape (n, n, n_outputs)
        Symmetric, with zeros on the diagonal.

    Raises
    ------
    ValueError
        When the number of rows is not a power of two, at least four.
    """
    n = player_count(table)
    if n < 2:
        raise ValueError("a game of one player has no pairs; expected two players or more")
    coalitions = all_coalitions(n)
    weight = np.array([1 / ((n - 1) * comb(n - 2, size)) for size in range(n - 1)])
    values = np.zeros((n, n, table.shape[1]))
    for i in range(n):
        for j in range(i):
            neither = np.flatnonzero(~coalitions[:, i] & ~coalitions[:, j])
            both, first, second = neither + 2**i + 2**j, neither + 2**i, neither + 2**j
            surplus = table[both] - table[first] - table[second] + table[neither]
            size = coalitions[neither].sum(axis=1)
            values[i, j] = values[j, i] = weight[size] @ surplus
    return values
