"""The two convolutional networks of the course (chapter ``02_cnn``).

Each takes pictures with values from 0 to 255, does its own rescaling and ends in logits, one number
per class; `probabilities` turns them into probabilities. All that is random in a network, from
its first weights to its dropout, is drawn from the `seed` it is built with. A network of your own
that names no seeds draws from Keras' global generator instead: call
``keras.utils.set_random_seed`` before you build it.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
from keras import layers
from keras.initializers import GlorotUniform
from numpy.typing import ArrayLike, NDArray

# Resizing and blurring can step over the ends of the range by rounding.
TOLERANCE = 0.5


def seed_stream(seed: int) -> Iterator[int]:
    """Yield one seed after another, all drawn from `seed`, so that no two layers share one.

    Parameters
    ----------
    seed : int
        Not negative; the same seed gives the same stream.

    Yields
    ------
    int
        From 0 to 2**31 - 1.
    """
    random = np.random.default_rng(seed)
    while True:
        yield int(random.integers(2**31))


def small_cnn(size: int = 256, n_classes: int = 3, *, seed: int) -> keras.Sequential:
    """Build the network of the tutorials: three convolutions, no guard against overfitting.

    Chapter ``02_cnn``. At 256 pixels and three classes it has 8,412,707 parameters.

    Parameters
    ----------
    size : int
        Side of the square pictures in pixels, at least 8.
    n_classes : int
        Number of logits.
    seed : int
        Of the weights that training starts from.

    Returns
    -------
    keras.Sequential
        Not trained. Takes float32 (n, size, size, 3) in [0, 255]; returns logits (n, n_classes).
    """
    seeds = seed_stream(seed)
    network = keras.Sequential(name="small_cnn")
    network.add(keras.Input((size, size, 3)))
    network.add(layers.Rescaling(1 / 255, name="rescale"))
    for filters in (16, 32, 64):
        start = GlorotUniform(next(seeds))
        network.add(
            layers.Conv2D(
                filters,
                kernel_size=3,
                padding="same",
                activation="relu",
                kernel_initializer=start,
                name=f"conv_{filters}",
            )
        )
        network.add(layers.MaxPooling2D(name=f"pool_{filters}"))
    network.add(layers.Flatten(name="flatten"))
    start = GlorotUniform(next(seeds))
    network.add(layers.Dense(128, activation="relu", kernel_initializer=start, name="dense"))
    start = GlorotUniform(next(seeds))
    network.add(layers.Dense(n_classes, kernel_initializer=start, name="logits"))
    return network


def regularised_cnn(size: int = 128, n_classes: int = 3, *, seed: int) -> keras.Sequential:
    """Build the wider network with three guards: mirrored and turned pictures, and dropout.

    Chapter ``02_cnn``. Dropout follows Srivastava et al. (2014). The guards work in training only.

    Parameters
    ----------
    size : int
        Side of the square pictures in pixels, at least 8.
    n_classes : int
        Number of logits.
    seed : int
        Of the weights that training starts from, the augmentation and the dropout.

    Returns
    -------
    keras.Sequential
        Not trained. Takes float32 (n, size, size, 3) in [0, 255]; returns logits (n, n_classes).
    """
    seeds = seed_stream(seed)
    network = keras.Sequential(name="regularised_cnn")
    network.add(keras.Input((size, size, 3)))
    network.add(layers.RandomFlip("horizontal", seed=next(seeds), name="flip"))
    network.add(layers.RandomRotation(0.05, seed=next(seeds), name="rotate"))
    network.add(layers.Rescaling(1 / 255, name="rescale"))
    for filters in (32, 64, 128):
        start = GlorotUniform(next(seeds))
        network.add(
            layers.Conv2D(
                filters,
                kernel_size=3,
                padding="same",
                activation="relu",
                kernel_initializer=start,
                name=f"conv_{filters}",
            )
        )
        network.add(layers.MaxPooling2D(name=f"pool_{filters}"))
    network.add(layers.Dropout(0.4, seed=next(seeds), name="dropout_conv"))
    network.add(layers.Flatten(name="flatten"))
    start = GlorotUniform(next(seeds))
    network.add(layers.Dense(256, activation="relu", kernel_initializer=start, name="dense"))
    network.add(layers.Dropout(0.2, seed=next(seeds), name="dropout_dense"))
    start = GlorotUniform(next(seeds))
    network.add(layers.Dense(n_classes, kernel_initializer=start, name="logits"))
    return network


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
