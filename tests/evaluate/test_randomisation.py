"""Networks that have forgotten."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from insectlib.data.imageset import ImageSet
from insectlib.evaluate.randomisation import (
    cascade,
    layers_with_weights,
    with_shuffled_labels,
    with_shuffled_weights,
)
from insectlib.models.cnns import regularised_cnn


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return regularised_cnn(16, seed=0)


NAMES = ["logits", "dense", "conv_128", "conv_64", "conv_32"]


def test_layers_that_learn_from_the_top(network: keras.Model) -> None:
    assert layers_with_weights(network) == NAMES


def test_numbers_change_places_in_the_named_layers_only(network: keras.Model) -> None:
    before = [w.copy() for w in network.get_weights()]
    shuffled = with_shuffled_weights(network, ["dense", "conv_32"], seed=0)
    for layer in network.layers:
        for old, new in zip(
            layer.get_weights(), shuffled.get_layer(layer.name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(np.sort(old, axis=None), np.sort(new, axis=None))
            moved = layer.name in ("dense", "conv_32") and old.ndim > 1
            assert (old != new).any() == moved
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_seed_decides(network: keras.Model) -> None:
    def kernel(seed: int) -> np.ndarray:
        return with_shuffled_weights(network, ["logits"], seed=seed).get_layer("logits").kernel

    np.testing.assert_array_equal(kernel(0), kernel(0))
    assert (np.asarray(kernel(0)) != np.asarray(kernel(1))).any()


def test_layers_alike_are_not_shuffled_alike() -> None:
    layers = [keras.layers.Dense(4, name=name) for name in ("a", "b")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    layers[1].set_weights(layers[0].get_weights())
    a, b = with_shuffled_weights(model, ["a", "b"], seed=0).layers
    assert (np.asarray(a.kernel) != np.asarray(b.kernel)).any()


def test_cascade_forgets_one_layer_after_the_other(network: keras.Model) -> None:
    steps = list(cascade(network, seed=0))
    assert [name for name, _ in steps] == NAMES
    for depth, (_, copy) in enumerate(steps, start=1):
        for place, name in enumerate(NAMES):
            same = np.array_equal(copy.get_layer(name).kernel, network.get_layer(name).kernel)
            assert same == (place >= depth)
            if place < depth - 1:  # what was forgotten before stays as it was
                earlier = steps[depth - 2][1].get_layer(name).kernel
                np.testing.assert_array_equal(copy.get_layer(name).kernel, earlier)


def test_functional_networks_too() -> None:
    start = keras.Input((4,))
    model = keras.Model(start, keras.layers.Dense(2, name="top")(keras.layers.Dense(3)(start)))
    shuffled = with_shuffled_weights(model, ["top"], seed=0)
    assert not np.array_equal(shuffled.get_layer("top").kernel, model.get_layer("top").kernel)


def test_unknown_layer_is_refused(network: keras.Model) -> None:
    with pytest.raises(ValueError, match="no layer 'flatten' with weights; expected one of logits"):
        with_shuffled_weights(network, ["flatten"], seed=0)


def test_labels_change_places(tiny_set: ImageSet) -> None:
    shuffled = with_shuffled_labels(tiny_set, seed=0)
    assert shuffled.counts() == tiny_set.counts()
    assert (shuffled.labels != tiny_set.labels).any()
    np.testing.assert_array_equal(shuffled.images, tiny_set.images)
    np.testing.assert_array_equal(shuffled.labels, with_shuffled_labels(tiny_set, seed=0).labels)
    assert (shuffled.labels != with_shuffled_labels(tiny_set, seed=1).labels).any()
