"""Kernel SHAP: right where the answer is known, additive always, exact about its cost."""

from __future__ import annotations

import itertools
import warnings

import keras
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import shap
from numpy.typing import NDArray

from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.games.coalitions import exact_shapley
from insectlib.explain.kernel import kernel_shap
from insectlib.explain.masking.regions import spread
from insectlib.explain.masking.segments import segment_values
from insectlib.models.inference import model_outputs, softmax
from insectlib.models.seeds import numpy_seed

NAMES = ("beetle", "cockroach", "dragonfly")
QUARTERS = np.kron(np.array([[0, 1], [2, 3]]), np.ones((4, 4), dtype=np.int64))
SIXTEEN = np.kron(np.arange(16).reshape(4, 4), np.ones((2, 2), dtype=np.int64))
GREY = (128.0, 128.0, 128.0)


class Network:
    """A stand-in for a Keras model that counts the pictures it is shown."""

    input_shape = (None, 8, 8, 3)

    def __init__(self, curve: float = 0.0) -> None:
        self.weights = np.random.default_rng(1).normal(size=(8 * 8 * 3, 3)) / 255
        self.curve = curve
        self.seen = 0

    def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        self.seen += len(images)
        linear = images.reshape(len(images), -1).astype(np.float64) @ self.weights
        return linear + self.curve * np.sin(linear)


@pytest.fixture
def pictures() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)


def test_linear_network_gets_its_own_weights_back(pictures: NDArray[np.float32]) -> None:
    network = Network()
    explained = kernel_shap(network, pictures, GREY, segments=SIXTEEN, budget=200, seed=0)
    parts = (pictures - 128.0).reshape(2, -1, 1) * network.weights
    expected = segment_values(parts.reshape(2, 8, 8, 3, 3)[0], SIXTEEN)
    np.testing.assert_allclose(segment_values(explained.values[0], SIXTEEN), expected, atol=1e-6)


def test_curved_network_gets_exact_shapley_values(pictures: NDArray[np.float32]) -> None:
    network = Network(curve=3.0)
    explained = kernel_shap(network, pictures[:1], GREY, segments=QUARTERS, budget=14, seed=0)
    background = np.full((8, 8, 3), 128, dtype=np.float32)
    game = CoalitionGame(network, pictures[0], background, QUARTERS)
    rows = [[row >> i & 1 for i in range(4)] for row in range(16)]
    np.testing.assert_allclose(
        segment_values(explained.values[0], QUARTERS), exact_shapley(game(rows)), atol=1e-9
    )


@pytest.mark.parametrize("output", ["logits", "probabilities"])
def test_the_surrogate_finds_the_same_values(pictures: NDArray[np.float32], output: str) -> None:
    settings = {"segments": SIXTEEN, "seed": 0, "output": output}
    network = Network(curve=1.0)
    found = kernel_shap(
        network, pictures, GREY, budget=600, estimator="surrogate", class_names=NAMES, **settings
    )
    assert found.evaluations == network.seen == 2 * (600 + 3)
    shaps = kernel_shap(Network(curve=1.0), pictures, GREY, budget=6000, **settings)
    assert found.values.shape == shaps.values.shape
    assert found.additivity_gap < 1e-6
    np.testing.assert_allclose(found.base_values, shaps.base_values)
    for mine, reference in zip(found.values, shaps.values, strict=True):
        truth = segment_values(reference, SIXTEEN)
        miss = np.linalg.norm(segment_values(mine, SIXTEEN) - truth) / np.linalg.norm(truth)
        assert miss < 0.15
    assert list(found.output_names) == list(NAMES)
    assert hasattr(found, "errors") and not hasattr(shaps, "errors")


def test_errors_of_superpixels_are_spread_like_values(pictures: NDArray[np.float32]) -> None:
    found = kernel_shap(
        Network(curve=3.0),
        pictures,
        GREY,
        segments=SIXTEEN,
        budget=40,
        seed=0,
        target="top 2",
        estimator="surrogate",
    )
    assert found.errors.shape == found.values.shape == (2, 8, 8, 3, 2)
    of_regions = segment_values(found.errors[0], SIXTEEN)
    assert (of_regions > 0).all()
    np.testing.assert_allclose(spread(of_regions, SIXTEEN), found.errors[0])


def test_wanted_error_saves_evaluations(pictures: NDArray[np.float32]) -> None:
    def asked(wanted: float) -> int:
        return kernel_shap(
            Network(curve=1.0),
            pictures[:1],
            GREY,
            segments=SIXTEEN,
            budget=2000,
            seed=0,
            estimator="surrogate",
            wanted_error=wanted,
        ).evaluations

    assert asked(0.3) < asked(0.1) < 2003


@pytest.mark.parametrize("output", ["logits", "probabilities"])
@pytest.mark.parametrize("l1_reg", [0, "num_features(10)"])
def test_base_value_and_attributions_add_up(
    pictures: NDArray[np.float32], output: str, l1_reg: float | str
) -> None:
    network = Network(curve=1.0)
    explained = kernel_shap(
        network,
        pictures,
        GREY,
        segments=SIXTEEN,
        budget=60,
        seed=0,
        output=output,
        l1_reg=l1_reg,
    )
    outputs = model_outputs(network, pictures, output)
    total = explained.base_values + explained.values.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(total, outputs, atol=1e-9)
    assert explained.additivity_gap == pytest.approx(np.abs(total - outputs).max())
    grey = np.full((1, 8, 8, 3), 128, dtype=np.float32)
    np.testing.assert_allclose(explained.base_values[0], model_outputs(network, grey, output)[0])


def test_layout_names_and_cost(pictures: NDArray[np.float32]) -> None:
    network = Network()
    explained = kernel_shap(
        network, pictures, GREY, segments=SIXTEEN, budget=50, seed=0, class_names=NAMES
    )
    assert explained.values.shape == (2, 8, 8, 3, 3)
    assert explained.base_values.shape == (2, 3)
    assert list(explained.output_names) == list(NAMES)
    np.testing.assert_array_equal(explained.data, np.rint(pictures))
    assert explained.segments.shape == (2, 8, 8)
    assert explained.evaluations == network.seen == 2 * (50 + 3)
    assert 0 < explained.seconds == explained.compute_time
    # every pixel of a superpixel carries the same share of its value
    first = explained.values[0][SIXTEEN == 0]
    np.testing.assert_array_equal(first, np.broadcast_to(first[:1, :1], first.shape))


def test_top_explains_the_largest_outputs_first(pictures: NDArray[np.float32]) -> None:
    def explained(target: str | None) -> shap.Explanation:
        return kernel_shap(
            Network(),
            pictures,
            GREY,
            segments=QUARTERS,
            budget=14,
            seed=0,
            target=target,
            class_names=NAMES,
        )

    everything, best = explained(None), explained("top 2")
    outputs = model_outputs(Network(), pictures)
    assert best.values.shape == (2, 8, 8, 3, 2)
    for i in range(2):
        first, second = np.argsort(-outputs[i])[:2]
        assert list(best[i].output_names) == [NAMES[first], NAMES[second]]
        for j, place in enumerate((first, second)):
            np.testing.assert_allclose(best.values[i, ..., j], everything.values[i, ..., place])
            np.testing.assert_allclose(best.base_values[i, j], everything.base_values[i, place])
            np.testing.assert_allclose(best.outputs[i, j], outputs[i, place])
    for top in (0, 4):
        with pytest.raises(ValueError, match=f"target is 'top {top}'; expected 'top 1' to 'top 3'"):
            explained(f"top {top}")


def test_image_plot_draws_one_map_for_each_class(pictures: NDArray[np.float32]) -> None:
    mpl.use("agg")
    explained = kernel_shap(
        Network(), pictures, GREY, segments=QUARTERS, budget=14, seed=0, class_names=NAMES
    )
    shap.image_plot(explained, show=False)
    panels = [axes for axes in plt.gcf().axes if axes.images]
    assert [axes.get_title() for axes in panels[:4]] == ["", *NAMES]
    for i, k in itertools.product(range(2), range(3)):
        drawn = panels[4 * i + k + 1].images[-1].get_array()
        np.testing.assert_allclose(drawn, explained.values[i, ..., k].sum(axis=-1))
    plt.close("all")


def global_draw() -> float:
    """Return the next number of NumPy's global generator, the one that shap uses."""
    return float(np.random.mtrand.random())


def test_seed_decides_and_global_generator_stays(pictures: NDArray[np.float32]) -> None:
    def run(seed: int) -> NDArray[np.float64]:
        return kernel_shap(
            Network(curve=3.0), pictures[:1], GREY, segments=SIXTEEN, budget=40, seed=seed
        ).values

    with numpy_seed(7):
        expected = global_draw()
    with numpy_seed(7):
        first = run(0)
        assert global_draw() == expected
    np.testing.assert_array_equal(run(0), first)
    assert np.abs(run(1) - first).max() > 1e-6


def test_generator_is_put_back_after_an_error() -> None:
    before = np.random.mtrand.get_bit_generator()
    with pytest.raises(RuntimeError), numpy_seed(0):
        raise RuntimeError
    assert np.random.mtrand.get_bit_generator() is before


def test_default_of_shap_keeps_ten_superpixels(pictures: NDArray[np.float32]) -> None:
    def kept(l1_reg: float | str) -> int:
        explained = kernel_shap(
            Network(), pictures[:1], GREY, segments=SIXTEEN, budget=200, seed=0, l1_reg=l1_reg
        )
        return int((np.abs(segment_values(explained.values[0], SIXTEEN)[:, 0]) > 1e-9).sum())

    assert kept(0) == 16
    assert kept("num_features(10)") == 10


def test_baseline_is_a_colour_a_picture_or_one_for_each(pictures: NDArray[np.float32]) -> None:
    def base(baseline: object) -> NDArray[np.float64]:
        return kernel_shap(
            Network(), pictures, baseline, segments=QUARTERS, budget=14, seed=0
        ).base_values

    swapped = pictures[::-1].copy()
    np.testing.assert_allclose(base(swapped), model_outputs(Network(), swapped))
    np.testing.assert_allclose(base(swapped[0]), model_outputs(Network(), swapped[[0, 0]]))
    np.testing.assert_allclose(base(GREY)[0], base(np.full((8, 8, 3), 128))[0])


def test_two_coalitions_for_each_superpixel_are_the_least(pictures: NDArray[np.float32]) -> None:
    """A pair of complements is one equation: with fewer pairs than unknowns, nothing is certain."""
    exact = kernel_shap(Network(), pictures[:1], GREY, segments=SIXTEEN, budget=60, seed=3)
    parts = ((pictures[0] - 128.0).reshape(-1, 1) * Network().weights).reshape(8, 8, 3, 3)
    expected = segment_values(parts, SIXTEEN)
    np.testing.assert_allclose(segment_values(exact.values[0], SIXTEEN), expected, atol=1e-6)
    game = CoalitionGame(Network(), pictures[0], np.full((8, 8, 3), 128.0), SIXTEEN)
    with numpy_seed(3), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # shap's, about a singular matrix
        explainer = shap.KernelExplainer(game, np.zeros((1, 16)))
        phi = explainer.shap_values(np.ones((1, 16)), nsamples=20, l1_reg=0, silent=True)[0]
    assert np.abs(phi - expected).max() > 1e-2


def test_network_of_keras_with_superpixels_of_its_own() -> None:
    images = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.RandomFlip("horizontal"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    explained = kernel_shap(network, images, GREY, budget=260, seed=0)
    assert explained.additivity_gap < 1e-5
    assert list(explained.output_names) == ["output 0", "output 1", "output 2"]
    np.testing.assert_allclose(
        explained.base_values + explained.values.sum(axis=(1, 2, 3)),
        np.asarray(network(images, training=False)),
        atol=1e-5,
    )


def test_probabilities_are_a_softmax() -> None:
    logits = np.array([[0.0, np.log(3.0)], [1000.0, 0.0]])
    np.testing.assert_allclose(softmax(logits), [[0.25, 0.75], [1.0, 0.0]])


def test_spread_and_sum_are_inverse() -> None:
    values = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_allclose(segment_values(spread(values, QUARTERS), QUARTERS), values)


class Broken(Network):
    """A network with outputs that nobody can explain as logits."""

    def __init__(self, outputs: list[float]) -> None:
        super().__init__()
        self.outputs = outputs

    def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tile(np.float32(self.outputs), (len(images), 1))


@pytest.mark.parametrize("output", ["logits", "probabilities"])
def test_probabilities_in_place_of_logits_are_refused(
    pictures: NDArray[np.float32], output: str
) -> None:
    with pytest.raises(ValueError, match="without its softmax"):
        kernel_shap(Broken([0.2, 0.5, 0.3]), pictures, GREY, seed=0, output=output)


def test_outputs_must_be_finite(pictures: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match="not finite"):
        kernel_shap(Broken([np.nan, 0, 1]), pictures, GREY, seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.full((1, 8, 8, 3), 0.5)}, "0 to 1"),
        ({"images": np.full((1, 8, 8, 3), 400.0)}, "expected 0 to 255"),
        ({"images": np.zeros((8, 8))}, "expected \\(n, height, width, channels\\)"),
        ({"images": np.full((1, 16, 16, 3), 99.0)}, "the network takes 8x8"),
        ({"baseline": np.full((8, 8, 3), 0.5)}, "looks like the range 0 to 1"),
        ({"baseline": (300, 0, 0)}, "baseline has values from 0 to 300"),
        ({"baseline": np.full((5, 8, 8, 3), 9.0)}, "one for each picture"),
        ({"segments": np.zeros((4, 4), dtype=int)}, r"segments has shape \(4, 4\)"),
        ({"segments": QUARTERS + 1}, "numbered from 0 without gaps"),
        ({"budget": 29}, "29, but 16 superpixels need at least 30"),
        ({"estimator": "lime"}, "estimator is 'lime'; expected one of shap, surrogate"),
        ({"estimator": "surrogate", "l1_reg": "aic"}, "l1_reg belongs to estimator 'shap'"),
        ({"wanted_error": 0.1}, "cannot stop at a wanted_error"),
        ({"output": "log_odds"}, "output is 'log_odds'"),
        ({"class_names": ("a", "b")}, "2 class_names for a model with 3 outputs"),
    ],
)
def test_what_is_wrong_is_named(
    pictures: NDArray[np.float32], change: dict[str, object], message: str
) -> None:
    arguments = {"images": pictures, "baseline": GREY, "segments": SIXTEEN, "seed": 0, **change}
    with pytest.raises(ValueError, match=message):
        kernel_shap(Network(), **arguments)
    assert np.isfinite(pictures).all()


def test_outputs_are_named() -> None:
    with pytest.raises(ValueError, match="output is 'odds'"):
        model_outputs(Network(), np.zeros((1, 8, 8, 3), dtype=np.float32), "odds")
