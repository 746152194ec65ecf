"""The truth of drawn scenes, and shares of attribution."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import shap
import shapiq
from numpy.typing import NDArray

from insectlib.evaluate.localisation import (
    attribution_shares,
    attribution_sums,
    border_masks,
    region_masks,
)
from insectlib.explain.games.coalitions import exact_shapley, pair_interactions
from insectlib.explain.games.scene_game import SCENE_PLAYERS, scene_shapley
from insectlib.models.inference import softmax
from insectlib.specimens.catalogue import sample_scene
from insectlib.specimens.rendering import render
from insectlib.specimens.scene import PARTS

SIZE = 48


class Colours:
    """A network that sees three numbers: the mean of all pixels, of the corner, and a product."""

    def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        mean = images.mean(axis=(1, 2, 3), dtype=np.float64)
        corner = images[:, -5:, -20:].mean(axis=(1, 2, 3), dtype=np.float64)
        return np.stack([mean, corner, mean * corner / 255], axis=1)


@pytest.fixture
def explanation() -> shap.Explanation:
    """Return an explanation of a picture of 2x2 pixels and two classes."""
    values = np.zeros((1, 2, 2, 3, 2))
    values[0, 0, 0, :, 0], values[0, 0, 1, :, 0], values[0, 1, 1, :, 0] = 1, -2, 1
    return shap.Explanation(
        values, base_values=np.zeros((1, 2)), data=np.zeros((1, 2, 2, 3)), output_names=["a", "b"]
    )


LEFT = np.array([[[True, False], [True, False]]])


def test_shares_by_size(explanation: shap.Explanation) -> None:
    shares = attribution_shares(explanation, {"left": LEFT, "right": ~LEFT})
    np.testing.assert_allclose(shares["left"], [[0.25, 0.0]])
    np.testing.assert_allclose(shares["right"], [[0.75, 0.0]])


def test_shares_of_what_speaks_for_the_class(explanation: shap.Explanation) -> None:
    shares = attribution_shares(explanation, {"left": LEFT, "right": ~LEFT}, kind="positive")
    np.testing.assert_allclose(shares["left"], [[0.5, 0.0]])
    np.testing.assert_allclose(shares["right"], [[0.5, 0.0]])


def test_channels_that_cancel_have_no_size(explanation: shap.Explanation) -> None:
    explanation.values = np.zeros((1, 2, 2, 3, 1))
    explanation.values[0, 0, 0, :, 0], explanation.values[0, 0, 1, :, 0] = (5, -3, -2), (1, 1, 2)
    shares = attribution_shares(explanation, {"left": LEFT, "right": ~LEFT})
    np.testing.assert_allclose([shares["left"], shares["right"]], [[[0]], [[1]]])


def test_sums_keep_their_signs(explanation: shap.Explanation) -> None:
    sums = attribution_sums(explanation, {"left": LEFT, "right": ~LEFT})
    np.testing.assert_allclose(sums["left"], [[3.0, 0.0]])
    np.testing.assert_allclose(sums["right"], [[-3.0, 0.0]])


def test_shares_refuse_other_kinds_and_sizes(explanation: shap.Explanation) -> None:
    with pytest.raises(ValueError, match="kind is 'negative'"):
        attribution_shares(explanation, {"left": LEFT}, kind="negative")
    with pytest.raises(ValueError, match=r"'left' has shape \(2, 2\); expected \(1, 2, 2\)"):
        attribution_shares(explanation, {"left": LEFT[0]})


def test_regions_part_every_pixel() -> None:
    _, mask = render(sample_scene("beetle", 4), SIZE)
    regions = region_masks(mask)
    np.testing.assert_array_equal(sum(r.astype(int) for r in regions.values()), 1)
    np.testing.assert_array_equal(regions["strip"], mask == PARTS.index("strip"))
    np.testing.assert_array_equal(regions["insect"], mask >= PARTS.index("head"))
    assert all(region.any() for region in regions.values())


def test_frames_part_every_pixel() -> None:
    masks = border_masks(2, 60, 90)
    np.testing.assert_array_equal(sum(m.astype(int) for m in masks.values()), np.ones((2, 60, 90)))
    assert masks["centre"][0, 30, 45]
    assert masks["border"][1, 3, 3]
    assert masks["strip"][1, 59, 89]
    assert masks["centre"][0].sum() == 40 * 60


def test_scene_is_drawn_again_without_its_parts() -> None:
    scene = sample_scene("dragonfly", 3, shortcut_background=1.0)
    truth = scene_shapley(Colours(), scene, size=SIZE)
    assert truth.players == ("insect", "background", "strip")
    nothing = scene.plain_background().without("insect", "clutter", "strip")
    for row, staged in (
        (0, nothing),
        (0b111, scene),
        (0b101, scene.plain_background().without("clutter")),
        (0b010, scene.without("insect", "strip")),
    ):
        image, _ = render(staged, SIZE)
        expected = Colours().predict_on_batch(image[None])[0]
        np.testing.assert_allclose(truth.table[row], expected, rtol=1e-6)
    gain = truth.table[-1] - truth.table[0]
    np.testing.assert_allclose(truth.values.sum(axis=0), gain)
    assert np.abs(truth.values[2, 1]) > np.abs(truth.values[0, 1])  # the strip owns its corner


def test_clutter_can_be_a_player_of_its_own() -> None:
    scene = sample_scene("beetle", 5)
    truth = scene_shapley(Colours(), scene, ("clutter", "background"), size=SIZE)
    image, _ = render(scene.plain_background(), SIZE)
    np.testing.assert_allclose(truth.table[1], Colours().predict_on_batch(image[None])[0])


@pytest.mark.parametrize(
    ("players", "message"),
    [
        ((), "0 players"),
        (("background", *PARTS, "insect"), "11 players"),
        (("insect", "head"), "do not overlap"),
        (("strip", "strip"), "do not overlap"),
        (("feelers",), "feelers"),
    ],
)
def test_scene_refuses_other_players(players: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scene_shapley(Colours(), sample_scene("beetle", 0), players, size=SIZE)


def test_scene_refuses_an_unknown_output() -> None:
    with pytest.raises(ValueError, match="output is 'odds'"):
        scene_shapley(Colours(), sample_scene("beetle", 0), ("strip",), size=SIZE, output="odds")


def small_network(seed: int) -> keras.Model:
    layers = [keras.Input((SIZE, SIZE, 3)), keras.layers.Rescaling(1 / 255)]
    start = keras.initializers.GlorotUniform(seed)
    layers += [keras.layers.AveragePooling2D(8), keras.layers.Flatten()]
    return keras.Sequential([*layers, keras.layers.Dense(3, kernel_initializer=start)])


def test_all_parts_of_a_scene_are_players() -> None:
    assert sorted((*SCENE_PLAYERS, "clutter")) == sorted(PARTS)
    scene, network = sample_scene("dragonfly", 12), small_network(0)
    logits = scene_shapley(network, scene, SCENE_PLAYERS, size=SIZE)
    shares = scene_shapley(network, scene, SCENE_PLAYERS, size=SIZE, output="probabilities")
    assert logits.table.shape == (256, 3)
    np.testing.assert_allclose(shares.table, softmax(logits.table))
    np.testing.assert_allclose(shares.values, exact_shapley(softmax(logits.table)))
    np.testing.assert_allclose(logits.interactions(), pair_interactions(logits.table))
    gain = logits.table[-1] - logits.table[0]
    np.testing.assert_allclose(logits.values.sum(axis=0), gain, atol=1e-4)
    by_shapiq = shapiq.ExactComputer(
        lambda rows: logits.table[np.asarray(rows, dtype=int) @ 2 ** np.arange(8), 2], n_players=8
    )("SV")
    of_shapiq = [by_shapiq[(i,)] for i in range(8)]
    np.testing.assert_allclose(logits.values[:, 2], of_shapiq, atol=1e-4)


def forbid(*_: object, **__: object) -> None:
    raise AssertionError("a scene was drawn although its table is kept")


def test_table_is_kept_for_the_same_network_and_no_other(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    scene, network = sample_scene("beetle", 2), small_network(0)
    first = scene_shapley(network, scene, size=SIZE)
    other = scene_shapley(small_network(1), scene, size=SIZE)
    assert np.abs(first.table - other.table).max() > 0.01
    assert len(list((cache / "games").glob("[!.]*"))) == 2
    monkeypatch.setattr("insectlib.explain.games.scene_game.render_image", forbid)
    again = scene_shapley(network, scene, size=SIZE)
    np.testing.assert_array_equal(again.table, first.table)
    for change in (
        {"scene": sample_scene("beetle", 3), "size": SIZE},
        {"scene": scene, "size": SIZE, "players": ("background", "strip")},
        {"scene": scene, "size": SIZE // 2},
    ):
        with pytest.raises(AssertionError, match="a scene was drawn"):
            scene_shapley(network, **change)
    network.layers[-1].set_weights([2 * w for w in network.layers[-1].get_weights()])
    with pytest.raises(AssertionError, match="a scene was drawn"):
        scene_shapley(network, scene, size=SIZE)


def test_models_of_other_kinds_are_asked_each_time(cache: Path) -> None:
    scene_shapley(Colours(), sample_scene("beetle", 2), ("strip",), size=SIZE)
    assert not (cache / "games").exists()


def test_damaged_table_is_named_and_played_again(cache: Path) -> None:
    scene, network = sample_scene("beetle", 2), small_network(0)
    first = scene_shapley(network, scene, size=SIZE)
    (path,) = (cache / "games").glob("*/array.npy")
    np.save(path, first.table + 1)
    with pytest.warns(UserWarning, match="damaged, made again"):
        again = scene_shapley(network, scene, size=SIZE)
    np.testing.assert_array_equal(again.table, first.table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scene_shapley(network, scene, size=SIZE)  # mended
