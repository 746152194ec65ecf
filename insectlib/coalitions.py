"""Games with few players: every coalition is played, so nothing is estimated.

Chapter ``04_shapley``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

from insectlib.strip import strip_box

FRAMES = (
    "top edge",
    "left edge",
    "right edge",
    "bottom edge",
    "upper centre",
    "middle",
    "lower centre",
    "strip",
)
"""The regions of `frames`, in the order of their numbers."""


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


def tiles(height: int, width: int, rows: Sequence[int]) -> NDArray[np.int64]:
    """Cut a picture into tiles, row by row (chapter ``04_shapley``).

    Parameters
    ----------
    height, width : int
        Of the picture, in pixels.
    rows : sequence of int
        Tiles in each row, from the top: ``(3, 4, 3)`` makes ten of them.

    Returns
    -------
    int64 array, shape (height, width)
        The tile of each pixel, counted from 0 at the top left, without gaps.

    Raises
    ------
    ValueError
        When there are no tiles, or more than there are pixels.
    """
    if not rows or min(rows) < 1 or len(rows) > height or max(rows) > width:
        raise ValueError(
            f"rows is {tuple(rows)}; expected one number for each row, each from 1 to {width}, "
            f"and at most {height} of them"
        )
    row = np.arange(height) * len(rows) // height
    count = np.array(rows)[row][:, None]
    first = np.cumsum([0, *rows])[row][:, None]
    return np.asarray(first + np.arange(width) * count // width, dtype=np.int64)


def frames(height: int, width: int) -> NDArray[np.int64]:
    """Cut a photograph into four edges, three pieces of its centre, and the label strip.

    Chapter ``04_shapley``; for pictures whose parts nobody has marked.

    Parameters
    ----------
    height, width : int
        Of the picture, in pixels; at least 16.

    Returns
    -------
    int64 array, shape (height, width)
        For each pixel an index of `FRAMES`. The edges take a sixth of the picture at each side.

    Raises
    ------
    ValueError
        When the picture is smaller than 16 pixels a side.
    """
    if min(height, width) < 16:
        raise ValueError(f"a picture of {height}x{width} pixels; expected 16 or more a side")
    edge_y, edge_x = round(height / 6), round(width / 6)
    cut = np.empty((height, width), dtype=np.int64)
    cut[:edge_y] = FRAMES.index("top edge")
    cut[height - edge_y :] = FRAMES.index("bottom edge")
    middle = slice(edge_y, height - edge_y)
    cut[middle, :edge_x] = FRAMES.index("left edge")
    cut[middle, width - edge_x :] = FRAMES.index("right edge")
    centre = tiles(height - 2 * edge_y, width - 2 * edge_x, (1, 1, 1))
    cut[middle, edge_x : width - edge_x] = FRAMES.index("upper centre") + centre
    top, left, bottom, right = strip_box(height, width)
    cut[top:bottom, left:right] = FRAMES.index("strip")
    return cut
