"""Values by what each place of the last map sees: exact in the end, honest about their errors."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from numpy.typing import NDArray

from insectlib.explain.estimators.receptive import MAX_REGIONS, receptive_shapley
from insectlib.explain.estimators.sampling import drawn_pairs, paired_regression, regression_errors
from insectlib.explain.estimators.surrogate import surrogate_shapley
from insectlib.explain.games.coalition_game import CoalitionGame
from insectlib.explain.games.coalitions import all_coalitions, exact_shapley
from insectlib.explain.kernel import kernel_shap
from insectlib.explain.masking.local_network import local_network
from insectlib.explain.masking.segments import segment_values
from insectlib.models.cnns import regularised_cnn, small_cnn
from insectlib.models.inference import softmax

SIZE = 24
CLASSES = np.arange(3)
GREY = np.full((SIZE, SIZE, 3), 128, dtype=np.float32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """A convolutional network with weights large enough for regions to interact."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 64, offset=-2),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(6, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
            layers.Dense(3),
        ]
    )


@pytest.fixture(scope="module")
def picture() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 255, (SIZE, SIZE, 3)).astype(np.float32)


def tiles(down: int, across: int) -> NDArray[np.int64]:
    rows, columns = np.arange(SIZE) * down // SIZE, np.arange(SIZE) * across // SIZE
    return rows[:, None] * across + columns


def off(values: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Return the relative error, as a mean over the outputs."""
    return float(np.mean(np.linalg.norm(values - truth, axis=0) / np.linalg.norm(truth, axis=0)))


def estimated(network: keras.Model, picture: Any, cut: Any, n_samples: int, **of: Any) -> Any:
    trunk, rest = local_network(network)
    game = CoalitionGame(trunk, picture, GREY, cut)
    of = {"seed": 0, "classes": CLASSES} | of
    return receptive_shapley(game, rest, cut, n_samples=n_samples, **of)


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


@pytest.mark.parametrize("output", ["logits", "probabilities"])
def test_exact_once_every_place_has_shown_every_case(
    network: keras.Model, picture: NDArray[np.float32], output: str
) -> None:
    cut = tiles(2, 3)
    table = CoalitionGame(network, picture, GREY, cut, output)(all_coalitions(6))
    found = estimated(network, picture, cut, 62, output=output)
    np.testing.assert_allclose(found.values, exact_shapley(table), atol=1e-5)
    np.testing.assert_allclose(found.base_values, table[0], atol=1e-5)
    assert found.errors.max() <= 1e-5 * np.abs(found.values).max()


def test_needs_fewer_answers_than_a_surrogate_that_knows_no_network(
    network: keras.Model, picture: NDArray[np.float32]
) -> None:
    cut = tiles(3, 4)
    game = CoalitionGame(network, picture, GREY, cut)
    truth = exact_shapley(game(all_coalitions(12)))
    centres = np.indices((3, 4)).reshape(2, 12).T / 4
    plain = surrogate_shapley(game, centres, n_samples=100, seed=0).values
    found = estimated(network, picture, cut, 100)
    assert off(found.values, truth) < off(plain, truth) / 3
    np.testing.assert_allclose(found.values.sum(axis=0), truth.sum(axis=0), atol=1e-4)


@pytest.mark.parametrize("output", ["logits", "probabilities"])
@pytest.mark.parametrize("shape", [(3, 4), (5, 6)])
def test_errors_are_of_the_right_size(
    network: keras.Model, picture: NDArray[np.float32], shape: tuple[int, int], output: str
) -> None:
    """Over seeds, at a budget that leaves cases open: neither far too sure nor far too modest."""
    cut = tiles(*shape)
    if shape == (3, 4):
        truth = exact_shapley(
            CoalitionGame(network, picture, GREY, cut, output)(all_coalitions(12))
        )
    else:
        runs = [estimated(network, picture, cut, 1500, seed=s, output=output) for s in (90, 91)]
        truth = np.mean([run.values for run in runs], axis=0)
    within = []
    for seed in range(4):
        found = estimated(network, picture, cut, 60, seed=seed, output=output)
        within.append(np.abs(found.values - truth) <= 1.645 * found.errors)
    assert 0.6 <= np.mean(within) < 1


def test_a_window_with_more_regions_than_are_told_apart(
    network: keras.Model, picture: NDArray[np.float32]
) -> None:
    cut = tiles(12, 12)
    trunk, rest = local_network(network)
    (top, bottom), (left, right) = rest.down[3], rest.across[3]
    assert len(np.unique(cut[top:bottom, left:right])) > MAX_REGIONS
    found = estimated(network, picture, cut, 300)
    ends = CoalitionGame(network, picture, GREY, cut)(np.array([[True] * 144, [False] * 144]))
    np.testing.assert_allclose(found.values.sum(axis=0), ends[0] - ends[1], atol=1e-3)
    assert np.isfinite(found.errors).all()


def test_regression_errors_are_those_over_many_draws() -> None:
    """A game with interactions, drawn again and again."""
    random = np.random.default_rng(0)
    n, m = 8, 400
    single, pairs = random.normal(size=(n, 1)), random.normal(size=(n, n, n, 1)) / 6

    def odd(coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        signs = coalitions - 0.5
        return signs @ single + np.einsum("mi,mj,mk,ijkc->mc", signs, signs, signs, pairs)

    everybody = 2 * odd(np.ones((1, n), dtype=bool))[0]
    values, errors = [], []
    for _ in range(200):
        drawn, weights = drawn_pairs(m, n, random)
        values.append(paired_regression(drawn, weights, odd(drawn), everybody))
        errors.append(regression_errors(drawn, weights, odd(drawn), values[-1]))
    assert np.std(values, axis=0) == pytest.approx(np.mean(errors, axis=0), rel=0.25)


def test_kernel_shap_offers_it(network: keras.Model, picture: NDArray[np.float32]) -> None:
    cut = tiles(3, 3)
    explained = kernel_shap(
        network,
        picture,
        np.float32([128, 128, 128]),
        seed=0,
        segments=cut,
        n_samples=100,
        estimator="receptive_fields",
        output="probabilities",
        top=2,
    )
    table = CoalitionGame(network, picture, GREY, cut)(all_coalitions(9))
    first = int(np.argmax(table[-1]))
    truth = exact_shapley(softmax(table))[:, first]
    values = segment_values(explained.values[0], cut)[:, 0]
    assert np.linalg.norm(values - truth) < 0.02 * np.linalg.norm(truth)
    assert explained.errors.shape == explained.values.shape
    assert explained.evaluations == 100 + 2 + 1


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
    with pytest.raises(ValueError, match=message) as caught:
        local_network(build())
    assert "estimator='surrogate'" in str(caught.value)


def test_too_few_samples(network: keras.Model, picture: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match="n_samples is 1; expected 2 or more"):
        estimated(network, picture, tiles(2, 2), 1)
