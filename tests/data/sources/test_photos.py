"""Photographs in a folder or an archive are right, or are refused by name."""

from __future__ import annotations

import io
import tarfile
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from insectlib.data.collection_audit import near_duplicates
from insectlib.data.datasets import load
from insectlib.data.sources.downloads import Published, check_folder
from insectlib.data.sources.errors import DataUnavailableError
from insectlib.data.sources.photos import (
    SAME_PHOTOGRAPH,
    load_photos,
    manifest,
    read_manifest,
)


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 36, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def published() -> dict[str, bytes]:
    """Return a small publication with the flaw of the real one: the test part is copied."""
    made = {}
    for c, folder in enumerate(("beetles", "cockroach", "dragonflies")):
        for i in range(3):
            made[f"train/{folder}/{5_000_000 + 1000 * c + 30 * i}.jpg"] = jpeg(10 * c + i)
        made[f"test/{folder}/{5_000_000 + 1000 * c}.jpg"] = jpeg(10 * c)
    return made


FILES = published()


def published_as(content: bytes) -> Published:
    return Published(sha256(content).hexdigest(), len(content))


VICTIM = "train/cockroach/5001030.jpg"
LISTED = {path: published_as(content) for path, content in FILES.items()}
VICTIM = "train/cockroach/5001030.jpg"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, content in FILES.items():
        (tmp_path / "insects" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "insects" / path).write_bytes(content)
    return tmp_path


def test_folder_becomes_image_sets(folder: Path) -> None:
    train, test = load_photos(16, folder=folder, listed=LISTED)
    assert train.images.shape == (9, 16, 16, 3)
    assert train.class_names == ("beetle", "cockroach", "dragonfly")
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert set(test.digests) <= set(train.digests)
    assert np.array_equal(test.images[1], train.images[3])
    assert len(set(train.groups)) == 3  # numbers 30 apart are one run, 1000 apart are not


def test_folder_is_taken_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSECTLIB_PHOTOS", str(folder))
    assert len(load_photos(8, listed=LISTED)[0]) == 9


def test_wrong_files_in_a_folder_are_named(folder: Path) -> None:
    root = folder / "insects"
    (root / VICTIM).write_bytes(FILES[VICTIM][:-1])
    missing = "test/beetles/5000000.jpg"
    (root / missing).unlink()
    with pytest.raises(DataUnavailableError, match="2 of 12") as caught:
        check_folder(root, LISTED)
    assert f"{VICTIM} has {len(FILES[VICTIM]) - 1:,} bytes" in str(caught.value)
    assert f"{missing} is missing" in str(caught.value)


def test_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    root = folder / "insects"
    outside = tmp_path / "outside.jpg"
    (root / VICTIM).rename(outside)
    (root / VICTIM).symlink_to(outside)
    with pytest.raises(DataUnavailableError, match="leads out of the folder"):
        check_folder(root, LISTED)


def test_folder_without_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailableError, match="no folders train/ and test/"):
        load_photos(8, folder=tmp_path)


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz"])
def test_archive_of_the_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    archive = tmp_path / name
    if name.endswith("zip"):
        with zipfile.ZipFile(archive, "w") as packed:
            for path, content in FILES.items():
                packed.writestr(f"insects/{path}", content)
    else:
        with tarfile.open(archive, "w:gz") as taped:
            taped.add(folder / "insects", "insects")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert len(load_photos(8, folder=archive, listed=LISTED)[0]) == 9
    archive.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(DataUnavailableError, match=f"{name} cannot be unpacked.*INSECTLIB_PHOTOS"):
        load_photos(8, folder=archive, listed=LISTED)
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("name", ["insects/../../x.jpg", "/etc/x.jpg", "insects\\..\\x.jpg"])
def test_manifest_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="leads out of its folder"):
        read_manifest(f"{'0' * 64}  123  {name}")


def test_manifest_lists_what_was_published() -> None:
    listed = manifest()
    train = {file for path, file in listed.items() if path.startswith("train/")}
    test = [file for path, file in listed.items() if path.startswith("test/")]
    assert (len(listed), len(train), len(test)) == (1199, 1019, 180)
    assert set(test) <= train


def test_real_photographs(photos_folder: Path) -> None:
    collection = load("photos", size=32, folder=photos_folder)
    assert collection.train.counts() == {"beetle": 460, "cockroach": 240, "dragonfly": 319}
    assert collection.test.counts() == {"beetle": 60, "cockroach": 60, "dragonfly": 60}
    sizes = np.unique(collection.train.groups, return_counts=True)[1]
    assert (len(sizes), sizes.max()) == (137, 190), "138 runs, two of them joined"
    found = near_duplicates(collection.train.images)
    names, groups = collection.train.names, collection.train.groups
    assert {(names[i], names[j]) for i, j in found} == set(SAME_PHOTOGRAPH)
    assert all(groups[i] == groups[j] for i, j in found)
    file_sizes = collection.train.sizes
    assert file_sizes is not None and file_sizes.shape == (1019, 2) and file_sizes.min() > 32


def test_photograph_published_twice_is_one_group(tmp_path: Path) -> None:
    (one, other), _ = SAME_PHOTOGRAPH
    files = {
        f"train/beetles/{one}.jpg": jpeg(1),
        "train/beetles/5376040.jpg": jpeg(2),
        f"train/cockroach/{other}.jpg": jpeg(3),
        "train/dragonflies/5400000.jpg": jpeg(4),
        "test/dragonflies/5400000.jpg": jpeg(4),
    }
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    listed = {
        path: Published(sha256(content).hexdigest(), len(content))
        for path, content in files.items()
    }
    train, test = load_photos(16, folder=tmp_path, listed=listed)
    group = dict(zip(train.names, train.groups.tolist(), strict=True))
    assert group[one] == group[other] == group["5376040"] != group["5400000"]
    assert test.groups.tolist() == [group["5400000"]]
    assert train.sizes is not None and train.sizes.tolist() == [[24, 36]] * 4
