"""CIFAR-10, sixty thousand small photographs of ten classes (chapter ``07_deep_shap``).

Krizhevsky (2009). Fetched by Keras from its author's page and checked by SHA-256, or taken from a
local file. The package carries none of the pictures.
"""

from __future__ import annotations

from pathlib import Path

import keras

from insectlib.data.imageset import ImageSet
from insectlib.data.sources.labelled_arrays import at_hand, image_sets, labelled_arrays

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

VARIABLE = "INSECTLIB_CIFAR10"


def cifar10_at_hand() -> bool:
    """Say whether `load_cifar10` needs no internet.

    Chapter ``07_deep_shap``.

    Returns
    -------
    bool
        Whether the environment variable ``INSECTLIB_CIFAR10`` names a file that is there, or Keras
        has fetched the pictures before.
    """
    return at_hand(VARIABLE, "cifar-10-batches-py-target")


def load_cifar10(file: Path | str | None = None) -> tuple[ImageSet, ImageSet]:
    """Return the training and test part of CIFAR-10, or of a local piece of it.

    Chapter ``07_deep_shap``.

    Parameters
    ----------
    file : Path or str, optional
        A .npz with ``x_train``, ``y_train``, ``x_test`` and ``y_test``: pictures uint8
        (n, 32, 32, 3) and labels from 0 to 9. Where it is missing, the environment variable
        ``INSECTLIB_CIFAR10`` names it; where that is missing too, Keras fetches all 60,000 once
        (170 MB), and checks their SHA-256.

    Returns
    -------
    tuple of ImageSet
        Training and test part, values from 0 to 255. Each picture is a group of its own; its
        name is its number in the part.

    Raises
    ------
    DataUnavailableError
        When the file is missing, is no .npz of plain arrays, or holds something else than CIFAR-10;
        and when the pictures cannot be fetched.
    """
    arrays = labelled_arrays("CIFAR-10", VARIABLE, keras.datasets.cifar10.load_data, file)
    return image_sets(arrays, (32, 32, 3), CLASS_NAMES)
