"""Regions of a picture and what stands in for them, checked before an explainer runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.explain.masking.segments import superpixels
from insectlib.models.inference import in_fractions


def spread(
    values: ArrayLike, segments: NDArray[np.int64], channels: int = 3
) -> NDArray[np.float64]:
    """Spread the value of each segment evenly over its pixels and channels.

    Chapter ``05_kernel_shap``; `insectlib.explain.segment_values` adds them up again.

    Parameters
    ----------
    values : array, shape (m, k)
        One row for each segment, one column for each explained output.
    segments : int64 array, shape (height, width)
        From `insectlib.explain.superpixels`.
    channels : int
        Channels of the picture.

    Returns
    -------
    float64 array, shape (height, width, channels, k)
        shap's image layout, without the axis of pictures.
    """
    pixels = np.bincount(segments.ravel())
    each = np.asarray(values, dtype=np.float64) / (channels * pixels[:, None])
    return np.repeat(each[segments][:, :, None, :], channels, axis=2)


def checked_baseline(baseline: ArrayLike, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what stands in for hidden regions, for each picture, or say what is wrong with it.

    Parameters
    ----------
    baseline : array
        One colour, shape (channels,), one picture, (height, width, channels), or one for each
        picture, (n, height, width, channels); values from 0 to 255.
    pictures : float32 array, shape (n, height, width, channels)

    Returns
    -------
    float32 array, shape (n, height, width, channels)

    Raises
    ------
    ValueError
        For what is no array of numbers, another shape or range.
    """
    try:
        fill = np.asarray(baseline, dtype=np.float32)
    except (TypeError, ValueError):
        what = repr(baseline) if isinstance(baseline, str) else f"a {type(baseline).__name__}"
        raise ValueError(
            f"baseline is {what}; expected an array of numbers from 0 to 255 (names of fills go "
            "with partition_shap alone)"
        ) from None
    if fill.shape not in (pictures.shape[3:], pictures.shape[1:], pictures.shape):
        hint = ""
        if fill.ndim == 4 and fill.shape[1:] == pictures.shape[1:]:
            hint = (
                ". A background, a set of pictures to compare with, goes with gradient_shap and "
                "deep_shap"
            )
        raise ValueError(
            f"baseline has shape {fill.shape}; expected one colour, {pictures.shape[3:]}, one "
            f"picture, {pictures.shape[1:]}, or one for each picture, {pictures.shape}{hint}"
        )
    if not (fill.min() >= -0.5 and fill.max() <= 255.5):
        raise ValueError(
            f"baseline has values from {fill.min():g} to {fill.max():g}; expected 0 to 255, like "
            "the pictures"
        )
    if fill.ndim > 1 and (0 < fill.max() <= 1 or in_fractions(fill.reshape(-1, *fill.shape[-3:]))):
        raise ValueError(
            f"baseline has values from {fill.min():g} to {fill.max():g}, which looks like the "
            "range 0 to 1, in one picture at least; expected 0 to 255, like the pictures: multiply "
            "by 255"
        )
    return np.broadcast_to(fill, pictures.shape)


def checked_segments(
    segments: ArrayLike | None, pictures: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return the segments of each picture, numbered from 0 without gaps.

    Parameters
    ----------
    segments : array of whole numbers or bool, shape (height, width) or (n, height, width), or None
        Superpixels with their defaults where None. Whole numbers may come as floats, and a mask of
        bool is two segments.
    pictures : float32 array, shape (n, height, width, channels)

    Returns
    -------
    int64 array, shape (n, height, width)

    Raises
    ------
    ValueError
        For another shape, fractions, or numbers with gaps.
    """
    if segments is None:
        return np.stack([superpixels(picture) for picture in pictures])
    given = np.asarray(segments)
    if given.shape not in (pictures.shape[1:3], pictures.shape[:3]):
        raise ValueError(
            f"segments has shape {given.shape}; expected {pictures.shape[1:3]} for all pictures "
            f"or {pictures.shape[:3]} for each"
        )
    if given.dtype.kind not in "biuf" or not np.array_equal(given, np.rint(given)):
        raise ValueError(
            f"segments has values that are not whole numbers, of {given.dtype}; expected the "
            "number of its segment for each pixel"
        )
    numbered = np.broadcast_to(given.astype(np.int64), pictures.shape[:3])
    for labels in numbered:
        numbers = np.unique(labels)
        if not np.array_equal(numbers, np.arange(len(numbers))):
            raise ValueError(
                "segments must be numbered from 0 without gaps; got "
                f"{len(numbers)} numbers from {numbers[0]} to {numbers[-1]}: pass "
                "np.unique(segments, return_inverse=True)[1].reshape(segments.shape)"
            )
    return numbered
