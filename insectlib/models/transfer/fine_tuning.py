"""A frozen network and its head as one model, kept and fine-tuned (chapter ``03_transfer``)."""

from __future__ import annotations

import time

import keras
import tensorflow as tf
from keras import layers

from insectlib.data.digests import settings_digest
from insectlib.data.imageset import ImageSet
from insectlib.models.digests import imageset_digest, network_digest
from insectlib.models.kept import Trained, keep_network, load_network
from insectlib.models.transfer.backbones import backbone
from insectlib.models.transfer.features import cached_features
from insectlib.models.transfer.heads import Fitted, fit_head, head

LAST_BLOCK = "block14_add"
"""The layer of EfficientNet-Lite0 after which fine-tuning begins: one block and the last layer."""


def transfer_model(network: keras.Model, top: keras.Model) -> keras.Model:
    """Join a network and a head into one model, from pictures to logits.

    Chapter ``03_transfer``. The layers of both lie side by side in it, so that an inner layer can
    be asked for by name.

    Parameters
    ----------
    network : keras.Model
        From `insectlib.models.backbone`, pooled.
    top : keras.Model
        From `head`, for as many features as `network` gives; a row of layers.

    Returns
    -------
    keras.Model
        Takes pictures in [0, 255] as `network` does; returns logits. The weights are shared with
        both.

    Raises
    ------
    ValueError
        When the head takes other features than the network gives.
    """
    if network.output_shape[1:] != top.input_shape[1:]:
        raise ValueError(
            f"the head takes features of shape {top.input_shape[1:]}, but the network gives "
            f"{network.output_shape[1:]}: build the head for these, and the network pooled"
        )
    x = network.output
    for layer in top.layers:
        x = layer(x)
    return keras.Model(network.input, x, name=f"{network.name}_transfer")


def train_transfer(
    training: ImageSet,
    validation: ImageSet,
    *,
    name: str = "efficientnet_lite0",
    network_size: int,
    epochs: int,
    patience: int,
    seed: int,
    progress: bool = True,
) -> Trained:
    """Fit a head on a frozen network, or load the result if this was done before.

    Chapter ``03_transfer``.

    Parameters
    ----------
    training : ImageSet
        Square pictures.
    validation : ImageSet
        Decides after which epoch to stop; never fitted.
    name : str
        Of a network of `insectlib.models.backbone`.
    network_size : int
        Side in pixels to which the network resizes the pictures.
    epochs : int
        At most so many passes over the features.
    patience : int
        Epochs without a lower validation loss after which it stops.
    seed : int
        Of the head, of the order of the pictures, and of the random control's weights.
    progress : bool
        Whether to show a bar while features are computed.

    Returns
    -------
    Trained
        `model` takes pictures in [0, 255] and ends in logits: network and head in one. Its
        history is that of the head.

    Raises
    ------
    ValueError
        When the pictures or settings are unfit.
    DataUnavailableError
        When the network's weights are not to be had.

    Warns
    -----
    UserWarning
        When kept features or a kept network are damaged; they are made anew.
    """
    begun = time.perf_counter()
    network = backbone(name, training.images.shape[1], seed=seed, network_size=network_size)
    settings = {
        "transfer": name,
        "network": network_digest(network),
        "training": imageset_digest(training),
        "validation": imageset_digest(validation),
        "epochs": epochs,
        "patience": patience,
        "seed": seed,
        "keras": keras.version(),
        "tensorflow": tf.__version__,
    }
    key = settings_digest(settings)
    kept = load_network(key)
    if kept is not None:
        return kept
    features = cached_features(network, training.images, progress=progress)
    watched = cached_features(network, validation.images, progress=progress)
    top = head(features.shape[1], len(training.class_names), seed=seed)
    fitted = fit_head(
        top,
        features,
        training.labels,
        (watched, validation.labels),
        epochs=epochs,
        patience=patience,
        seed=seed,
    )
    return keep_network(
        key,
        transfer_model(network, fitted.model),
        history=fitted.history,
        seconds=time.perf_counter() - begun,
        best_epoch=fitted.best_epoch,
        settings=settings,
    )


def fine_tune(
    model: keras.Model,
    training: ImageSet,
    validation: ImageSet,
    *,
    after: str = LAST_BLOCK,
    epochs: int,
    seed: int,
    patience: int | None = None,
    learning_rate: float = 1e-4,
) -> Fitted:
    """Go on training the last layers of a network together with its head.

    Chapter ``03_transfer``. What the layers before give for each picture is computed once and kept;
    normalising layers keep their statistics, which a few hundred pictures would spoil.

    Parameters
    ----------
    model : keras.Model
        From `transfer_model`; stays as it is.
    training, validation : ImageSet
        As in `train_transfer`.
    after : str
        Name of a layer; those behind it are trained. All that is behind must pass through it.
    epochs : int
        At most so many passes.
    seed : int
        Of the order of the pictures.
    patience : int, optional
        As in `fit_head`.
    learning_rate : float
        Of Adam: small, for these layers know something already.

    Returns
    -------
    Fitted
        A network like `model`, with other weights in its last layers.

    Raises
    ------
    ValueError
        When there is no such layer, or the settings are unfit.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    cut = copy.get_layer(after).output
    trunk = keras.Model(copy.input, cut, name="trunk")
    rest = keras.Model(cut, copy.output, name="rest")
    for layer in rest.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    fitted = fit_head(
        rest,
        cached_features(trunk, training.images),
        training.labels,
        (cached_features(trunk, validation.images), validation.labels),
        epochs=epochs,
        seed=seed,
        patience=patience,
        learning_rate=learning_rate,
    )
    copy.trainable = False
    return Fitted(copy, fitted.history, fitted.best_epoch)
