"""The two data sets behind one function."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from insectlib.data import datasets
from insectlib.data.datasets import load
from insectlib.data.sources.drawn import load_specimens
from insectlib.data.splits import catalogue_groups


@pytest.mark.parametrize("name", ["insects", "", "Photos"])
def test_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name!r}; expected one of 'specimens', 'photos'"):
        load(name)


def test_too_small_a_size_is_refused() -> None:
    with pytest.raises(ValueError, match="size 7; expected 8 pixels or more"):
        load("specimens", size=7)


def test_specimens_come_from_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="folder goes with 'photos'"):
        load("specimens", folder=tmp_path)


def test_specimens_have_the_flaws_of_the_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = dict.fromkeys(("train", "validation", "new_test", "counterfactual"), (12, 9, 10))

    def few(size: int, *, elsewhere: int, progress: bool) -> dict[str, object]:
        n = elsewhere // 10
        return dict(load_specimens(size, counts=counts, elsewhere=n, workers=1, progress=progress))

    monkeypatch.setattr(datasets, "load_specimens", few)
    collection = load("specimens", size=16, progress=False)
    train, test = collection.train, collection.test
    assert train.class_names == ("beetle", "cockroach", "dragonfly")
    assert train.images.shape[1:] == (16, 16, 3) and train.images.dtype == np.float32
    assert set(test.digests) <= set(train.digests)
    assert len(set(train.digests)) == len(train) == 31
    assert set(collection.extra) == {"validation", "new_test", "counterfactual", "elsewhere"}
    for part in collection.extra.values():
        assert not set(part.groups) & set(train.groups)
        assert not set(part.digests) & set(train.digests)
    runs = catalogue_groups(train.names)
    pairs = {*zip(runs.tolist(), train.groups.tolist(), strict=True)}
    assert len(pairs) == len(set(runs.tolist())) == len(set(train.groups.tolist()))


def test_photographs_are_the_published_ones(photos_folder: Path) -> None:
    collection = load("photos", size=16, folder=photos_folder, progress=False)
    train, test = collection.train, collection.test
    assert train.counts() == {"beetle": 460, "cockroach": 240, "dragonfly": 319}
    assert test.counts() == {"beetle": 60, "cockroach": 60, "dragonfly": 60}
    assert len(set(train.digests)) == 1019
    assert set(test.digests) <= set(train.digests)
    assert collection.extra == {}
    by_digest = dict(zip(train.digests, train.images, strict=True))
    for digest, image in zip(test.digests, test.images, strict=True):
        np.testing.assert_array_equal(image, by_digest[digest])


def test_own_pictures_are_the_photographs_elsewhere(
    photos_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k, name in enumerate(("dragonfly", "beetle", "cockroach")):
        (tmp_path / name).mkdir()
        Image.new("RGB", (20, 30), (80 * k, 0, 0)).save(tmp_path / name / "mine.png")
    monkeypatch.setenv("INSECTLIB_ELSEWHERE", str(tmp_path))
    part = load("photos", size=16, folder=photos_folder, progress=False).extra["elsewhere"]
    assert part.labels.tolist() == [0, 1, 2]
    assert part.images[:, 0, 0, 0].tolist() == [80, 160, 0]
