"""The small network behind a frozen one, and how it is fitted (chapter ``03_transfer``)."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from keras import layers
from keras.initializers import GlorotUniform, HeNormal
from numpy.typing import ArrayLike, NDArray

from insectlib.models.kept import History
from insectlib.models.keras_settings import checks_keras
from insectlib.models.keras_warnings import no_retracing_warning
from insectlib.models.seeds import seed_stream
from insectlib.models.training import best_epoch, shuffled_batches

BATCH = 32
"""Number of pictures in a step of Adam."""


class Fitted(NamedTuple):
    """A fitted network and its history.

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


@checks_keras
def head(n_features: int, n_classes: int = 3, *, seed: int) -> keras.Sequential:
    """Build the small network that turns the features of a frozen one into logits.

    Chapter ``03_transfer``.

    Parameters
    ----------
    n_features : int
        Number of features that the frozen network returns for a picture.
    n_classes : int
        Number of classes, at least 2: as many logits are returned.
    seed : int
        Seeds the weights that training starts from and the dropout.

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
    labels: ArrayLike,
    validation: tuple[NDArray[np.float32], ArrayLike] | None = None,
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
        Ends in logits. Its weights are changed.
    inputs : float32 array, shape (n, ...)
        What `model` takes, such as features.
    labels : array of int, shape (n,)
        Class indices.
    validation : pair of arrays, optional
        Inputs and labels on which loss and accuracy are measured after each epoch; the head is
        never fitted to them.
    epochs : int
        Largest number of passes over the inputs.
    seed : int
        Seeds the order of the inputs.
    patience : int, optional
        Stop after so many epochs without a lower validation loss, and take the weights of the
        epoch with the lowest.
    learning_rate : float
        Learning rate of Adam.
    batch_size : int
        Number of inputs in a step.

    Returns
    -------
    Fitted
        With `model` itself, and its history.

    Raises
    ------
    ValueError
        For lengths that differ, labels that are no class indices, no epochs, or patience without a
        validation part.
    """
    labels = _checked_labels(model, inputs, labels)
    if validation is not None:
        validation = validation[0], _checked_labels(model, *validation)
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; expected at least 1")
    if patience is not None and validation is None:
        raise ValueError(f"patience is {patience}, but there is no validation part: pass one")
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=-(-len(inputs) // batch_size),  # an epoch in one go
    )
    callbacks = []
    if patience is not None:
        stop = keras.callbacks.EarlyStopping(
            "val_loss", patience=patience, restore_best_weights=True
        )
        callbacks.append(stop)
    with no_retracing_warning():
        kept = model.fit(
            shuffled_batches(inputs, labels, batch_size, epochs=range(epochs), seed=seed),
            steps_per_epoch=-(-len(inputs) // batch_size),
            validation_data=validation,
            validation_batch_size=256,
            epochs=epochs,
            callbacks=callbacks,
            shuffle=False,  # the batches are in random order already
            verbose=0,
        ).history
    history = {name: [float(v) for v in row] for name, row in kept.items()}
    return Fitted(model, history, best_epoch(history, patience))


def _checked_labels(
    model: keras.Model, inputs: NDArray[np.float32], labels: ArrayLike
) -> NDArray[np.int64]:
    """Return labels as an array, or say what is wrong with them."""
    array, n_classes = np.asarray(labels), model.output_shape[-1]
    if array.shape != (len(inputs),):
        raise ValueError(
            f"{len(inputs)} inputs and labels of shape {array.shape}; expected shape "
            f"({len(inputs)},), one class index for each input"
        )
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= n_classes:
        raise ValueError(
            f"labels are {array.dtype} from {array.min()} to {array.max()}; expected class indices "
            f"from 0 to {n_classes - 1}: the model returns {n_classes} logits"
        )
    return array.astype(np.int64)
