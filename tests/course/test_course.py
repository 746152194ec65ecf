"""The course's settings, on a collection of a few small pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from insectlib import course
from insectlib.course import (
    DRAWN,
    PROFILES,
    Profile,
    course_cnn,
    course_collection,
    course_profile,
    course_small_cnn,
    course_split,
)
from insectlib.data.datasets import Collection
from insectlib.data.imageset import ImageSet


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Put 60 random pictures in the place of the data sets; return what was asked for."""
    requests: list[tuple[str, int]] = []

    def load(name: str, *, size: int) -> Collection:
        requests.append((name, size))
        random = np.random.default_rng(size)
        part = ImageSet(
            images=random.uniform(0, 255, (60, size, size, 3)).astype(np.float32),
            labels=(np.arange(60) // 2 % 3).astype(np.int64),
            class_names=("beetle", "cockroach", "dragonfly"),
            names=tuple(str(100 * i) for i in range(60)),
            digests=tuple(f"{size}-{i}" for i in range(60)),
            groups=np.arange(60, dtype=np.int64) // 2,
        )
        return Collection(name, part, part.subset(range(12)))

    monkeypatch.setattr(course, "load", load)
    sizes = {"tutorial_size": 16, "tutorial_epochs": 2, "small_epochs": 2, "size": 8}
    quick = Profile("fast", **sizes, epochs=3, patience=1)
    monkeypatch.setitem(PROFILES, "fast", quick)
    return requests


def test_profiles_are_complete() -> None:
    assert set(PROFILES) == {"fast", "full"}
    for dataset in ("specimens", "photos"):
        for name in PROFILES:
            profile = course_profile(dataset, name)
            assert profile.name == name
            assert profile.patience < profile.epochs
            assert profile.size % 8 == profile.tutorial_size % 8 == 0
    assert course_profile("photos", "full").tutorial_size == 256, "at which the tutorials train"


def test_specimens_have_sizes_of_their_own(
    asked: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DRAWN, "fast", {"tutorial_size": 24})
    for dataset in ("specimens", "photos"):
        course_collection(dataset, "fast", tutorial=True)
        course_collection(dataset, "fast")
    assert asked == [("specimens", 24), ("specimens", 8), ("photos", 16), ("photos", 8)]


def test_unknown_profile_is_named() -> None:
    with pytest.raises(ValueError, match="'quick'; expected one of fast, full"):
        course_collection("specimens", "quick")


def test_collection_has_the_size_of_the_profile(asked: list[tuple[str, int]]) -> None:
    assert course_collection("photos", "fast").train.images.shape[1:] == (8, 8, 3)
    assert course_collection("photos", "fast", tutorial=True).train.images.shape[1] == 16
    assert asked == [("photos", 8), ("photos", 16)]


def test_split_is_the_same_at_every_size(asked: list[tuple[str, int]]) -> None:
    small = course_split(course_collection("photos", "fast"))
    large = course_split(course_collection("photos", "fast", tutorial=True))
    for one, other in zip(small, large, strict=True):
        assert one.names == other.names
    assert len(small.training) > len(small.test) > 0
    assert not {*small.training.groups} & {*small.validation.groups}
    assert not {*small.training.groups} & {*small.test.groups}


def test_course_network_comes_from_the_store(asked: list[tuple[str, int]]) -> None:
    first = course_cnn("photos", "fast", progress=False)
    assert first.model.name == "regularised_cnn"
    assert first.model.input_shape == (None, 8, 8, 3)
    small = course_small_cnn("photos", "fast", progress=False)
    assert small.model.name == "small_cnn"
    assert small.model.input_shape == (None, 16, 16, 3)
    again = course_cnn("photos", "fast", progress=False)
    assert (first.from_cache, again.from_cache) == (False, True)
    assert first.key == again.key
    published = course_cnn("photos", "fast", published=True, progress=False)
    assert published.key != first.key
    collection = course_collection("photos", "fast")
    logits = np.asarray(published.model(collection.test.images))
    accuracy = (logits.argmax(axis=1) == collection.test.labels).mean()
    assert published.history["val_accuracy"][published.best_epoch - 1] == pytest.approx(accuracy)


def test_course_network_never_sees_the_test_part(
    asked: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = course_cnn("photos", "fast", progress=False)
    split = course_split(course_collection("photos", "fast"))
    honest_split = course.honest_split

    def other_test(part: ImageSet, *, seed: int) -> tuple[ImageSet, ImageSet, ImageSet]:
        training, validation, test = honest_split(part, seed=seed)
        return training, validation, replace(test, images=test.images * 0)

    monkeypatch.setattr(course, "honest_split", other_test)
    again = course_cnn("photos", "fast", progress=False)
    assert again.from_cache
    assert again.key == first.key
    assert split.test.images.max() > 0
