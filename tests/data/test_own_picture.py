"""A picture of the reader's own comes as networks take it, or the mistake is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from insectlib.data import EXAMPLE_PICTURE, load_picture, read_image

RED = (200, 30, 40)


@pytest.mark.parametrize("size", [1, 8, np.int64(8)])
@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_becomes_one_picture_for_a_network(tmp_path: Path, size: int, as_text: bool) -> None:
    path = tmp_path / "mine.png"
    Image.new("RGB", (20, 10), RED).save(path)
    picture = load_picture(str(path) if as_text else path, size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.float32
    assert np.array_equal(picture, read_image(path, int(size)))
    assert (picture == RED).all()  # not scaled: the networks do that


@pytest.mark.parametrize("size", [0, -8, 2.5, 8.0, "8", None, True, (8, 8)])
def test_other_sizes_are_refused(tmp_path: Path, size: object) -> None:
    path = tmp_path / "mine.png"
    Image.new("RGB", (20, 10), RED).save(path)
    with pytest.raises(ValueError, match=r"size is .*; expected the side of the picture"):
        load_picture(path, size)


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"mine\.png cannot be read as a picture"):
        load_picture(tmp_path / "mine.png", 8)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        load_picture(tmp_path / "nowhere.png", 8)


def test_the_example_comes_with_the_package() -> None:
    picture = load_picture(EXAMPLE_PICTURE, 64)
    assert picture.shape == (64, 64, 3) and picture.std() > 20
