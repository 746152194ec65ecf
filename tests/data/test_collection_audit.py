"""The audit finds flaws that were planted, and none where there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from insectlib.data.collection_audit import (
    Clue,
    audit,
    border_colours,
    forest_hits,
    near_duplicates,
)
from insectlib.data.datasets import Collection, load
from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import strip_box

CLASSES = ("beetle", "cockroach", "dragonfly")


def make_set(n: int = 90, size: int = 32, seed: int = 0) -> ImageSet:
    """Return pictures of smooth noise that say nothing of their class, in groups of three."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 255, (n, 6, 6, 3)).astype(np.uint8)
    images = [
        np.asarray(Image.fromarray(c).resize((size, size), Image.Resampling.BICUBIC))
        for c in coarse
    ]
    return ImageSet(
        images=np.array(images, dtype=np.float32),
        labels=(np.arange(n) // 3 % 3).astype(np.int64),
        class_names=CLASSES,
        names=tuple(str(5_000_000 + 100 * (i // 3) + i) for i in range(n)),
        digests=tuple(f"{seed}-{i}" for i in range(n)),
        groups=np.arange(n, dtype=np.int64) // 3,
    )


@pytest.fixture(scope="module")
def clean() -> Collection:
    return Collection("clean", make_set(), make_set(18, seed=1))


def test_clean_collection_has_no_flaw(clean: Collection) -> None:
    report = audit(clean, n_trees=20)
    assert (report.copies, report.leaked, report.two_labels) == (0, 0, 0)
    assert (report.near, report.near_apart) == ((), 0)
    assert (report.n_groups, report.largest_group, report.mixed_groups) == (30, 3, 0)
    assert report.n_unique == 90
    assert report.largest_share == pytest.approx(1 / 3)
    assert report.counts["test"] == {"beetle": 6, "cockroach": 6, "dragonfly": 6}
    for clue in report.clues.values():
        assert clue.random < 0.6 and clue.grouped < 0.6


def test_copies_and_leaks_are_counted(clean: Collection) -> None:
    train = clean.train.subset([*range(90), 4, 4, 5])
    test = clean.train.subset([0, 1, 2, 0])
    report = audit(Collection("leaky", train, test), n_trees=2)
    assert (report.copies, report.leaked, report.n_unique) == (3, 4, 90)
    assert report.two_labels == 0
    text = str(report)
    assert "copies within the training part: 3" in text
    assert "copies of training pictures: 4 of 4" in text


def test_copies_with_two_labels_are_counted(clean: Collection) -> None:
    test = clean.train.subset([0, 1, 3])
    wrong = replace(test, labels=(test.labels + 1) % 3)
    report = audit(Collection("torn", clean.train, wrong), n_trees=2)
    assert report.two_labels == 3


def test_planted_strip_is_found_and_only_there(clean: Collection) -> None:
    images = clean.train.images.copy()
    top, left, _, _ = strip_box(*images.shape[1:3])
    images[:, top:, left:] = 80 * clean.train.labels[:, None, None, None]
    train = replace(clean.train, images=images)
    report = audit(Collection("labelled", train, clean.test), n_trees=20)
    assert report.clues["label strip alone"] == Clue(1.0, 1.0)
    assert report.clues["border colours alone"].grouped < 0.6


def test_planted_border_is_found_and_only_there(clean: Collection) -> None:
    images = clean.train.images.copy()
    images[:, 0] = 80 * clean.train.labels[:, None, None]
    train = replace(clean.train, images=images)
    report = audit(Collection("framed", train, clean.test), n_trees=20)
    assert report.clues["border colours alone"].grouped == 1.0
    assert report.clues["label strip alone"].grouped < 0.6


def test_planted_file_shape_is_found(clean: Collection) -> None:
    sizes = np.stack([100 + clean.train.labels, np.full(90, 200)], axis=1)
    report = audit(Collection("shaped", replace(clean.train, sizes=sizes), clean.test), n_trees=5)
    assert report.clues["shape of the file alone"] == Clue(1.0, 1.0)
    assert report.file_sizes == 3


def test_what_only_a_group_shares_is_gone_in_grouped_folds(clean: Collection) -> None:
    images = clean.train.images.copy()
    colour = np.random.default_rng(0).permutation(30) * 8.0
    images[:, 0] = images[:, :, 0] = colour[clean.train.groups][:, None, None]
    train = replace(clean.train, images=images)
    clue = audit(Collection("series", train, clean.test), n_trees=20).clues["border colours alone"]
    assert clue.random > 0.9
    assert clue.grouped < 0.6


def test_grouped_folds_need_groups(clean: Collection) -> None:
    ungrouped = replace(clean.train, groups=np.arange(90))
    report = audit(Collection("mine", ungrouped, clean.test), n_trees=2)
    assert all(clue.grouped is None for clue in report.clues.values())
    single = replace(clean.train, groups=clean.train.labels)
    assert audit(Collection("mine", single, clean.test), n_trees=2).clues[
        "label strip alone"
    ] == Clue(pytest.approx(0.3, abs=0.3), None)


def test_groups_with_several_classes_are_counted(clean: Collection) -> None:
    mixed = replace(clean.train, groups=clean.train.groups // 2)
    report = audit(Collection("mixed", mixed, clean.test), n_trees=2)
    assert (report.n_groups, report.largest_group, report.mixed_groups) == (15, 6, 15)


def test_class_of_one_picture_is_refused(clean: Collection) -> None:
    few = clean.train.subset([*np.flatnonzero(clean.train.labels != 1), 3, 3])
    with pytest.raises(ValueError, match="'cockroach' has 1 different training pictures"):
        audit(Collection("few", few, clean.test))


def test_same_seed_same_report(clean: Collection) -> None:
    assert audit(clean, n_trees=5, seed=3) == audit(clean, n_trees=5, seed=3)


def test_large_pictures_are_judged_as_small_ones() -> None:
    small, large = make_set(size=64), make_set(size=128)
    reports = [audit(Collection("", part, part), n_trees=20) for part in (small, large)]
    assert all(report.clues["label strip alone"].grouped < 0.6 for report in reports)
    assert reports[0].near == reports[1].near == ()


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (64, 64), (30, 90)])
def test_pictures_of_any_channels_and_size_are_judged(
    channels: int, height: int, width: int
) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    images = random.uniform(0, 100, (40, height, width, channels)).astype(np.float32)
    images[:, :2, :, -1] += 150 * labels[:, None, None]  # a border tells, in the last channel
    part = ImageSet(
        images=images,
        labels=labels,
        class_names=("a", "b"),
        names=tuple(map(str, range(40))),
        digests=tuple(map(str, range(40))),
        groups=np.arange(40) // 2,
    )
    report = audit(Collection("", part, part.subset([])), n_trees=10)
    assert report.clues["border colours alone"].random > 0.9
    assert report.counts["test"] == {"a": 0, "b": 0}
    assert border_colours(images).shape == (40, 2 * channels)


def test_near_duplicates_are_pictures_saved_anew(clean: Collection) -> None:
    images = clean.train.images[:30]
    random = np.random.default_rng(5)
    darker = 0.7 * images[[3, 8]] + 12
    noisy = np.clip(images[[20]] + random.normal(0, 4, images[:1].shape), 0, 255)
    found = near_duplicates(np.concatenate([images, darker, noisy]).astype(np.float32))
    assert found.tolist() == [[3, 30], [8, 31], [20, 32]]


def test_the_label_does_not_part_near_duplicates(clean: Collection) -> None:
    twin = clean.train.images[:1].copy()
    top, left, _, _ = strip_box(*twin.shape[1:3])
    twin[:, top:, left:] = 255 - twin[:, top:, left:]
    assert near_duplicates(np.concatenate([clean.train.images[:1], twin])).tolist() == [[0, 1]]


def test_pictures_of_one_colour_are_no_near_duplicates() -> None:
    plain = np.full((2, 32, 32, 3), 90, dtype=np.float32)
    assert near_duplicates(plain).shape == (0, 2)


def test_near_pairs_are_named_and_those_in_two_groups_counted(clean: Collection) -> None:
    images = clean.train.images.copy()
    images[1], images[50] = np.minimum(images[[0, 40]] + 1, 255)
    report = audit(Collection("", replace(clean.train, images=images), clean.test), n_trees=2)
    names = clean.train.names
    assert report.near == ((names[0], names[1]), (names[40], names[50]))
    assert report.near_apart == 1


def test_border_colours_are_top_then_left() -> None:
    images = np.zeros((1, 64, 64, 3), dtype=np.float32)
    images[0, :2] = (10, 20, 30)
    images[0, 2:, :2] = (50, 60, 70)
    expected_left = (np.array([10, 20, 30]) * 2 + np.array([50, 60, 70]) * 62) / 64
    colours = border_colours(images)
    assert colours.shape == (1, 6)
    np.testing.assert_allclose(colours[0, :3], (10, 20, 30), rtol=1e-5)
    np.testing.assert_allclose(colours[0, 3:], expected_left, rtol=1e-5)
    images[0, 2:, 2:] = 255
    np.testing.assert_array_equal(border_colours(images), colours)


def test_forest_learns_what_can_be_learnt_and_nothing_else() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(120) % 3
    groups = np.arange(120) // 3
    telling = (labels[:, None] + random.normal(0, 0.1, (120, 2))).astype(np.float32)
    assert forest_hits(telling, labels, groups, n_trees=10).all()
    noise = random.normal(size=(120, 2, 2, 3)).astype(np.float32)
    assert forest_hits(noise, labels, groups, n_trees=10).mean() < 0.55


def test_photographs_have_the_flaws_that_were_measured(photos_folder: Path) -> None:
    report = audit(load("photos", size=64, folder=photos_folder, progress=False))
    assert (report.leaked, report.n_unique, report.copies) == (180, 1019, 0)
    assert len(report.near) == 2 and report.near_apart == 0, "their runs are joined"
    assert report.largest_share == pytest.approx(0.451, abs=0.001)
    strip, border = report.clues["label strip alone"], report.clues["border colours alone"]
    assert strip.random > 0.9 and strip.grouped > 0.8
    assert 0.7 < border.random < 0.85 and 0.55 < border.grouped < border.random
