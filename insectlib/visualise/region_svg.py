"""Where the regions of a picture lie, as SVG for a browser and for a screen reader.

Chapter ``04_shapley``, for its explorer.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

LETTERS = "ABCDEFGHIJKL"
"""One for each region: a game with more players has too large a table for a page."""


def runs(segments: NDArray[np.int64]) -> list[int]:
    """Return region and length of each run of equal numbers, row after row.

    Parameters
    ----------
    segments : int64 array, shape (height, width)
        The region of each pixel, counted from 0 without gaps.

    Returns
    -------
    list of int
        Region, length, region, length...; the lengths add up to the number of pixels.
    """
    flat = segments.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=-1))
    lengths = np.diff(starts, append=flat.size)
    return [int(v) for pair in zip(flat[starts], lengths, strict=True) for v in pair]


def outlines(segments: NDArray[np.int64]) -> str:
    """Return an SVG to lie over the picture: each region's outline and its letter.

    Parameters
    ----------
    segments : int64 array, shape (height, width)
        The region of each pixel, counted from 0 without gaps; at most as many as `LETTERS`.

    Returns
    -------
    str
        An ``<svg>`` element; the group of each region has the attribute ``data-region``.
    """
    height, width = segments.shape
    drawing = ""
    for region in range(int(segments.max()) + 1):
        inside = np.pad(segments == region, 1)
        level = _strokes(inside[1:] != inside[:-1])  # where a row differs from the one above
        upright = _strokes((inside[:, 1:] != inside[:, :-1]).T)
        path = "".join(f"M{start - 1} {line}h{length}" for line, start, length in level)
        path += "".join(f"M{line} {start - 1}v{length}" for line, start, length in upright)
        y, x = np.argwhere(segments == region).mean(axis=0) + 0.5
        drawing += (
            f'<g data-region="{region}"><path d="{path}" fill="none" stroke="#fff" '
            'vector-effect="non-scaling-stroke"/>'
            f'<text x="{x:.1f}" y="{y:.1f}">{LETTERS[region]}</text></g>'
        )
    return (
        f'<svg class="ce-outlines" viewBox="0 0 {width} {height}" aria-hidden="true" '
        'style="height:100%;inset:0;position:absolute;width:100%" fill="#fff" '
        f'preserveAspectRatio="none" font-size="{height / 17:.1f}" text-anchor="middle" '
        f'dominant-baseline="central">{drawing}</svg>'
    )


def _strokes(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Yield row, start and length of each run of True in the rows of `flags`."""
    for line, row in enumerate(flags):
        ends = np.flatnonzero(np.diff(row.astype(int), prepend=0, append=0))
        for start, end in ends.reshape(-1, 2).tolist():
            yield line, start, end - start


def places_in_words(segments: NDArray[np.int64]) -> list[str]:
    """Return in words where each region's middle lies, such as ``"top left"``.

    Parameters
    ----------
    segments : int64 array, shape (height, width)
        The region of each pixel, counted from 0 without gaps.
    """
    words = []
    for region in range(int(segments.max()) + 1):
        y, x = (np.argwhere(segments == region).mean(axis=0) + 0.5) / segments.shape
        up = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else "middle"
        side = "left" if x < 1 / 3 else "right" if x > 2 / 3 else "centre"
        words.append(f"{up} {side}")
    return words
