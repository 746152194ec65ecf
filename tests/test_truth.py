"""The truth of drawn scenes, and shares of attribution."""

from __future__ import annotations

import numpy as np
import pytest
import shap
from numpy.typing import NDArray

from insectlib.specimens import PARTS, render, sample_scene
from insectlib.truth import (
    attribution_shares,
    attribution_sums,
    exact_shapley,
    frame_masks,
    region_masks,
    scene_shapley,
)

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
    masks = frame_masks(2, 60, 90)
    np.testing.assert_array_equal(sum(m.astype(int) for m in masks.values()), np.ones((2, 60, 90)))
    assert masks["centre"][0, 30, 45]
    assert masks["border"][1, 3, 3]
    assert masks["strip"][1, 59, 89]
    assert masks["centre"][0].sum() == 40 * 60


@pytest.mark.parametrize("n", [1, 2, 5])
def test_shapley_values_of_an_additive_game_are_its_terms(n: int) -> None:
    terms = np.random.default_rng(n).normal(size=(n, 2))
    rows = np.array([[row >> i & 1 for i in range(n)] for row in range(2**n)])
    np.testing.assert_allclose(exact_shapley(7 + rows @ terms), terms)


def test_shapley_values_share_what_only_two_can_do() -> None:
    # a pair of gloves: players 0 and 1 hold a left one, player 2 the right one
    table = np.array([[row >> 2 & 1 and row & 3 != 0] for row in range(8)], dtype=float)
    np.testing.assert_allclose(exact_shapley(table)[:, 0], [1 / 6, 1 / 6, 2 / 3])


@pytest.mark.parametrize("rows", [0, 1, 3, 6])
def test_shapley_values_need_every_coalition(rows: int) -> None:
    with pytest.raises(ValueError, match=r"2\*\*n coalitions"):
        exact_shapley(np.zeros((rows, 1)))


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
