"""Additivity of Deep SHAP on whole networks, with random weights and small pictures."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from insectlib.explain.deep.deep_shap import deep_shap
from insectlib.models.cnns import regularised_cnn, small_cnn
from insectlib.models.transfer.efficientnet import efficientnet_lite0

SIZE = 32
CLASSES = 3


def from_applications(name: str, scale: float, offset: float) -> keras.Model:
    """A network of keras.applications, which takes pictures in [0, 255] and ends in logits."""
    body = getattr(keras.applications, name)(
        weights=None,
        input_shape=(SIZE, SIZE, 3),
        classes=CLASSES,
        classifier_activation=None,
    )
    inputs = keras.Input((SIZE, SIZE, 3))
    return keras.Model(inputs, body(layers.Rescaling(scale, offset=offset)(inputs)))


def lite0() -> keras.Model:
    """EfficientNet-Lite0 with a head of three classes."""
    body = efficientnet_lite0(SIZE, include_top=False, weights=None, seed=0)
    pooled = layers.GlobalAveragePooling2D()(body.output)
    return keras.Model(body.input, layers.Dense(CLASSES)(pooled))


def cnn(build: Callable[..., keras.Model]) -> keras.Model:
    """One of the course's networks, with augmentation and dropout inside."""
    body = build(SIZE, CLASSES, seed=0)
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.RandomRotation(0.1)(layers.RandomZoom(0.1)(layers.RandomFlip()(inputs)))
    return keras.Model(inputs, body(layers.Dropout(0.2)(x)))


NETWORKS: dict[str, Callable[[], keras.Model]] = {
    "MobileNetV2": lambda: from_applications("MobileNetV2", 1 / 127.5, -1),
    "MobileNetV3Small": lambda: from_applications("MobileNetV3Small", 1, 0),
    "EfficientNetB0": lambda: from_applications("EfficientNetB0", 1, 0),
    "EfficientNet-Lite0": lite0,
    "ResNet50": lambda: from_applications("ResNet50", 1, -120),
    "VGG19": lambda: from_applications("VGG19", 1, -120),
    "small CNN": lambda: cnn(small_cnn),
    "regularised CNN": lambda: cnn(regularised_cnn),
}


def blobs(n: int) -> NDArray[np.float32]:
    """Pictures that differ: coloured blobs of many sizes."""
    random = np.random.default_rng(0)
    coarse = random.uniform(0, 255, (n, 4, 4, 3)).astype(np.float32)
    fine = random.uniform(-40, 40, (n, SIZE, SIZE, 3)).astype(np.float32)
    large = np.asarray(keras.ops.image.resize(coarse, (SIZE, SIZE), interpolation="bicubic"))
    return np.clip(large + fine, 0, 255)


def calibrate(model: keras.Model, pictures: NDArray[np.float32]) -> None:
    """Make outputs that are not near zero, where a check would mean nothing.

    Batch normalisation keeps the statistics of `pictures`, with random scales and shifts, so that
    a rule that forgets one of them is found out. Where there is none, weights are large enough to
    keep the numbers alive through all layers.
    """
    random = np.random.default_rng(1)
    norms = [x for x in model._flatten_layers() if isinstance(x, layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0
        norm.gamma.assign(random.uniform(0.5, 1.5, norm.gamma.shape))
        norm.beta.assign(random.uniform(-0.5, 0.5, norm.beta.shape))
    if norms:
        model(pictures, training=True)
        return
    for layer in model._flatten_layers():
        if isinstance(layer, layers.Conv2D | layers.Dense):
            inputs = np.prod(layer.kernel.shape[:-1])
            layer.kernel.assign(random.normal(0, np.sqrt(2 / inputs), layer.kernel.shape))


@pytest.mark.parametrize("name", NETWORKS)
def test_attributions_of_whole_networks_add_up(name: str) -> None:
    keras.utils.set_random_seed(0)
    model = NETWORKS[name]()
    pictures = blobs(12)
    calibrate(model, pictures)
    explained = deep_shap(model, pictures[:2], pictures[2:4], target="top 2")
    assert np.abs(explained.outputs - explained.base_values).max() > 0.01
    assert explained.relative_gap < 1e-3
    print(f"{name}: relative gap {explained.relative_gap:.1e}")
