"""Networks as people bring them: each is made plain with the same outputs, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from insectlib.models.inference import model_outputs, probabilities, scores_of
from insectlib.models.networks import (
    RANDOM_LAYERS,
    augments,
    differentiable_network,
    flat_network,
    image_shape,
    plain_network,
    without_augmentation,
)

SIZE = (8, 10, 3)
PICTURES = np.rint(np.random.default_rng(0).uniform(2, 250, (3, *SIZE))).astype(np.float32)


def ends(start: Any) -> Any:
    """Return what three logits are made of."""
    features = layers.Conv2D(2, 3, activation="relu")(layers.Rescaling(1 / 255)(start))
    return layers.Flatten()(features)


class Own(keras.Model):
    """A network that is a class of somebody's own."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3)]

    def call(self, images: Any) -> Any:
        """Return logits."""
        for part in self.parts:
            images = part(images)
        return images


def of_any_size() -> keras.Model:
    """Return a network that takes pictures of any size."""
    start = keras.Input((None, None, 3))
    features = layers.Conv2D(2, 3)(layers.Rescaling(1 / 255)(start))
    return keras.Model(start, layers.Dense(3)(layers.GlobalAveragePooling2D()(features)))


def functional(dtype: str = "float32") -> tuple[Any, Any]:
    """Return the two ends of a network."""
    start = keras.Input(SIZE, dtype=dtype, name="image")
    return start, layers.Dense(3)(ends(start))


def nested() -> keras.Model:
    """Return a network with a network as a layer."""
    start = keras.Input(SIZE)
    return keras.Model(start, keras.Model(*functional())(start))


def brought(wrap: Callable[[Any, Any], keras.Model], dtype: str = "float32") -> keras.Model:
    """Return a network whose ends are wrapped up."""
    return wrap(*functional(dtype))


TAKEN: dict[str, Callable[[], keras.Model]] = {
    "plain": lambda: brought(keras.Model),
    "dict in": lambda: brought(lambda a, b: keras.Model({"image": a}, b)),
    "list in": lambda: brought(lambda a, b: keras.Model([a], b)),
    "tuple in": lambda: brought(lambda a, b: keras.Model((a,), (b,))),
    "dict out": lambda: brought(lambda a, b: keras.Model(a, {"kind": b})),
    "list out": lambda: brought(lambda a, b: keras.Model([a], [b])),
    "whole numbers": lambda: brought(keras.Model, "uint8"),
    "sub-classed": Own,
    "unbuilt": lambda: keras.Sequential([layers.Flatten(), layers.Dense(3)]),
    "any size": of_any_size,
    "nested": nested,
}


@pytest.mark.parametrize("name", TAKEN)
def test_the_same_outputs(name: str) -> None:
    model = TAKEN[name]()
    plain = plain_network(model, SIZE)
    assert tuple(plain.output_shape) == (None, 3)
    expected = model(PICTURES if name != "dict in" else {"image": PICTURES})
    (expected,) = keras.tree.flatten(expected)
    np.testing.assert_allclose(model_outputs(model, PICTURES), expected, atol=1e-5)
    smooth = differentiable_network(model, SIZE)
    assert smooth.inputs[0].dtype == "float32"
    np.testing.assert_allclose(smooth(PICTURES, training=False), expected, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("head", [None, "float32"])
def test_half_precision_is_copied_to_single(policy: str, head: str | None) -> None:
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy(policy)
    try:
        start = keras.Input(SIZE)
        model = keras.Model(start, layers.Dense(3, dtype=head)(ends(start)))
    finally:
        keras.mixed_precision.set_global_policy(before)
    smooth = differentiable_network(model, SIZE)
    assert all("16" not in layer.compute_dtype for layer in smooth.layers)
    expected = np.asarray(keras.ops.cast(model(PICTURES), "float32"))
    np.testing.assert_allclose(smooth(PICTURES), expected, atol=0.05)
    assert model_outputs(model, PICTURES).dtype == np.float64


def two_heads() -> keras.Model:
    """Return a network with two outputs."""
    start = keras.Input(SIZE)
    features = ends(start)
    return keras.Model(start, {"kind": layers.Dense(3)(features), "sex": layers.Dense(2)(features)})


def two_inputs() -> keras.Model:
    """Return a network that takes a table beside the picture."""
    start, table = keras.Input(SIZE, name="picture"), keras.Input((5,), name="table")
    return keras.Model([start, table], layers.Dense(3)(layers.Concatenate()([ends(start), table])))


def with_end(end: Callable[[Any], Any]) -> keras.Model:
    """Return a network whose scores have another shape."""
    start = keras.Input(SIZE)
    return keras.Model(start, end(start))


REFUSED: dict[str, tuple[Callable[[], keras.Model], str]] = {
    "two heads": (two_heads, r"2 outputs of shapes .*; expected one, \(n, classes\)"),
    "two inputs": (two_inputs, r"takes 2 inputs \(picture .* table"),
    "(n,)": (
        lambda: with_end(lambda x: layers.Reshape(())(layers.Dense(1)(ends(x)))),
        r"shape \(None,\); expected \(n, classes\)",
    ),
    "(n, 1, 1, c)": (
        lambda: with_end(layers.GlobalAveragePooling2D(keepdims=True)),
        r"shape \(None, 1, 1, 3\)",
    ),
    "maps": (lambda: with_end(layers.Conv2D(3, 3)), r"shape \(None, 6, 8, 3\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_explained_is_refused_by_shape(name: str) -> None:
    build, message = REFUSED[name]
    model = build()
    for call in (
        lambda: plain_network(model, SIZE),
        lambda: differentiable_network(model, SIZE),
        lambda: model_outputs(model, PICTURES),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("layer", RANDOM_LAYERS, ids=lambda layer: layer.__name__)
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_augmentation_goes_at_any_depth(layer: type[keras.Layer], depth: int) -> None:
    settings = {"RandomPosterization": (4,), "RandomTranslation": (0.3, 0.3)}
    try:
        augmenting: Any = layer(*settings.get(layer.__name__, ()))
    except TypeError:
        augmenting = layer(0.5)
    for _ in range(depth):
        augmenting = keras.Sequential([augmenting])
    model = keras.Sequential([keras.Input(SIZE), augmenting, layers.Flatten(), layers.Dense(3)])
    calm = without_augmentation(model)
    assert augments(model) and not augments(calm)
    expected = model.layers[-1](PICTURES.reshape(3, -1))
    np.testing.assert_allclose(calm(PICTURES, training=True), expected, rtol=1e-5, atol=1e-3)


def test_flat_networks_answer_alike_and_name_inner_layers() -> None:
    inner = keras.Sequential([keras.Input(SIZE), layers.Conv2D(2, 3, name="deep")], name="inner")
    outer = keras.Sequential([keras.Input(SIZE), inner, layers.Flatten(), layers.Dense(3)])
    flat = flat_network(outer)
    assert "deep" in [layer.name for layer in flat.layers]
    np.testing.assert_allclose(flat(PICTURES), outer(PICTURES), atol=1e-4)
    assert flat_network(flat) is flat


def test_what_a_model_says_of_its_pictures() -> None:
    assert image_shape(TAKEN["plain"]()) == SIZE
    assert image_shape(of_any_size()) == (None, None, 3)
    assert image_shape(Own()) is None and image_shape(lambda x: x) is None


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("end", ["softmax", "sigmoid"])
@pytest.mark.parametrize("units", [1, 3])
def test_probabilities_are_not_taken_for_logits(dtype: str, end: str, units: int) -> None:
    start = keras.Input(SIZE)
    model = keras.Model(start, layers.Dense(units, activation=end, dtype=dtype)(ends(start)))
    with pytest.raises(ValueError, match=f"ends in {end}"):
        probabilities(model, PICTURES)
    assert model_outputs(model, PICTURES, "scores").shape == (3, units)


def test_one_logit_has_a_sigmoid() -> None:
    model = keras.Sequential([keras.Input(SIZE), layers.Rescaling(0.01), layers.Flatten()])
    model.add(layers.Dense(1))
    logits = model_outputs(model, PICTURES)
    np.testing.assert_allclose(probabilities(model, PICTURES), 1 / (1 + np.exp(-logits)), rtol=1e-5)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (np.zeros(3), r"shape \(3,\) of float64 for 3 pictures; expected .* \(3, classes\)"),
        (np.zeros((3, 1, 1, 4)), r"shape \(3, 1, 1, 4\)"),
        (np.zeros((2, 4)), r"shape \(2, 4\)"),
        (np.array([["a"]] * 3), "expected\nnumbers|expected numbers"),
        ([np.zeros((3, 4)), np.zeros((3, 2))], r"2 arrays of shapes \(3, 4\), \(3, 2\)"),
        ({"a": np.zeros((3, 4)), "b": np.zeros((3, 4))}, "2 arrays of shapes"),
    ],
    ids=["(n,)", "(n, 1, 1, c)", "too few", "text", "two heads", "dict of two"],
)
def test_what_functions_return_is_checked(returned: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_outputs(lambda images: returned, PICTURES)


def test_what_is_no_model_is_named() -> None:
    with pytest.raises(ValueError, match="the model is a str; expected a Keras model"):
        scores_of("network", SIZE)


def test_batches_bound_what_a_function_is_given() -> None:
    sizes: list[int] = []

    def scores(images: NDArray[np.float32]) -> NDArray[np.float64]:
        sizes.append(len(images))
        return images.mean(axis=(1, 2))

    np.testing.assert_allclose(
        model_outputs(scores, PICTURES, batch_size=2), PICTURES.mean(axis=(1, 2)), rtol=1e-6
    )
    assert sizes == [2, 1]
