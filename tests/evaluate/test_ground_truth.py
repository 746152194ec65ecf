"""Scores against the truth: right for known answers, and without the flaws that they name."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shap
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from insectlib.data.imageset import ImageSet
from insectlib.evaluate.ground_truth import (
    exact_parts,
    part_masks,
    pointing_game,
    relative_error,
)
from insectlib.evaluate.maps import class_maps, rank_correlation
from insectlib.evaluate.part_ranking import best_order_gain, completeness, contrastivity, order_gain
from insectlib.explain.explanation import to_explanation
from insectlib.explain.games.coalitions import all_coalitions, exact_shapley, leave_one_out
from insectlib.explain.games.scene_game import SCENE_PLAYERS, scene_shapley
from insectlib.explain.masking.segments import region_sums
from insectlib.explain.target import prepare
from insectlib.specimens.catalogue import sample_scene
from insectlib.specimens.rendering import render
from insectlib.specimens.scene import PARTS

SIZE = 48
TABLES = arrays(np.float64, 16, elements=st.floats(-9, 9, width=16))
FOUR = arrays(np.float64, 4, elements=st.floats(-9, 9, width=16))


class Colours:
    """A network that sees three numbers: the mean of all pixels, of the corner, and a product."""

    input_shape = (None, SIZE, SIZE, 3)

    def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        mean = images.mean(axis=(1, 2, 3), dtype=np.float64)
        corner = images[:, -5:, -20:].mean(axis=(1, 2, 3), dtype=np.float64)
        return np.stack([mean, corner, mean * corner / 255], axis=1)


@pytest.fixture(scope="module")
def specimens() -> ImageSet:
    """Return two drawn specimens."""
    scenes = tuple(sample_scene(name, 3) for name in ("beetle", "dragonfly"))
    drawn = [render(scene, SIZE) for scene in scenes]
    return ImageSet(
        images=np.stack([picture for picture, _ in drawn]),
        labels=np.array([0, 2]),
        class_names=("beetle", "cockroach", "dragonfly"),
        names=("1", "2"),
        digests=("1", "2"),
        groups=np.arange(2),
        masks=np.stack([mask for _, mask in drawn]),
        scenes=scenes,
    )


def explanation(values: NDArray[np.float64], target: str | None = None) -> shap.Explanation:
    """Return `values` (n, 48, 48, 3, k) as an explanation of grey pictures."""
    pictures = np.full((len(values), SIZE, SIZE, 3), 100.0)
    pictures[:, -5:, -20:] = 200
    prepared = prepare(Colours(), pictures, target=target)
    shape = prepared.classes.shape
    return to_explanation(prepared, values, np.zeros(shape), evaluations=0, seconds=0.1)


def test_parts_share_out_the_picture(specimens: ImageSet) -> None:
    masks = part_masks(specimens.masks, SCENE_PLAYERS)
    assert masks.shape == (2, 8, SIZE, SIZE)
    np.testing.assert_array_equal(masks.sum(axis=1), 1)
    wings = SCENE_PLAYERS.index("wings")
    np.testing.assert_array_equal(masks[:, wings], specimens.masks == PARTS.index("wings"))


def test_clutter_is_background_unless_it_plays() -> None:
    masks = np.arange(9, dtype=np.uint8).reshape(1, 3, 3)
    together = part_masks(masks, ("insect", "background"))
    np.testing.assert_array_equal(together[0, 0], masks[0] >= 3)
    np.testing.assert_array_equal(together[0, 1], np.isin(masks[0], [0, 2]))
    np.testing.assert_array_equal(part_masks(masks, ("background", "clutter"))[0, 0], masks[0] == 0)
    with pytest.raises(ValueError, match="player 'tail'; expected 'insect' or one of background"):
        part_masks(masks, ("tail",))


def test_the_truth_as_a_map_scores_best(specimens: ImageSet) -> None:
    players = ("head", "wings", "background", "strip")
    mapped = exact_parts(Colours(), specimens, players=players)
    truths = [scene_shapley(Colours(), s, players, size=SIZE) for s in specimens.scenes]
    truth = np.stack([t.values for t in truths])
    masks = part_masks(specimens.masks, players)
    seen = masks.any(axis=(2, 3))[..., None]
    found = region_sums(mapped.values.sum(axis=3), masks)
    np.testing.assert_allclose(found, truth * seen, atol=1e-9)
    unseen = np.abs((truth * ~seen).sum(axis=1)).max()
    assert mapped.additivity_gap == pytest.approx(unseen, abs=1e-6)
    assert mapped.evaluations == 2 * 17
    np.testing.assert_allclose(mapped.base_values, [t.table[0] for t in truths])
    assert (contrastivity(truth, truth) == 1).all()


def test_truth_needs_scenes(tiny_set: ImageSet) -> None:
    with pytest.raises(ValueError, match="have no scenes"):
        exact_parts(Colours(), tiny_set)


def test_relative_error_by_hand() -> None:
    truth = np.array([[3.0, 4.0], [3.0, 4.0]])
    np.testing.assert_allclose(relative_error(truth, truth), 0)
    np.testing.assert_allclose(relative_error(np.zeros((2, 2)), truth), 1)
    np.testing.assert_allclose(relative_error([[3.0, -1.0], [0, 4]], truth), [1, 0.6])


def test_rescaled_error_forgives_a_unit_but_no_sign() -> None:
    truth = np.array([3.0, 4.0])
    assert relative_error(truth / 100, truth, rescale=True) == pytest.approx(0)
    assert relative_error(-truth, truth, rescale=True) == pytest.approx(1)
    assert relative_error(np.zeros(2), truth, rescale=True) == pytest.approx(1)
    # the best factor leaves what is at right angles: the sine of the angle
    assert relative_error([1.0, 0.0], truth, rescale=True) == pytest.approx(0.8)
    with pytest.raises(ValueError, match="all reference values of a picture are zero"):
        relative_error(truth, np.zeros(2))


def test_pointing_game_shares_ties() -> None:
    maps = np.array([[[5.0, 1.0], [0.0, 0.0]], [[2.0, 2.0], [2.0, 0.0]]])
    targets = np.array([[[True, False], [False, False]], [[True, False], [False, True]]])
    np.testing.assert_allclose(pointing_game(maps, targets), [1, 1 / 3])
    with pytest.raises(ValueError, match="targets"):
        pointing_game(maps, targets[:1])


def test_the_map_of_a_class() -> None:
    values = np.random.default_rng(0).normal(size=(2, SIZE, SIZE, 3, 3))
    whole = explanation(values)
    np.testing.assert_allclose(class_maps(whole, [0, 2]), values[[0, 1], ..., [0, 2]].sum(axis=-1))
    largest = whole.outputs.argmax(axis=1)
    np.testing.assert_allclose(class_maps(whole), class_maps(whole, largest))
    ranked = explanation(values[..., :1], target="predicted")
    np.testing.assert_allclose(class_maps(ranked, largest), values[..., 0].sum(axis=-1))
    with pytest.raises(ValueError, match="class 0 of picture 0 was not explained"):
        class_maps(ranked, [0, 0])
    with pytest.raises(ValueError, match="one for each picture"):
        class_maps(whole, [0])


def test_rank_correlation_by_hand() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 900]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.8)
    assert rank_correlation([1, 2, 3], [5, 5, 5]) == 0
    np.testing.assert_allclose(rank_correlation([[1, 2], [1, 2]], [[1, 2], [2, 1]]), [1, -1])
    with pytest.raises(ValueError, match="at least 2"):
        rank_correlation([1], [1])


def test_rank_correlation_is_that_of_quantus() -> None:
    """Expected: ``similarity_func.correlation_spearman`` of Quantus 0.6.0 on the same arrays."""
    random = np.random.default_rng(0)
    random.uniform(0, 255, (2, 8, 8, 3))
    random.normal(size=(192, 12)), random.normal(size=(12, 3))
    one, other = random.normal(size=(2, 64))
    assert rank_correlation(one, other) == pytest.approx(-0.028250915750915748)
    assert rank_correlation(one.round(), other.round()) == pytest.approx(-0.017989300421546724)


def every_order(table: NDArray[np.float64]) -> list[float]:
    """Return the gain of all orders of four players, by setting their members one by one."""
    gains = []
    for order in itertools.permutations(range(4)):
        differences = []
        for k in (1, 2, 3):
            top = sum(2**player for player in order[:k])
            differences.append(table[top] - table[15 - top])
        gains.append(sum(differences) / 3)
    return gains


@given(TABLES, FOUR)
def test_gain_of_orders(table: NDArray[np.float64], values: NDArray[np.float64]) -> None:
    gains = every_order(table)
    assert best_order_gain(table) == pytest.approx(max(gains), abs=1e-9)
    assert np.mean(gains) == pytest.approx(0, abs=1e-9)
    assert order_gain(-values, table) == pytest.approx(-order_gain(values, table), abs=1e-9)
    assert order_gain(np.zeros(4), table) == pytest.approx(0, abs=1e-9)
    assert -1 - 1e-9 <= completeness(values, table) <= 1 + 1e-9


def test_gain_of_an_order_by_hand() -> None:
    worth = np.array([4.0, 0.0, -1.0])
    table = all_coalitions(3) @ worth
    # alone 4 without 0, -1; then 4, 0 without -1: (4 + 1 + 4 + 1) / 2
    assert order_gain([9, 5, 1], table) == pytest.approx(5)
    assert completeness(worth, table) == pytest.approx(1)
    assert completeness(-worth, table) == pytest.approx(-1)
    assert completeness([1, 2, 3], np.zeros(8)) == 0
    with pytest.raises(ValueError, match="3 players; expected one value for each"):
        order_gain([1, 2], table)


def test_twins_fool_single_deletions_but_not_the_truth() -> None:
    """Players 0 and 1 say the same: either is enough. Player 2 matters a little."""
    shown = all_coalitions(3)
    table = 10.0 * (shown[:, 0] | shown[:, 1]) + 1.0 * shown[:, 2]
    single = leave_one_out(table[:, None])[:, 0]
    exact = exact_shapley(table[:, None])[:, 0]
    assert single[2] > single[:2].max()
    assert exact[2] < exact[:2].min()
    assert rank_correlation(single, exact) == pytest.approx(-1)
    assert completeness(exact, table) > 0 > completeness(single, table)


def test_contrastivity_by_hand() -> None:
    truth = np.array([[3.0, 0.0], [0.0, 1.0]])
    assert contrastivity(truth, truth) == 1
    assert contrastivity(-truth, truth) == -1
    assert contrastivity(np.ones((2, 2)), truth) == 0
    # right about the part with a difference of 3, wrong about the one with 1
    assert contrastivity(np.array([[0.2, 0.1], [0.2, 0.1]]), truth) == pytest.approx(0.5)
    assert contrastivity(truth, np.zeros((2, 2))) == 0
    assert contrastivity(np.stack([truth, -truth]), np.stack([truth, truth])).tolist() == [1, -1]
    with pytest.raises(ValueError, match="at least two classes"):
        contrastivity(truth[:, :1], truth[:, :1])
