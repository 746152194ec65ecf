"""Augmentation: mirror, turn, zoom, shift and shear pictures (chapter ``03_transfer``)."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from insectlib.models.inference import check_images
from insectlib.models.keras_settings import checks_keras
from insectlib.models.seeds import seed_stream

BATCH = 32
"""Number of pictures that are changed at a time; bounds the memory."""


@checks_keras
def picture_augmentation(*, seed: int) -> keras.Sequential:
    """Build the layers that mirror, turn, zoom, shift and shear pictures at random.

    Chapter ``03_transfer``. As in the tutorials, pictures are turned by up to 25 degrees, and
    shifted, zoomed and sheared by up to a tenth or a fifth of their side. Pixels that come in at an
    edge repeat the colour of the edge.

    Parameters
    ----------
    seed : int
        Seeds the five layers.

    Returns
    -------
    keras.Sequential
        Takes pictures (n, height, width, channels) of any size in [0, 255]; returns as many. They
        are changed only when it is called with ``training=True``.
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
    """Return pictures mirrored, turned, zoomed, shifted and sheared at random.

    Chapter ``03_transfer``. Cached features cannot be augmented, so the pictures are, before their
    features are computed.

    Parameters
    ----------
    images : array, shape (n, height, width, channels)
        Values from 0 to 255, in any number of channels.
    seed : int
        Seeds the changes: the same seed and pictures give the same result.

    Returns
    -------
    float32 array, shape (n, height, width, channels)
        Values from 0 to 255.

    Raises
    ------
    ValueError
        When the pictures are unfit.
    """
    pictures = check_images(images)
    augmentation = picture_augmentation(seed=seed)
    changed = [
        np.asarray(augmentation(pictures[i : i + BATCH], training=True))
        for i in range(0, len(pictures), BATCH)
    ]
    return np.asarray(np.clip(np.concatenate(changed), 0, 255), dtype=np.float32)
