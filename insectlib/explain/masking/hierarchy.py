"""Regions within regions, and how Owen values share an output among them.

Chapter ``08_partition_shap``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import shap
from numpy.typing import NDArray

Tree: TypeAlias = "str | tuple[Tree, Tree]"
"""The name of a player, or a pair of trees."""


def owen_values(
    value: Callable[[frozenset[str]], float],
    tree: Tree,
    context: frozenset[str] = frozenset(),
    weight: float = 1,
) -> dict[str, float]:
    """Return the Owen values of all players, with a game within each group of the tree.

    Chapter ``08_partition_shap``; Owen (1977). At each pair of branches there are two players:
    each comes first or second, and what it adds goes to its own branches in the same way.

    Parameters
    ----------
    value : callable
        Takes a frozenset of names, returns what that coalition earns.
    tree : str or pair of trees
        Such as ``(("a", "b"), ("c", "d"))``; each name once.
    context : frozenset of str
        Who is there already; nobody for the whole tree.
    weight : float
        How much this branch and context count; 1 for the whole tree.

    Returns
    -------
    dict of str to float
        They add up to ``value(everybody) - value(nobody)``.
    """
    if isinstance(tree, str):
        return {tree: weight * (value(context | {tree}) - value(context))}
    shares = dict.fromkeys(members(tree), 0.0)
    for branch, other in (tree, tree[::-1]):
        for beside in (frozenset(), members(other)):
            part = owen_values(value, branch, context | beside, weight / 2)
            for name, share in part.items():
                shares[name] += share
    return shares


def members(tree: Tree) -> frozenset[str]:
    """Return the names in a tree (chapter ``08_partition_shap``)."""
    if isinstance(tree, str):
        return frozenset([tree])
    return members(tree[0]) | members(tree[1])


@lru_cache(maxsize=8)
def picture_hierarchy(height: int, width: int, channels: int = 3) -> NDArray[np.float64]:
    """Return the tree of boxes into which shap divides every picture of that size.

    Chapter ``08_partition_shap``. The longer side is halved, then again, down to single pixels
    and at last to their channels. It does not depend on what the picture shows.

    Parameters
    ----------
    height, width : int
        Size of the picture, in pixels.
    channels : int
        Channels of the picture.

    Returns
    -------
    float64 array, shape (height * width * channels - 1, 4)
        SciPy's form of a tree: row i holds the two children of node ``i + m``, a distance that is
        not used, and the number of leaves below. The m = height * width * channels leaves come
        first, in the order of the flattened picture; the last row is the whole picture.
    """
    return np.asarray(shap.maskers.Image(0, (height, width, channels)).clustering)


def region_box(
    hierarchy: NDArray[np.float64], node: int, width: int, channels: int = 3
) -> tuple[int, int, int, int]:
    """Return where in the picture a node of the tree is.

    Chapter ``08_partition_shap``.

    Parameters
    ----------
    hierarchy : float64 array, shape (m - 1, 4)
        From `picture_hierarchy`.
    node : int
        Number of the node, from 0 to 2 * m - 2.
    width : int
        Width of the picture, in pixels.
    channels : int
        Channels of the picture.

    Returns
    -------
    tuple of int
        Top, left, bottom and right, in pixels; bottom and right are the first ones outside.
    """
    m, corners = len(hierarchy) + 1, []
    for side in (0, 1):  # always the first child, always the second: two opposite corners
        leaf = node
        while leaf >= m:
            leaf = int(hierarchy[leaf - m, side])
        corners.append(divmod(leaf // channels, width))
    (top, left), (bottom, right) = sorted(corners)
    return top, left, bottom + 1, right + 1


def level_boxes(
    hierarchy: NDArray[np.float64], level: int, width: int, channels: int = 3
) -> list[tuple[int, int, int, int]]:
    """Return the boxes of one level of the tree (chapter ``08_partition_shap``).

    Parameters
    ----------
    hierarchy : float64 array, shape (m - 1, 4)
        From `picture_hierarchy`.
    level : int
        How often the picture has been halved: 0 is the whole of it, 1 its two halves, and so on.
    width : int
        Width of the picture, in pixels.
    channels : int
        Channels of the picture.

    Returns
    -------
    list of tuple of int
        As `region_box` returns them; at most ``2**level``.
    """
    m = len(hierarchy) + 1
    nodes = [2 * m - 2]
    for _ in range(level):
        nodes = [int(child) for node in nodes if node >= m for child in hierarchy[node - m, :2]]
    return [region_box(hierarchy, node, width, channels) for node in nodes]


def smallest_regions(
    hierarchy: NDArray[np.float64], credit: NDArray[np.float64], height: int, width: int
) -> NDArray[np.int64]:
    """Return the smallest regions that an explanation has valued.

    Chapter ``08_partition_shap``. Where the budget ends, what a region adds stays with the
    region as a whole, and its pixels share it evenly.

    Parameters
    ----------
    hierarchy : float64 array, shape (m - 1, 4)
        From `picture_hierarchy`.
    credit : float64 array, shape (2 * m - 1, n_outputs)
        What stayed with each node: shap's ``hierarchical_values`` of one picture.
    height, width : int
        Size of the picture, in pixels.

    Returns
    -------
    int64 array, shape (height, width)
        The number of each pixel's region, counted from 0 without gaps.
    """
    m = len(hierarchy) + 1
    children = hierarchy[:, :2].astype(np.int64)
    parent = np.full(2 * m - 1, -1)
    parent[children] = np.arange(m, 2 * m - 1)[:, None]
    opened = np.zeros(2 * m - 1, dtype=bool)
    above = parent[np.abs(credit).max(axis=1) > 0]
    while len(above := np.unique(above[above >= 0])):
        above = above[~opened[above]]
        opened[above] = True
        above = parent[above]
    numbers = np.zeros((height, width), dtype=np.int64)
    ends = [child for node in np.flatnonzero(opened) for child in children[node - m].tolist()]
    for number, node in enumerate(end for end in ends if not opened[end]):
        top, left, bottom, right = region_box(hierarchy, node, width, m // (height * width))
        numbers[top:bottom, left:right] = number
    _, without_gaps = np.unique(numbers, return_inverse=True)
    return without_gaps.reshape(height, width).astype(np.int64)
