"""Digests of networks and image sets: equal for what answers alike, in every session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from insectlib.data.imageset import ImageSet
from insectlib.models.cnns import regularised_cnn, small_cnn
from insectlib.models.digests import imageset_digest, network_digest


def branched(kind: str = "relu", dtype: str = "float32", name: str | None = None) -> keras.Model:
    """Build a network with a block and two branches, whose layers Keras names."""
    picture = keras.Input((8, 8, 3))
    flat = layers.Flatten()(keras.Sequential([layers.MaxPooling2D(), layers.ReLU()])(picture))
    one, other = (
        layers.Dense(2, activation=kind, dtype=dtype, kernel_initializer="ones", name=name)(flat)
        for name in (name, None)
    )
    return keras.Model(picture, layers.Add()([one, other]))


def test_names_that_keras_counts_up_do_not_matter() -> None:
    first, second = branched(), branched()
    assert first.layers[-1].name != second.layers[-1].name
    assert network_digest(first) == network_digest(second)


@pytest.mark.parametrize("counter", [0, 1, 7, 98])
def test_the_counter_does_not_matter(counter: int) -> None:
    expected = network_digest(branched())
    for _ in range(counter):
        layers.Dense(1)
    assert network_digest(branched()) == expected


@pytest.mark.parametrize(
    "other",
    [
        lambda: branched("tanh"),
        lambda: branched(dtype="mixed_float16"),
        lambda: branched(dtype="float64"),
        lambda: branched(name="mine"),
        lambda: small_cnn(8, seed=0),
        lambda: small_cnn(8, seed=1),
        lambda: small_cnn(8, 2, seed=0),
        lambda: regularised_cnn(8, seed=0),
    ],
)
def test_what_is_built_otherwise_has_another_digest(other: Callable[[], keras.Model]) -> None:
    assert network_digest(other()) != network_digest(branched())
    assert network_digest(other()) == network_digest(other())


def test_layers_that_lie_otherwise_have_another_digest() -> None:
    picture = keras.Input((8, 8, 3))
    a, b = layers.Conv2D(3, 1, use_bias=False), layers.Conv2D(3, 1, use_bias=False)
    twice, once = keras.Model(picture, b(a(a(picture)))), keras.Model(picture, b(b(a(picture))))
    assert network_digest(twice) != network_digest(once)


def test_every_weight_counts() -> None:
    network = small_cnn(8, seed=0)
    before = network_digest(network)
    for i, weight in enumerate(network.get_weights()):
        changed = network.get_weights()
        changed[i] = weight.copy()
        changed[i].flat[-1] += 1e-3
        other = small_cnn(8, seed=0)
        other.set_weights(changed)
        assert network_digest(other) != before
    assert network_digest(network) == before


def test_pictures_labels_and_classes_count(tiny_set: ImageSet) -> None:
    images, labels = tiny_set.images.copy(), tiny_set.labels.copy()
    images[3, 2, 1, 0] += 1
    labels[0] = 2
    others = [
        replace(tiny_set, images=images),
        replace(tiny_set, labels=labels),
        replace(tiny_set, class_names=("beetle", "cockroach", "moth")),
        tiny_set.subset(range(23)),
        tiny_set.subset(range(24)[::-1]),
    ]
    digests = {imageset_digest(other) for other in others}
    assert len(digests | {imageset_digest(tiny_set)}) == 6
    unread = replace(tiny_set, groups=np.zeros(24, np.int64), names=tuple("x" * 24))
    assert imageset_digest(unread) == imageset_digest(tiny_set)
