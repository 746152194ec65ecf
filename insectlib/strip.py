"""The catalogue label at the bottom right of every picture (chapter ``01_data``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Shares of the picture's sides; wide enough for the labels of both data sets.
STRIP_HEIGHT = 0.07
STRIP_WIDTH = 0.40


def strip_box(height: int, width: int) -> tuple[int, int, int, int]:
    """Return where the label strip lies: chapter ``01_data``.

    Parameters
    ----------
    height, width : int
        Of the picture, in pixels.

    Returns
    -------
    tuple of int
        ``(top, left, bottom, right)`` in pixels, bottom and right exclusive.
    """
    return height - round(STRIP_HEIGHT * height), width - round(STRIP_WIDTH * width), height, width


def strip_only(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the box that holds the label strip, cut out of each picture.

    Parameters
    ----------
    images : float32 array, shape (n, height, width, 3)
        Values from 0 to 255.

    Returns
    -------
    float32 array, shape (n, strip height, strip width, 3)
    """
    top, left, bottom, right = strip_box(*images.shape[1:3])
    return images[:, top:bottom, left:right]


def cover_strip(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Paint the box of the label strip over with the row of pixels above it.

    Parameters
    ----------
    images : float32 array, shape (n, height, width, 3)
        Values from 0 to 255.

    Returns
    -------
    float32 array, shape (n, height, width, 3)
        Copies; `images` stay as they are.
    """
    top, left, bottom, right = strip_box(*images.shape[1:3])
    covered = images.copy()
    covered[:, top:bottom, left:right] = images[:, top - 1 : top, left:right]
    return covered
