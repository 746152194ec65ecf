"""Fashion-MNIST, seventy thousand grey pictures of clothes (chapter ``11_beyond_keras``).

Xiao, Rasul and Vollgraf (2017), MIT licence. Fetched by Keras, or taken from a local file. The
package carries none of the pictures.
"""

from __future__ import annotations

from pathlib import Path

import keras

from insectlib.data.imageset import ImageSet
from insectlib.data.sources.labelled_arrays import at_hand, image_sets, labelled_arrays

FASHION_CLASSES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
VARIABLE = "INSECTLIB_FASHION_MNIST"


def fashion_mnist_at_hand() -> bool:
    """Say whether `load_fashion_mnist` needs no internet.

    Chapter ``11_beyond_keras``.

    Returns
    -------
    bool
        Whether the environment variable ``INSECTLIB_FASHION_MNIST`` names a file that is there, or
        Keras has fetched the pictures before.
    """
    return at_hand(VARIABLE, "fashion-mnist/t10k-images-idx3-ubyte.gz")


def load_fashion_mnist(file: Path | str | None = None) -> tuple[ImageSet, ImageSet]:
    """Return the training and test part of Fashion-MNIST, or of a local piece of it.

    Chapter ``11_beyond_keras``.

    Parameters
    ----------
    file : Path or str, optional
        A .npz with ``x_train``, ``y_train``, ``x_test`` and ``y_test``: pictures uint8
        (n, 28, 28) and labels from 0 to 9. Where it is missing, the environment variable
        ``INSECTLIB_FASHION_MNIST`` names it; where that is missing too, Keras fetches all 70,000
        once (30 MB).

    Returns
    -------
    tuple of ImageSet
        Training and test part, grey levels from 0 to 255, one channel. Each picture is a group of
        its own; its name is its number in the part.

    Raises
    ------
    DataUnavailableError
        When the file is missing, is no .npz of plain arrays, or holds something else than
        Fashion-MNIST; and when the pictures cannot be fetched.
    """
    load_data = keras.datasets.fashion_mnist.load_data
    arrays = labelled_arrays("Fashion-MNIST", VARIABLE, load_data, file)
    return image_sets(arrays, (28, 28), FASHION_CLASSES)
