"""One additivity test for each layer type, and the rules against values known by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from insectlib.explain.deep.deep_shap import deep_shap
from insectlib.explain.deep.handlers import UnsupportedOperationError, unsupported_operations
from insectlib.explain.games.coalitions import exact_shapley

SIZE = 10
Pictures = NDArray[np.float32]

pytestmark = pytest.mark.filterwarnings(
    "ignore:the model sees output:insectlib.explain.checks.PreflightWarning"
)


@pytest.fixture
def pictures() -> Pictures:
    return np.random.default_rng(0).uniform(0, 255, (5, SIZE, SIZE, 3)).astype(np.float32)


def network(*middle: Callable[[Any], Any]) -> keras.Model:
    """A network with a layer under test between two convolutions, and random weights."""
    keras.utils.set_random_seed(1)
    inputs = x = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 64, offset=-2)(x)
    x = layers.Conv2D(6, 3, activation="elu", name="first")(x)
    for layer in middle:
        x = layer(x)
    if len(x.shape) == 4 and x.shape[1] > 1:
        x = layers.Conv2D(5, 2, activation="relu", name="last")(x)
    x = layers.Flatten()(x)
    model = keras.Model(inputs, layers.Dense(3, name="logits")(x))
    random = np.random.default_rng(2)
    for weight in model.weights:  # biases and scales that are not zero or one, variances above zero
        if len(weight.shape) == 1 and weight.dtype == "float32":
            low = 0.5 if "var" in weight.name or "gamma" in weight.name else -0.5
            weight.assign(random.uniform(low, 1.5, weight.shape))
    return model


def squeeze_excite(x: Any) -> Any:
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(6, 1, activation="sigmoid", name="gate")(gate)
    return layers.Multiply(name="excite")([x, gate])


def attention(x: Any) -> Any:
    row = layers.Reshape((-1, 6))(x)
    return layers.MultiHeadAttention(2, 3, name="attention")(row, row)


def plus_itself(x: Any) -> Any:
    return layers.Add()([x, layers.Conv2D(6, 3, padding="same", activation="relu")(x)])


def by_its_own_mean(x: Any) -> Any:
    return x / (1.5 + keras.ops.mean(keras.ops.abs(x), axis=-1, keepdims=True))


LAYERS: dict[str, Callable[[Any], Any]] = {
    "ReLU": layers.ReLU(),
    "ReLU6": layers.ReLU(max_value=6),
    "relu6 activation": layers.Activation("relu6"),
    "LeakyReLU": layers.LeakyReLU(),
    "PReLU": layers.PReLU(),
    "ELU": layers.ELU(),
    "SELU": layers.Activation("selu"),
    "sigmoid": layers.Activation("sigmoid"),
    "softplus": layers.Activation("softplus"),
    "softsign": layers.Activation("softsign"),
    "exponential": layers.Activation("exponential"),
    "mish": layers.Activation("mish"),
    "gelu, erf": layers.Activation("gelu"),
    "gelu, tanh": lambda x: keras.activations.gelu(x, approximate=True),
    "silu": layers.Activation("silu"),
    "swish in a convolution": layers.Conv2D(6, 2, activation="swish"),
    "silu as an operation": keras.ops.silu,
    "silu of TensorFlow with beta": layers.Lambda(lambda x: tf.nn.silu(x, 2.0)),
    "hard_sigmoid": layers.Activation("hard_sigmoid"),
    "hard_swish": layers.Activation("hard_swish"),
    "DepthwiseConv2D": layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"),
    "SeparableConv2D": layers.SeparableConv2D(6, 3, activation="relu"),
    "Conv2DTranspose": layers.Conv2DTranspose(6, 3, strides=2, activation="relu"),
    "dilated Conv2D": layers.Conv2D(6, 3, dilation_rate=2, activation="relu"),
    "BatchNormalization": layers.BatchNormalization(),
    "fused batch norm": lambda x: FusedNorm()(x),
    "LayerNormalization": layers.LayerNormalization(),
    "LayerNormalization over all": layers.LayerNormalization(axis=(1, 2, 3)),
    "GroupNormalization": layers.GroupNormalization(3),
    "UnitNormalization": layers.UnitNormalization(),
    "Normalization": layers.Normalization(mean=0.2, variance=2.0),
    "MaxPooling2D": layers.MaxPooling2D(),
    "overlapping MaxPooling2D": layers.MaxPooling2D(3, strides=1, padding="same"),
    "GlobalMaxPooling2D": layers.GlobalMaxPooling2D(),
    "GlobalMaxPooling2D, kept axes": layers.GlobalMaxPooling2D(keepdims=True),
    "AveragePooling2D": layers.AveragePooling2D(3, padding="same"),
    "GlobalAveragePooling2D": layers.GlobalAveragePooling2D(),
    "ZeroPadding2D": layers.ZeroPadding2D(((1, 0), (2, 1))),
    "constant padding": lambda x: keras.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "constant", 2),
    "mirror padding": lambda x: keras.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect"),
    "Cropping2D": layers.Cropping2D(1),
    "Resizing, bilinear": layers.Resizing(5, 11),
    "Resizing, nearest": layers.Resizing(5, 11, interpolation="nearest"),
    "UpSampling2D": layers.UpSampling2D(2),
    "UpSampling2D, bilinear": layers.UpSampling2D(2, interpolation="bilinear"),
    "Dropout": layers.Dropout(0.5),
    "SpatialDropout2D": layers.SpatialDropout2D(0.5),
    "GaussianNoise": layers.GaussianNoise(0.5),
    "Permute": layers.Permute((2, 1, 3)),
    "Dense on pixels": layers.Dense(6, activation="relu"),
    "Softmax": layers.Softmax(),
    "squeeze and excite": squeeze_excite,
    "attention": attention,
    "residual": plus_itself,
    "concatenated": lambda x: layers.Concatenate()([x, layers.Conv2D(2, 1)(x)]),
    "subtracted": lambda x: layers.Subtract()([x, layers.MaxPooling2D(3, 1, "same")(x)]),
    "maximum of two": lambda x: layers.Maximum()([x, layers.Conv2D(6, 1)(x)]),
    "minimum of two": lambda x: layers.Minimum()([x, layers.Conv2D(6, 1)(x)]),
    "maximum with a number": lambda x: keras.ops.maximum(0.3, x),
    "product of two": lambda x: layers.Multiply()([x, layers.Conv2D(6, 1)(x)]),
    "product of three axes": lambda x: x * keras.ops.mean(x, axis=(1, 2, 3), keepdims=True),
    "quotient": by_its_own_mean,
    "reciprocal": lambda x: 1 / (2 + x),
    "powers": lambda x: x**3 + keras.ops.square(x) - keras.ops.sqrt(keras.ops.abs(x)),
    "channels turned round": lambda x: x[..., ::-1],
}


@keras.saving.register_keras_serializable("tests")
class FusedNorm(layers.Layer):
    """TensorFlow's fused batch normalisation."""

    def __init__(self, training: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.by_batch = training

    def call(self, x: Any) -> Any:
        """Normalise."""
        kept = {} if self.by_batch else {"mean": [0.3] * 6, "variance": [2.0] * 6}
        return tf.compat.v1.nn.fused_batch_norm(
            x, [1.5] * 6, [0.1] * 6, is_training=self.by_batch, **kept
        )[0]


@pytest.mark.parametrize("name", LAYERS)
def test_attributions_add_up(pictures: Pictures, name: str) -> None:
    model = network(LAYERS[name])
    assert unsupported_operations(model) == []
    explained = deep_shap(model, pictures[:2], pictures[2:])
    assert explained.relative_gap < 1e-4
    assert np.ptp(explained.values) > 1e-3


def hand_made(function: Callable[[Any], Any], n: int = 2) -> keras.Model:
    """A network that computes `function` of the mean red, green (and blue) of a picture."""
    inputs = keras.Input((2, 2, 3))
    colours = keras.ops.mean(inputs, axis=(1, 2)) / 10
    return keras.Model(inputs, function(colours))


def game(model: keras.Model, x: Pictures, r: Pictures) -> NDArray[np.float64]:
    """Exact Shapley values of the three colours."""
    shown = (np.arange(8)[:, None] >> np.arange(3) & 1).astype(bool)
    rows = np.where(shown[:, None, None], x, r).astype(np.float32)
    return exact_shapley(np.asarray(model(rows), dtype=np.float64))


@pytest.fixture
def two() -> Pictures:
    levels = np.float32([[90, 30, 20], [20, 60, 40]])
    return np.broadcast_to(levels[:, None, None], (2, 2, 2, 3)).copy()


@pytest.mark.parametrize(
    "function",
    [
        lambda c: c @ np.float32([[1, 2], [-3, 1], [0.5, 0]]),
        lambda c: c[:, :1] * c[:, 1:2] + c[:, 2:] * np.float32([1, 2]),
        lambda c: c[:, :1] / c[:, 1:2] + c[:, 2:] * np.float32([1, 2]),
        lambda c: keras.ops.relu(c - 5) @ np.float32([[1, 2], [-3, 1], [0.5, 0]]),
        lambda c: keras.ops.maximum(c[:, :1], c[:, 1:2]) + c[:, 2:] * np.float32([1, 2]),
        lambda c: keras.ops.minimum(c[:, :1], c[:, 2:]) + c[:, 1:2] * np.float32([1, 2]),
        lambda c: squared_difference(c[:, :1], c[:, 1:2]) + c[:, 2:] * np.float32([1, 2]),
        lambda c: squared_difference(c, 3.0) @ np.float32([[1, 2], [-3, 1], [0.5, 0]]),
        lambda c: keras.ops.exp(c) @ np.float32([[1, 2], [-3, 1], [0.5, 0]]),
    ],
    ids=[
        *("linear", "product", "quotient", "one by one", "maximum", "minimum"),
        *("squared difference", "square", "steep"),
    ],
)
def test_rules_for_two_inputs_are_shapley_values(function: Callable[[Any], Any]) -> None:
    model = hand_made(function)
    random = np.random.default_rng(0)
    levels = random.uniform(10, 150, (6, 1, 1, 3)).astype(np.float32)
    levels[:2, 0, 0] = [90, 30, 20], [20, 60, 40]
    for x, r in np.broadcast_to(levels, (6, 2, 2, 3)).copy().reshape(3, 2, 2, 2, 3):
        found = deep_shap(model, x, r[None]).values.sum(axis=(1, 2))[0]
        truth = game(model, x, r)
        np.testing.assert_allclose(found, truth, rtol=1e-4, atol=1e-5 * np.abs(truth).max())


def squared_difference(a: Any, b: Any) -> Any:
    return (
        layers.Lambda(lambda x: tf.math.squared_difference(x, b))(a)
        if isinstance(b, float)
        else layers.Lambda(lambda both: tf.math.squared_difference(*both))([a, b])
    )


SLOPES: dict[str, tuple[Callable[[Any], Any], float]] = {
    "sigmoid": (keras.ops.sigmoid, np.exp(-2) / (1 + np.exp(-2)) ** 2),
    "tanh": (keras.ops.tanh, 1 - np.tanh(2) ** 2),
    "exp": (keras.ops.exp, np.exp(2)),
    "square": (keras.ops.square, 4),
    "silu": (keras.ops.silu, 1 / (1 + np.exp(-2)) + 2 * np.exp(-2) / (1 + np.exp(-2)) ** 2),
    "softmax": (
        lambda z: keras.ops.softmax(keras.ops.concatenate([z, 0 * z], axis=-1))[:, :1],
        np.exp(-2) / (1 + np.exp(-2)) ** 2,
    ),
}


@pytest.mark.parametrize("name", SLOPES)
def test_changes_that_cancel_before_a_bend_keep_their_slope(name: str) -> None:
    """Red and green rise alike, and their difference stays 2: the slope there is the multiplier."""
    function, slope = SLOPES[name]
    model = hand_made(lambda c: function(c[:, :1] - c[:, 1:2]) * np.float32([1, 2]))
    x, r = (np.full((2, 2, 3), level, dtype=np.float32) for level in ([70, 50, 9], [40, 20, 5]))
    found = deep_shap(model, x, r[None]).values.sum(axis=(1, 2))[0]
    np.testing.assert_allclose(found[:, 0], [3 * slope, -3 * slope, 0], rtol=1e-4, atol=1e-6)


def test_rescale_rule_by_hand(two: Pictures) -> None:
    """min(2a + b, 2) as the chapter computes it: the slope is zero, the attributions are not."""

    def saturating(c: Any) -> Any:
        z = 2 * c[:, :1] + c[:, 1:2]
        return keras.ops.concatenate([keras.ops.relu(z) - keras.ops.relu(z - 2), z], axis=-1)

    x, r = np.zeros((2, 2, 2, 3), dtype=np.float32)
    x[..., :2] = 10
    explained = deep_shap(hand_made(saturating), x, r[None])
    np.testing.assert_allclose(
        explained.values.sum(axis=(1, 2))[0, :, 0], [4 / 3, 2 / 3, 0], rtol=1e-5
    )


def test_maximum_of_a_pool_goes_to_one_place(two: Pictures) -> None:
    model = hand_made(lambda c: keras.ops.max(c, axis=1, keepdims=True) * np.float32([1, 2]))
    explained = deep_shap(model, two[0], two[1:])  # 9, 3, 2 against 2, 6, 4
    np.testing.assert_allclose(explained.values.sum(axis=(1, 2))[0, :, 0], [3, 0, 0], atol=1e-5)
    turned = deep_shap(model, two[1], two[:1])
    np.testing.assert_allclose(turned.values.sum(axis=(1, 2))[0, :, 0], [-3, 0, 0], atol=1e-5)


def test_pictures_that_differ_in_nothing_get_nothing(pictures: Pictures) -> None:
    model = network(layers.Activation("silu"), squeeze_excite, layers.LayerNormalization())
    with pytest.warns(UserWarning, match="among the background"):
        explained = deep_shap(model, pictures[:1], pictures[:1])
    np.testing.assert_array_equal(explained.values, 0)


@tf.custom_gradient
def _odd(x: Any) -> Any:
    return tf.square(x), lambda above: above


KERNEL = np.ones((1, 1, 6, 6), dtype=np.float32)
REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "where": (
        layers.Lambda(lambda x: tf.where(x > 0, x, 0.1 * x), name="bend"),
        "layer 'bend' uses the operation Greater",
    ),
    "sort": (layers.Lambda(lambda x: tf.sort(x), name="sorted"), "layer 'sorted' uses"),
    "custom gradient": (layers.Lambda(_odd, name="odd"), "layer 'odd' has a custom gradient"),
    "varying kernel": (
        layers.Lambda(
            lambda x: tf.nn.conv2d(
                x, tf.reshape(tf.reduce_mean(x), (1, 1, 1, 1)) * KERNEL, 1, "SAME"
            ),
            output_shape=(8, 8, 6),
            name="moving",
        ),
        "layer 'moving' uses the operation Conv2D with input 0, 1",
    ),
    "batch statistics": (FusedNorm(True, name="by_batch"), "layer 'by_batch' normalises by"),
    "pictures mixed": (
        layers.Lambda(lambda x: tf.einsum("bhwc,ahwc->bhwc", x, x), name="mixing"),
        "layer 'mixing' uses Einsum 'bhwc,ahwc->bhwc'",
    ),
    "function": (
        layers.Conv2D(6, 3, groups=2, name="grouped"),
        "layer 'grouped' uses the operation StatefulPartitionedCall",
    ),
    "loop": (layers.Lambda(lambda x: tf.map_fn(tf.square, x), name="loop"), "layer 'loop' uses"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_refused_by_name(pictures: Pictures, name: str) -> None:
    layer, sentence = REFUSED[name]
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(6, 3, name="first")(inputs)
    outputs = layers.Dense(3)(layers.GlobalAveragePooling2D()(layer(x)))
    model = keras.Model(inputs, outputs)
    assert any(sentence in finding for finding in unsupported_operations(model))
    with pytest.raises(UnsupportedOperationError, match="Deep SHAP cannot explain this network"):
        deep_shap(model, pictures[:1], pictures[2:])


def test_layers_inside_of_layers_are_named(pictures: Pictures) -> None:
    inner = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Conv2D(2, 3, name="inner_conv"),
            layers.Lambda(lambda x: tf.sort(x), name="inner_sort"),
            layers.Flatten(),
        ],
        name="inner",
    )
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), inner, layers.Dense(3)])
    assert all("layer 'inner_sort'" in finding for finding in unsupported_operations(model))
