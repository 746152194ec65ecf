"""Few regions for a picture, so that all coalitions can be played (chapter ``04_shapley``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from insectlib.data.label_strip import strip_box

BORDER_TILES = (
    "top edge",
    "left edge",
    "right edge",
    "bottom edge",
    "upper centre",
    "middle",
    "lower centre",
    "strip",
)
"""The regions of `border_tiles`, in the order of their numbers."""


def tiles(height: int, width: int, rows: Sequence[int]) -> NDArray[np.int64]:
    """Cut a picture into tiles, row by row (chapter ``04_shapley``).

    Parameters
    ----------
    height, width : int
        Size of the picture, in pixels.
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


def border_tiles(height: int, width: int) -> NDArray[np.int64]:
    """Cut a photograph into four edges, three pieces of its centre, and the label strip.

    Chapter ``04_shapley``; for pictures whose parts nobody has marked.

    Parameters
    ----------
    height, width : int
        Size of the picture, in pixels; at least 16.

    Returns
    -------
    int64 array, shape (height, width)
        For each pixel an index of `BORDER_TILES`. The edges take a sixth of the picture at each
        side.

    Raises
    ------
    ValueError
        When the picture is smaller than 16 pixels a side.
    """
    if min(height, width) < 16:
        raise ValueError(f"a picture of {height}x{width} pixels; expected 16 or more a side")
    edge_y, edge_x = round(height / 6), round(width / 6)
    regions = np.empty((height, width), dtype=np.int64)
    regions[:edge_y] = BORDER_TILES.index("top edge")
    regions[height - edge_y :] = BORDER_TILES.index("bottom edge")
    middle = slice(edge_y, height - edge_y)
    regions[middle, :edge_x] = BORDER_TILES.index("left edge")
    regions[middle, width - edge_x :] = BORDER_TILES.index("right edge")
    centre = tiles(height - 2 * edge_y, width - 2 * edge_x, (1, 1, 1))
    regions[middle, edge_x : width - edge_x] = BORDER_TILES.index("upper centre") + centre
    top, left, bottom, right = strip_box(height, width)
    regions[top:bottom, left:right] = BORDER_TILES.index("strip")
    return regions
