"""A network cut in two: where that is possible, and that nothing is lost on the way."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers
from numpy.typing import NDArray

from insectlib.explain.deep.deep_shap import deep_shap
from insectlib.explain.gradients.expected_gradients import gradient_shap
from insectlib.explain.gradients.inner_layers import cut_points, enlarge, split_at
from insectlib.models.cnns import regularised_cnn, small_cnn
from insectlib.models.inference import model_outputs
from insectlib.models.transfer.efficientnet import efficientnet_lite0

SIZE = 16

pytestmark = pytest.mark.filterwarnings(
    "ignore:the model sees output:insectlib.explain.checks.PreflightWarning"
)


@pytest.fixture
def pictures() -> NDArray[np.float32]:
    """Return two pictures to explain and six for the background."""
    return np.random.default_rng(0).uniform(0, 255, (8, SIZE, SIZE, 3)).astype(np.float32)


@pytest.fixture
def skipping() -> keras.Model:
    """Return a network with a path around its layer ``inner``, and a layer that is used twice."""
    keras.utils.set_random_seed(0)
    picture = keras.Input((SIZE, SIZE, 3), name="picture")
    x = layers.Rescaling(1 / 255, name="rescale")(picture)
    x = layers.Conv2D(4, 3, padding="same", name="outer")(x)
    inner = layers.Conv2D(4, 3, padding="same", activation="relu", name="inner")(x)
    x = layers.Add(name="add")([x, inner])
    twice = layers.Conv2D(4, 3, padding="same", name="twice")
    x = twice(twice(x))
    x = layers.GlobalAveragePooling2D(keepdims=True, name="pooled")(x)
    x = layers.Dense(3, name="logits")(layers.Flatten(name="flat")(x))
    return keras.Model(picture, x)


def test_cut_points_are_the_layers_that_all_goes_through(skipping: keras.Model) -> None:
    assert cut_points(skipping) == ("rescale", "outer", "add")
    assert cut_points(small_cnn(SIZE, seed=0)) == (
        "rescale",
        *("conv_16", "pool_16", "conv_32", "pool_32", "conv_64", "pool_64"),
    )


def test_two_halves_make_the_whole(skipping: keras.Model, pictures: NDArray[np.float32]) -> None:
    for model in (skipping, regularised_cnn(SIZE, seed=1)):
        whole = model_outputs(model, pictures)
        assert cut_points(model)
        for layer in cut_points(model):
            before, after = split_at(model, layer)
            features = before.predict(pictures, verbose=0)
            assert features.ndim == 4
            np.testing.assert_allclose(model_outputs(after, features), whole, atol=1e-5)


def test_residual_networks_are_cut_between_their_blocks() -> None:
    network = efficientnet_lite0(32, weights=None, seed=1)
    cuts = cut_points(network)
    assert {"stem", "block2_add", "block10_add", "block8_expand"} <= set(cuts)
    assert not {"block2_expand", "block2_project_norm", "pool", "logits", "picture"} & set(cuts)
    noise = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    before, after = split_at(network, "block10_add")
    features = before.predict(noise, verbose=0)
    np.testing.assert_allclose(model_outputs(after, features), model_outputs(network, noise), 1e-4)


def test_layers_that_another_network_uses_as_well_are_cut_in_this_one(
    pictures: NDArray[np.float32],
) -> None:
    """``layer.output`` would be that of whichever network called the layer first."""
    first = small_cnn(SIZE, seed=0)
    tail = [layers.GlobalAveragePooling2D(), layers.Dense(2)]
    second = keras.Sequential([keras.Input((SIZE, SIZE, 3)), *first.layers[:4], *tail])
    assert first.layers[3].name == "conv_32"
    whole = model_outputs(second, pictures)
    before, after = split_at(second, "conv_32")
    features = before.predict(pictures, verbose=0)
    np.testing.assert_allclose(model_outputs(after, features), whole, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ("inner", "cannot be cut after 'inner', for another path leads around it"),
        ("twice", "'twice' is used more than once"),
        ("pooled", r"'pooled' has shape \(None, 1, 1, 4\), and no longer says where"),
        ("flat", r"'flat' has shape \(None, 4\), and no longer says where"),
        ("picture", "no inner layer 'picture'"),
        ("conv_7", "no inner layer 'conv_7'"),
    ],
)
def test_other_layers_are_refused_with_those_that_would_do(
    skipping: keras.Model, layer: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        split_at(skipping, layer)
    assert str(refused.value).endswith("expected one of rescale, outer, add")


def test_a_long_list_of_layers_is_shortened_and_an_empty_one_said() -> None:
    with pytest.raises(ValueError, match=r"expected one of rescale, .*head_relu6 \(some of 69"):
        split_at(efficientnet_lite0(64, weights=None), "block2_expand")
    dense = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(ValueError, match="nor can it be cut anywhere else"):
        split_at(dense, "conv")


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    height=st.integers(1, 30),
    seed=st.integers(0),
)
def test_enlarging_keeps_the_sums(rows: int, columns: int, height: int, seed: int) -> None:
    maps = np.random.default_rng(seed).normal(size=(2, rows, columns, 3))
    large = enlarge(maps, height, 24)
    assert large.shape == (2, height, 24, 3)
    np.testing.assert_allclose(large.sum(axis=(1, 2)), maps.sum(axis=(1, 2)), atol=1e-9)


def test_enlarging_spreads_each_place_around_where_it_is() -> None:
    maps = np.random.default_rng(0).normal(size=(1, 4, 6, 1))
    np.testing.assert_allclose(enlarge(maps, 4, 6), maps)
    one = np.zeros((1, 4, 4, 1))
    one[0, 1, 2] = 16.0
    large = enlarge(one, 32, 32)[0, ..., 0]
    assert large.min() == 0
    y, x = np.indices(large.shape)
    # place 1 of 4 lies on pixels 8 to 15, place 2 on pixels 16 to 23
    assert (large * y).sum() / 16 == pytest.approx(11.5)
    assert (large * x).sum() / 16 == pytest.approx(19.5)
    corner = np.zeros((1, 4, 4, 1))
    corner[0, 0, 0] = 1.0
    assert np.unravel_index(enlarge(corner, 32, 32)[0, ..., 0].argmax(), (32, 32)) == (0, 0)


def test_a_layer_that_only_rescales_gives_what_the_pixels_give(
    skipping: keras.Model, pictures: NDArray[np.float32]
) -> None:
    def both(layer: str | None) -> list[NDArray[np.float64]]:
        gradient = gradient_shap(
            skipping, pictures[:2], pictures[2:], seed=0, budget=20, layer=layer
        )
        deep = deep_shap(skipping, pictures[:2], pictures[2:], layer=layer)
        return [explained.values.sum(axis=3) for explained in (gradient, deep)]

    for at_layer, at_pixels in zip(both("rescale"), both(None), strict=True):
        np.testing.assert_allclose(at_layer, at_pixels, atol=1e-5)


def test_deep_shap_adds_up_at_every_layer(pictures: NDArray[np.float32]) -> None:
    model = regularised_cnn(SIZE, seed=2)
    for layer in ("conv_32", "pool_64", "pool_128"):
        explained = deep_shap(model, pictures[:2], pictures[2:], layer=layer, target="top 2")
        assert explained.values.shape == (2, SIZE, SIZE, 3, 2)
        assert explained.relative_gap < 1e-3
        expected = model_outputs(model, pictures[2:]).mean(axis=0)[explained.classes]
        np.testing.assert_allclose(explained.base_values, expected, atol=1e-5)


def test_deep_shap_needs_rules_for_the_second_half_only(pictures: NDArray[np.float32]) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 64),
            layers.Conv2D(6, 3, groups=3, name="grouped"),
            layers.Conv2D(4, 3, activation="relu", name="plain"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    with pytest.raises(ValueError, match="grouped"):
        deep_shap(model, pictures[:1], pictures[2:])
    assert deep_shap(model, pictures[:1], pictures[2:], layer="grouped").relative_gap < 1e-3


def test_gradient_shap_adds_up_at_a_layer_within_its_error_and_says_nothing(
    pictures: NDArray[np.float32],
) -> None:
    model = regularised_cnn(SIZE, seed=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="the model sees output")
        explained = gradient_shap(
            model, pictures[:2], pictures[2:], seed=0, budget=400, layer="pool_64"
        )
    assert explained.values.shape == (2, SIZE, SIZE, 3, 3)
    sums = explained.base_values + explained.values.sum(axis=(1, 2, 3))
    assert (explained.standard_error > 0).all()
    assert (np.abs(sums - explained.outputs) < 4 * explained.standard_error).all()


def test_layers_of_a_nested_network_can_be_named() -> None:
    """As in transfer learning, where a whole network is one layer of another."""
    start = keras.Input((16, 16, 3))
    inner = keras.layers.Conv2D(4, 3, name="inner")(start)
    base = keras.Model(start, keras.layers.Conv2D(5, 3, name="last")(inner), name="base")
    stack = [keras.Input((16, 16, 3)), keras.layers.Rescaling(1 / 255, name="scale"), base]
    stack += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    model = keras.Sequential(stack)
    assert cut_points(model) == ("scale", "inner", "last")
    halves = split_at(model, "inner")
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype(np.float32)
    np.testing.assert_allclose(halves.after(halves.before(pictures)), model(pictures), atol=1e-5)
