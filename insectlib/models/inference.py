"""Pictures in, outputs out: what every use of a trained network shares (chapter ``02_cnn``)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras import layers
from numpy.typing import ArrayLike, NDArray

# Resizing and blurring can step over the ends of the range by rounding.
TOLERANCE = 0.5


def check_images(images: ArrayLike, shape: tuple[int, ...] | None = None) -> NDArray[np.float32]:
    """Return `images` as float32, or say what is wrong with them.

    Parameters
    ----------
    images : array, shape (n, height, width, 3)
        Values from 0 to 255.
    shape : tuple of int, optional
        The (height, width, channels) that a network takes, such as ``model.input_shape[1:]``.

    Returns
    -------
    float32 array, shape (n, height, width, 3)
        Not copied where `images` is float32 already.

    Raises
    ------
    ValueError
        For what is no numbers, a single picture without the axis of pictures, another size,
        values outside 0 to 255, values that look like 0 to 1, or values that are not finite.
    """
    given = np.asarray(images)
    if given.dtype.kind not in "biuf":
        raise ValueError(f"images has dtype {given.dtype}; expected numbers from 0 to 255")
    array = given.astype(np.float32, copy=False)
    if array.ndim == 3:
        raise ValueError(
            f"images has the shape {array.shape} of one picture; expected (n, height, width, 3): "
            "pass images[None] for one picture"
        )
    if array.ndim != 4 or array.shape[-1] != 3:
        raise ValueError(f"images has the shape {array.shape}; expected (n, height, width, 3)")
    if shape is not None and array.shape[1:] != tuple(shape):
        raise ValueError(
            f"images are {array.shape[1]}x{array.shape[2]} pixels, but the network takes "
            f"{shape[0]}x{shape[1]}: load them at that size"
        )
    if not array.size:
        return array
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("images holds values that are not finite: mend or remove those pictures")
    if low < -TOLERANCE or high > 255 + TOLERANCE:
        raise ValueError(
            f"images has values from {low:g} to {high:g}; expected 0 to 255: the network "
            "rescales them itself, so pass them as they were loaded"
        )
    if 0 < high <= 1:
        raise ValueError(
            f"images has values from {low:g} to {high:g}, which looks like the range 0 to 1; "
            "expected 0 to 255: multiply by 255"
        )
    return array


def probabilities(
    model: keras.Model, images: ArrayLike, batch_size: int = 64
) -> NDArray[np.float32]:
    """Return the probability of each class for each picture (chapter ``02_cnn``).

    Parameters
    ----------
    model : keras.Model
        Ends in logits.
    images : array, shape (n, height, width, 3)
        Values from 0 to 255.
    batch_size : int
        Pictures per step; bounds the memory.

    Returns
    -------
    float32 array, shape (n, n_classes)
        Each row adds up to one.

    Raises
    ------
    ValueError
        When `check_images` finds something wrong with `images`.
    """
    pictures = check_images(images, model.input_shape[1:])
    logits = model.predict(pictures, batch_size=batch_size, verbose=0)
    return np.asarray(keras.ops.softmax(logits, axis=1))


def without_augmentation(network: keras.Model) -> keras.Model:
    """Return a network that leaves its pictures as they are, with the weights of `network`.

    Chapter ``02_cnn``. Keras' augmentation layers work whenever nobody says ``training=False``,
    also in a plain ``network(images)``: whoever explains such a network explains pictures that
    were turned and mirrored at random. Here they are replaced by layers that do nothing.

    Parameters
    ----------
    network : keras.Model
        Sequential or functional. It stays as it is; the weights are shared.

    Returns
    -------
    keras.Model
        The same layers under the same names, those named ``Random...`` by Keras excepted.
    """

    def calm(layer: keras.Layer) -> keras.Layer:
        if type(layer).__name__.startswith("Rand"):
            return layers.Identity(name=layer.name)
        return layer

    return keras.models.clone_model(network, clone_function=calm, recursive=True)


BATCH = 64
"""Pictures per call of the model; bounds the memory."""


OUTPUTS = ("logits", "probabilities")


def model_outputs(
    model: keras.Model, images: NDArray[np.float32], output: str = "logits"
) -> NDArray[np.float64]:
    """Return what is explained: the logits of `images`, or their probabilities.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    images : float32 array, shape (n, height, width, 3)
        Of the size that the model takes; not checked, for this is called very often.
    output : str
        ``"logits"`` or ``"probabilities"``.

    Returns
    -------
    float64 array, shape (n, n_classes)

    Raises
    ------
    ValueError
        For another `output`.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output is {output!r}; expected one of {', '.join(OUTPUTS)}")
    with quiet_inputs():
        batches = [
            np.asarray(model.predict_on_batch(images[i : i + BATCH]), dtype=np.float64)
            for i in range(0, len(images), BATCH)
        ]
    logits = np.concatenate(batches)
    return logits if output == "logits" else softmax(logits)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities, shape (n, n_classes), that belong to `logits`."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@contextmanager
def quiet_inputs() -> Iterator[None]:
    """Hide what Keras says whenever a network built with a list of inputs is given an array."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match")
        yield
