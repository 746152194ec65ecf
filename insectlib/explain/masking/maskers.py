"""What stands where a pixel is hidden: blur, inpainting, a colour or a picture.

Chapter ``08_partition_shap``.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.explain.masking.hierarchy import picture_hierarchy
from insectlib.explain.masking.masked_inference import unlike
from insectlib.explain.masking.regions import checked_baseline
from insectlib.models.inference import check_images

INPAINTING = {"inpaint_telea": cv2.INPAINT_TELEA, "inpaint_ns": cv2.INPAINT_NS}
"""Telea (2004), and the fluid dynamics of Bertalmio et al. (2001)."""

RADIUS = 3
"""How many pixels around a hole inpainting looks at, as in shap."""

WORKERS = 2
"""Threads that inpaint side by side."""

_BLUR = re.compile(r"blur\(([1-9]\d*), ?([1-9]\d*)\)")


class PictureMasker:
    """Hides pixels of one picture; what takes their place is named once.

    Chapter ``08_partition_shap``. It does what `shap.maskers.Image` does and stands in its place:
    with that one, inpainting rounds the whole picture down to whole numbers, so that fractions
    are lost where nothing is hidden, and a picture from 0 to 1 turns black.

    Parameters
    ----------
    image : array, shape (height, width, channels)
        Values from 0 to 255.
    baseline : str or array
        ``"blur(k,k)"``, the mean over a box of so many pixels, computed once; ``"inpaint_telea"``
        or ``"inpaint_ns"``, which continue what is shown into the holes, anew for each coalition;
        a colour, shape (channels,); or a picture, shape (height, width, channels).

    Attributes
    ----------
    shape : tuple of int
        One row for each coalition, as many columns as there are pixels times channels.
    clustering : float64 array, shape (height * width * channels - 1, 4)
        From `insectlib.explain.picture_hierarchy`.

    Raises
    ------
    ValueError
        For a picture or baseline of a wrong shape or range, or a name that is not known.
    """

    # shap need not copy what it is given: every call returns a new array
    immutable_outputs = True

    def __init__(self, image: ArrayLike, baseline: str | ArrayLike) -> None:
        self.image = check_images(np.asarray(image)[None])[0]
        self.shape = (1, self.image.size)
        self.clustering = picture_hierarchy(*self.image.shape)
        self._inpainting: int | None = None
        if isinstance(baseline, str) and baseline in INPAINTING:
            self._inpainting = INPAINTING[baseline]
            self._whole: NDArray[np.uint8] = np.rint(self.image).clip(0, 255).astype(np.uint8)
            # where everything is hidden there is nothing to continue
            self._fill = np.broadcast_to(self.image.mean(axis=(0, 1)), self.image.shape)
        else:
            self._fill = baseline_picture(self.image, baseline)

    def __call__(
        self, mask: NDArray[np.bool_], image: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32]]:
        """Return the masked picture as shap wants it, (1, height, width, channels) in a tuple."""
        return (self.hide(~mask.reshape(image.shape))[None],)

    def hide(self, hidden: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the picture with some pixels hidden.

        Parameters
        ----------
        hidden : bool array, shape (height, width) or (height, width, channels)
            True where a pixel, or one channel of it, is to go.

        Returns
        -------
        float32 array, shape (height, width, channels)
            What is not hidden is exactly as it was.
        """
        where = hidden[..., None] if hidden.ndim == 2 else hidden
        (fill,) = self.fills(where[None])
        return np.asarray(np.where(where, fill, self.image), dtype=np.float32)

    def fills(self, hidden: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return what stands behind the picture where pixels are hidden, for several coalitions.

        Parameters
        ----------
        hidden : bool array, shape (n, height, width, 1) or (n, height, width, channels)
            True where a pixel, or one channel of it, is to go.

        Returns
        -------
        float32 array, shape (1, height, width, channels) or (n, height, width, channels)
            One for all where it does not depend on what is hidden. Where it does, a pixel is a hole
            if one of its channels is hidden; equal holes are filled once, and two threads fill
            side by side.
        """
        method = self._inpainting
        if method is None:
            return self._fill[None]
        # much faster than any() over an axis of three
        holes = reduce(np.logical_or, np.moveaxis(hidden, -1, 0))
        first, place = unlike(holes.reshape(len(holes), -1))
        fills = np.empty((*holes.shape, self.image.shape[2]), dtype=np.float32)

        def inpaint(one: int) -> None:
            fills[place == one] = self._inpainted(method, holes[first[one]])

        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(inpaint, range(len(first))))
        return fills

    def _inpainted(self, method: int, holes: NDArray[np.bool_]) -> NDArray[np.generic]:
        """Return the picture continued into holes (height, width)."""
        if holes.any() and not holes.all():
            # a channel at a time where there are not three, which is all that OpenCV takes at once
            parts = [self._whole]
            if self._whole.shape[2] != 3:
                parts = np.split(self._whole, self._whole.shape[2], axis=2)
            filled = [cv2.inpaint(part, holes.astype(np.uint8), RADIUS, method) for part in parts]
            return np.dstack(filled)
        return self._fill


def baseline_picture(image: NDArray[np.float32], baseline: str | ArrayLike) -> NDArray[np.float32]:
    """Return the picture that a baseline stands for, where it does not depend on the holes.

    Chapter ``08_partition_shap``.

    Parameters
    ----------
    image : float32 array, shape (height, width, channels)
        Values from 0 to 255.
    baseline : str or array
        ``"blur(k,k)"``; a colour, shape (channels,); or a picture, shape (height, width, channels).

    Returns
    -------
    float32 array, shape (height, width, channels)

    Raises
    ------
    ValueError
        For a name that is not known, or a wrong shape or range.
    """
    if not isinstance(baseline, str):
        return np.asarray(checked_baseline(baseline, image[None])[0])
    sides = _BLUR.fullmatch(baseline)
    if sides is None:
        raise ValueError(
            f"baseline is {baseline!r}; expected 'blur(k,k)' with k in pixels, at least 1, "
            f"{' or '.join(map(repr, INPAINTING))}, or a colour or picture as an array"
        )
    blur = cv2.blur(image, (int(sides[1]), int(sides[2])))  # without its axis of one channel
    return np.asarray(blur, dtype=np.float32).reshape(image.shape)
