"""Grad-CAM: the last feature maps, weighed by their gradients (chapter ``09_evaluation``)."""

from __future__ import annotations

import time

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray
from skimage.transform import resize
from tqdm import tqdm

from insectlib.explain.controls.simple_maps import without_base
from insectlib.explain.explanation import Explanation
from insectlib.explain.gradients.inner_layers import tensors_of
from insectlib.explain.masking.masking_graphs import BATCH
from insectlib.explain.target import Target, checked_pictures, prepare
from insectlib.models.networks import differentiable_network, flat_network


def grad_cam(
    model: keras.Model,
    images: ArrayLike,
    baseline: ArrayLike | None = None,
    *,
    target: Target = None,
    output: str = "logits",
    seed: int = 0,
    class_names: ArrayLike | None = None,
    batch_size: int = BATCH,
    progress: bool = False,
    layer: str | None = None,
) -> Explanation:
    """Show where the feature maps are strong that speak for a class.

    Chapter ``09_evaluation``; Selvaraju et al. (2017).

    Parameters
    ----------
    model : keras.Model
        Takes pictures in [0, 255] and ends in logits; it may hold whole networks as layers.
    images, target, output, class_names, progress
        As in `insectlib.explain.kernel_shap`. With ``"scores"``, the gradients are those of what
        the model returns.
    baseline, seed
        Not used: nothing is hidden, and nothing is drawn.
    batch_size : int
        Pictures at once; bounds the memory, and does not change the result.
    layer : str, optional
        Whose feature maps are taken; the last layer with maps of more than one pixel where missing.

    Returns
    -------
    Explanation
        Not negative, and in no unit of the output.

    Raises
    ------
    ValueError
        For what is no Keras model, a layer that has no feature maps or that does not lead to the
        output, a network without any, and whenever `insectlib.explain.prepare` refuses the
        pictures or the model.
    """
    pictures = checked_pictures(model, images)
    inner = _with_features(model, layer, pictures.shape[1:])
    prepared = prepare(
        model,
        pictures,
        output=output,
        class_names=class_names,
        target=target,
        batch_size=batch_size,
    )
    started = time.perf_counter()
    k = prepared.classes.shape[1]
    maps = []
    starts = range(0, len(pictures), batch_size)
    for i in tqdm(starts, desc="Grad-CAM", unit="batch", disable=not progress):
        classes = prepared.classes[i : i + batch_size]
        with tf.GradientTape(persistent=True) as tape:
            batch = tf.constant(pictures[i : i + batch_size])
            tape.watch(batch)  # or nothing is recorded up to the first weight that can be trained
            features, outputs = inner(batch, training=False)
            if output == "probabilities":
                one = outputs.shape[1] == 1
                outputs = tf.nn.sigmoid(outputs) if one else tf.nn.softmax(outputs)
            columns = [tf.gather(outputs, column, batch_dims=1) for column in classes.T]
        for_class = []
        for column in columns:
            weights = tf.reduce_mean(tape.gradient(column, features), axis=(1, 2), keepdims=True)
            for_class.append(tf.nn.relu(tf.reduce_sum(weights * features, axis=-1)).numpy())
        maps.append(np.stack(for_class, axis=-1))
    coarse = np.concatenate(maps).astype(np.float64)
    height, width = pictures.shape[1:3]
    fine = np.stack([_enlarged(each, height, width) for each in coarse])
    return without_base(prepared, fine, evaluations=len(fine) * (2 + k), started=started)


def _with_features(model: keras.Model, name: str | None, shape: tuple[int, ...]) -> keras.Model:
    """Return a network with two outputs: the feature maps of a layer, and what `model` returns."""
    network = flat_network(differentiable_network(model, shape))
    spatial = {
        layer: tensors[-1]
        for layer, tensors in tensors_of(network).items()
        if len(tensors[-1].shape) == 4 and min(tensors[-1].shape[1:3]) > 1
    }
    if not spatial:
        raise ValueError(
            "the network has no layer with feature maps of more than one pixel, which Grad-CAM "
            "needs (those inside a sub-classed network cannot be seen): use Gradient, Kernel, "
            "Permutation or Partition SHAP"
        )
    if name is not None and name not in spatial:
        raise ValueError(
            f"no layer {name!r} with feature maps; expected one of {', '.join(spatial)}"
        )
    features = spatial[name or list(spatial)[-1]]
    return keras.Model(network.inputs[0], [features, network.outputs[0]])


def _enlarged(coarse: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Return maps (rows, columns, k) at the size of the picture."""
    return np.asarray(resize(coarse, (height, width, coarse.shape[2]), order=1, mode="edge"))
