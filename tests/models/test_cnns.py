"""The networks: the sizes that the course quotes, seeds, and refusals of wrong pictures."""

from __future__ import annotations

import logging

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insectlib.data.imageset import ImageSet
from insectlib.models.cnns import regularised_cnn, small_cnn
from insectlib.models.inference import check_images, probabilities
from insectlib.models.networks import without_augmentation
from insectlib.models.seeds import seed_stream


def test_small_cnn_has_the_size_of_the_tutorials() -> None:
    assert small_cnn(256, 3, seed=0).count_params() == 8_412_707


def test_small_cnn_has_the_layers_of_the_tutorials() -> None:
    network = small_cnn(64, 3, seed=0)
    assert [
        layer.filters for layer in network.layers if isinstance(layer, keras.layers.Conv2D)
    ] == [16, 32, 64]
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in network.layers)
    assert network.output_shape == (None, 3)
    assert network.layers[-1].activation is keras.activations.linear


def test_regularised_cnn_has_its_guards() -> None:
    network = regularised_cnn(128, 3, seed=0)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds[:3] == ["RandomFlip", "RandomRotation", "Rescaling"]
    assert [
        layer.filters for layer in network.layers if isinstance(layer, keras.layers.Conv2D)
    ] == [32, 64, 128]
    rates = [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.4, 0.2]
    assert network.get_layer("dense").units == 256
    assert network.layers[-1].activation is keras.activations.linear


@pytest.mark.parametrize("build", [small_cnn, regularised_cnn])
def test_seed_decides_the_weights(build: type[keras.Sequential], tiny_set: ImageSet) -> None:
    first, second, other = (build(16, seed=seed) for seed in (1, 1, 2))
    a, b, c = (np.asarray(network(tiny_set.images)) for network in (first, second, other))
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a, c)


def test_seed_decides_augmentation_and_dropout(tiny_set: ImageSet) -> None:
    first, second, other = (regularised_cnn(16, seed=seed) for seed in (1, 1, 2))
    other.set_weights(first.get_weights())
    a, b, c = (np.asarray(n(tiny_set.images, training=True)) for n in (first, second, other))
    np.testing.assert_allclose(a, b, atol=1e-5)
    assert not np.allclose(a, c)
    again = np.asarray(first(tiny_set.images, training=True))
    assert not np.allclose(a, again), "every batch is mirrored and turned anew"


def test_without_augmentation_keeps_the_rest_and_its_weights(tiny_set: ImageSet) -> None:
    network = regularised_cnn(16, seed=1)
    bare = without_augmentation(network)
    assert [layer.name for layer in bare.layers] == [layer.name for layer in network.layers]
    assert bare.count_params() == network.count_params()
    expected = np.asarray(network(tiny_set.images, training=False))
    np.testing.assert_allclose(bare(tiny_set.images), expected, atol=1e-5)
    # this is why: without a word about training, Keras turns and mirrors
    assert not np.allclose(network(tiny_set.images), expected)


def test_without_augmentation_reaches_blocks_and_branches(tiny_set: ImageSet) -> None:
    block = keras.Sequential(
        [keras.layers.RandomFlip(seed=1), keras.layers.RandomZoom(0.3, seed=2)]
    )
    picture = keras.Input((16, 16, 3))
    flat = keras.layers.Flatten()(block(picture))
    logits = keras.layers.Add()([keras.layers.Dense(3)(flat), keras.layers.Dense(3)(flat)])
    network = keras.Model(picture, logits)
    expected = np.asarray(network(tiny_set.images, training=False))
    bare = without_augmentation(network)
    np.testing.assert_allclose(bare(tiny_set.images), expected, rtol=1e-4, atol=1e-3)


def test_seed_stream_repeats_itself_and_no_seed() -> None:
    first, second = seed_stream(3), seed_stream(3)
    seeds = [next(first) for _ in range(100)]
    assert seeds == [next(second) for _ in range(100)]
    assert len(set(seeds)) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_probabilities_are_the_softmax_of_the_logits(tiny_set: ImageSet) -> None:
    network = small_cnn(16, seed=0)
    logits = np.asarray(network(tiny_set.images), dtype=np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = probabilities(network, tiny_set.images, batch_size=7)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_probabilities_of_integer_pictures(tiny_set: ImageSet) -> None:
    network = small_cnn(16, seed=0)
    whole = tiny_set.images.astype(np.uint8)
    np.testing.assert_array_equal(
        probabilities(network, whole), probabilities(network, whole.astype(np.float32))
    )


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.full((16, 16, 3), 9.0), r"images\[None\]"),
        (np.full((2, 16, 16), 9.0), r"one picture"),
        (np.full((2, 16, 16, 4), 9.0), r"4 channels, but the network takes 3"),
        (np.full((2, 8, 16, 3), 9.0), "8x16 pixels, but the network takes 16x16"),
        (np.full((2, 16, 16, 3), 0.7), "multiply by 255"),
        (np.full((2, 16, 16, 3), -3.0), "from -3 to -3; expected 0 to 255"),
        (np.full((2, 16, 16, 3), 256.0), "expected 0 to 255"),
        (np.full((2, 16, 16, 3), np.nan), "not finite"),
        (np.full((2, 16, 16, 3), np.inf), "not finite"),
    ],
)
def test_unfit_pictures_are_refused(images: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        probabilities(small_cnn(16, seed=0), images)


@settings(max_examples=30, deadline=None)
@given(
    low=st.floats(0, 255),
    high=st.floats(2, 255),
    count=st.integers(0, 4),
    kind=st.sampled_from([np.uint8, np.float32, np.float64]),
)
def test_pictures_in_range_pass_unchanged(low: float, high: float, count: int, kind: type) -> None:
    images = np.full((count, 4, 5, 3), min(low, high), dtype=kind)
    images[:, 0, 0, 0] = high
    checked = check_images(images, (4, 5, 3))
    assert checked.dtype == np.float32
    np.testing.assert_array_equal(checked, images.astype(np.float32))


def test_black_pictures_are_pictures() -> None:
    assert check_images(np.zeros((1, 4, 4, 3))).max() == 0


def test_many_networks_and_batches_of_many_lengths_say_nothing() -> None:
    """TensorFlow warns of "retracing" from the fifth network on, which a reader cannot help."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    try:
        for n in range(1, 10):
            model = small_cnn(8, seed=n)
            probabilities(model, np.full((n, 8, 8, 3), 100, dtype=np.float32))
            probabilities(model, np.full((n + 9, 8, 8, 3), 100, dtype=np.float32))
    finally:
        logger.removeHandler(handler)
    assert told == []
