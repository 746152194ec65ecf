"""Permutation SHAP: right where the answer is known, additive always, exact about its cost."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
import shap
from numpy.typing import NDArray

from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.games.coalitions import exact_shapley
from insectlib.explain.masking.segments import mask_image, segment_values
from insectlib.explain.permutation import permutation_shap
from insectlib.models.cnns import small_cnn
from insectlib.models.inference import model_outputs
from insectlib.models.seeds import numpy_seed

NAMES = ("beetle", "cockroach", "dragonfly")
QUARTERS = np.kron(np.array([[0, 1], [2, 3]]), np.ones((4, 4), dtype=np.int64))
SIXTEEN = np.kron(np.arange(16).reshape(4, 4), np.ones((2, 2), dtype=np.int64))
GREY = (128.0, 128.0, 128.0)


class Network:
    """A stand-in for a Keras model that counts the pictures it is shown."""

    input_shape = (None, 8, 8, 3)

    def __init__(self, bend: str = "no") -> None:
        self.weights = np.random.default_rng(1).normal(size=(8 * 8 * 3, 3)) / 255
        self.bend = bend
        self.seen = 0

    def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        self.seen += len(images)
        linear = images.reshape(len(images), -1).astype(np.float64) @ self.weights
        return linear + {"no": 0, "square": linear**2, "wave": 3 * np.sin(linear)}[self.bend]


@pytest.fixture
def pictures() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)


def exact(network: Network, image: NDArray[np.float32]) -> NDArray[np.float64]:
    game = CoalitionGame(network, image, np.full((8, 8, 3), 128, dtype=np.float32), QUARTERS)
    return exact_shapley(game([[row >> i & 1 for i in range(4)] for row in range(16)]))


@pytest.mark.parametrize("bend", ["no", "square"])
def test_one_order_is_enough_where_only_pairs_interact(
    pictures: NDArray[np.float32], bend: str
) -> None:
    """There and back again: an order and its reverse are exact for games of pairs."""
    network = Network(bend)
    explained = permutation_shap(network, pictures, GREY, seed=0, segments=QUARTERS, budget=9)
    assert explained.permutations.tolist() == [1, 1]
    for i in range(2):
        np.testing.assert_allclose(
            segment_values(explained.values[i], QUARTERS), exact(network, pictures[i]), atol=1e-9
        )


def test_the_same_values_as_from_shap_with_pictures_masked_by_hand() -> None:
    network = small_cnn(16, seed=0)
    image = np.random.default_rng(0).uniform(0, 255, (16, 16, 3)).astype(np.float32)
    cut = np.kron(SIXTEEN, np.ones((2, 2), dtype=np.int64))

    def game(coalitions: NDArray[np.bool_]) -> NDArray[np.float32]:
        return network.predict(mask_image(coalitions, cut, image, np.float32(GREY)), verbose=0)

    with numpy_seed(0):
        explainer = shap.PermutationExplainer(game, lambda mask, _: mask[None], seed=0)
        theirs = explainer(np.ones((1, 16)), max_evals=99, silent=True).values[0]
    ours = permutation_shap(network, image, GREY, seed=0, segments=cut, budget=99)
    np.testing.assert_allclose(segment_values(ours.values[0], cut), theirs, atol=1e-4)


def test_many_orders_come_close_where_more_interact(pictures: NDArray[np.float32]) -> None:
    network = Network("wave")
    explained = permutation_shap(
        network, pictures[:1], GREY, seed=0, segments=QUARTERS, budget=9 * 200
    )
    found = segment_values(explained.values[0], QUARTERS)
    expected = exact(network, pictures[0])
    one = permutation_shap(network, pictures[:1], GREY, seed=0, segments=QUARTERS, budget=9)
    first = segment_values(one.values[0], QUARTERS)
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
    assert np.abs(first - expected).max() > 2 * np.abs(found - expected).max()


@pytest.mark.parametrize("output", ["logits", "probabilities"])
def test_base_value_and_attributions_add_up(pictures: NDArray[np.float32], output: str) -> None:
    network = Network("wave")
    explained = permutation_shap(
        network, pictures, GREY, seed=0, segments=SIXTEEN, budget=100, output=output
    )
    outputs = model_outputs(network, pictures, output)
    total = explained.base_values + explained.values.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(total, outputs, atol=1e-9)
    assert explained.relative_gap < 1e-3
    grey = np.full((1, 8, 8, 3), 128, dtype=np.float32)
    np.testing.assert_allclose(explained.base_values[0], model_outputs(network, grey, output)[0])


def test_layout_names_and_cost(pictures: NDArray[np.float32]) -> None:
    network = Network("wave")
    explained = permutation_shap(
        network, pictures, GREY, seed=0, segments=SIXTEEN, budget=100, class_names=NAMES
    )
    assert explained.values.shape == (2, 8, 8, 3, 3)
    assert explained.base_values.shape == (2, 3)
    assert list(explained.output_names) == list(NAMES)
    assert explained.segments.shape == (2, 8, 8)
    assert explained.permutations.tolist() == [3, 3]
    assert explained.evaluations == network.seen <= 2 * (3 * 33 + 1)
    assert 0 < explained.seconds == explained.compute_time
    short = permutation_shap(network, pictures, GREY, segments=SIXTEEN, budget=65)
    assert short.permutations.tolist() == [1, 1]
    first = explained.values[0][SIXTEEN == 0]
    np.testing.assert_array_equal(first, np.broadcast_to(first[:1, :1], first.shape))


@pytest.mark.parametrize("top", [1, 2])
def test_ranked_outputs(pictures: NDArray[np.float32], top: int) -> None:
    def run(target: str | None) -> shap.Explanation:
        return permutation_shap(
            Network("wave"),
            pictures,
            GREY,
            seed=0,
            segments=SIXTEEN,
            budget=70,
            class_names=NAMES,
            target=target,
        )

    ranked, everything = run(f"top {top}"), run(None)
    order = np.argsort(-model_outputs(Network("wave"), pictures), axis=1)[:, :top]
    names = np.broadcast_to(ranked.output_names, order.shape)
    np.testing.assert_array_equal(names, np.array(NAMES)[order])
    for i in range(2):
        np.testing.assert_array_equal(ranked.values[i], everything.values[i][..., order[i]])


def test_seed_decides_and_global_generator_stays(pictures: NDArray[np.float32]) -> None:
    def run(seed: int) -> NDArray[np.float64]:
        return permutation_shap(
            Network("wave"), pictures[:1], GREY, seed=seed, segments=SIXTEEN, budget=33
        ).values

    with numpy_seed(7):
        expected = np.random.mtrand.random()
    with numpy_seed(7):
        first = run(0)
        assert np.random.mtrand.random() == expected
    np.testing.assert_array_equal(run(0), first)
    assert np.abs(run(1) - first).max() > 1e-6


def test_nothing_is_said_about_a_network_with_a_list_of_inputs(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Keras warns whenever such a network is called with an array."""
    images = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    start = keras.initializers.GlorotUniform(0)
    pictures = keras.Input((32, 32, 3))
    hidden = keras.layers.RandomFlip("horizontal", seed=0)(pictures)
    hidden = keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer=start)(hidden)
    hidden = keras.layers.Dropout(0.5, seed=0)(hidden)
    hidden = keras.layers.GlobalAveragePooling2D()(hidden)
    network = keras.Model([pictures], keras.layers.Dense(3, kernel_initializer=start)(hidden))
    with pytest.warns(UserWarning, match="structure of `inputs`"):
        network(images)
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explained = permutation_shap(network, images, GREY, seed=0, budget=400)
    assert explained.relative_gap < 1e-3
    assert capfd.readouterr() == ("", "")


def test_one_superpixel_gets_everything(pictures: NDArray[np.float32]) -> None:
    whole = np.zeros((8, 8), dtype=np.int64)
    explained = permutation_shap(Network(), pictures, GREY, seed=0, segments=whole, budget=3)
    assert explained.additivity_gap < 1e-9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.full((1, 8, 8, 3), 0.5)}, "0 to 1"),
        ({"baseline": (300, 0, 0)}, "baseline has values from 0 to 300"),
        ({"segments": QUARTERS + 1}, "numbered from 0 without gaps"),
        ({"budget": 32}, "32, but one order of 16 superpixels, there and back, takes 33"),
        ({"output": "log_odds"}, "output is 'log_odds'"),
    ],
)
def test_what_is_wrong_is_named(
    pictures: NDArray[np.float32], change: dict[str, object], message: str
) -> None:
    arguments = {"images": pictures, "baseline": GREY, "segments": SIXTEEN, "seed": 0, **change}
    with pytest.raises(ValueError, match=message):
        permutation_shap(Network(), **arguments)
