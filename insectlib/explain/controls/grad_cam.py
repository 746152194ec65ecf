"""Grad-CAM: the last feature maps, weighed by their gradients (chapter ``09_evaluation``)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray
from skimage.transform import resize

from insectlib.explain.controls.simple_maps import without_base
from insectlib.explain.explanation import Explanation, Target, prepare
from insectlib.models.inference import BATCH

if TYPE_CHECKING:
    pass


def grad_cam(
    model: keras.Model,
    images: ArrayLike,
    baseline: ArrayLike | None = None,
    *,
    seed: int = 0,
    layer: str | None = None,
    output: str = "logits",
    class_names: ArrayLike | None = None,
    target: Target = None,
) -> Explanation:
    """Show where the feature maps are strong that speak for a class.

    Chapter ``09_evaluation``; Selvaraju et al. (2017).

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in logits.
    images : array, shape (n, height, width, channels) or (height, width, channels)
        Values from 0 to 255.
    baseline, seed
        Not used: nothing is hidden, and nothing is drawn.
    layer : str, optional
        Whose feature maps are taken; the last layer with maps of more than one pixel where missing.
    target, output, class_names
        As in `insectlib.explain.kernel_shap`.

    Returns
    -------
    Explanation
        Not negative, and in no unit of the output.

    Raises
    ------
    ValueError
        For a layer that has no feature maps, and whenever `insectlib.explain.prepare` refuses the
        prepared.
    """
    prepared = prepare(model, images, output=output, class_names=class_names, target=target)
    started = time.perf_counter()
    inner = _with_features(model, layer)
    maps = []
    for i in range(0, len(prepared.pictures), BATCH):
        pictures = tf.constant(prepared.pictures[i : i + BATCH])
        with tf.GradientTape(persistent=True) as tape:
            features, outputs = inner(pictures, training=False)
            if output == "probabilities":
                outputs = tf.nn.softmax(outputs)
            columns = tf.unstack(outputs, axis=1)
        for_class = []
        for column in columns:
            weights = tf.reduce_mean(tape.gradient(column, features), axis=(1, 2), keepdims=True)
            for_class.append(tf.nn.relu(tf.reduce_sum(weights * features, axis=-1)).numpy())
        maps.append(np.stack(for_class, axis=-1))
    coarse = np.concatenate(maps).astype(np.float64)
    height, width = prepared.pictures.shape[1:3]
    fine = np.stack([_enlarged(each, height, width) for each in coarse])
    evaluations = len(fine) * (1 + len(columns) + 1)
    return without_base(prepared, fine, evaluations=evaluations, started=started)


def _with_features(model: keras.Model, name: str | None) -> keras.Model:
    """Return a network with two outputs: the feature maps of a layer, and what `model` returns."""
    spatial = [
        each.name
        for each in model.layers
        if len(each.output.shape) == 4 and min(each.output.shape[1:3]) > 1
    ]
    if name is not None and name not in spatial:
        raise ValueError(
            f"no layer {name!r} with feature maps; expected one of {', '.join(spatial)}"
        )
    chosen = name or spatial[-1]
    if not isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], [model.get_layer(chosen).output, model.outputs[0]])
    # a Sequential may have called its layers before, on other inputs: `output` would be of those
    features = result = start = keras.Input(model.input_shape[1:])
    for each in model.layers:
        result = each(result)
        features = result if each.name == chosen else features
    return keras.Model(start, [features, result])


def _enlarged(coarse: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Return maps (rows, columns, n_classes) at the size of the picture."""
    return np.asarray(resize(coarse, (height, width, coarse.shape[2]), order=1, mode="edge"))
