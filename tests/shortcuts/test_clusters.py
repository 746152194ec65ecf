"""Maps of a whole test part: sums by region, clusters, and the rule that ranks them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shap
from helpers import linear
from numpy.typing import NDArray

from insectlib.data.imageset import ImageSet
from insectlib.explain.explanation import to_explanation
from insectlib.explain.gradients.expected_gradients import gradient_shap
from insectlib.explain.target import prepare
from insectlib.models.cnns import small_cnn
from insectlib.shortcuts.clusters import (
    cluster_maps,
    evidence_shares,
    map_features,
    regions_of,
)
from insectlib.specimens.scene import PARTS

NAMES = ("beetle", "cockroach", "dragonfly")


def explained(maps: NDArray[np.float64], *, named: int = 1) -> shap.Explanation:
    """Return an explanation whose map of the named class is given, and reversed for the others."""

    class Stub:
        input_shape = (None, *maps.shape[1:], 3)

        def predict_on_batch(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
            logits = np.full((len(images), 3), -1.0)
            logits[:, named] = 2.0
            return logits

    pictures = np.full((*maps.shape, 3), 100, dtype=np.float32)
    values = np.repeat(-maps[..., None, None] / 3, 3, axis=3).repeat(3, axis=4)
    values[..., named] *= -1
    prepared = prepare(Stub(), pictures, class_names=NAMES)
    return to_explanation(prepared, values, np.zeros((len(maps), 3)), evaluations=1, seconds=0.0)


def test_gradients_of_a_linear_network_are_exact_and_add_up(tiny_set: ImageSet) -> None:
    model, ground = linear(), tiny_set.images[16:]
    found = gradient_shap(model, tiny_set.images[:4], ground[:1], seed=0, budget=2)
    weights = model.layers[-1].get_weights()[0].reshape(16, 16, 3, 3)
    expected = (tiny_set.images[:4] - ground[0])[..., None] * weights
    np.testing.assert_allclose(found.values, expected, atol=1e-4)
    assert found.additivity_gap < 1e-3
    assert found.values.shape == (4, 16, 16, 3, 3)


def test_gradients_agree_with_the_explainer_of_chapter_six(tiny_set: ImageSet) -> None:
    model, ground = small_cnn(16, seed=0), tiny_set.images[12:13]
    quick = gradient_shap(model, tiny_set.images[:2], ground, seed=0, budget=100)
    slow = gradient_shap(model, tiny_set.images[:2], ground, seed=1, budget=100)
    a, b = (e.values.sum(axis=3).reshape(6, -1) for e in (quick, slow))
    together = [np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]
    assert min(together) > 0.9


def test_gradients_with_top_explain_the_largest_output(tiny_set: ImageSet) -> None:
    model = linear()
    ground, pictures = tiny_set.images[16:], tiny_set.images[:5]
    everything = gradient_shap(model, pictures, ground, seed=3, budget=8)
    one = gradient_shap(model, pictures, ground, seed=3, budget=8, target="predicted")
    named = everything.outputs.argmax(axis=1)
    assert (one.classes[:, 0] == named).all()
    picked = everything.values[np.arange(5), ..., named]
    np.testing.assert_allclose(one.values[..., 0], picked, atol=1e-9)


def test_gradients_of_probabilities_add_up_with_many_samples(tiny_set: ImageSet) -> None:
    found = gradient_shap(
        linear(),
        tiny_set.images[:2],
        tiny_set.images[5:6],
        seed=0,
        budget=100,
        output="probabilities",
    )
    assert found.outputs.sum(axis=1) == pytest.approx(1)
    assert found.additivity_gap < 0.02


def test_gradients_refuse_no_samples(tiny_set: ImageSet) -> None:
    with pytest.raises(ValueError, match="budget is 0; expected 1 or more"):
        gradient_shap(linear(), tiny_set.images, tiny_set.images, seed=0, budget=0)


def test_regions_come_from_masks_where_there_are_some(tiny_set: ImageSet) -> None:
    assert list(regions_of(tiny_set)) == ["centre", "border", "strip"]
    masks = np.full((24, 16, 16), PARTS.index("clutter"), dtype=np.uint8)
    masks[:, 4:8, 4:8] = PARTS.index("head")
    regions = regions_of(replace(tiny_set, masks=masks))
    assert list(regions) == ["insect", "background", "strip"]
    assert regions["insect"].sum() == 24 * 16
    assert regions["background"].sum() == 24 * (256 - 16)


def test_evidence_is_added_up_with_its_signs_before_it_is_shared() -> None:
    maps = np.zeros((2, 4, 4))
    maps[0, 0] = [5, -5, 5, -4]  # mere noise: it adds up to 1
    maps[0, 3] = [-1, -1, -1, 0]  # speaks against the class: its size counts
    maps[1] = 0
    top = np.zeros((2, 4, 4), dtype=bool)
    top[:, 0] = True
    shares = evidence_shares(explained(maps), {"top": top, "rest": ~top})
    np.testing.assert_allclose(shares["top"], [0.25, 0.0])
    np.testing.assert_allclose(shares["rest"], [0.75, 0.0])


def test_features_tell_where_a_map_speaks_for_the_class() -> None:
    maps = np.zeros((3, 8, 8))
    maps[0, :4, :4], maps[0, 4:, 4:] = 3, 1
    maps[1, :4, :4] = -1  # only what speaks for the class counts
    maps[2] = maps[0] * 7  # and not how loudly
    features = map_features(maps, cells=2)
    np.testing.assert_allclose(features[0] ** 2, [0.75, 0, 0, 0.25])
    np.testing.assert_allclose(features[1], 0)
    np.testing.assert_allclose(features[2], features[0])
    with pytest.raises(ValueError, match="cells is 9; expected at most 8"):
        map_features(maps, cells=9)


@pytest.fixture
def two_habits() -> tuple[shap.Explanation, dict[str, NDArray[np.bool_]], NDArray[np.bool_]]:
    """Return maps of which every third lies on the strip and the others on the insect."""
    random = np.random.default_rng(0)
    maps = random.normal(0, 0.02, (24, 16, 16))
    cheats = np.arange(24) % 3 == 0
    maps[cheats, 14:, 8:] += 1
    maps[~cheats, 4:10, 4:10] += 1
    insect, strip = np.zeros((2, 24, 16, 16), dtype=bool)
    insect[:, 3:11, 3:11] = True
    strip[:, 14:, 8:] = True
    regions = {"insect": insect, "background": ~insect & ~strip, "strip": strip}
    return explained(maps), regions, cheats


def test_clusters_part_the_two_habits_and_the_suspicious_one_comes_first(two_habits) -> None:
    explanation, regions, cheats = two_habits
    clusters = cluster_maps(explanation, regions, seed=0)
    assert len(clusters) == 2
    np.testing.assert_array_equal(clusters[0].members, np.flatnonzero(cheats))
    np.testing.assert_array_equal(clusters[1].members, np.flatnonzero(~cheats))
    assert [c.suspicious for c in clusters] == [True, False]
    assert clusters[0].shares["strip"] > 0.8
    assert clusters[0].suspicion == pytest.approx(1 - clusters[0].shares["insect"])
    assert all(c.typical in c.members for c in clusters)


def test_typical_picture_is_the_one_nearest_to_the_middle() -> None:
    maps = np.zeros((5, 8, 8))
    maps[:, 0, 0] = 1
    maps[:, 4, 4] = [0.0, 1.0, 2.0, 3.0, 9.0]
    regions = {"border": np.ones((5, 8, 8), dtype=bool)}
    (cluster,) = cluster_maps(explained(maps), regions, seed=0, n_clusters=1)
    features = map_features(maps)
    distances = np.linalg.norm(features - features.mean(axis=0), axis=1)
    assert cluster.typical == distances.argmin() == 1


def test_the_limit_decides_what_is_suspicious(two_habits) -> None:
    explanation, regions, _ = two_habits
    for limit, expected in ((0.0, [True, True]), (1.0, [False, False])):
        found = cluster_maps(explanation, regions, seed=0, limit=limit)
        assert [c.suspicious for c in found] == expected


def test_every_picture_is_in_one_cluster_and_the_number_can_be_asked_for(two_habits) -> None:
    explanation, regions, _ = two_habits
    clusters = cluster_maps(explanation, regions, seed=0, n_clusters=4)
    assert len(clusters) == 4
    assert sorted(np.concatenate([c.members for c in clusters])) == list(range(24))
    assert [c.suspicion for c in clusters] == sorted((c.suspicion for c in clusters), reverse=True)


def test_maps_that_are_all_the_same_make_one_cluster() -> None:
    maps = np.ones((6, 8, 8))
    regions = {"border": np.ones((6, 8, 8), dtype=bool)}
    clusters = cluster_maps(explained(maps), regions, seed=0)
    assert [len(c.members) for c in clusters] == [6]


def test_clusters_refuse_what_does_not_fit(two_habits) -> None:
    explanation, regions, _ = two_habits
    with pytest.raises(ValueError, match="n_clusters is 25; expected 1 to 24"):
        cluster_maps(explanation, regions, seed=0, n_clusters=25)
    with pytest.raises(ValueError, match="limit is 1.5; expected 0 to 1"):
        cluster_maps(explanation, regions, seed=0, limit=1.5)
    with pytest.raises(ValueError, match="regions are insect; expected one of background"):
        cluster_maps(explanation, {"insect": regions["insect"]}, seed=0)
    few = explained(np.ones((3, 8, 8)))
    with pytest.raises(ValueError, match="3 pictures; expected four or more"):
        cluster_maps(few, {"strip": np.ones((3, 8, 8), dtype=bool)}, seed=0)
