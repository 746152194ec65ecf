"""What people bring to the explainers that mask: one output, NaN, odd segments, tiny pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import Ridge

from insectlib.explain import (
    Explanation,
    all_coalitions,
    exact_shapley,
    grad_cam,
    kernel_shap,
    lime_image,
    mask_image,
    occlusion,
    partition_shap,
    permutation_shap,
    random_map,
    segment_values,
)

GREY = np.full(3, 128.0)
SIX = np.kron(np.arange(6).reshape(2, 3), np.ones((4, 3), dtype=np.int64))
PICTURES = np.rint(np.random.default_rng(0).uniform(2, 250, (2, 8, 9, 3))).astype(np.float32)
WITH_SEGMENTS = (kernel_shap, permutation_shap, lime_image)


def curved(images: NDArray[np.float32], outputs: int = 1) -> NDArray[np.float64]:
    """Return scores that are no sums of pixels."""
    size = images[0].size
    weights = np.sin(np.arange(size * outputs)).reshape(size, outputs) / 300
    linear = images.reshape(len(images), -1) @ weights
    return linear + np.sin(3 * linear)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("output", ["logits", "probabilities", "scores"])
@pytest.mark.parametrize("way", ["shap", "surrogate", "permutation", "predicted", "lime"])
def test_one_output_is_explained_like_two(outputs: int, output: str, way: str) -> None:
    """A column of one output must not be taken for one value of a superpixel."""

    def model(images: NDArray[np.float32]) -> NDArray[np.float64]:
        return curved(images, outputs)

    rows = all_coalitions(6)
    table = model(mask_image(rows, SIX, PICTURES[0], GREY))
    if output == "probabilities":
        both = np.exp(table) / np.exp(table).sum(axis=1, keepdims=True)
        table = expit(table) if outputs == 1 else both
    truth = exact_shapley(table)
    asked: dict[str, Any] = {"segments": SIX, "output": output}
    if way == "lime":
        found = lime_image(model, PICTURES[:1], GREY, budget=300, **asked)
        shown = np.random.default_rng(0).integers(0, 2, (300, 6))
        shown[0] = 1
        weights = np.exp(-((1 - np.sqrt(shown.mean(axis=1))) ** 2) / (2 * 0.25**2))
        plane = Ridge(alpha=1).fit(shown, table[shown @ 2 ** np.arange(6)], sample_weight=weights)
        truth = np.reshape(plane.coef_, (outputs, 6)).T
    elif way in ("permutation", "predicted"):
        target = "predicted" if way == "predicted" else None
        found = permutation_shap(model, PICTURES[:1], GREY, budget=3000, target=target, **asked)
    else:
        found = kernel_shap(model, PICTURES[:1], GREY, budget=62, estimator=way, **asked)
    values = segment_values(found.values[0], SIX)
    tolerance = 0.1 if way in ("permutation", "predicted") else 1e-6
    np.testing.assert_allclose(
        values, truth[:, found.classes[0]], atol=tolerance * np.abs(truth).max()
    )
    names = ["cat", "dog"]
    named = kernel_shap(model, PICTURES[:1], GREY, budget=62, class_names=names, **asked)
    assert list(named.output_names) == names[-outputs:]


@pytest.mark.parametrize(
    "explain", [*WITH_SEGMENTS, partition_shap, occlusion], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_outputs_that_are_not_finite_where_something_is_hidden(
    explain: Callable[..., Explanation], bad: float
) -> None:
    def model(images: NDArray[np.float32]) -> NDArray[np.float64]:
        scores = curved(images, 2)
        scores[(images == 128).any(axis=(1, 2, 3)), 1] = bad
        return scores

    pictures = np.where(PICTURES == 128, 127, PICTURES)
    with pytest.raises(ValueError, match=r"not finite for \d+ of \d+ (masked|covered) pictures"):
        explain(model, pictures, GREY, target=0)


@pytest.mark.parametrize("explain", [*WITH_SEGMENTS, random_map], ids=lambda f: f.__name__)
def test_segments_of_any_clear_kind(explain: Callable[..., Explanation]) -> None:
    calls: list[int] = []
    budget: dict[str, Any] = {} if explain is random_map else {"budget": 20}

    def model(images: NDArray[np.float32]) -> NDArray[np.float64]:
        calls.append(len(images))
        return curved(images, 2)

    for halves in (SIX > 2, (SIX > 2).astype(np.uint8), (SIX > 2).astype(float)):
        for given in (halves, halves.tolist(), np.stack([halves, halves])):
            found = explain(model, PICTURES, GREY, segments=given, **budget)
            np.testing.assert_array_equal(found.data, PICTURES)
            expected = explain(model, PICTURES, GREY, segments=(SIX > 2).astype(int), **budget)
            np.testing.assert_array_equal(found.values, expected.values)
    calls.clear()
    wrong = {
        "numbered from 0 without gaps": (SIX + 1, SIX * 2, SIX - 1, np.ones_like(SIX, dtype=bool)),
        "not whole numbers": (SIX / 2, np.where(SIX > 2, np.nan, 0), SIX.astype(str)),
        "segments has shape": (SIX[..., None], SIX[:4], SIX.ravel()),
    }
    for message, all_given in wrong.items():
        for given in all_given:
            with pytest.raises(ValueError, match=message):
                explain(model, PICTURES, GREY, segments=given, **budget)
    assert not calls, "the model was asked before the segments were checked"


@pytest.mark.parametrize("explain", [*WITH_SEGMENTS, partition_shap, occlusion])
def test_a_wrong_baseline_is_refused_before_the_model_is_asked(
    explain: Callable[..., Explanation],
) -> None:
    def model(images: NDArray[np.float32]) -> NDArray[np.float64]:
        raise AssertionError("the model was asked")

    for wrong in ((1.0, 2.0), (0.0, 0.0, 300.0), PICTURES[:1, :4], "smear"):
        if isinstance(wrong, str) and explain is not partition_shap:
            continue
        with pytest.raises(ValueError, match="baseline"):
            explain(model, PICTURES, wrong)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (3, 2)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("value", [0, 128])
def test_tiny_and_blank_pictures(shape: tuple[int, int], channels: int, value: int) -> None:
    picture = np.full((1, *shape, channels), value, dtype=np.float32)

    def model(images: NDArray[np.float32]) -> NDArray[np.float64]:
        return curved(images, 2)

    for settings in ({}, {"estimator": "surrogate"}, {"output": "probabilities"}):
        found = kernel_shap(model, picture, GREY[:1].repeat(channels), budget=40, **settings)
        assert found.additivity_gap < 1e-6
    for explain in (permutation_shap, partition_shap, lime_image, occlusion):
        if explain is partition_shap and picture.size == 1:
            continue  # shap cannot cut a picture of a single value
        budget = {} if explain is occlusion else {"budget": 40}
        found = explain(model, picture, GREY[:1].repeat(channels), **budget)
        assert found.values.shape == (1, *shape, channels, 2)
        assert np.isfinite(found.values).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("baseline", ["blur(3,3)", "inpaint_telea", "inpaint_ns"])
def test_partition_fills_any_number_of_channels(channels: int, baseline: str) -> None:
    pictures = np.repeat(PICTURES[..., :1], channels, axis=-1)
    found = partition_shap(lambda images: curved(images, 2), pictures, baseline, budget=60)
    assert found.values.shape == (*pictures.shape, 2) and found.additivity_gap < 1e-6
    regions = found.regions[0]
    sums = segment_values(found.values[0], regions)
    assert 1 < len(sums) == regions.max() + 1


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("sequential", [False, True])
def test_grad_cam_looks_into_networks_within_networks(frozen: bool, sequential: bool) -> None:
    start = keras.Input((8, 9, 3))
    maps = layers.Conv2D(4, 3, activation="relu", name="deep")(start)
    base = keras.Model(start, maps, name="base")
    base.trainable = not frozen
    head = [layers.GlobalAveragePooling2D(), layers.Dense(3)]
    outer = keras.Input((8, 9, 3))
    end = base(layers.Rescaling(1 / 255)(outer))
    flat_end = maps_of = base.layers[1](layers.Rescaling(1 / 255)(outer))
    for layer in head:
        end, flat_end = layer(end), layer(flat_end)
    nested = keras.Model(outer, end)
    if sequential:
        nested = keras.Sequential([keras.Input((8, 9, 3)), layers.Rescaling(1 / 255), base, *head])
    expected = grad_cam(keras.Model(outer, flat_end), PICTURES)
    assert expected.values.max() > 0 and maps_of is not None
    for layer_name in (None, "deep"):
        found = grad_cam(nested, PICTURES, layer=layer_name)
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-4, atol=1e-7)
    with pytest.raises(ValueError, match="no layer 'nowhere' with feature maps; expected one of"):
        grad_cam(nested, PICTURES, layer="nowhere")


def test_grad_cam_needs_maps() -> None:
    flat = keras.Sequential([keras.Input((8, 9, 3)), layers.Flatten(), layers.Dense(3)])
    with pytest.raises(ValueError, match="no layer with feature maps"):
        grad_cam(flat, PICTURES)


def test_grad_cam_of_maps_that_no_weight_has_made() -> None:
    network = keras.Sequential(
        [keras.Input((8, 9, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3)]
    )
    assert grad_cam(network, PICTURES).values.max() > 0
