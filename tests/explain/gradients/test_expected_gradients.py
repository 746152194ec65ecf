"""Gradient SHAP: exact where gradients are constant, and honest about its noise elsewhere."""

from __future__ import annotations

import warnings

import keras
import matplotlib as mpl
import numpy as np
import pytest
import shap
from keras import layers
from numpy.random import mtrand
from numpy.typing import NDArray

from insectlib.explain.gradients.expected_gradients import _samples, _standard_error, gradient_shap
from insectlib.models.cnns import regularised_cnn
from insectlib.models.inference import model_outputs
from insectlib.models.networks import without_augmentation
from insectlib.models.seeds import numpy_seed

SIZE = 8
NAMES = ("a", "b", "c")


@pytest.fixture
def pictures() -> NDArray[np.float32]:
    """Return two pictures to explain and six for the background."""
    return np.random.default_rng(0).uniform(0, 255, (8, SIZE, SIZE, 3)).astype(np.float32)


@pytest.fixture
def linear() -> keras.Model:
    start = keras.initializers.RandomNormal(stddev=0.01, seed=1)
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Flatten(),
            layers.Dense(3, kernel_initializer=start),
        ]
    )


@pytest.fixture
def curved() -> keras.Model:
    return regularised_cnn(SIZE, seed=3)


def test_linear_network_gets_its_own_weights_back(
    linear: keras.Model, pictures: NDArray[np.float32]
) -> None:
    """With one background picture, each sample is the exact answer."""
    explained = gradient_shap(linear, pictures[:2], pictures[2:3], seed=0, budget=10)
    weights = np.asarray(linear.layers[-1].kernel).reshape(SIZE, SIZE, 3, 3)
    expected = (pictures[:2] - pictures[2])[..., None] * weights
    np.testing.assert_allclose(explained.values, expected, atol=1e-4)
    assert explained.relative_gap < 1e-4
    np.testing.assert_allclose(explained.standard_error, 0, atol=1e-4)


def test_base_value_is_the_mean_output_of_the_background(
    curved: keras.Model, pictures: NDArray[np.float32]
) -> None:
    for output in ("logits", "probabilities"):
        explained = gradient_shap(
            curved, pictures[:2], pictures[2:], seed=0, budget=20, output=output
        )
        expected = model_outputs(curved, pictures[2:], output).mean(axis=0)
        np.testing.assert_allclose(explained.base_values, [expected, expected], atol=1e-5)
        np.testing.assert_allclose(
            explained.outputs, model_outputs(curved, pictures[:2], output), atol=1e-5
        )


def test_the_sum_comes_closer_with_more_samples_within_its_standard_error(
    curved: keras.Model, pictures: NDArray[np.float32]
) -> None:
    few, many = (
        gradient_shap(curved, pictures[:2], pictures[2:], seed=1, budget=n, target="predicted")
        for n in (40, 1000)
    )
    assert many.standard_error.max() < few.standard_error.max() / 2
    for explained in (few, many):
        sums = explained.base_values + explained.values.sum(axis=(1, 2, 3))
        assert (np.abs(sums - explained.outputs) < 4 * explained.standard_error + 1e-4).all()


def test_same_seed_same_result_and_other_randomness_untouched(
    curved: keras.Model, pictures: NDArray[np.float32]
) -> None:
    def values(seed: int, batch_size: int = 32) -> NDArray[np.float64]:
        return gradient_shap(
            curved, pictures[:1], pictures[2:], seed=seed, budget=20, batch_size=batch_size
        ).values

    with numpy_seed(5):
        expected = mtrand.random_sample(3)
    with numpy_seed(5):
        first = values(0)
        np.testing.assert_array_equal(mtrand.random_sample(3), expected)
    np.testing.assert_array_equal(values(0), first)
    np.testing.assert_allclose(values(0, batch_size=7), first, atol=1e-5)
    assert np.abs(values(1) - first).max() > 1e-3


@pytest.mark.parametrize("top", [1, 2, 3])
def test_ranked_outputs_are_those_of_each_picture(
    curved: keras.Model, pictures: NDArray[np.float32], top: int
) -> None:
    """Each picture has its own, with the values that it gets when all classes are explained."""
    everything = gradient_shap(curved, pictures[:2], pictures[2:], seed=0, budget=10)
    ranked = gradient_shap(
        curved,
        pictures[:2],
        pictures[2:],
        seed=0,
        budget=10,
        target=f"top {top}",
        class_names=NAMES,
    )
    order = np.argsort(-model_outputs(curved, pictures[:2]), axis=1)[:, :top]
    np.testing.assert_array_equal(ranked.classes, order)
    for i, j in np.ndindex(order.shape):
        assert ranked[i].output_names[j] == NAMES[order[i, j]]
        expected = everything.values[i, ..., order[i, j]]
        np.testing.assert_allclose(ranked.values[i, ..., j], expected, atol=1e-6)


def test_errors_say_how_far_the_sum_is_off(
    curved: keras.Model, pictures: NDArray[np.float32]
) -> None:
    """Over many seeds, sums lie about one standard error from the output: no more, no less."""
    away = []
    for seed in range(24):
        explained = gradient_shap(
            curved, pictures[:2], pictures[2:], seed=seed, budget=40, target="predicted"
        )
        away.append(explained.gaps / explained.standard_error)
    assert 0.6 < np.sqrt(np.mean(np.square(away))) < 1.6


@pytest.mark.parametrize(("n_background", "sizes"), [(6, (4, 4, 3)), (3, (7, 5)), (1, (4,))])
def test_samples_are_spread_along_the_way_and_over_the_background(
    n_background: int, sizes: tuple[int, ...]
) -> None:
    met = set()
    for seed in range(60):
        origin, way = _samples(seed, 0, n_background, np.array(sizes))
        parts = np.split(np.arange(len(way)), np.cumsum(sizes)[:-1])
        for part, size in zip(parts, sizes, strict=True):
            sections = np.floor(way[part] * size).astype(int)
            assert sorted(sections) == list(range(size))
            often = np.bincount(origin[part], minlength=n_background)
            assert often.max() - often.min() <= 1
            met |= set(zip(sections, origin[part], [size] * size, strict=True))
    # no section has a background picture of its own
    assert len(met) == n_background * sum(set(sizes))
    others = _samples(0, 1, n_background, np.array(sizes))
    assert (others[1] != _samples(0, 0, n_background, np.array(sizes))[1]).all()


def test_error_of_unequal_parts_by_hand() -> None:
    """Parts of three samples and of one, both of which add up to 3: the mean is 1.5."""
    sums, sizes = np.full((1, 2, 1), 3.0), np.array([3, 1])
    # away by 3 - 4.5 and 3 - 1.5; their squares times 2 parts / 1 degree of freedom, over 4**2
    np.testing.assert_allclose(_standard_error(sums, sizes), [[np.sqrt(2 * 4.5 / 16)]])


@pytest.mark.parametrize(("budget", "known"), [(1, False), (7, False), (8, True), (200, True)])
def test_two_parts_make_an_error_and_one_does_not(
    linear: keras.Model, pictures: NDArray[np.float32], budget: int, known: bool
) -> None:
    explained = gradient_shap(linear, pictures[:1], pictures[2:], budget=budget)
    assert np.isfinite(explained.standard_error).all() == known


def test_it_agrees_with_shap_itself_within_the_errors_of_both(
    curved: keras.Model, pictures: NDArray[np.float32]
) -> None:
    ours = gradient_shap(curved, pictures[:1], pictures[2:], budget=2000, target=0)
    calm = without_augmentation(curved)
    theirs = shap.GradientExplainer(calm, pictures[2:]).shap_values(
        pictures[:1], nsamples=4000, rseed=0
    )
    one, other = ours.values[0, ..., 0].ravel(), theirs[0, ..., 0].ravel()
    assert np.corrcoef(one, other)[0, 1] > 0.98
    assert abs(one.sum() - other.sum()) < 0.05 * np.abs(one).sum()


def test_it_needs_no_more_gradients_than_shap_for_the_same_error(
    curved: keras.Model, pictures: NDArray[np.float32]
) -> None:
    calm = without_augmentation(curved)
    exact = gradient_shap(curved, pictures[:1], pictures[2:], seed=99, budget=6000, target=0)
    truth = exact.values[0, ..., 0]
    explainer = shap.GradientExplainer(calm, pictures[2:])
    ours, theirs = [], []
    for seed in range(6):
        found = gradient_shap(curved, pictures[:1], pictures[2:], seed=seed, budget=48, target=0)
        ours.append(np.square(found.values[0, ..., 0] - truth).mean())
        values = explainer.shap_values(pictures[:1], nsamples=48, rseed=seed)
        theirs.append(np.square(values[0, ..., 0] - truth).mean())
    assert np.mean(ours) < np.mean(theirs)


def test_local_smoothing_blurs_and_costs_additivity(
    linear: keras.Model, pictures: NDArray[np.float32]
) -> None:
    plain, noisy = (
        gradient_shap(
            linear, pictures[:1], pictures[2:3], seed=0, budget=20, local_smoothing=smoothing
        )
        for smoothing in (0, 30)
    )
    assert noisy.additivity_gap > 10 * plain.additivity_gap


def test_no_warning_reaches_the_reader_and_image_plot_takes_the_result(
    curved: keras.Model, pictures: NDArray[np.float32]
) -> None:
    mpl.use("agg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="the model sees output")
        explained = gradient_shap(curved, pictures[:2], pictures[2:], seed=0, budget=10)
    assert explained.values.shape == (2, SIZE, SIZE, 3, 3)
    assert explained.evaluations == 2 + 6 + 6 * 2 * 10
    shap.image_plot(explained, show=False)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"budget": 0}, "budget is 0; expected 1 or more"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"local_smoothing": -1.0}, "local_smoothing is -1"),
        ({"target": "top 4"}, "expected 'top 1' to 'top 3'"),
        ({"background": np.zeros(3)}, "expected a set of pictures"),
    ],
)
def test_what_is_wrong_is_named(
    linear: keras.Model,
    pictures: NDArray[np.float32],
    change: dict[str, object],
    named: str,
) -> None:
    arguments = {"images": pictures[:1], "background": pictures[2:], "seed": 0, **change}
    with pytest.raises(ValueError, match=named):
        gradient_shap(linear, **arguments)
