"""Pictures of every kind are read rightly, or the file that is wrong is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from insectlib.data import image_files as reading
from insectlib.data.image_files import class_files, picture_sizes, read_image
from insectlib.data.imageset import ImageSet

RED = (200, 30, 40)


def saved(path: Path, mode: str, colour: object, **options: object) -> Path:
    Image.new(mode, (20, 10), colour).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "mode", "colour", "expected"),
    [
        ("rgb.png", "RGB", RED, RED),
        ("grey.png", "L", 90, (90, 90, 90)),
        ("grey16.png", "I;16", 90 * 257, (90, 90, 90)),
        ("palette.gif", "P", 0, (0, 0, 0)),
        ("clear.png", "RGBA", (*RED, 0), (255, 255, 255)),
        ("half.png", "LA", (0, 128), (127, 127, 127)),
        ("ink.tif", "CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("bit.png", "1", 1, (255, 255, 255)),
    ],
)
def test_every_mode_becomes_rgb(
    tmp_path: Path, name: str, mode: str, colour: object, expected: tuple[int, ...]
) -> None:
    image = read_image(saved(tmp_path / name, mode, colour), 8)
    assert image.shape == (8, 8, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - expected).max() <= 1


def test_exif_turn_is_followed(tmp_path: Path) -> None:
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:, :10] = 255  # the left half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: left becomes top
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    image = read_image(tmp_path / "turned.png", 8)
    assert image[0].mean() > 250
    assert image[-1].mean() < 5


@pytest.mark.parametrize(
    ("orientation", "expected"), [(1, [10, 20]), (3, [10, 20]), (6, [20, 10]), (8, [20, 10])]
)
def test_sizes_are_those_of_the_turned_picture(
    tmp_path: Path, orientation: int, expected: list[int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = saved(tmp_path / "turned.jpg", "RGB", RED, exif=exif)
    plain = saved(tmp_path / "plain.png", "L", 0)
    sizes = picture_sizes([turned, plain])
    assert sizes.tolist() == [expected, [10, 20]]
    assert sizes.dtype == np.int64
    assert picture_sizes([]).shape == (0, 2)


def test_one_pixel_is_a_picture(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), RED).save(tmp_path / "dot.png")
    assert (read_image(tmp_path / "dot.png", 4) == RED).all()


def test_bomb_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "bomb.png", "RGB", RED)
    monkeypatch.setattr(reading, "MAX_PIXELS", 199)
    with pytest.raises(ValueError, match=r"bomb\.png.*20x10 pixels"):
        read_image(path, 8)


@pytest.mark.parametrize("content", [b"", b"not a picture", None])
def test_damaged_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "damaged.jpg"
    if content is None:  # the second half is missing
        noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
        Image.fromarray(noise).save(path)
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.jpg cannot be read"):
        read_image(path, 8)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jpg"):
        read_image(tmp_path / "nowhere.jpg", 8)


def folder_of(root: Path, **counts: int) -> Path:
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            saved(root / name / f"{i}.png", "L", 10 * i)
    return root


def test_folder_of_class_folders(tmp_path: Path) -> None:
    root = folder_of(tmp_path, moth=2, ant=3)
    (root / "ant" / "Thumbs.db").write_bytes(b"no picture")
    (root / ".cache").mkdir()
    images = ImageSet.from_folder(root, 8)
    assert images.class_names == ("ant", "moth")
    assert images.counts() == {"ant": 3, "moth": 2}
    assert images.names == ("0", "1", "2", "0", "1")
    assert images.images.dtype == np.float32
    assert images.images[2].max() == 20
    assert images.digests[0] == images.digests[3] != images.digests[1]
    assert ImageSet.from_folder(root, 8, ["moth", "ant"]).counts() == {"moth": 2, "ant": 3}


@pytest.mark.parametrize(
    ("counts", "message"),
    [({"ant": 2, "moth": 0}, "moth has no pictures"), ({"ant": 2}, "1 class folders")],
)
def test_unfit_folders_are_refused(tmp_path: Path, counts: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        class_files(folder_of(tmp_path, **counts))


def test_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        class_files(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="expected the class 'bee'"):
        class_files(folder_of(tmp_path, ant=1, moth=1), ["ant", "bee"])
