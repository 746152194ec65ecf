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

    Raises
    ------
    ValueError
        When the picture is so small that the box, rounded to whole pixels, is empty.
    """
    rows, columns = round(STRIP_HEIGHT * height), round(STRIP_WIDTH * width)
    if not rows or not columns:
        raise ValueError(
            f"a picture of {height}x{width} pixels is too small for the label strip, "
            f"{STRIP_HEIGHT:.0%} of the height and {STRIP_WIDTH:.0%} of the width: "
            "load the pictures at 8 pixels or more a side"
        )
    return height - rows, width - columns, height, width


def strip_only(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the box that holds the label strip, cut out of each picture.

    Chapter ``01_data``.

    Parameters
    ----------
    images : float32 array, shape (n, height, width, channels)
        Values from 0 to 255.

    Returns
    -------
    float32 array, shape (n, strip height, strip width, channels)
        A view: writing to it changes `images`.

    Raises
    ------
    ValueError
        When `images` has another shape, or the pictures are too small to have a strip.
    """
    top, left, bottom, right = strip_box(*_sides(images))
    return images[:, top:bottom, left:right]


def cover_strip(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Paint the box of the label strip over with the row of pixels above it.

    Parameters
    ----------
    images : float32 array, shape (n, height, width, channels)
        Values from 0 to 255.

    Returns
    -------
    float32 array, shape (n, height, width, channels)
        Copies; `images` stay as they are.

    Raises
    ------
    ValueError
        When `images` has another shape, or the pictures are too small to have a strip.
    """
    top, left, bottom, right = strip_box(*_sides(images))
    covered = images.copy()
    covered[:, top:bottom, left:right] = images[:, top - 1 : top, left:right]
    return covered


def _sides(images: NDArray[np.float32]) -> tuple[int, int]:
    """Return height and width of the pictures, or say that these are none."""
    if images.ndim != 4:
        raise ValueError(
            f"images has shape {images.shape}; expected (n, height, width, channels): "
            "for one picture pass images[None]"
        )
    return images.shape[1], images.shape[2]
