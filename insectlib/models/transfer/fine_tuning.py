"""A frozen network and its head as one network, kept and fine-tuned (chapter ``03_transfer``)."""

from __future__ import annotations

import time

import keras
from keras import layers

from insectlib.data.imageset import ImageSet
from insectlib.models.digests import imageset_digest, network_digest
from insectlib.models.kept import Trained, cached_network
from insectlib.models.training import VERSION
from insectlib.models.transfer.backbones import backbone
from insectlib.models.transfer.features import cached_features
from insectlib.models.transfer.heads import Fitted, fit_head, head

LAST_BLOCK = "block14_add"
"""The layer of EfficientNet-Lite0 after which fine-tuning begins: one block and the last layer."""


def transfer_model(network: keras.Model, top: keras.Model) -> keras.Model:
    """Join a network and a head into one network, from pictures to logits.

    Chapter ``03_transfer``. The layers of both stand side by side in it, so that an inner layer can
    be named in an explanation.

    Parameters
    ----------
    network : keras.Model
        From `insectlib.models.backbone`, pooled.
    top : keras.Model
        From `insectlib.models.transfer.heads.head`, for as many features as `network` returns.

    Returns
    -------
    keras.Model
        Takes pictures in [0, 255] as `network` does; returns logits (n, n_classes). The weights
        are shared with both.

    Raises
    ------
    ValueError
        When the head takes features of another shape than the network returns.
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
        Pictures of the same size and classes. Decides after which epoch to stop; the head is never
        fitted to it.
    name : str
        One of the networks of `insectlib.models.backbone`.
    network_size : int
        Side in pixels to which the network resizes the pictures.
    epochs : int
        Largest number of passes over the features.
    patience : int
        Number of epochs without a lower validation loss after which fitting stops.
    seed : int
        Seeds the head, the order of the pictures, and the weights of the random network.
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
        When the network's weights cannot be fetched.

    Warns
    -----
    UserWarning
        When kept features or a kept network are damaged; they are made anew.
    """
    network = backbone(name, training.images.shape[1], seed=seed, network_size=network_size)
    settings = {
        "version": VERSION,
        "transfer": name,
        "network": network_digest(network),
        "training": imageset_digest(training),
        "validation": imageset_digest(validation),
        "epochs": epochs,
        "patience": patience,
        "seed": seed,
    }

    def make(key: str) -> Trained:
        begun = time.perf_counter()
        features = cached_features(network, training.images, progress=progress)
        validation_features = cached_features(network, validation.images, progress=progress)
        fitted = fit_head(
            head(features.shape[1], len(training.class_names), seed=seed),
            features,
            training.labels,
            (validation_features, validation.labels),
            epochs=epochs,
            patience=patience,
            seed=seed,
        )
        model, seconds = transfer_model(network, fitted.model), time.perf_counter() - begun
        return Trained(model, fitted.history, seconds, key, False, fitted.best_epoch)

    return cached_network(settings, make)


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
    """Train the last layers of a network further, together with its head.

    Chapter ``03_transfer``. The outputs of the layers before them are computed once and kept. Batch
    normalisation keeps its statistics, for which a few hundred pictures are too few.

    Parameters
    ----------
    model : keras.Model
        From `transfer_model`; a copy of it is trained.
    training : ImageSet
        Square pictures.
    validation : ImageSet
        Loss and accuracy are measured on it after every epoch; it is never trained on.
    after : str
        Name of the layer after which training begins: the layers that follow it must depend on the
        pictures through it alone.
    epochs : int
        Largest number of passes over the pictures.
    seed : int
        Seeds the order of the pictures.
    patience : int, optional
        Number of epochs without a lower validation loss after which training stops; the weights of
        the epoch with the lowest are taken.
    learning_rate : float
        Learning rate of Adam: small, for these layers are trained already.

    Returns
    -------
    Fitted
        With a network like `model` that has other weights in its last layers.

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
