"""Gradient SHAP for pictures: expected gradients (chapter ``06_gradient_shap``).

The chapter begins with `shap.GradientExplainer`. What is here estimates the same values from fewer
gradients, for many pictures at once.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from insectlib.explain.checks import check_background_set
from insectlib.explain.explanation import Explanation, to_explanation
from insectlib.explain.gradients.inner_layers import features_at, over_the_picture
from insectlib.explain.target import Target, prepare
from insectlib.models.networks import as_network_sees, differentiable_network

BATCH = 32
"""Gradients at once. With the 16-32-64 CNN at 256 pixels they take 0.5 GB at the peak."""

PARTS = 10
"""The samples come in this many independent parts, whose differences give the standard error."""

SMALLEST_PART = 4
"""Samples in a part, at least: fewer parts where the budget is small."""


def gradient_shap(
    model: keras.Model,
    images: ArrayLike,
    background: ArrayLike,
    *,
    target: Target = None,
    output: str = "logits",
    seed: int = 0,
    budget: int = 200,
    class_names: ArrayLike | None = None,
    batch_size: int = BATCH,
    progress: bool = False,
    local_smoothing: float = 0.0,
    layer: str | None = None,
) -> Explanation:
    """Explain pictures by gradients on the way from the background to the picture.

    Chapter ``06_gradient_shap``; expected gradients, Erion et al. (2021). Each sample takes a
    background picture and a point on the straight line from it to the explained picture, and
    multiplies the gradient there with the difference of the two pictures. The mean adds up to the
    output minus the base value as the samples grow; with few it does so roughly. With a budget of
    about 8 it is cheap enough for whole collections (chapter ``10_clever_hans``): a single map is
    noisy then, and sums over regions and means over pictures are much less so.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits. Layers that augment are taken out.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255.
    background : array, shape (m, height, width, channels)
        The background set, values from 0 to 255.
    target : int, str, sequence of them, int array (n, k), or None
        Which outputs are explained; see `insectlib.explain.Target`.
    output : str
        ``"logits"``, ``"probabilities"``, or ``"scores"`` for what the model returns as it is.
    seed : int
        Seed of the samples. They differ from picture to picture, and are the same for each class.
    budget : int
        Gradients for each picture and explained output, at least 1. Each counts as two evaluations;
        one for each picture and each background picture come on top.
    class_names : sequence of str, optional
        Names of the outputs.
    batch_size : int
        Gradients at once; bounds the memory, see `BATCH`, and does not change the result.
    progress : bool
        Whether to show a bar over the gradients.
    local_smoothing : float
        Standard deviation of the noise that is added to the picture in each sample, in units of
        its values; 0 for none. It blurs single bright pixels (Smilkov et al., 2017), and adds
        what the noise itself does to the output to the additivity gap.
    layer : str, optional
        Explain the features that this layer hands on instead of the pixels, and lay the result
        over the picture; one of `insectlib.explain.cut_points`. `local_smoothing` is then in
        units of the features.

    Returns
    -------
    Explanation
        With ``standard_error`` (n, k): that of the sum of the attributions, from how much
        independent parts of the samples differ; NaN where the budget is too small for two parts.
        Base values are the mean outputs of the background.

    Raises
    ------
    ValueError
        For what is no Keras model, when pictures or background have a wrong shape or range, when
        `budget`, `batch_size` or `local_smoothing` are too small, and whenever
        `insectlib.explain.prepare` refuses them.

    Warns
    -----
    PreflightWarning
        When an explained picture is among the background, or the background is of one class.
    """
    if budget < 1:
        raise ValueError(f"budget is {budget}; expected 1 or more")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected 1 or more")
    if not local_smoothing >= 0:
        raise ValueError(f"local_smoothing is {local_smoothing}; expected 0 or more")
    shown = as_network_sees(model, images)
    network = differentiable_network(model, shown.shape[-3:])
    prepared = prepare(network, shown, target=target, output=output, class_names=class_names)
    pictures, classes = prepared.pictures, prepared.classes
    compared = as_network_sees(model, background)
    reference, outputs = check_background_set(network, compared, pictures, output)
    start = time.perf_counter()
    once = len(pictures) + len(reference)
    explained, points, origins = network, pictures, reference
    if layer is not None:
        explained, (points, origins) = features_at(network, layer, pictures, reference)
    values, errors = expected_gradients(
        explained,
        points,
        origins,
        classes,
        output=output,
        seed=seed,
        n_samples=budget,
        batch_size=batch_size,
        local_smoothing=local_smoothing,
        progress=progress,
    )
    if layer is not None:
        values = over_the_picture(values, pictures.shape[1:])
    return to_explanation(
        prepared,
        values,
        prepared.pick(np.tile(outputs.mean(axis=0), (len(pictures), 1))),
        evaluations=(1 if layer is None else 2) * once + 2 * budget * classes.size,
        seconds=time.perf_counter() - start,
        standard_error=errors,
    )


def expected_gradients(
    network: keras.Model,
    pictures: NDArray[np.float32],
    background: NDArray[np.float32],
    classes: NDArray[np.int64],
    *,
    output: str,
    seed: int,
    n_samples: int,
    batch_size: int,
    local_smoothing: float = 0.0,
    progress: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate expected gradients, and the standard error of their sums.

    Chapter ``06_gradient_shap``; Erion et al. (2021). The points are stratified along the way: of
    the samples of one part, each takes its own section of the line, at random within it, and a
    background picture that no other of them has, as long as there are enough.

    Parameters
    ----------
    network : keras.Model
        From `insectlib.models.networks.differentiable_network`, or a part of one.
    pictures : float32 array, shape (n, height, width, channels)
        What is explained: pictures, or the features of a layer.
    background : float32 array, shape (m, height, width, channels)
        The background pictures, or their features.
    classes : int64 array, shape (n, k)
        Which outputs are explained for each picture.
    output : str
        ``"logits"``, ``"probabilities"`` or ``"scores"``.
    seed : int
        Seed of the samples.
    n_samples : int
        Samples for each picture and class.
    batch_size : int
        Gradients at once.
    local_smoothing : float
        Standard deviation of the noise on each point.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    values : float64 array, shape (n, height, width, channels, k)
        Attributions, in the unit of the output.
    standard_error : float64 array, shape (n, k)
        Standard error of the sum of the values, in the unit of the output.
    """
    sizes = _part_sizes(n_samples)
    drawn = [_samples(seed, i, len(background), sizes) for i in range(len(pictures))]
    origin, way = (np.concatenate(each) for each in zip(*drawn, strict=True))
    of_picture = np.repeat(np.arange(len(pictures)), n_samples)
    of_part = np.tile(np.repeat(np.arange(len(sizes)), sizes), len(pictures))
    slopes = _slopes(network, output)
    n, k = classes.shape
    values = np.zeros((*pictures.shape, k))
    sums = np.zeros((n, len(sizes), k))
    random = np.random.default_rng([seed, n_samples])
    bar = tqdm(desc="Gradient SHAP", total=k * len(way), unit="gradient", disable=not progress)
    with bar:
        # one batch may hold samples of several pictures: with few samples each, that is faster
        for first in range(0, len(way), batch_size):
            some = slice(first, first + batch_size)
            shown = pictures[of_picture[some]]
            if local_smoothing:
                noise = random.normal(0, local_smoothing, shown.shape)
                shown = shown + noise.astype(np.float32)
            step = shown - background[origin[some]]
            points = shown - (1 - way[some, None, None, None]) * step
            for j in range(k):
                each = slopes(tf.constant(points), tf.constant(classes[of_picture[some], j]))
                each = each.numpy() * step
                for i in np.unique(of_picture[some]):
                    own = each[of_picture[some] == i]
                    values[i, ..., j] += own.sum(axis=0, dtype=np.float64) / n_samples
                of_sample = each.sum(axis=(1, 2, 3), dtype=np.float64)
                np.add.at(sums[..., j], (of_picture[some], of_part[some]), of_sample)
                bar.update(len(each))
    return values, _standard_error(sums, sizes)


def _part_sizes(n_samples: int) -> NDArray[np.int64]:
    """Return how many samples each part has."""
    n_parts = min(PARTS, max(n_samples // SMALLEST_PART, 1))
    return np.bincount(np.arange(n_samples) % n_parts)


def _samples(
    seed: int, number: int, n_background: int, sizes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Draw a background picture and a place on the way, 0 to 1, for each sample of a picture.

    The `number` of the picture is a part of the seed: errors of different pictures then cancel in
    means over them.
    """
    random = np.random.default_rng([seed, number])
    origins, ways = [], []
    for size in sizes:
        rounds = -(-size // n_background)
        order = np.concatenate([random.permutation(n_background) for _ in range(rounds)])
        origins.append(order[:size])
        ways.append((np.arange(size) + random.random(size)) / size)
    return np.concatenate(origins), np.concatenate(ways).astype(np.float32)


def _standard_error(sums: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the standard error of the mean over all samples, from sums over each part.

    `sums` has the shape (n, parts, k). The parts are independent of each other, which the samples
    within one are not.
    """
    n_parts, n_samples = len(sizes), sizes.sum()
    if n_parts < 2:
        return np.full((len(sums), sums.shape[2]), np.nan)
    mean = sums.sum(axis=1, keepdims=True) / n_samples
    away = sums - mean * sizes[:, None]
    variance = (away**2).sum(axis=1) * n_parts / (n_parts - 1) / n_samples**2
    return np.asarray(np.sqrt(variance))


@lru_cache(maxsize=8)
def _slopes(network: keras.Model, output: str) -> Any:
    """Return a compiled function from points and a class to the gradient of its output."""
    shape = network.inputs[0].shape[1:]

    def slopes(points: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(points)
            scores = network(points, training=False)
            if output == "probabilities":
                one = scores.shape[-1] == 1
                scores = tf.sigmoid(scores) if one else tf.nn.softmax(scores)
            total = tf.reduce_sum(tf.gather(scores, chosen, batch_dims=1))
        return tape.gradient(total, points)

    signature = [tf.TensorSpec((None, *shape), tf.float32), tf.TensorSpec((None,), tf.int64)]
    return tf.function(slopes, input_signature=signature)
