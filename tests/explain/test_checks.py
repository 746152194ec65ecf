"""Before minutes are spent: every problem is named, and nothing is said where there is none."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from insectlib.explain import (
    deep_shap,
    edge_map,
    grad_cam,
    gradient_shap,
    kernel_shap,
    lime_image,
    occlusion,
    partition_shap,
    permutation_shap,
    random_map,
)
from insectlib.explain.checks import PreflightWarning, check_background_set, preflight

SIZE = 8
HALVES = np.repeat([0, 1], SIZE // 2)[None].repeat(SIZE, axis=0)
EXPLAINERS = (
    *(kernel_shap, permutation_shap, partition_shap, lime_image, occlusion, edge_map),
    *(random_map, grad_cam, gradient_shap, deep_shap),
)


@pytest.fixture
def network() -> keras.Model:
    """Return a network that sees the channel that is strongest: red, green or blue."""
    picture = keras.Input((SIZE, SIZE, 3))
    return keras.Model(picture, keras.layers.GlobalAveragePooling2D()(picture))


@pytest.fixture
def colours() -> NDArray[np.float32]:
    """Return noisy pictures, red, green and blue in turn."""
    random = np.random.default_rng(0)
    pictures = random.uniform(0, 50, (6, SIZE, SIZE, 3)).astype(np.float32)
    for i, picture in enumerate(pictures):
        picture[..., i % 3] += 150
    return pictures


def test_nothing_is_said_where_nothing_is_wrong(
    network: keras.Model, colours: NDArray[np.float32]
) -> None:
    for method in ("kernel", "gradient", "partition", "permutation"):
        assert preflight(network, colours[:3], colours[3:], method=method) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ground, outputs = check_background_set(network, colours[3:], colours[:3])
    np.testing.assert_allclose(outputs, colours[3:].mean(axis=(1, 2)), rtol=1e-5)
    assert ground.dtype == np.float32
    np.testing.assert_array_equal(ground, colours[3:])


WRONG = {
    "multiply by 255": lambda pictures: pictures / 255,
    "expected 0 to 255": lambda pictures: pictures - 300,
    "the network takes 8x8": lambda pictures: pictures[:, :4],
    "the network takes 3": lambda pictures: pictures[..., :2],
    "not finite": lambda pictures: np.full_like(pictures, np.nan),
    "dtype": lambda pictures: pictures.astype(str),
}


@pytest.mark.parametrize("named", WRONG)
def test_pictures_and_background_of_a_wrong_kind_are_named(
    network: keras.Model, colours: NDArray[np.float32], named: str
) -> None:
    wrong = WRONG[named](colours[:3])
    (found,) = preflight(network, wrong, method="kernel")
    assert named in found
    (found,) = preflight(network, colours[:3], wrong, method="gradient")
    assert found.startswith("background: ")
    assert named in found
    with pytest.raises(ValueError, match="background: "):
        check_background_set(network, wrong)


def test_one_picture_is_no_background_set(
    network: keras.Model, colours: NDArray[np.float32]
) -> None:
    for background in (colours[0], colours[:0]):
        with pytest.raises(ValueError, match=r"expected a set of pictures"):
            check_background_set(network, background)
    (found,) = preflight(network, colours, method="deep")
    assert "needs a set" in found


@pytest.mark.parametrize("kind", ["dataset", "None", "unlike", "text", "function"])
def test_what_is_no_array_is_named(
    network: keras.Model, colours: NDArray[np.float32], kind: str
) -> None:
    given: dict[str, Any] = {
        "dataset": tf.data.Dataset.from_tensor_slices(colours).batch(3),
        "None": None,
        "unlike": [colours[0], colours[1, :4]],
        "text": "blur(3,3)",
        "function": np.zeros,
    }
    for explain in (gradient_shap, deep_shap):
        with pytest.raises(ValueError, match="background|inhomogeneous"):
            explain(network, colours[:2], given[kind])
    for explain in (kernel_shap, permutation_shap, lime_image, occlusion):
        with pytest.raises(ValueError, match="baseline"):
            explain(network, colours[:2], given[kind])


def test_explained_pictures_in_the_background_are_counted(
    network: keras.Model, colours: NDArray[np.float32]
) -> None:
    with pytest.warns(PreflightWarning, match=r"2 of 3 explained pictures .*number 1"):
        check_background_set(network, colours[1:], colours[:3])
    (found,) = preflight(network, colours[:3], colours[1:], method="gradient")
    assert "2 of 3" in found


def test_a_background_of_one_class_is_named(
    network: keras.Model, colours: NDArray[np.float32]
) -> None:
    with pytest.warns(PreflightWarning, match=r"output 1 in all 2 pictures"):
        check_background_set(network, colours[1::3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # one picture, such as a grey one, is a baseline: it cannot be of every class
        check_background_set(network, colours[:1])


def test_softmax_and_wrong_names_are_named(
    network: keras.Model, colours: NDArray[np.float32]
) -> None:
    with_softmax = keras.Sequential([network, keras.layers.Softmax()])
    (found,) = preflight(with_softmax, colours, method="partition")
    assert "probabilities" in found
    (found,) = preflight(network, colours, method="kernel", class_names=["red", "green"])
    assert "2 class_names for a model with 3 outputs" in found
    (found,) = preflight(network, colours, method="kernel", output="softmax")
    assert "expected one of logits, probabilities, scores" in found
    with pytest.raises(ValueError, match="'lime'"):
        preflight(network, colours, method="lime")


def noisy_network(colours: NDArray[np.float32], kind: str) -> keras.Model:
    """Return a network with dropout that never sleeps."""

    class Awake(keras.layers.Dropout):
        def call(self, x: Any, training: bool | None = None) -> Any:
            return super().call(x, training=True)

    picture = keras.Input((SIZE, SIZE, 3))
    maps = keras.layers.Conv2D(6, 3, activation="relu")(picture)
    flat = keras.layers.Flatten()(maps)
    if kind == "own":
        dropped = Awake(0.5, name="mc")(flat)
    else:
        inner = keras.Sequential([keras.Input(flat.shape[1:]), Awake(0.5, name="mc")])
        dropped = inner(flat)
    return keras.Model(picture, keras.layers.Dense(3)(dropped))


@pytest.mark.parametrize(
    ("explain", "kind"),
    [(kernel_shap, "nested"), *((each, "own") for each in EXPLAINERS)],
)
def test_networks_that_answer_at_random_are_refused(
    colours: NDArray[np.float32], explain: Any, kind: str
) -> None:
    network = noisy_network(colours, kind)
    second = colours[3:] if explain in (gradient_shap, deep_shap) else np.full(3, 128.0)
    with pytest.raises(ValueError, match="draws random numbers whenever it is asked .*mc"):
        explain(network, colours[:2], second)
    for method in ("kernel", "gradient", "deep"):
        assert "draws random numbers" in str(
            preflight(network, colours[:2], colours[3:], method=method)
        )


@pytest.mark.parametrize("explain", [kernel_shap, permutation_shap, partition_shap, lime_image])
def test_functions_that_answer_at_random_are_told(
    colours: NDArray[np.float32], explain: Any
) -> None:
    random = np.random.default_rng(0)
    asked = {} if explain is partition_shap else {"segments": HALVES}

    def scores(images: NDArray[np.float32]) -> NDArray[np.float64]:
        kept = random.random(images.shape) < 0.5
        return np.where(kept, 2 * images, 0).mean(axis=(1, 2)) / 10

    with pytest.warns(PreflightWarning, match="two answers for the same picture"):
        explain(scores, colours[:2], np.full(3, 128.0), budget=20, **asked)


@pytest.mark.parametrize("explain", EXPLAINERS)
@pytest.mark.parametrize("where", ["images", "second"])
def test_one_picture_from_0_to_1_among_others_is_refused(
    colours: NDArray[np.float32], explain: Any, where: str
) -> None:
    """A picture that is black, or nearly so, in whole numbers, is none of those."""
    if where == "second" and explain in (edge_map, random_map, grad_cam):
        return  # nothing is compared with
    layers = [keras.layers.Conv2D(3, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
    network = keras.Sequential([keras.Input((SIZE, SIZE, 3)), *layers])
    mixed, dark = colours.copy(), colours.copy()
    mixed[1] /= 255
    dark[0], dark[1] = 0, 2 if explain is partition_shap else 1  # which looks at one by one
    other = colours / 2
    with pytest.raises(ValueError, match="looks like the range 0 to 1"):
        explain(network, *((mixed, other) if where == "images" else (other, mixed)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PreflightWarning)
        explain(network, *((dark, other) if where == "images" else (other, dark)))


@pytest.mark.parametrize("explain", EXPLAINERS)
def test_pictures_of_unlike_sizes_are_refused(explain: Any) -> None:
    unlike = [np.zeros((SIZE, SIZE, 3)), np.zeros((SIZE, SIZE + 1, 3))]
    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalMaxPooling2D()])
    with pytest.raises(ValueError, match="unlike shapes"):
        explain(network, unlike, np.zeros((1, SIZE, SIZE, 3)))


def test_dropout_asleep_and_augmentation_are_no_news(colours: NDArray[np.float32]) -> None:
    network = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.RandomFlip(),
            keras.layers.RandomRotation(0.1),
            keras.layers.RandomBrightness(0.1),
            keras.layers.Dropout(0.5),
            keras.layers.GaussianNoise(0.1),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", PreflightWarning)
        for explain in (kernel_shap, permutation_shap):
            explain(network, colours[:2], np.full(3, 128.0), budget=40, segments=HALVES)
        partition_shap(network, colours[:2], np.full(3, 128.0), budget=40)
    for method in ("kernel", "gradient"):
        assert preflight(network, colours[:3], colours[3:], method=method) == []


def test_what_deep_shap_cannot_explain_is_named(colours: NDArray[np.float32]) -> None:
    picture = keras.Input((SIZE, SIZE, 3))
    ranked = keras.ops.sort(picture, axis=1)
    network = keras.Model(picture, keras.layers.GlobalAveragePooling2D()(ranked))
    (found,) = preflight(network, colours[:2], colours[2:], method="deep")
    assert "TopKV2" in found
