"""A small model of each kind that people bring, for the page about compatibility."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

SIDE = 16
"""Of the pictures, in pixels."""


def _with(middle: Callable[[], list[keras.Layer]] = list) -> Callable[[], keras.Model]:
    """Return a builder of a network that has `middle` between a convolution and three logits."""

    def build() -> keras.Model:
        first = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3, activation="relu")]
        last = [layers.Flatten(), layers.Dense(3)]
        return keras.Sequential([keras.Input((SIDE, SIDE, 3)), *first, *middle(), *last])

    return build


def _joined(join: keras.Layer) -> keras.Model:
    picture = keras.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(1 / 255)(picture)
    ways = [layers.Conv2D(4, 3, padding="same", activation=a)(x) for a in ("relu", "tanh")]
    return keras.Model(picture, layers.Dense(3)(layers.Flatten()(join(ways))))


def _attention() -> keras.Model:
    picture = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(8, 4, strides=4)(layers.Rescaling(1 / 255)(picture))
    x = layers.LayerNormalization()(layers.Reshape((16, 8))(x))
    x = x + layers.MultiHeadAttention(2, 4)(x, x)
    return keras.Model(picture, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


def _nested() -> keras.Model:
    picture = keras.Input((SIDE, SIDE, 3))
    inner = keras.Sequential([layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D()])
    x = layers.Flatten()(inner(layers.Rescaling(1 / 255)(picture)))
    return keras.Model(picture, layers.Dense(3)(x))


def _two_inputs() -> keras.Model:
    picture, number = keras.Input((SIDE, SIDE, 3)), keras.Input((1,))
    x = layers.Flatten()(layers.Conv2D(2, 3)(picture))
    return keras.Model([picture, number], layers.Dense(3)(layers.Concatenate()([x, number])))


class OwnNetwork(keras.Model):
    """A network with a `call` of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = layers.Conv2D(4, 3, activation="relu")
        self.head = layers.Dense(3)

    def call(self, images: Any) -> Any:
        """Return the logits of pictures."""
        return self.head(keras.ops.mean(self.convolution(images / 255), axis=(1, 2)))


def _own() -> keras.Model:
    network = OwnNetwork()
    network(np.zeros((1, SIDE, SIDE, 3), np.float32))
    return network


def _function() -> Callable[[Any], Any]:
    network = _with()()
    return lambda images: np.asarray(network(images))


MODELS: dict[str, Callable[[], Any]] = {
    "convolution, dense layer": _with(),
    "max pooling": _with(lambda: [layers.MaxPooling2D()]),
    "average pooling": _with(lambda: [layers.AveragePooling2D(2), layers.GlobalAveragePooling2D()]),
    "batch normalisation": _with(lambda: [layers.BatchNormalization()]),
    "layer normalisation": _with(lambda: [layers.LayerNormalization()]),
    "depthwise and separable convolution": _with(
        lambda: [layers.DepthwiseConv2D(3), layers.SeparableConv2D(4, 3)]
    ),
    "transposed convolution, upsampling": _with(
        lambda: [layers.Conv2DTranspose(4, 3, strides=2), layers.UpSampling2D()]
    ),
    "ELU, GELU, SiLU, hard SiLU": _with(
        lambda: [layers.Activation(name) for name in ("elu", "gelu", "silu", "hard_silu")]
    ),
    "leaky and parametric ReLU": _with(lambda: [layers.LeakyReLU(), layers.PReLU()]),
    "mirroring, turning, dropout": _with(
        lambda: [layers.RandomFlip(), layers.RandomRotation(0.1), layers.Dropout(0.5)]
    ),
    "sum of two branches": lambda: _joined(layers.Add()),
    "product of two branches": lambda: _joined(layers.Multiply()),
    "two branches side by side": lambda: _joined(layers.Concatenate()),
    "multi-head attention": _attention,
    "LSTM over the rows": _with(lambda: [layers.Reshape((14, 56)), layers.LSTM(4)]),
    "network within a network": _nested,
    "sub-classed network": _own,
    "softmax at the end": lambda: keras.Sequential([*_with()().layers, layers.Softmax()]),
    "several inputs": _two_inputs,
    "plain function": _function,
}
"""By what is special about it; everything else is a convolution and a dense layer."""
