"""The small network that goes on a frozen one (chapter ``03_transfer``)."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from keras import layers
from keras.initializers import GlorotUniform, HeNormal
from numpy.typing import NDArray

from insectlib.models.kept import History
from insectlib.models.keras_warnings import no_retracing_warning
from insectlib.models.seeds import seed_stream
from insectlib.models.training import best_epoch, shuffled_batches

BATCH = 32
"""Pictures per step."""


class Fitted(NamedTuple):
    """A network that was fitted, and how it went.

    Parameters
    ----------
    model : keras.Model
        With the weights of `best_epoch`.
    history : dict of str to list of float
        ``loss``, ``accuracy``, and ``val_loss``, ``val_accuracy`` where there was a validation
        part; one value for each epoch.
    best_epoch : int
        The epoch, counted from 1, whose weights `model` has.
    """

    model: keras.Model
    history: History
    best_epoch: int


def head(n_features: int, n_classes: int = 3, *, seed: int) -> keras.Sequential:
    """Build the small network that goes on a frozen one.

    Chapter ``03_transfer``.

    Parameters
    ----------
    n_features : int
        How many numbers the frozen network gives for a picture.
    n_classes : int
        Number of logits.
    seed : int
        Of the weights that training starts from and of the dropout.

    Returns
    -------
    keras.Sequential
        Takes float32 (n, n_features); returns logits (n, n_classes).
    """
    seeds = seed_stream(seed)
    network = keras.Sequential(name="head")
    network.add(keras.Input((n_features,), name="features"))
    start = HeNormal(next(seeds))
    network.add(layers.Dense(256, activation="relu", kernel_initializer=start, name="dense"))
    network.add(layers.Dropout(0.5, seed=next(seeds), name="dropout"))
    start = GlorotUniform(next(seeds))
    network.add(layers.Dense(n_classes, kernel_initializer=start, name="logits"))
    return network


def fit_head(
    model: keras.Model,
    inputs: NDArray[np.float32],
    labels: NDArray[np.int64],
    validation: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None,
    *,
    epochs: int,
    seed: int,
    patience: int | None = None,
    learning_rate: float = 5e-4,
    batch_size: int = BATCH,
) -> Fitted:
    """Fit a head to features, or any small network to what it takes.

    Chapter ``03_transfer``. Adam minimises the cross-entropy.

    Parameters
    ----------
    model : keras.Model
        Ends in logits; changed.
    inputs : float32 array, shape (n, ...)
        Such as features.
    labels : int64 array, shape (n,)
        Class indices.
    validation : pair of arrays, optional
        Inputs and labels that are measured after each epoch, and not fitted.
    epochs : int
        At most so many passes.
    seed : int
        Of the order of the inputs.
    patience : int, optional
        Stop after so many epochs without a lower validation loss, and take the weights of the
        epoch with the lowest.
    learning_rate : float
        Of Adam.
    batch_size : int
        Inputs per step.

    Returns
    -------
    Fitted

    Raises
    ------
    ValueError
        For lengths that differ, no epochs, or patience without a validation part.
    """
    if len(inputs) != len(labels):
        raise ValueError(f"{len(inputs)} inputs and {len(labels)} labels; expected as many")
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; expected at least 1")
    if patience is not None and validation is None:
        raise ValueError("patience watches the validation loss: pass a validation part too")
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=-(-len(inputs) // batch_size),  # an epoch in one go
    )
    watch = []
    if patience is not None:
        stop = keras.callbacks.EarlyStopping(
            "val_loss", patience=patience, restore_best_weights=True
        )
        watch.append(stop)
    with no_retracing_warning():
        kept = model.fit(
            shuffled_batches(inputs, labels, batch_size, epochs=range(epochs), seed=seed),
            steps_per_epoch=-(-len(inputs) // batch_size),
            validation_data=validation,
            validation_batch_size=256,
            epochs=epochs,
            callbacks=watch,
            shuffle=False,  # the batches are in random order already
            verbose=0,
        ).history
    history = {name: [float(v) for v in row] for name, row in kept.items()}
    return Fitted(model, history, best_epoch(history, patience))
