"""Superpixels: the players of the game that Kernel SHAP plays (chapter ``05_kernel_shap``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.filters import gaussian
from skimage.segmentation import slic


def superpixels(
    image: ArrayLike, n_segments: int = 100, compactness: float = 5, sigma: float = 3
) -> NDArray[np.int64]:
    """Divide a picture into segments of similar colour with SLIC.

    Chapter ``05_kernel_shap``; Achanta et al. (2012).

    Parameters
    ----------
    image : array, shape (height, width, channels)
        Values from 0 to 255.
    n_segments : int
        About how many segments to make.
    compactness : float
        Weight of nearness against likeness in colour: the larger, the squarer the segments.
    sigma : float
        Standard deviation, in pixels, of the smoothing beforehand.

    Returns
    -------
    int64 array, shape (height, width)
        The segment of each pixel, counted from 0 without gaps.

    Raises
    ------
    ValueError
        When the shape is not that of one picture, or values are not from 0 to 255.
    """
    pixels = np.asarray(image, dtype=np.float32)
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise ValueError(
            f"image has shape {pixels.shape}; expected (height, width, channels): pass one picture"
        )
    if not (pixels.min() >= -0.5 and pixels.max() <= 255.5):
        raise ValueError(
            f"image has values from {pixels.min():g} to {pixels.max():g}; expected 0 to 255"
        )
    # only three channels are colours, which SLIC compares as people see them
    colours = pixels.shape[-1] == 3
    segments = slic(
        pixels / 255, n_segments, compactness, sigma=sigma, start_label=0, convert2lab=colours
    )
    # SLIC drops patches that came out too small, which can leave gaps in the numbers
    _, numbers = np.unique(segments, return_inverse=True)
    return numbers.reshape(segments.shape).astype(np.int64)


def mask_image(
    coalitions: ArrayLike,
    segments: NDArray[np.signedinteger],
    image: ArrayLike,
    baseline: ArrayLike,
) -> NDArray[np.float32]:
    """Show the segments of each coalition, and the baseline everywhere else.

    Chapter ``05_kernel_shap``.

    Parameters
    ----------
    coalitions : array of 0 and 1 (or bool), shape (n, k)
        One row for each picture to make, one column for each segment.
    segments : int64 array, shape (height, width)
        From `superpixels`, with values from 0 to k - 1.
    image : array, shape (height, width, channels)
        What is shown; values from 0 to 255.
    baseline : array, shape (height, width, channels) or (channels,)
        What stands where a segment is removed: a picture or one colour, values from 0 to 255.

    Returns
    -------
    float32 array, shape (n, height, width, channels)
    """
    present = np.asarray(coalitions, dtype=bool)
    shown = present[:, segments, None]
    return np.where(shown, image, baseline).astype(np.float32)


def mean_colour(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a picture of one colour, the mean of `image` (chapter ``05_kernel_shap``).

    Parameters
    ----------
    image : float32 array, shape (height, width, 3)
        Values from 0 to 255.

    Returns
    -------
    float32 array, shape (height, width, 3)
    """
    colour = image.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    return np.broadcast_to(colour, image.shape).copy()


def blurred(image: NDArray[np.float32], share: float = 0.1) -> NDArray[np.float32]:
    """Return the picture out of focus: colours remain, shapes do not.

    Chapter ``05_kernel_shap``.

    Parameters
    ----------
    image : float32 array, shape (height, width, 3)
        Values from 0 to 255.
    share : float
        Standard deviation of the blur as a share of the picture's height.

    Returns
    -------
    float32 array, shape (height, width, 3)
    """
    blur = gaussian(image, share * image.shape[0], channel_axis=-1, preserve_range=True)
    return np.asarray(blur, dtype=np.float32)


def segment_values(values: ArrayLike, segments: NDArray[np.int64]) -> NDArray[np.float64]:
    """Add up attributions within each segment (chapter ``05_kernel_shap``).

    Parameters
    ----------
    values : array, shape (height, width, channels, k)
        Attributions of one picture, as in ``explanation.values[i]``.
    segments : int64 array, shape (height, width)
        Segment of each pixel, such as from `superpixels`.

    Returns
    -------
    float64 array, shape (m, k)
        Sums over the pixels and channels of each segment, in the unit of the attributions.
    """
    per_pixel = np.asarray(values).sum(axis=2).reshape(segments.size, -1)
    return np.stack(
        [np.bincount(segments.ravel(), weights=column) for column in per_pixel.T], axis=1
    )


def region_sums(per_pixel: NDArray[np.float64], regions: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Add up maps within regions that may overlap (chapter ``09_evaluation``).

    `segment_values` does the same for segments, which do not overlap.

    Parameters
    ----------
    per_pixel : float64 array, shape (n, height, width, k)
    regions : bool array, shape (n, n_regions, height, width)

    Returns
    -------
    float64 array, shape (n, n_regions, k)

    Raises
    ------
    ValueError
        When the masks are not of the pictures' number or size.
    """
    if (len(regions), *regions.shape[2:]) != per_pixel.shape[:3]:
        raise ValueError(
            f"masks have shape {regions.shape}; expected (n, n_regions, height, width) for "
            f"explained pictures of shape {per_pixel.shape[:3]}"
        )
    return np.asarray(np.einsum("nhwk,nphw->npk", per_pixel, regions.astype(np.float64)))
