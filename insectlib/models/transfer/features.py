"""Features of a frozen network, computed once and kept on disk (chapter ``03_transfer``).

Features are kept in the cache under the SHA-256 of all that decides them: the network's layers and
weights, every pixel, and the versions of Keras and TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from insectlib.data.cache import cached_array
from insectlib.data.digests import arrays_digest, settings_digest
from insectlib.models.digests import network_digest
from insectlib.models.inference import check_images
from insectlib.models.keras_warnings import no_retracing_warning

if TYPE_CHECKING:
    import keras

BATCH = 32
"""Number of pictures in a call of the network; bounds the memory."""


def cached_features(
    network: keras.Model, images: NDArray[np.float32], *, progress: bool = False
) -> NDArray[np.float32]:
    """Return the features of pictures, from the cache where they were computed before.

    Chapter ``03_transfer``.

    Parameters
    ----------
    network : keras.Model
        Frozen, such as one from `insectlib.models.backbone`.
    images : float32 array, shape (n, height, width, 3)
        Values from 0 to 255, of the size that the network takes.
    progress : bool
        Whether to show a bar on the error stream while they are computed.

    Returns
    -------
    float32 array, shape (n, ...)
        What the network returns for each picture.

    Raises
    ------
    ValueError
        When the pictures do not fit the network.

    Warns
    -----
    UserWarning
        When kept features are damaged; they are computed anew.
    """
    pictures = check_images(images, network.input_shape[1:])
    return cached_array(
        "features",
        _key(network, pictures),
        lambda: compute_features(network, pictures, progress=progress),
    )


def compute_features(
    network: keras.Model, images: NDArray[np.float32], *, progress: bool = False
) -> NDArray[np.float32]:
    """Compute the features of pictures, batch by batch.

    Parameters
    ----------
    network : keras.Model
        Such as one from `insectlib.models.backbone`.
    images : float32 array, shape (n, height, width, 3)
        Values from 0 to 255, of the size that the network takes; not checked.
    progress : bool
        Whether to show a bar on the error stream.

    Returns
    -------
    float32 array, shape (n, ...)
    """
    found = np.empty((len(images), *network.output_shape[1:]), dtype=np.float32)
    starts = range(0, len(images), BATCH)
    with no_retracing_warning():
        for i in tqdm(starts, desc=network.name, unit="batch", disable=not progress):
            batch = images[i : i + BATCH]
            # full batches only: TensorFlow builds its graph anew for every other number of pictures
            full = np.pad(batch, [(0, BATCH - len(batch)), *[(0, 0)] * (batch.ndim - 1)])
            found[i : i + BATCH] = network.predict_on_batch(full)[: len(batch)]
    return found


def _key(network: keras.Model, pictures: NDArray[np.float32]) -> str:
    """Return the SHA-256 of all that decides the features."""
    import keras
    import tensorflow as tf

    made_of = [network_digest(network), arrays_digest(pictures)]
    return settings_digest([*made_of, keras.version(), tf.__version__])
