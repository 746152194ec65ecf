"""Read picture files of any kind into one form, or name the one that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 50_000_000
"""Larger pictures are refused before they are decoded: a small file can unfold into gigabytes."""

SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp"}
"""Files with another ending are not taken for pictures."""


def read_image(path: Path | str, size: int) -> NDArray[np.uint8]:
    """Read a picture as RGB and squeeze it to a square, as the tutorials do.

    It is turned as its EXIF record says; what is transparent becomes white; grey, palette, CMYK and
    16-bit pictures become 8-bit RGB.

    Parameters
    ----------
    path : Path or str
        Of the file.
    size : int
        Side of the result in pixels.

    Returns
    -------
    uint8 array, shape (size, size, 3)
        Values from 0 to 255.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is no picture, is damaged or has more than `MAX_PIXELS` pixels.
    """
    try:
        with Image.open(path) as opened:
            width, height = opened.size
            if width * height > MAX_PIXELS:
                raise ValueError(f"{width}x{height} pixels; at most {MAX_PIXELS:,} are read")
            picture = _rgb(ImageOps.exif_transpose(opened))
            return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
    except FileNotFoundError:
        raise
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:
        raise ValueError(
            f"{path} cannot be read as a picture ({error}): replace or remove the file"
        ) from error


def read_images(paths: Sequence[Path], size: int) -> NDArray[np.float32]:
    """Read pictures side by side.

    Parameters
    ----------
    paths : sequence of Path
        Of the files.
    size : int
        Side of the results in pixels.

    Returns
    -------
    float32 array, shape (n, size, size, 3)
        Values from 0 to 255.

    Raises
    ------
    ValueError
        As `read_image`, for the first file that is wrong.
    """
    images = np.empty((len(paths), size, size, 3), dtype=np.float32)
    with ThreadPoolExecutor() as pool:
        for i, image in enumerate(pool.map(lambda path: read_image(path, size), paths)):
            images[i] = image
    return images


def picture_sizes(paths: Sequence[Path]) -> NDArray[np.int64]:
    """Read how high and wide pictures are in their files, without decoding them.

    Parameters
    ----------
    paths : sequence of Path
        Of picture files.

    Returns
    -------
    int64 array, shape (n, 2)
        Height and width in pixels, turned as the EXIF record says.
    """
    sizes = np.empty((len(paths), 2), dtype=np.int64)
    for i, path in enumerate(paths):
        with Image.open(path) as opened:
            width, height = opened.size
            turned = opened.getexif().get(0x0112, 1) >= 5  # orientations 5 to 8 lie on their side
        sizes[i] = (width, height) if turned else (height, width)
    return sizes


def class_files(
    folder: Path | str, class_folders: Sequence[str] | None = None
) -> dict[str, list[Path]]:
    """List the picture files of each class in a folder of class folders.

    Parameters
    ----------
    folder : Path or str
        With one folder for each class.
    class_folders : sequence of str, optional
        Names of the class folders, in the order of the class indices; all folders in alphabetical
        order where it is missing.

    Returns
    -------
    dict of str to list of Path
        In the order of the classes, files in alphabetical order.

    Raises
    ------
    FileNotFoundError
        When `folder` or one of the class folders is not there.
    ValueError
        When there are fewer than two classes, or one has no picture.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not a folder; expected one with a folder per class")
    names = class_folders or sorted(
        path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    if len(names) < 2:
        raise ValueError(
            f"{root} has {len(names)} class folders {list(names)}; expected two or more, "
            "each with the pictures of one class"
        )
    files = {}
    for name in names:
        if not (root / name).is_dir():
            raise FileNotFoundError(f"{root / name} is not there; expected the class {name!r}")
        files[name] = sorted(
            path
            for path in (root / name).iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        )
        if not files[name]:
            raise ValueError(
                f"{root / name} has no pictures; expected files ending in "
                f"{', '.join(sorted(SUFFIXES))}"
            )
    return files


def _rgb(picture: Image.Image) -> Image.Image:
    """Return any Pillow picture as 8-bit RGB."""
    if picture.mode.startswith("I"):  # 16 bits in one channel
        grey = np.asarray(picture, dtype=np.float64) / 257
        return Image.fromarray(grey.clip(0, 255).round().astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return picture.convert("RGB")
