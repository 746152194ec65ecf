"""Regions of a picture and what stands in for them, checked before an explainer runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.explain.masking.segments import superpixels


def spread(values: ArrayLike, segments: NDArray[np.int64]) -> NDArray[np.float64]:
    """Spread the value of each superpixel evenly over its pixels and channels.

    Chapter ``05_kernel_shap``; `segment_values` adds them up again.

    Parameters
    ----------
    values : array, shape (k, n_classes)
        One row for each superpixel.
    segments : int64 array, shape (height, width)
        From `superpixels`.

    Returns
    -------
    float64 array, shape (height, width, 3, n_classes)
        shap's image layout, without the axis of pictures.
    """
    pixels = np.bincount(segments.ravel())
    each = np.asarray(values, dtype=np.float64) / (3 * pixels[:, None])
    return np.repeat(each[segments][:, :, None, :], 3, axis=2)


def checked_background(background: ArrayLike, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a background for each picture, or say what is wrong with it.

    Parameters
    ----------
    background : array, shape (3,), (height, width, 3) or (n, height, width, 3)
        Values from 0 to 255.
    pictures : float32 array, shape (n, height, width, 3)

    Returns
    -------
    float32 array, shape (n, height, width, 3)

    Raises
    ------
    ValueError
        For another shape or range.
    """
    ground = np.asarray(background, dtype=np.float32)
    if ground.shape not in ((3,), pictures.shape[1:], pictures.shape):
        raise ValueError(
            f"background has shape {ground.shape}; expected one colour, (3,), one picture, "
            f"{pictures.shape[1:]}, or one for each picture, {pictures.shape}"
        )
    if not (ground.min() >= -0.5 and ground.max() <= 255.5):
        raise ValueError(
            f"background has values from {ground.min():g} to {ground.max():g}; expected 0 to 255, "
            "like the pictures"
        )
    if ground.ndim > 1 and 0 < ground.max() <= 1:
        raise ValueError(
            f"background has values from {ground.min():g} to {ground.max():g}, which looks like "
            "the range 0 to 1; expected 0 to 255, like the pictures: multiply by 255"
        )
    return np.broadcast_to(ground, pictures.shape)


def checked_segments(
    segments: NDArray[np.int64] | None, pictures: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return superpixels for each picture, numbered from 0 without gaps.

    Parameters
    ----------
    segments : int array, shape (height, width) or (n, height, width), or None
        `superpixels` with its defaults where None.
    pictures : float32 array, shape (n, height, width, 3)

    Returns
    -------
    int64 array, shape (n, height, width)

    Raises
    ------
    ValueError
        For another shape, or numbers with gaps.
    """
    if segments is None:
        return np.stack([superpixels(picture) for picture in pictures])
    given = np.asarray(segments)
    if given.shape not in (pictures.shape[1:3], pictures.shape[:3]):
        raise ValueError(
            f"segments has shape {given.shape}; expected {pictures.shape[1:3]} for all pictures "
            f"or {pictures.shape[:3]} for each"
        )
    cuts = np.broadcast_to(given, pictures.shape[:3])
    for cut in cuts:
        numbers = np.unique(cut)
        if not np.array_equal(numbers, np.arange(len(numbers))):
            raise ValueError(
                "segments must be numbered from 0 without gaps, as superpixels() does; got "
                f"{len(numbers)} numbers from {numbers[0]} to {numbers[-1]}"
            )
    return cuts
