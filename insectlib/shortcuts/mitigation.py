"""Three repairs of a network that uses a shortcut (chapter ``10_clever_hans``).

Crop the strip off, as a part of the network (`cropped`); train on specimens whose background and
strip have no link with the class (`insectlib.shortcuts.exchange`); or forbid the network, while
it trains, to depend on what is no insect (`train_for_right_reasons`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray
from tqdm import tqdm

from insectlib.data.digests import arrays_digest
from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import strip_box
from insectlib.evaluate.localisation import border_masks, region_masks
from insectlib.models.building import Build, build_network, check_keeping
from insectlib.models.digests import imageset_digest, network_digest
from insectlib.models.inference import check_images
from insectlib.models.kept import Trained, cached_network

PENALTIES = {"gradient": 0.01, "attribution": 1.0}
"""The penalties of `train_for_right_reasons`, with weights that suit pictures of 64 pixels."""


def cropped(build: Build) -> Build:
    """Return a `build` whose networks cut the rows of the strip off before anything else.

    Chapter ``10_clever_hans``. The crop is a part of the network, so nobody can forget it: it
    takes whole pictures, and nothing in those rows can reach its answer. What is left is
    stretched to a square again.

    Parameters
    ----------
    build : callable
        Makes a sequential network, such as `insectlib.models.small_cnn`.

    Returns
    -------
    callable
        With the same arguments, for `insectlib.models.train`.
    """

    def build_cropped(size: int, n_classes: int, *, seed: int) -> keras.Sequential:
        network = build(size, n_classes, seed=seed)
        rows = size - strip_box(size, size)[0]
        crop = layers.Cropping2D(((0, rows), (0, 0)), name="crop")
        square = layers.Resizing(size, size, name="square")
        first = [keras.Input((size, size, 3)), crop, square]
        return keras.Sequential([*first, *network.layers], name=f"{network.name}_cropped")

    return build_cropped


def forbidden(part: ImageSet) -> NDArray[np.bool_]:
    """Return where a network has no business to look (chapter ``10_clever_hans``).

    Parameters
    ----------
    part : ImageSet
        With masks, as drawn specimens have them, or without.

    Returns
    -------
    bool array, shape (n, height, width)
        All but the insect where it is known where the insect is; all but the centre elsewhere.
    """
    if part.masks is not None:
        return ~region_masks(part.masks)["insect"]
    return ~border_masks(*part.images.shape[:3])["centre"]


def slope_penalty(network: keras.Model, images: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
    """Return how steep the answer is where it should be flat.

    Chapter ``10_clever_hans``; Ross et al. (2017).

    Parameters
    ----------
    network : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    images : float32 tensor, shape (n, height, width, 3)
    where : float32 tensor, shape (n, height, width, 1)
        1 where the network must not look, 0 elsewhere.

    Returns
    -------
    float32 tensor, shape (n,)
        The squared length of the gradient of all log-probabilities, for pixels from 0 to 1.
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        certainty = tf.nn.log_softmax(network(images, training=True))
    slope = 255 * tape.gradient(certainty, images)
    return tf.reduce_sum((where * slope) ** 2, axis=(1, 2, 3))


def attribution_penalty(
    network: keras.Model,
    images: tf.Tensor,
    labels: tf.Tensor,
    where: tf.Tensor,
    random: keras.random.SeedGenerator,
) -> tf.Tensor:
    """Return what the answer owes to places where it should owe nothing.

    Chapter ``10_clever_hans``; Erion et al. (2021). One sample of expected gradients for each
    picture, with the other pictures of the batch as background.

    Parameters
    ----------
    network : keras.Model
        Takes pictures in [0, 255] and ends in logits.
    images : float32 tensor, shape (n, height, width, 3)
    labels : int64 tensor, shape (n,)
    where : float32 tensor, shape (n, height, width, 1)
        1 where the network must not look, 0 elsewhere.
    random : keras.random.SeedGenerator
        Draws the background pictures and the points on the way.

    Returns
    -------
    float32 tensor, shape (n,)
        The square of the attributions there, added up, for the label's lead over the mean logit.
    """
    step = images - tf.gather(images, keras.random.shuffle(tf.range(len(images)), seed=random))
    way = keras.random.uniform((len(images), 1, 1, 1), seed=random)
    points = images - way * step
    with tf.GradientTape() as tape:
        tape.watch(points)
        logits = network(points, training=True)
        lead = tf.gather(logits, labels, batch_dims=1) - tf.reduce_mean(logits, axis=1)
    given = tape.gradient(lead, points) * step
    return tf.reduce_sum(where * given, axis=(1, 2, 3)) ** 2


def train_for_right_reasons(
    build: Build,
    training: ImageSet,
    *,
    where: NDArray[np.bool_] | None = None,
    penalty: str = "attribution",
    weight: float | None = None,
    epochs: int,
    seed: int,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    progress: bool = True,
) -> Trained:
    """Train a network with a penalty on looking outside the insect, or load it.

    Chapter ``10_clever_hans``. Adam minimises the cross-entropy, plus one of two penalties on the
    pixels named by `where`. ``"gradient"`` is the square of the gradient of all log-probabilities,
    for pixels from 0 to 1: "right for the right reasons", Ross et al. (2017). It makes the answer
    flat around each training picture. ``"attribution"`` is the square of all attribution there, for
    the label's lead over the mean logit, by expected gradients from other training pictures
    (Erion et al., 2021). It looks all the way to another picture.

    Parameters
    ----------
    build : callable
        As for `insectlib.models.train`.
    training : ImageSet
        Square pictures.
    where : bool array, shape (n, height, width), optional
        Pixels that the outputs must not depend on; those of `forbidden` where missing.
    penalty : str
        ``"gradient"`` or ``"attribution"``.
    weight : float, optional
        Weight of the penalty; that of `PENALTIES` where missing.
    epochs : int
        Passes over `training`.
    seed : int
        Seed of the network's weights and of the order of the pictures.
    batch_size : int
        Pictures per step.
    learning_rate : float
        Learning rate of Adam.
    progress : bool
        Whether to show a bar on the error stream.

    Returns
    -------
    Trained
        `history` has ``loss``, ``penalty`` and ``accuracy``.

    Raises
    ------
    ValueError
        When pictures, masks or settings are unfit.

    Warns
    -----
    UserWarning
        When a kept network is damaged; it is trained anew.
    """
    check_images(training.images)
    places = forbidden(training) if where is None else where
    if places.shape != training.images.shape[:3]:
        raise ValueError(
            f"where has shape {places.shape}; expected {training.images.shape[:3]}, one mask for "
            "each training picture"
        )
    if penalty not in PENALTIES:
        raise ValueError(f"penalty is {penalty!r}; expected one of {', '.join(PENALTIES)}")
    weight = PENALTIES[penalty] if weight is None else weight
    if not weight >= 0:
        raise ValueError(f"weight is {weight}; expected 0 or more")
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; expected at least 1")
    network = build_network(build, training, seed=seed)
    check_keeping(network, training.images)
    settings: dict[str, Any] = {
        "right reasons": [penalty, weight],
        "where": arrays_digest(places),
        "network": network_digest(network),
        "training": imageset_digest(training),
        "epochs": epochs,
        "seed": seed,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
    }

    def make(key: str) -> Trained:
        begun = time.perf_counter()
        step = _step(network, penalty, weight, learning_rate, seed)
        history: dict[str, list[float]] = {"loss": [], "penalty": [], "accuracy": []}
        batches = _triples(training, places, batch_size, seed)
        for _ in tqdm(range(epochs), desc="right reasons", unit="epoch", disable=not progress):
            seen = [(len(labels), step(images, labels, at)) for images, labels, at in batches]
            shares = np.array([n for n, _ in seen]) / len(training)
            for name, row in zip(
                history, zip(*(values for _, values in seen), strict=True), strict=True
            ):
                history[name].append(float(shares @ np.array(row)))
        return Trained(network, history, time.perf_counter() - begun, key, False, epochs)

    return cached_network(settings, make)


def _step(
    network: keras.Model, penalty: str, weight: float, learning_rate: float, seed: int
) -> Callable[..., tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
    """Return one step downhill, which tells cross-entropy, penalty and accuracy of its batch."""
    optimizer, random = keras.optimizers.Adam(learning_rate), keras.random.SeedGenerator(seed)
    weights = network.trainable_variables
    optimizer.build(weights)

    def step(
        images: tf.Tensor, labels: tf.Tensor, where: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            logits = network(images, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            if penalty == "gradient":
                paid = slope_penalty(network, images, where)
            else:
                paid = attribution_penalty(network, images, labels, where, random)
            loss, mean = tf.reduce_mean(losses), tf.reduce_mean(paid)
            total = loss + weight * mean
        optimizer.apply(tape.gradient(total, weights), weights)
        hits = tf.reduce_mean(tf.cast(tf.argmax(logits, axis=1) == labels, tf.float32))
        return loss, mean, hits

    compiled: Callable[..., tuple[tf.Tensor, tf.Tensor, tf.Tensor]] = tf.function(
        step, reduce_retracing=True
    )
    return compiled


def _triples(
    training: ImageSet, places: NDArray[np.bool_], batch_size: int, seed: int
) -> tf.data.Dataset:
    """Return shuffled batches of pictures, labels and masks (as 0 and 1)."""
    images, labels = tf.constant(training.images), tf.constant(training.labels)
    masks, n = tf.constant(places), len(training)
    index = tf.data.Dataset.range(n).shuffle(n, seed=seed, reshuffle_each_iteration=True)

    def gather(i: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        where = tf.cast(tf.gather(masks, i), tf.float32)[..., None]
        return tf.gather(images, i), tf.gather(labels, i), where

    return index.batch(batch_size).map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(1)
