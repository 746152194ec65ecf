"""Controls: LIME, occlusion, Grad-CAM, edges and dice, in the form of all explainers."""

from __future__ import annotations

from collections.abc import Callable

import keras
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import shap
from numpy.typing import NDArray
from skimage.filters import sobel

from insectlib.explain.controls.grad_cam import grad_cam
from insectlib.explain.controls.lime import lime_image
from insectlib.explain.controls.simple_maps import edge_map, occlusion, random_map
from insectlib.explain.masking.segments import segment_values
from insectlib.models.cnns import regularised_cnn

GREY = (128.0, 128.0, 128.0)
NAMES = ("beetle", "cockroach", "dragonfly")
SIXTEEN = np.kron(np.arange(16).reshape(4, 4), np.ones((4, 4), dtype=np.int64))


class Network:
    """A linear stand-in for a Keras model that counts the pictures it is shown."""

    input_shape = (None, 16, 16, 3)

    def __init__(self) -> None:
        self.weights = np.random.default_rng(1).normal(size=(16 * 16 * 3, 3)) / 255
        self.seen = 0

    def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        self.seen += len(images)
        return images.reshape(len(images), -1).astype(np.float64) @ self.weights

    def exact(self, pictures: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what each pixel, channel and class adds before grey."""
        parts = (pictures - 128.0).reshape(len(pictures), -1, 1) * self.weights
        return parts.reshape(len(pictures), 16, 16, 3, 3)


@pytest.fixture
def pictures() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return regularised_cnn(16, seed=0)


def test_lime_finds_the_weights_of_a_linear_network(pictures: NDArray[np.float32]) -> None:
    network = Network()
    explained = lime_image(network, pictures, GREY, seed=0, segments=SIXTEEN, budget=4000)
    expected = segment_values(network.exact(pictures)[1], SIXTEEN)
    # the ridge pulls all slopes towards zero, a little
    np.testing.assert_allclose(
        segment_values(explained.values[1], SIXTEEN), expected, atol=0.02 * np.abs(expected).max()
    )
    grey = network.predict_on_batch(np.full((1, 16, 16, 3), 128.0))[0]
    np.testing.assert_allclose(explained.base_values, np.stack([grey, grey]), atol=0.05)
    assert 0 < explained.additivity_gap < 0.1


def test_lime_weighs_by_distance(pictures: NDArray[np.float32]) -> None:
    """A network that only reacts to the last patch to go: near copies know nothing of it."""

    class Threshold(Network):
        def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
            hidden = (images == 128).all(axis=-1).mean(axis=(1, 2))
            return np.repeat((hidden > 0.6)[:, None].astype(float), 3, axis=1)

    def slopes(width: float) -> float:
        explained = lime_image(
            Threshold(), pictures[:1], GREY, seed=0, segments=SIXTEEN, width=width
        )
        return float(np.abs(explained.values).sum())

    assert slopes(0.05) < 0.3 * slopes(1.0)
    with pytest.raises(ValueError, match="width is 0"):
        slopes(0)


def test_lime_counts_and_obeys_its_seed(pictures: NDArray[np.float32]) -> None:
    network = Network()

    def run(seed: int) -> shap.Explanation:
        return lime_image(network, pictures, GREY, seed=seed, segments=SIXTEEN, budget=50)

    first = run(0)
    assert first.evaluations == network.seen
    assert first.segments.shape == (2, 16, 16)
    np.testing.assert_array_equal(first.values, run(0).values)
    assert np.abs(first.values - run(1).values).max() > 1e-6


def test_occlusion_is_exact_for_squares_of_a_linear_network(
    pictures: NDArray[np.float32],
) -> None:
    network = Network()
    explained = occlusion(network, pictures, GREY)
    assert explained.evaluations == network.seen == 2 * (15 * 15 + 1)
    exact = network.exact(pictures).sum(axis=3)
    # the pixel (5, 6) lies in the squares of 2x2 pixels that begin at 4, 5 and 5, 6
    squares = [exact[:, y : y + 2, x : x + 2].sum(axis=(1, 2)) / 4 for y in (4, 5) for x in (5, 6)]
    np.testing.assert_allclose(
        explained.values[:, 5, 6].sum(axis=1), np.mean(squares, axis=0), atol=1e-6
    )
    corner = exact[:, :2, :2].sum(axis=(1, 2)) / 4
    np.testing.assert_allclose(explained.values[:, 0, 0].sum(axis=1), corner, atol=1e-6)


def test_occlusion_reaches_every_pixel() -> None:
    class Wide(Network):
        input_shape = (None, 37, 50, 3)

        def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
            return images.sum(axis=(1, 2, 3), dtype=np.float64)[:, None] * [1.0, -1.0]

    explained = occlusion(Wide(), np.full((1, 37, 50, 3), 200.0), (0, 0, 0))
    np.testing.assert_allclose(explained.values[0].sum(axis=2)[..., 0], 600, rtol=1e-5)


def test_edges_are_those_of_the_picture(pictures: NDArray[np.float32]) -> None:
    explained = edge_map(Network(), pictures, seed=3)
    edges = sobel(pictures[0].mean(axis=-1) / 255)
    for k in range(3):
        np.testing.assert_allclose(explained.values[0, ..., k].sum(axis=-1), edges, atol=1e-6)
    assert explained.evaluations == 2  # for the outputs
    assert np.isnan(explained.additivity_gap) and np.isnan(explained.base_values).all()


def test_dice_are_thrown_for_each_superpixel_and_class(pictures: NDArray[np.float32]) -> None:
    thrown = random_map(Network(), pictures, seed=0, segments=SIXTEEN)
    sums = segment_values(thrown.values[0], SIXTEEN)
    assert len(np.unique(sums.round(9))) == sums.size == 48
    assert np.ptp(thrown.values[0][SIXTEEN == 3], axis=(0, 1)).max() == pytest.approx(0)
    np.testing.assert_array_equal(
        thrown.values, random_map(Network(), pictures, seed=0, segments=SIXTEEN).values
    )
    other = random_map(Network(), pictures, seed=1, segments=SIXTEEN)
    assert np.abs(np.corrcoef(thrown.values.ravel(), other.values.ravel())[0, 1]) < 0.5


def test_grad_cam_of_a_network_known_by_heart() -> None:
    """One feature map with a positive weight, one with a negative: only the first is shown."""
    inputs = keras.Input((16, 16, 3))
    features = keras.layers.Conv2D(2, 1, use_bias=False, name="features")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    model = keras.Model(inputs, keras.layers.Dense(2, use_bias=False, name="top")(pooled))
    model.get_layer("features").set_weights([np.array([[[[1.0, 0], [0, 1.0], [0, 0]]]])])
    model.get_layer("top").set_weights([np.array([[2.0, 0.0], [-1.0, 3.0]])])
    picture = np.zeros((1, 16, 16, 3), dtype=np.float32)
    picture[0, :8, :, 0], picture[0, 8:, :, 1] = 100, 200
    explained = grad_cam(model, picture)
    shown = explained.values[0].sum(axis=2)
    # each of 256 pixels has a 256th of the gradient, and the weight is their mean
    np.testing.assert_allclose(shown[:8, :, 0], 2 * 100 / 256, rtol=1e-5)
    np.testing.assert_allclose(shown[8:, :, 0], 0)
    np.testing.assert_allclose(shown[8:, :, 1], 3 * 200 / 256, rtol=1e-5)
    np.testing.assert_allclose(shown[:8, :, 1], 0)


def test_grad_cam_of_the_course_network(
    network: keras.Model, pictures: NDArray[np.float32]
) -> None:
    explained = grad_cam(network, pictures, class_names=NAMES)
    assert explained.values.min() == 0 < explained.values.max()
    assert np.isnan(explained.additivity_gap)
    last = grad_cam(network, pictures, layer="dropout_conv")
    np.testing.assert_allclose(explained.values, last.values)
    assert np.abs(explained.values - grad_cam(network, pictures, layer="pool_32").values).max() > 0
    with pytest.raises(ValueError, match="no layer 'logits' with feature maps; expected one of"):
        grad_cam(network, pictures, layer="logits")


def test_probabilities_flatten_the_gradient(
    network: keras.Model, pictures: NDArray[np.float32]
) -> None:
    logits, shares = (grad_cam(network, pictures, output=o) for o in ("logits", "probabilities"))
    assert np.abs(logits.values - shares.values).max() > 0


@pytest.mark.parametrize("control", [lime_image, occlusion, grad_cam, edge_map, random_map])
def test_all_answer_in_the_same_form(
    control: Callable[..., shap.Explanation],
    network: keras.Model,
    pictures: NDArray[np.float32],
) -> None:
    mpl.use("agg")
    explained = control(network, pictures, GREY, seed=0, class_names=NAMES, target="top 2")
    assert explained.values.shape == (2, 16, 16, 3, 2)
    assert explained.base_values.shape == explained.classes.shape == (2, 2)
    assert explained.outputs[0, 0] >= explained.outputs[0, 1]
    np.testing.assert_array_equal(explained.data, np.rint(pictures))
    everything = control(network, pictures, GREY, seed=0)
    first = np.take_along_axis(
        everything.values, explained.classes[:, None, None, None, :], axis=-1
    )
    np.testing.assert_allclose(explained.values, first, atol=1e-6)
    shap.image_plot(explained, show=False)
    plt.close("all")
    one = control(network, pictures[0], GREY, seed=0)
    assert one.values.shape == (1, 16, 16, 3, 3)
    with pytest.raises(ValueError, match="output is 'odds'"):
        control(network, pictures, GREY, seed=0, output="odds")
