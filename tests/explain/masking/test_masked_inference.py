"""The engine returns what masking by hand returns, compiles once, and lets go of its models."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking import masked_inference, masking_graphs
from insectlib.explain.masking.masked_inference import masked_forward, pixel_forward, unlike
from insectlib.explain.masking.masking_graphs import BATCH, SIDE_BY_SIDE, graph_of
from insectlib.explain.masking.segments import mask_image
from insectlib.models.cnns import small_cnn

SIZE = 16
STEP = BATCH // SIDE_BY_SIDE


@pytest.fixture
def network() -> keras.Model:
    return small_cnn(SIZE, seed=0)


@pytest.fixture
def scene() -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Return regions, a picture and a background."""
    random = np.random.default_rng(0)
    regions = np.kron(np.arange(16).reshape(4, 4), np.ones((4, 4))).astype(np.int32)
    image, background = random.uniform(0, 255, (2, SIZE, SIZE, 3)).astype(np.float32)
    return regions, image, background


def rows(n: int, k: int = 16, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).integers(0, 2, (n, k)).astype(np.float32)


@pytest.mark.parametrize("n", [1, STEP - 1, STEP, STEP + 1, BATCH, 3 * BATCH + 1])
def test_same_logits_as_pictures_masked_by_hand(
    network: keras.Model, scene: tuple[NDArray[np.int32], ...], n: int
) -> None:
    coalitions = rows(n)
    expected = np.asarray(network(mask_image(coalitions, *scene), training=False))
    found = masked_forward(network)(coalitions, *scene)
    assert found.shape == (n, 3)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("n", [1, STEP, BATCH + 1])
@pytest.mark.parametrize("one_each", [False, True])
def test_same_logits_when_pixels_are_masked_one_by_one(
    network: keras.Model,
    scene: tuple[NDArray[np.int32], ...],
    n: int,
    one_each: bool,
) -> None:
    _, image, background = scene
    random = np.random.default_rng(3)
    shown = random.random((n, SIZE, SIZE, 3)) < 0.5
    grounds = background[None] + random.uniform(-9, 9, (n if one_each else 1, 1, 1, 1))
    grounds = grounds.astype(np.float32)
    expected = np.asarray(network(np.where(shown, image, grounds), training=False))
    for model in (network, lambda images: network.predict_on_batch(images)):
        found = pixel_forward(model)(shown, image, grounds)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_blocks_of_coalitions_are_put_together(
    network: keras.Model,
    scene: tuple[NDArray[np.int32], ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coalitions = rows(50)
    whole = masked_forward(network)(coalitions, *scene)
    monkeypatch.setattr(masked_inference, "BLOCK", 16)
    np.testing.assert_allclose(masked_forward(network)(coalitions, *scene), whole, atol=1e-5)


def test_memory_does_not_grow_with_the_number_of_coalitions(
    network: keras.Model, scene: tuple[NDArray[np.int32], ...]
) -> None:
    forward = masked_forward(network)
    forward(rows(40), *scene)
    peaks = []
    for n in (200, 2000):
        coalitions = rows(n)
        tracemalloc.start()
        forward(coalitions, *scene)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    pictures = (2000 - 200) * SIZE * SIZE * 3 * 4
    assert peaks[1] - peaks[0] < pictures / 10


def test_unlike_rows_are_found_in_their_order() -> None:
    coalitions = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 0, 1]], dtype=bool)
    first, place = unlike(coalitions)
    assert first.tolist() == [0, 1, 3]
    assert place.tolist() == [0, 1, 0, 2, 1]


def test_one_trace_for_all_pictures_regions_and_numbers_of_coalitions(
    network: keras.Model, scene: tuple[NDArray[np.int32], ...]
) -> None:
    regions, image, background = scene
    masked_forward(network)(rows(40), *scene)
    masked_forward(network)(rows(5, 4), regions // 4, background, image)
    CoalitionGame(network, image, np.zeros(3, np.float32), regions)(rows(33))
    assert graph_of(network, "regions", image.shape, STEP).experimental_get_tracing_count() == 1
    for n in (1, 5, 40):
        shown = np.zeros((n, SIZE, SIZE, 3), dtype=bool)
        pixel_forward(network)(shown, image, background[None])
        pixel_forward(network)(shown, background, np.repeat(image[None], n, axis=0))
    assert graph_of(network, "pixels", image.shape, STEP).experimental_get_tracing_count() == 1


def test_weights_that_change_later_are_used(
    network: keras.Model, scene: tuple[NDArray[np.int32], ...]
) -> None:
    forward = masked_forward(network)
    before = forward(rows(3), *scene)
    network.layers[-1].bias.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(forward(rows(3), *scene), before + [1, 2, 3], atol=1e-5)


def test_a_model_that_is_done_with_is_let_go(scene: tuple[NDArray[np.int32], ...]) -> None:
    network = small_cnn(SIZE, seed=0)
    masked_forward(network)(rows(3), *scene)
    left = weakref.ref(network)
    del network
    keras.backend.clear_session()
    gc.collect()
    assert left() is None


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_any_function_any_channels_any_size(channels: int, batch_size: int) -> None:
    """A plain function and a Keras network, at a size that is no square, masked by hand beside."""
    random = np.random.default_rng(channels)
    height, width, n = 7, 12, 11
    image, baseline = random.uniform(0, 255, (2, height, width, channels)).astype(np.float32)
    weights = random.normal(size=(height * width * channels, 5)) / 255
    seen = []

    def function(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
        assert pictures.dtype == np.float32
        seen.append(pictures.shape)
        return pictures.reshape(len(pictures), -1) @ weights

    class Wrapped:
        def predict_on_batch(self, pictures: NDArray[np.float32]) -> NDArray[np.float64]:
            return function(pictures)

    network = keras.Sequential(
        [
            keras.Input((height, width, channels)),
            keras.layers.Flatten(),
            keras.layers.Dense(5, use_bias=False),
        ]
    )
    network.set_weights([weights])
    regions = random.integers(0, 6, (height, width)).astype(np.int32)
    coalitions = rows(n, 6)
    shown = random.random((n, height, width, channels)) < 0.5
    fills = random.uniform(0, 255, shown.shape).astype(np.float32)
    for model in (function, Wrapped(), network):
        seen.clear()
        found = masked_forward(model, batch_size)(coalitions, regions, image, baseline)
        expected = mask_image(coalitions, regions, image, baseline).reshape(n, -1) @ weights
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert found.dtype == np.float64
        for fill in (baseline[None], fills):
            found = pixel_forward(model, batch_size)(shown, image, fill)
            expected = np.where(shown, image, fill).reshape(n, -1) @ weights
            np.testing.assert_allclose(found, expected, atol=1e-4)
        if model is not network:
            assert sum(shape[0] for shape in seen) == 3 * n
            assert {shape[1:] for shape in seen} == {(height, width, channels)}
            assert max(shape[0] for shape in seen) <= batch_size


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_a_network_sees_no_more_than_a_batch_at_a_time(
    network: keras.Model, scene: tuple[NDArray[np.int32], ...], batch_size: int
) -> None:
    forward = masked_forward(network, batch_size)
    expected = network(mask_image(rows(40), *scene), training=False)
    np.testing.assert_allclose(forward(rows(40), *scene), expected, atol=1e-5)
    side_by_side = min(SIDE_BY_SIDE, batch_size)
    steps = masking_graphs._steps(40, batch_size // side_by_side, side_by_side)
    assert [part.start for part in steps[1:]] == [part.stop for part in steps[:-1]]
    assert (steps[0].start, steps[-1].stop) == (0, 40)
    assert max(part.stop - part.start for part in steps) * side_by_side <= batch_size


def test_a_batch_of_nothing_is_refused(network: keras.Model) -> None:
    for forward in (masked_forward, pixel_forward):
        with pytest.raises(ValueError, match="batch_size is 0; expected 1 picture or more"):
            forward(network, 0)


def test_a_coalition_that_comes_twice_is_evaluated_once(
    network: keras.Model, scene: tuple[NDArray[np.int32], ...]
) -> None:
    regions, image, background = scene
    game = CoalitionGame(network, image, background, regions)
    coalitions = rows(12)
    twice = np.concatenate([coalitions, coalitions[::-1]])
    outputs = game(twice)
    assert game.evaluations == len(np.unique(coalitions, axis=0))
    np.testing.assert_array_equal(outputs[:12], outputs[12:][::-1])
    np.testing.assert_allclose(outputs[:12], masked_forward(network)(coalitions, *scene), atol=1e-5)
