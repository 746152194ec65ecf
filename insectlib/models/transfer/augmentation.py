"""Pictures that are turned, zoomed, shifted, sheared and mirrored (chapter ``03_transfer``)."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from insectlib.models.inference import check_images
from insectlib.models.seeds import seed_stream

BATCH = 32
"""Pictures that are changed at a time."""


def picture_augmentation(*, seed: int) -> keras.Sequential:
    """Build the layers that turn, zoom, shift, shear and mirror pictures at random.

    Chapter ``03_transfer``. As in the tutorials: up to 25 degrees, and a tenth or a fifth of the
    picture; what comes in at an edge repeats the edge's colour.

    Parameters
    ----------
    seed : int
        Of all that is random in it.

    Returns
    -------
    keras.Sequential
        Takes pictures (n, height, width, 3) of any size in [0, 255]; returns as many. Works only
        when it is called with ``training=True``.
    """
    seeds = seed_stream(seed)
    edge = {"fill_mode": "nearest"}
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal", seed=next(seeds), name="flip"),
            layers.RandomRotation(25 / 360, seed=next(seeds), name="rotate", **edge),
            layers.RandomZoom(0.2, seed=next(seeds), name="zoom", **edge),
            layers.RandomTranslation(0.1, 0.1, seed=next(seeds), name="shift", **edge),
            layers.RandomShear(0.2, seed=next(seeds), name="shear", **edge),
        ],
        name="augmentation",
    )


def augment(images: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """Return each picture once more: turned, zoomed, shifted, sheared, mirrored at random.

    Chapter ``03_transfer``. For cached features, which cannot be augmented any more.

    Parameters
    ----------
    images : float32 array, shape (n, height, width, 3)
        Values from 0 to 255.
    seed : int
        Same seed and pictures, same result.

    Returns
    -------
    float32 array, shape (n, height, width, 3)
        Values from 0 to 255.

    Raises
    ------
    ValueError
        When the pictures are unfit.
    """
    pictures = check_images(images)
    change = picture_augmentation(seed=seed)
    changed = [
        np.asarray(change(pictures[i : i + BATCH], training=True))
        for i in range(0, len(pictures), BATCH)
    ]
    return np.asarray(np.clip(np.concatenate(changed), 0, 255), dtype=np.float32)
