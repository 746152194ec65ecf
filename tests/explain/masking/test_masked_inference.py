"""The engine returns what masking by hand returns, compiles once, and lets go of its models."""

from __future__ import annotations

import gc
import importlib.util
import tracemalloc
import weakref

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.masking.masked_inference import (
    BATCH,
    STEP,
    _graph,
    masked_forward,
    pixel_forward,
    unlike,
)
from insectlib.explain.masking.segments import mask_image
from insectlib.models.cnns import small_cnn

SIZE = 16
BACK_ENDS = ["tensorflow", *(["openvino"] if importlib.util.find_spec("openvino") else [])]


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
@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("one_each", [False, True])
def test_same_logits_when_pixels_are_masked_one_by_one(
    network: keras.Model,
    scene: tuple[NDArray[np.int32], ...],
    n: int,
    back_end: str,
    one_each: bool,
) -> None:
    _, image, background = scene
    random = np.random.default_rng(3)
    shown = random.random((n, SIZE, SIZE, 3)) < 0.5
    grounds = background[None] + random.uniform(-9, 9, (n if one_each else 1, 1, 1, 1))
    grounds = grounds.astype(np.float32)
    expected = np.asarray(network(np.where(shown, image, grounds), training=False))
    found = pixel_forward(network, back_end)(shown, image, grounds)
    np.testing.assert_allclose(found, expected, atol=1e-5 if back_end == "tensorflow" else 1e-3)


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
    assert _graph(network).experimental_get_tracing_count() == 1
    for n in (1, 5, 40):
        shown = np.zeros((n, SIZE, SIZE, 3), dtype=bool)
        pixel_forward(network)(shown, image, background[None])
        pixel_forward(network)(shown, background, np.repeat(image[None], n, axis=0))
    assert _graph(network, "pixels").experimental_get_tracing_count() == 1


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


def test_models_of_other_makes_are_masked_by_numpy(
    network: keras.Model, scene: tuple[NDArray[np.int32], ...]
) -> None:
    class Other:
        def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
            assert len(images) <= BATCH
            return np.asarray(network(images, training=False))

    expected = masked_forward(network)(rows(40), *scene)
    np.testing.assert_allclose(masked_forward(Other())(rows(40), *scene), expected, atol=1e-5)
    with pytest.raises(ValueError, match="takes Keras models only"):
        masked_forward(Other(), "openvino")
    _, image, background = scene
    shown = np.random.default_rng(0).random((40, SIZE, SIZE, 3)) < 0.5
    found = pixel_forward(Other())(shown, image, background[None])
    expected = pixel_forward(network)(shown, image, background[None])
    np.testing.assert_allclose(found, expected, atol=1e-5)


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


def test_openvino_agrees_or_is_asked_for_by_name(
    network: keras.Model, scene: tuple[NDArray[np.int32], ...]
) -> None:
    if importlib.util.find_spec("openvino") is None:
        with pytest.raises(ModuleNotFoundError, match="pip install openvino"):
            masked_forward(network, "openvino")
        return
    forward = masked_forward(network, "openvino")
    for n in (20, 40):  # by the trunk alone, and by the whole network
        expected = masked_forward(network)(rows(n), *scene)
        np.testing.assert_allclose(forward(rows(n), *scene), expected, atol=1e-3)
    network.get_layer("conv_16").bias.assign(np.linspace(-1, 1, 16))
    network.layers[-1].bias.assign([1.0, 2.0, 3.0])
    for n in (20, 40):
        changed = masked_forward(network)(rows(n), *scene)
        np.testing.assert_allclose(forward(rows(n), *scene), changed, atol=1e-3)
    assert np.abs(changed - expected).max() > 0.1


def test_unknown_back_end_is_named(network: keras.Model) -> None:
    with pytest.raises(ValueError, match="'cuda'; expected one of tensorflow, openvino"):
        masked_forward(network, "cuda")
