"""The two convolutional networks of the course (chapter ``02_cnn``).

Each takes pictures with values from 0 to 255, rescales them itself and ends in logits, one number
for each class; `insectlib.models.probabilities` turns them into probabilities. All that is random
in a network, from its first weights to its dropout, is drawn from the `seed` it is built with.
Under other settings of Keras than the usual ones they would be other networks: then they are
refused with a RuntimeError, see `insectlib.models.keras_settings`.
"""

from __future__ import annotations

import keras
from keras import layers
from keras.initializers import GlorotUniform

from insectlib.models.keras_settings import checks_keras
from insectlib.models.seeds import seed_stream


@checks_keras
def small_cnn(size: int = 256, n_classes: int = 3, *, seed: int) -> keras.Sequential:
    """Build the network of the tutorials: three convolutions, nothing against overfitting.

    Chapter ``02_cnn``. At 256 pixels and three classes it has 8,412,707 parameters.

    Parameters
    ----------
    size : int
        Side of the square pictures in pixels, at least 8.
    n_classes : int
        Number of classes, at least 2: as many logits are returned.
    seed : int
        Seeds the weights that training starts from.

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


@checks_keras
def regularised_cnn(size: int = 128, n_classes: int = 3, *, seed: int) -> keras.Sequential:
    """Build the wider network that is regularised by mirroring, turning and dropout.

    Chapter ``02_cnn``. Dropout follows Srivastava et al. (2014). All three work in training only.

    Parameters
    ----------
    size : int
        Side of the square pictures in pixels, at least 8.
    n_classes : int
        Number of classes, at least 2: as many logits are returned.
    seed : int
        Seeds the weights that training starts from, the augmentation and the dropout.

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
