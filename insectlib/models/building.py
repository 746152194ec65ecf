"""Build a network, and refuse before any training what would fail after it (chapter ``02_cnn``)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
from numpy.typing import NDArray

from insectlib.data.imageset import ImageSet
from insectlib.models.inference import check_images
from insectlib.models.keras_settings import check_keras
from insectlib.models.networks import last_activation, plain_network, without_augmentation
from insectlib.models.seeds import default_seed

Build = Callable[..., keras.Model]
"""Called as ``build(size, n_classes, seed=seed)``; returns a network that takes pictures of `size`
by `size` pixels with values in [0, 255], and returns one logit for each class."""

FEW = 4
"""Pictures that a new network is tried on."""


def check_settings(
    training: ImageSet,
    validation: ImageSet | None,
    epochs: int,
    batch_size: int,
    patience: int | None,
) -> None:
    """Refuse what `insectlib.models.train` cannot train with.

    Parameters
    ----------
    training : ImageSet
        Square pictures of two classes or more.
    validation : ImageSet, optional
        Pictures of the same shape and classes.
    epochs : int
        At least 1.
    batch_size : int
        At least 1.
    patience : int, optional
        At least 1; needs a validation part.

    Raises
    ------
    ValueError
        With the value, and what was expected.
    """
    height, width = training.images.shape[1:3]
    if height != width:
        raise ValueError(f"training has pictures of {height}x{width} pixels; expected square ones")
    if len(np.unique(training.labels)) < 2:
        raise ValueError("training shows one class only; expected two or more to tell apart")
    check_images(training.images)
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}; expected at least 1")
    if validation is None:
        if patience is not None:
            raise ValueError(f"patience is {patience}, but there is no validation part: pass one")
        return
    check_images(validation.images, training.images.shape[1:])
    if tuple(validation.class_names) != tuple(training.class_names):
        raise ValueError(
            f"validation has the classes {validation.class_names}; expected those of training, "
            f"{training.class_names}"
        )


def build_network(build: Build, training: ImageSet, *, seed: int) -> keras.Model:
    """Return the network that `build` makes for a training part, checked.

    Parameters
    ----------
    build : callable
        Such as `insectlib.models.small_cnn`.
    training : ImageSet
        Decides the size of the pictures and the number of classes.
    seed : int
        Handed to `build`. Layers that are given no seed of their own draw from it too.

    Returns
    -------
    keras.Model
        Functional or sequential, with weights; a sub-classed network is put into a functional one.

    Raises
    ------
    RuntimeError
        When Keras is set so that other networks would come about.
    TypeError
        When `build` returns no Keras model.
    ValueError
        When the network does not take the pictures, does not return one logit for each class, or
        ends in probabilities.
    """
    check_keras()
    shape, n_classes = training.images.shape[1:], len(training.class_names)
    with default_seed(seed):
        network = build(shape[0], n_classes, seed=seed)
        if not isinstance(network, keras.Model):
            raise TypeError(
                f"build returned {type(network).__name__}; expected a Keras model, such as "
                "insectlib.models.small_cnn returns"
            )
        try:
            network(training.images[:FEW], training=False)
        except Exception as error:  # whatever the layers raise
            raise ValueError(
                f"the network {network.name!r} cannot be called on pictures of shape {shape}: "
                f"{_reason(error)}. Expected a network that takes them in [0, 255], as they are"
            ) from error
        network = plain_network(network, shape)
    outputs = np.asarray(network(training.images[:FEW], training=False), dtype=np.float64)
    if outputs.shape[1] != n_classes:
        raise ValueError(
            f"the network {network.name!r} returns shape (n, {outputs.shape[1]}); expected (n, "
            f"{n_classes}), one logit for each of the classes "
            f"{', '.join(map(str, training.class_names))}: end it in "
            f"keras.layers.Dense({n_classes})"
        )
    activation = last_activation(network)
    if activation or ((outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-2)):
        raise ValueError(
            f"the network {network.name!r} ends in a {activation or 'softmax'}; expected logits: "
            "leave it out. insectlib.models.probabilities makes probabilities of the logits"
        )
    return network


def check_keeping(network: keras.Model, images: NDArray[np.float32]) -> None:
    """Save a network and load it again, before it is trained for long.

    Parameters
    ----------
    network : keras.Model
        From `build_network`.
    images : float32 array, shape (n, height, width, channels)
        Pictures in [0, 255]; the first few are passed through both.

    Raises
    ------
    ValueError
        With Keras's reason, when it cannot be saved, cannot be loaded in safe mode, or is another
        network afterwards.

    Warns
    -----
    UserWarning
        When there is no room for it in the folder for temporary files, so that nothing was tried.
    """
    try:
        bare = without_augmentation(network)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "network.keras"
            bare.save(path)
            loaded = keras.saving.load_model(path, compile=False, safe_mode=True)
        before, after = (np.asarray(n(images[:FEW], training=False)) for n in (bare, loaded))
        if not np.allclose(before, after, atol=1e-3):
            raise ValueError("loaded again, it answers otherwise: see the get_config of its layers")
    except OSError as error:  # that is not the network's fault, and training needs no file
        warnings.warn(
            f"it was not tried whether the network {network.name!r} can be kept: nothing can be "
            f"written to the folder for temporary files ({error}). Make room there, or name "
            "another folder in the environment variable TMPDIR",
            stacklevel=3,
        )
    except Exception as error:  # what layers of one's own raise may be anything
        raise ValueError(
            f"the network {network.name!r} cannot be kept, so it is not trained: {_reason(error)}. "
            "Expected layers that Keras can save and load: put Rescaling or functions of keras.ops "
            "in place of a Lambda; give a class of your own a get_config and "
            "@keras.saving.register_keras_serializable(). Or train it by Keras's compile and fit: "
            "the explainers take networks that cannot be kept too"
        ) from error


def _reason(error: Exception) -> str:
    """Return what is wrong out of a message of Keras's, which may hold whole configurations."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).rpartition("Exception encountered:")[2]
    parts = [part for part in re.split(r"\n\s*\n|Full object config", text) if part.strip()]
    parts = [part for part in parts if "Exception encountered when calling" not in part]
    return " ".join(parts[0].split()).rstrip(".") if parts else type(error).__name__
