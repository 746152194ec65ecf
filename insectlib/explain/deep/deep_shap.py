"""Deep SHAP for pictures, on top of `shap.DeepExplainer` (chapter ``07_deep_shap``)."""

from __future__ import annotations

import time
from math import ceil

import keras
import numpy as np
import shap
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from insectlib.explain.checks import check_background_set
from insectlib.explain.deep.handlers import (
    UnsupportedOperationError,
    deep_rules,
    unsupported_operations,
)
from insectlib.explain.explanation import Explanation, to_explanation
from insectlib.explain.gradients.inner_layers import features_at, over_the_picture, split_at
from insectlib.explain.target import Prepared, Target, prepare
from insectlib.models.inference import quiet_inputs
from insectlib.models.networks import as_network_sees, differentiable_network

BATCH = 8
"""Background pictures at once; each goes through the network beside a copy of the picture. With the
16-32-64 CNN at 256 pixels that takes 0.7 GB at the peak; with 32 at once it took 3 GB."""

TOLERANCE = 1e-3
"""How much the attributions may miss, as a share of what there is to explain."""


class AdditivityError(ValueError):
    """Base value plus attributions is not the output: the explanation is wrong."""


def deep_shap(
    model: keras.Model,
    images: ArrayLike,
    background: ArrayLike,
    *,
    target: Target = None,
    output: str = "logits",
    seed: int = 0,
    class_names: ArrayLike | None = None,
    batch_size: int = BATCH,
    progress: bool = False,
    layer: str | None = None,
    tolerance: float = TOLERANCE,
) -> Explanation:
    """Explain pictures by the difference to each background picture, layer by layer.

    Chapter ``07_deep_shap``; Lundberg and Lee (2017), with the rules of Shrikumar, Greenside and
    Kundaje (2017). Nothing is drawn at random: the cost is that of ``len(background)`` gradients
    for each picture and class, and the attributions add up exactly, but for rounding.

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits. Layers that augment are taken out.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255.
    background : array, shape (m, height, width, channels)
        The background set, values from 0 to 255; the attributions are the mean over it. Its size
        costs time but no memory, see `batch_size`.
    seed : int
        Not used, for nothing is random; there so that all explainers are called alike.
    output : str
        ``"logits"`` or ``"probabilities"``: what is explained.
    class_names : sequence of str, optional
        Names of the outputs.
    target : int, str, sequence of them, int array (n, k), or None
        Which outputs are explained; see `insectlib.explain.Target`.
    layer : str, optional
        Explain the features that this layer hands on instead of the pixels, and lay the result
        over the picture; one of `insectlib.explain.cut_points`. Coarse and cheap: the first
        part of the network is evaluated only once, and needs no rules.
    batch_size : int
        Background pictures at once; bounds the memory, see `BATCH`, and does not change the result.
        The graph is traced once for each length of a batch, of which there are two at most, and
        then serves all pictures and classes.
    tolerance : float
        Largest `missing_share` of a result that is returned; a larger one raises an error.
    progress : bool
        Whether to show a bar over pictures and classes.

    Returns
    -------
    Explanation
        From `insectlib.explain.to_explanation`. Base values are the mean outputs of the background.

    Raises
    ------
    UnsupportedOperationError
        A ValueError that names the layers for which there is no rule, before anything is computed.
    AdditivityError
        A ValueError that says how much is missing.
    ValueError
        When pictures or background have a wrong shape or range, when the network cannot be cut
        after `layer`, when `batch_size` is not positive, and whenever
        `insectlib.explain.prepare` refuses them.

    Warns
    -----
    PreflightWarning
        When an explained picture is among the background, or the background is of one class.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected 1 or more background pictures")
    shown = as_network_sees(model, images)
    network = differentiable_network(model, shown.shape[-3:])
    prepared = prepare(network, shown, target=target, output=output, class_names=class_names)
    pictures = prepared.pictures
    compared = as_network_sees(model, background)
    reference, outputs = check_background_set(network, compared, pictures, output)
    findings = unsupported_operations(network if layer is None else split_at(network, layer).after)
    if findings:
        raise UnsupportedOperationError(
            f"Deep SHAP cannot explain this network: {'; '.join(findings)}. Use Gradient SHAP, or "
            "Kernel or Partition SHAP, which take any network"
        )
    start = time.perf_counter()
    explained, points, origins = network, pictures, reference
    if layer is not None:
        explained, (points, origins) = features_at(network, layer, pictures, reference)
    values = _attributions(
        explained, points, origins, prepared.classes, output, batch_size, progress
    )
    if layer is not None:
        values = over_the_picture(values, pictures.shape[1:])
    base_values = prepared.pick(np.tile(outputs.mean(axis=0), (len(pictures), 1)))
    missing = missing_share(prepared, values, outputs)
    if not missing <= tolerance:
        raise AdditivityError(
            f"base value plus attributions misses the output by {missing:.2%} of what there is to "
            f"explain; at most {tolerance:.2%} was expected. Either the numbers in the network are "
            "too large or too small for float32, or a rule is wrong for one of its layers"
        )
    once = len(pictures) + len(reference)  # for their outputs, and for their features
    return to_explanation(
        prepared,
        values,
        base_values,
        evaluations=(1 if layer is None else 2) * once + 4 * len(reference) * prepared.classes.size,
        seconds=time.perf_counter() - start,
    )


def missing_share(
    prepared: Prepared, values: NDArray[np.float64], outputs: NDArray[np.float64]
) -> float:
    """Return how much the attributions miss, as a share of what there is to explain.

    Chapter ``07_deep_shap``. What there is to explain is the largest distance between the output
    of a picture and those of the background pictures: unlike the distance to their mean, it is
    not near zero by chance.

    Parameters
    ----------
    prepared : Prepared
        Pictures and outputs, from `insectlib.explain.prepare`.
    values : float64 array, shape (n, height, width, channels, k)
        Attributions of the explained classes.
    outputs : float64 array, shape (m, n_classes)
        Outputs of the background pictures.

    Returns
    -------
    float
        The largest over pictures and classes; NaN where an attribution is NaN.
    """
    explained = prepared.pick(prepared.outputs)
    pairs = np.broadcast_to(outputs, (len(explained), *outputs.shape))
    distances = np.abs(prepared.pick(pairs) - explained[:, None]).max(axis=1)
    gaps = np.abs(values.sum(axis=(1, 2, 3)) - (explained - prepared.pick(pairs).mean(axis=1)))
    # gaps below the rounding of the outputs themselves mean nothing
    rounding = 1e-4 * np.abs(explained)
    return float((gaps / np.maximum(distances, np.where(rounding, rounding, 1))).max())


def one_output_network(network: keras.Model, output: str) -> tuple[keras.Model, tf.Variable]:
    """Return a network with a single output, one of those of `network`, which can be switched.

    Chapter ``07_deep_shap``. shap explains all outputs of what it is given; here it is given the
    one that is wanted.

    Parameters
    ----------
    network : keras.Model
        From `insectlib.models.networks.differentiable_network`, or a part of one. It stays as it
        is; the weights are shared.
    output : str
        ``"logits"``, ``"probabilities"`` or ``"scores"``.

    Returns
    -------
    keras.Model
        Takes a list of one batch, so that Keras finds the structure that shap hands it.
    tf.Variable
        Which output it returns: a row of zeros with a one. As a variable, so that one traced graph
        does for all of them.
    """
    inputs = keras.Input(network.inputs[0].shape[1:], dtype="float32")
    with quiet_inputs():
        outputs = network(inputs, training=False)
    if output == "probabilities":
        link = "sigmoid" if outputs.shape[-1] == 1 else "softmax"
        outputs = keras.layers.Activation(link, dtype="float32")(outputs)
    chosen = tf.Variable(tf.zeros(outputs.shape[-1]), trainable=False)
    pick = keras.layers.Lambda(
        lambda out: tf.reduce_sum(out * chosen, axis=-1, keepdims=True), dtype="float32"
    )
    return keras.Model([inputs], pick(outputs)), chosen


def _attributions(
    network: keras.Model,
    pictures: NDArray[np.float32],
    background: NDArray[np.float32],
    classes: NDArray[np.int64],
    output: str,
    batch_size: int,
    progress: bool,
) -> NDArray[np.float64]:
    """Return the mean attributions over the background, shape (n, height, width, channels, k)."""
    single, chosen = one_output_network(network, output)
    one_of = np.eye(chosen.shape[0], dtype=np.float32)
    parts = np.array_split(background, ceil(len(background) / batch_size))
    values = np.zeros((*pictures.shape, classes.shape[1]))
    bar = tqdm(desc="Deep SHAP", total=classes.size, unit="map", disable=not progress)
    with bar, deep_rules(), quiet_inputs():
        # given as a function, so that shap does not ask about it again for a base value of its own
        explainer = shap.DeepExplainer(single, lambda _: parts[:1])
        for i, k in np.ndindex(classes.shape):
            chosen.assign(one_of[classes[i, k]])
            for part in parts:
                explainer.explainer.data = [part]
                phi = explainer.shap_values(pictures[i : i + 1], check_additivity=False)
                values[i, ..., k] += phi[0, ..., 0] * (len(part) / len(background))
            bar.update()
    return values
