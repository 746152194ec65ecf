"""Interventions: what is exchanged, what stays, and what the maps predict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers import linear, reader
from numpy.typing import NDArray

from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import cover_strip, strip_box
from insectlib.data.sources.drawn import draw_specimens
from insectlib.explain.gradients.expected_gradients import gradient_shap
from insectlib.shortcuts.clusters import regions_of
from insectlib.shortcuts.interventions import (
    cover_strips,
    donors,
    exchange,
    keep_strips,
    randomise,
    swap_strips,
    swap_surroundings,
)
from insectlib.shortcuts.outcomes import (
    CONTROL,
    OWN_CONTROL,
    Outcome,
    accuracy,
    expected_accuracy,
    try_interventions,
)
from insectlib.specimens.catalogue import sample_scene
from insectlib.specimens.insects.species import CLASS_NAMES
from insectlib.specimens.scene import PARTS

SIZE = 32


@pytest.fixture(scope="module")
def drawn() -> ImageSet:
    """Return twelve specimens whose background and strip are always their class's own."""
    scenes = [
        sample_scene(CLASS_NAMES[i % 3], i, shortcut_background=1, shortcut_strip=1)
        for i in range(12)
    ]
    return draw_specimens(scenes, SIZE, workers=1, progress=False)


@pytest.fixture
def marked(tiny_set: ImageSet) -> ImageSet:
    """Return pictures whose strip is dark, medium or light, as the class says."""
    top, left, bottom, right = strip_box(16, 16)
    images = tiny_set.images.copy()
    shades = np.array([10, 128, 245], dtype=np.float32)[tiny_set.labels]
    images[:, top:bottom, left:right] = shades[:, None, None, None]
    images[:, top - 1] = 128
    return replace(tiny_set, images=images)


def test_donors_are_of_another_class_and_repeatable() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2] * 5)
    chosen = donors(labels, seed=1)
    assert (labels[chosen] != labels).all()
    np.testing.assert_array_equal(chosen, donors(labels, seed=1))
    assert (chosen != donors(labels, seed=2)).any()
    # both other classes give
    assert set(labels[chosen[labels == 0]]) == {1, 2}


def test_donors_of_any_class_leave_no_link() -> None:
    labels = np.repeat([0, 1, 2], 1000)
    given = labels[donors(labels, seed=0, donor="any")]
    for label in range(3):
        assert np.mean(given[labels == label] == label) == pytest.approx(1 / 3, abs=0.05)


def test_donors_of_the_own_class() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2] * 5)
    np.testing.assert_array_equal(labels[donors(labels, seed=0, donor="own")], labels)


def test_donors_refuse_one_class() -> None:
    with pytest.raises(ValueError, match="donor is 'none'; expected one of other, own, any"):
        donors(np.arange(4), seed=0, donor="none")
    with pytest.raises(ValueError, match="one class only; expected two or more"):
        donors(np.zeros(4, dtype=np.int64), seed=0)


def test_exchange_changes_background_and_strip_and_nothing_else(drawn: ImageSet) -> None:
    changed = exchange(drawn, seed=0)
    given = donors(drawn.labels, seed=0)
    for i, (old, new) in enumerate(zip(drawn.scenes, changed.scenes, strict=True)):
        giver = drawn.scenes[given[i]]
        assert (new.backdrop, new.clutter, new.strip) == (
            giver.backdrop,
            giver.clutter,
            giver.strip,
        )
        kept = replace(new, backdrop=old.backdrop, clutter=old.clutter, strip=old.strip)
        assert kept == old
    np.testing.assert_array_equal(changed.labels, drawn.labels)
    assert changed.names == drawn.names
    differ = (changed.images != drawn.images).any(axis=(1, 2, 3))
    assert differ.all()
    insect = regions_of(drawn)["insect"] & regions_of(changed)["insect"]
    assert insect.mean() > 0.9 * regions_of(drawn)["insect"].mean()


def test_exchange_of_one_thing_leaves_the_other(drawn: ImageSet) -> None:
    strips = exchange(drawn, seed=0, background=False)
    assert all(a.backdrop == b.backdrop for a, b in zip(strips.scenes, drawn.scenes, strict=True))
    behind = exchange(drawn, seed=0, strip=False)
    assert all(a.strip == b.strip for a, b in zip(behind.scenes, drawn.scenes, strict=True))
    with pytest.raises(ValueError, match="expected something to exchange"):
        exchange(drawn, seed=0, background=False, strip=False)


def test_exchange_with_anybody_takes_background_and_strip_from_two(drawn: ImageSet) -> None:
    mixed = exchange(drawn, seed=0, donor="any")
    far, near = (donors(drawn.labels, seed=s, donor="any") for s in (0, 1))
    assert (far != near).any()
    for i, scene in enumerate(mixed.scenes):
        assert scene.backdrop == drawn.scenes[far[i]].backdrop
        assert scene.strip == drawn.scenes[near[i]].strip


def test_exchange_is_kept_on_disk(drawn: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    first = exchange(drawn, seed=0)
    monkeypatch.setattr("insectlib.data.sources.drawn._draw", None)
    again = exchange(drawn, seed=0)
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.masks, again.masks)
    assert first.digests == again.digests != drawn.digests


def test_photographs_cannot_be_drawn_again(tiny_set: ImageSet) -> None:
    with pytest.raises(ValueError, match="no scenes, so they cannot be drawn again"):
        exchange(tiny_set, seed=0)


def test_covered_strips_become_background(drawn: ImageSet) -> None:
    covered = cover_strips(drawn)
    np.testing.assert_array_equal(covered.images, cover_strip(drawn.images))
    assert (drawn.masks == PARTS.index("strip")).any()
    assert not (covered.masks == PARTS.index("strip")).any()
    assert covered.scenes is None


def test_swapped_strips_come_from_the_donor(drawn: ImageSet) -> None:
    swapped, given = swap_strips(drawn, seed=4), donors(drawn.labels, seed=4)
    top, left, bottom, right = strip_box(SIZE, SIZE)
    box = np.s_[:, top:bottom, left:right]
    np.testing.assert_array_equal(swapped.images[box], drawn.images[given][box])
    np.testing.assert_array_equal(swapped.masks[box], drawn.masks[given][box])
    outside = np.ones((SIZE, SIZE), dtype=bool)
    outside[top:bottom, left:right] = False
    np.testing.assert_array_equal(swapped.images[:, outside], drawn.images[:, outside])
    assert swapped.scenes is None


def test_swapped_surroundings_leave_the_centre(drawn: ImageSet) -> None:
    swapped, given = swap_surroundings(drawn, seed=2), donors(drawn.labels, seed=2)
    centre = np.zeros((SIZE, SIZE), dtype=bool)
    centre[5:27, 5:27] = True
    np.testing.assert_array_equal(swapped.images[:, centre], drawn.images[:, centre])
    np.testing.assert_array_equal(swapped.images[:, ~centre], drawn.images[given][:, ~centre])
    np.testing.assert_array_equal(swapped.masks[:, ~centre], drawn.masks[given][:, ~centre])
    assert swapped.scenes is None


def test_strips_are_kept_from_pictures_of_the_same_shape_only(drawn: ImageSet) -> None:
    with pytest.raises(ValueError, match="donor_set has shape"):
        keep_strips(drawn, drawn.subset([0, 1]))


def test_accuracy_counts_right_answers(marked: ImageSet) -> None:
    model = reader(16, strip_box(16, 16))
    assert accuracy(model, marked) == 1
    wrong = replace(marked, labels=(marked.labels + (np.arange(24) < 6)) % 3)
    assert accuracy(model, wrong) == 0.75
    with pytest.raises(ValueError, match="pixels, but the network takes"):
        accuracy(model, replace(marked, images=np.zeros((24, 8, 8, 3), dtype=np.float32)))


def test_outcome_of_a_fall() -> None:
    assert Outcome("a", 0.9, 0.65, None, 10).drop == pytest.approx(0.25)


def test_maps_predict_exactly_what_a_linear_network_does(tiny_set: ImageSet) -> None:
    """Where regions act alone, the prediction is the observation."""
    model = linear()
    right = replace(tiny_set, labels=model.predict(tiny_set.images, verbose=0).argmax(axis=1))
    ground = np.zeros((1, 16, 16, 3), dtype=np.float32)
    explanation = gradient_shap(model, right.images, ground, seed=0, budget=8)
    regions, given = regions_of(right), donors(right.labels, seed=0)
    predicted = expected_accuracy(explanation, regions, right.labels, ["strip"], given)
    assert predicted == accuracy(model, swap_strips(right, seed=0))
    black = right.images.copy()
    black[regions["centre"]] = 0
    predicted = expected_accuracy(explanation, regions, right.labels, ["centre"])
    assert predicted == accuracy(model, replace(right, images=black)) < 1


def test_prediction_needs_all_classes_and_known_regions(tiny_set: ImageSet) -> None:
    model, regions = linear(), regions_of(tiny_set)
    ground = tiny_set.images[16:]
    top = gradient_shap(model, tiny_set.images[:4], ground, seed=0, budget=8, target="predicted")
    few = {name: mask[:4] for name, mask in regions.items()}
    with pytest.raises(ValueError, match="explain without target"):
        expected_accuracy(top, few, tiny_set.labels[:4], ["strip"])
    whole = gradient_shap(model, tiny_set.images[:4], ground, seed=0, budget=8)
    with pytest.raises(ValueError, match="no region wing; expected some of centre"):
        expected_accuracy(whole, few, tiny_set.labels[:4], ["wing"])


def test_interventions_expose_a_reader_of_strips(marked: ImageSet) -> None:
    model = reader(16, strip_box(16, 16))
    explanation = gradient_shap(model, marked.images, marked.images[:3] * 0.99, seed=0, budget=8)
    outcomes = {o.name: o for o in try_interventions(model, marked, explanation, seed=0)}
    names = [CONTROL, "strip painted over", "strips swapped", OWN_CONTROL, "surroundings swapped"]
    assert list(outcomes) == names
    controls = [outcome.control for outcome in outcomes.values()]
    assert controls == ["", CONTROL, CONTROL, "", OWN_CONTROL]
    assert outcomes[OWN_CONTROL].drop == 0 < outcomes["surroundings swapped"].drop
    assert outcomes[CONTROL].drop == 0
    assert outcomes["strip painted over"].after == pytest.approx(1 / 3)
    assert outcomes["strips swapped"].after == 0
    assert outcomes["strips swapped"].predicted < 0.1
    assert {o.n for o in outcomes.values()} == {24}


def test_interventions_clear_a_reader_of_the_middle(tiny_set: ImageSet) -> None:
    images: NDArray[np.float32] = np.array([10, 128, 245], dtype=np.float32)[
        tiny_set.labels, None, None, None
    ] * np.ones((1, 16, 16, 3), dtype=np.float32)
    part = replace(tiny_set, images=images)
    model = reader(16, (4, 4, 12, 12))
    assert [o.drop for o in try_interventions(model, part, seed=0)] == [0] * 5


def test_drawn_backgrounds_are_exchanged_under_their_own_strips(drawn: ImageSet) -> None:
    outcomes = try_interventions(reader(SIZE, strip_box(SIZE, SIZE)), drawn, seed=0)
    by_name = {o.name: o for o in outcomes}
    assert list(by_name)[3:] == ["backgrounds exchanged", "both exchanged"]
    # a reader of the strip's box sees no difference when the strips stay
    assert by_name["backgrounds exchanged"].drop == 0
    assert all(o.predicted is None for o in outcomes)


def test_randomised_pictures_have_no_link_with_their_surroundings(drawn: ImageSet) -> None:
    some = drawn.subset(range(6))
    mixed = randomise(some, times=2, seed=0)
    np.testing.assert_array_equal(mixed.labels, np.tile(some.labels, 2))
    assert mixed.names == some.names * 2
    first, second = mixed.scenes[:6], mixed.scenes[6:]
    assert any(a.backdrop != b.backdrop for a, b in zip(first, second, strict=True))
    assert all(
        (a.species, a.pose) == (b.species, b.pose)
        for a, b in zip(mixed.scenes, some.scenes * 2, strict=True)
    )
    with pytest.raises(ValueError, match="times is 0; expected 1 or more"):
        randomise(some, times=0, seed=0)


def test_randomised_photographs_have_surroundings_of_any_class(marked: ImageSet) -> None:
    mixed = randomise(marked, times=20, seed=0)
    assert len(mixed) == 480
    found = accuracy(reader(16, strip_box(16, 16)), mixed)
    assert found == pytest.approx(1 / 3, abs=0.07)
    middle = np.s_[:, 3:13, 3:13]
    np.testing.assert_array_equal(mixed.images[24:48][middle], marked.images[middle])
