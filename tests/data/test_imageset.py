"""The one type for pictures: parts of it, and how it feeds a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from insectlib.data.imageset import ImageSet


@pytest.fixture
def full_set(tiny_set: ImageSet) -> ImageSet:
    """Give each picture a mask, a scene and a file size that tell which picture it is."""
    n = len(tiny_set)
    return replace(
        tiny_set,
        masks=np.full((n, 16, 16), np.arange(n)[:, None, None], dtype=np.uint8),
        scenes=tuple(f"scene {i}" for i in range(n)),
        sizes=np.stack([np.arange(n), np.arange(n) + 100], axis=1),
    )


def test_subset_keeps_all_fields_together(full_set: ImageSet) -> None:
    part = full_set.subset([5, 0, 5])
    assert len(part) == 3
    for k, i in enumerate((5, 0, 5)):
        np.testing.assert_array_equal(part.images[k], full_set.images[i])
        assert part.labels[k] == full_set.labels[i]
        assert part.names[k] == full_set.names[i]
        assert part.digests[k] == full_set.digests[i]
        assert part.groups[k] == full_set.groups[i]
        assert (part.masks[k] == i).all()
        assert part.scenes[k] == f"scene {i}"
        assert part.sizes[k].tolist() == [i, i + 100]
    assert part.class_names == full_set.class_names


@given(st.lists(st.integers(0, 23), max_size=30))
def test_subset_is_in_the_order_asked_for(indices: list[int]) -> None:
    n = 24
    everything = ImageSet(
        images=np.zeros((n, 8, 8, 3), dtype=np.float32),
        labels=np.zeros(n, dtype=np.int64),
        class_names=("a", "b"),
        names=tuple(map(str, range(n))),
        digests=tuple(map(str, range(n))),
        groups=np.arange(n),
    )
    part = everything.subset(indices)
    assert part.names == tuple(map(str, indices))
    assert part.groups.tolist() == indices
    assert part.images.shape == (len(indices), 8, 8, 3)


def test_subset_of_a_bare_set_stays_bare(tiny_set: ImageSet) -> None:
    part = tiny_set.subset([1])
    assert part.masks is None and part.scenes is None and part.sizes is None


def test_subset_beyond_the_end_is_refused(tiny_set: ImageSet) -> None:
    with pytest.raises(IndexError):
        tiny_set.subset([24])


def test_counts_name_classes_without_pictures(tiny_set: ImageSet) -> None:
    assert tiny_set.counts() == {"beetle": 8, "cockroach": 8, "dragonfly": 8}
    some = tiny_set.subset([0, 3, 2])
    assert some.counts() == {"beetle": 2, "cockroach": 0, "dragonfly": 1}


def test_crop_takes_the_strip_and_nothing_else(full_set: ImageSet) -> None:
    cropped = full_set.crop_strip()
    assert cropped.images.shape == (24, 15, 16, 3)
    np.testing.assert_array_equal(cropped.images, full_set.images[:, :15])
    assert cropped.masks.shape == (24, 15, 16)
    assert cropped.names == full_set.names
    assert full_set.images.shape == (24, 16, 16, 3)


def test_batches_hold_every_picture_once_in_order(tiny_set: ImageSet) -> None:
    batches = list(tiny_set.dataset(batch_size=10))
    assert [len(labels) for _, labels in batches] == [10, 10, 4]
    images = np.concatenate([images for images, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, tiny_set.images)
    np.testing.assert_array_equal(labels, tiny_set.labels)


def order_of(batches: object, imageset: ImageSet) -> list[int]:
    """Return which picture stood where, and check that each kept its label."""
    first = {image.tobytes(): i for i, image in enumerate(imageset.images)}
    order = []
    for images, labels in batches:
        for image, label in zip(images.numpy(), labels.numpy(), strict=True):
            order.append(first[image.tobytes()])
            assert imageset.labels[order[-1]] == label
    return order


def test_shuffling_is_new_in_each_epoch_and_repeats_with_its_seed(tiny_set: ImageSet) -> None:
    batches = tiny_set.dataset(8, shuffle=True, seed=3)
    epochs = [order_of(batches, tiny_set) for _ in range(2)]
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(24))
    again = tiny_set.dataset(8, shuffle=True, seed=3)
    assert [order_of(again, tiny_set) for _ in range(2)] == epochs
    other = tiny_set.dataset(8, shuffle=True, seed=4)
    assert order_of(other, tiny_set) != epochs[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, colour in (("bee", (255, 200, 0)), ("ant", (30, 20, 10))):
        (tmp_path / name).mkdir()
        for i in range(3):
            picture = Image.new("RGB", (30 + i, 20), colour)
            picture.save(tmp_path / name / f"{name}{i}.png")
    return tmp_path


def test_folder_of_class_folders_is_read(folder: Path) -> None:
    imageset = ImageSet.from_folder(folder, 8)
    assert imageset.class_names == ("ant", "bee")
    assert imageset.counts() == {"ant": 3, "bee": 3}
    assert imageset.names == ("ant0", "ant1", "ant2", "bee0", "bee1", "bee2")
    assert imageset.images.shape == (6, 8, 8, 3) and imageset.images.dtype == np.float32
    np.testing.assert_allclose(imageset.images[0, 4, 4], (30, 20, 10), atol=1)
    assert imageset.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert len(set(imageset.groups.tolist())) == 6
    assert imageset.sizes.tolist()[:3] == [[20, 30], [20, 31], [20, 32]]


def test_copies_in_a_folder_have_one_digest(folder: Path) -> None:
    (folder / "bee" / "copy.png").write_bytes((folder / "bee" / "bee0.png").read_bytes())
    imageset = ImageSet.from_folder(folder, 8)
    digest = dict(zip(imageset.names, imageset.digests, strict=True))
    assert digest["copy"] == digest["bee0"]
    assert len(set(imageset.digests)) == 6


def test_order_of_the_classes_can_be_given(folder: Path) -> None:
    imageset = ImageSet.from_folder(folder, 8, class_names=("bee", "ant"))
    assert imageset.class_names == ("bee", "ant")
    np.testing.assert_allclose(imageset.images[0, 4, 4], (255, 200, 0), atol=1)


def test_folder_without_pictures_or_classes_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        ImageSet.from_folder(tmp_path / "nowhere", 8)
    with pytest.raises(FileNotFoundError, match="'wasp'"):
        ImageSet.from_folder(folder, 8, class_names=("bee", "wasp"))
    (folder / "moth").mkdir()
    with pytest.raises(ValueError, match="moth has no pictures"):
        ImageSet.from_folder(folder, 8)
    with pytest.raises(ValueError, match="0 class folders"):
        ImageSet.from_folder(folder / "moth", 8)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 17), (24, 8)])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_any_channels_sizes_and_numbers(n: int, height: int, width: int, channels: int) -> None:
    images = np.full((n, height, width, channels), 9, np.float32)
    part = make(images)
    assert len(part) == n
    assert part.subset(range(n)).images.shape == images.shape
    assert sum(len(labels) for _, labels in part.dataset(2)) == n
    if height >= 8 and width >= 8:
        assert part.crop_strip().images.shape == (n, height - 2, width, channels)


def make(images: object, **change: object) -> ImageSet:
    n = len(images) if isinstance(images, np.ndarray) and images.ndim else 0
    return ImageSet(
        **{
            "images": images,
            "labels": np.arange(n) % 2,
            "class_names": ("a", "b"),
            "names": [f"{i}" for i in range(n)],
            "digests": [f"{i:064x}" for i in range(n)],
            "groups": np.arange(n),
            **change,
        }
    )


FOUR = np.full((4, 8, 8, 3), 9, np.float32)


@pytest.mark.parametrize(
    "labels", [[0, 1, 0, 1], (0, 1, 0, 1), np.array([0, 1, 0, 1], np.uint8), np.arange(4) % 2]
)
def test_columns_may_be_lists_or_arrays(labels: object) -> None:
    part = make(
        FOUR,
        labels=labels,
        groups=list(range(4)),
        names=np.array(["p", "q", "r", "s"]),
        class_names=np.array(["a", "b"]),
        sizes=[[8, 8]] * 4,
    )
    assert part.labels.dtype == part.groups.dtype == part.sizes.dtype == np.int64
    assert part.counts() == {"a": 2, "b": 2}
    assert part.class_names == ("a", "b")
    assert part.subset([1, 2]).names == ("q", "r")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_are_refused(wrong: float) -> None:
    images = FOUR.copy()
    images[2, 3, 4, 1] = wrong
    with pytest.raises(ValueError, match="no finite numbers"):
        make(images)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": FOUR[0]}, r"float32 of shape \(8, 8, 3\); expected float32 \(n, height"),
        ({"images": FOUR.astype(np.uint8)}, "images are uint8"),
        ({"images": FOUR.astype(float)}, "images are float64"),
        ({"images": FOUR.tolist()}, "list.* of shape"),
        ({"images": FOUR[..., :0]}, r"shape \(4, 8, 8, 0\)"),
        ({"images": FOUR[:, :0]}, r"shape \(4, 0, 8, 3\)"),
        ({"images": FOUR * 100}, "go from 900 to 900; expected 0 to 255"),
        ({"images": FOUR - 20}, "go from -11 to -11; expected 0 to 255"),
        ({"labels": np.array([0, 1, 0, 1.0])}, "labels are float64"),
        ({"labels": np.array([True, False, True, True])}, "labels are bool"),
        ({"labels": ["a", "b", "a", "b"]}, "labels are <U1"),
        ({"labels": np.eye(2, dtype=int)[[0, 1, 0, 1]]}, r"labels are int64 of shape \(4, 2\)"),
        ({"labels": [0, 1, 2, 0]}, "labels go from 0 to 2; expected 0 to 1"),
        ({"labels": [0, 1, -1, 0]}, "labels go from -1 to 1"),
        ({"labels": [0, 1]}, r"labels are int64 of shape \(2,\)"),
        ({"groups": [0.5, 1, 2, 3]}, "groups are float64"),
        ({"groups": [0]}, r"groups are int64 of shape \(1,\)"),
        ({"names": "four"}, "names is 'four'; expected one text for each image"),
        ({"names": ["p"]}, "1 names for 4 images"),
        ({"digests": "abcd"}, "digests is 'abcd'"),
        ({"class_names": "ab"}, "class names are 'ab'; expected a list"),
        ({"class_names": ("a", "a")}, "'a'.*more than once"),
        ({"class_names": (None, "a")}, "None is of type NoneType"),
        ({"class_names": ()}, "labels go from 0 to 1"),
        ({"masks": np.zeros((4, 8, 9), np.uint8)}, r"masks are uint8 of shape \(4, 8, 9\)"),
        ({"masks": np.zeros((4, 8, 8))}, "masks are float64"),
        ({"sizes": [8, 8, 8, 8]}, r"sizes are int64 of shape \(4,\)"),
        ({"scenes": ()}, "0 scenes for 4 images"),
    ],
)
def test_what_is_no_set_of_pictures_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(
            **{"images": FOUR, **change} | ({} if "labels" in change else {"labels": [0, 1, 0, 1]})
        )
