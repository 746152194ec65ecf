"""What each place of a network's last map sees, and the two parts that make the whole."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from insectlib.explain.masking.local_network import local_network
from insectlib.models.cnns import regularised_cnn, small_cnn

SIZE = 24


@settings(max_examples=15, deadline=None)
@given(
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    pool=st.integers(1, 2),
    padding=st.sampled_from(["same", "valid"]),
    seed=st.integers(0, 100),
)
def test_a_place_sees_its_window_and_nothing_else(
    kernel: int, stride: int, dilation: int, pool: int, padding: str, seed: int
) -> None:
    dilation = dilation if stride == 1 else 1  # Keras takes one or the other
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Conv2D(
                2, kernel, strides=stride, padding=padding, dilation_rate=dilation, name="first"
            ),
            layers.AveragePooling2D(pool, padding=padding),
            layers.Conv2D(2, (kernel, 2), padding=padding),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    trunk, rest = local_network(model)
    random = np.random.default_rng(seed)
    picture = random.normal(size=(1, SIZE, SIZE, 3)).astype(np.float32)
    before = trunk.predict_on_batch(picture).reshape(len(rest.down), len(rest.across), -1)
    row, column = random.integers(len(rest.down)), random.integers(len(rest.across))
    (top, bottom), (left, right) = rest.down[row], rest.across[column]
    inside = np.zeros((SIZE, SIZE), dtype=bool)
    inside[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
    elsewhere = np.where(inside[..., None], picture, 9)
    after = trunk.predict_on_batch(elsewhere).reshape(before.shape)
    np.testing.assert_allclose(after[row, column], before[row, column], atol=1e-5)
    # and it sees the first and the last pixel of it, where they are in the picture
    corners = [(top, left), (bottom - 1, right - 1)]
    for y, x in [corner for corner in corners if min(corner) >= 0 and max(corner) < SIZE]:
        changed = picture.copy()
        changed[0, y, x] += 9
        after = trunk.predict_on_batch(changed).reshape(before.shape)
        assert np.abs(after[row, column] - before[row, column]).max() > 1e-6


@pytest.mark.parametrize("build", [small_cnn, regularised_cnn])
def test_the_parts_of_the_course_s_networks_make_the_whole(build: Any) -> None:
    model = build(32, 3, seed=0)
    trunk, rest = local_network(model)
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    maps = trunk.predict_on_batch(pictures).reshape(2, len(rest.weights), -1)
    logits = rest.head(np.einsum("mpc,pcu->mu", maps, rest.weights) + rest.bias)
    np.testing.assert_allclose(logits, model(pictures, training=False), atol=1e-5)
    assert local_network(model)[0] is trunk


def with_a_branch() -> keras.Model:
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(3, 3, padding="same")(inputs)
    x = layers.Add(name="meeting")([x, inputs])
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def pooled() -> keras.Model:
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(4, 3)(inputs)
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def flat() -> keras.Model:
    inputs = keras.Input((SIZE, SIZE, 3))
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(inputs)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (with_a_branch, "layer 'meeting' is none of them"),
        (pooled, "comes GlobalAveragePooling2D, where Flatten and Dense were expected"),
        (flat, "it has no map of features"),
    ],
)
def test_other_networks_are_refused_by_name(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        local_network(build())
