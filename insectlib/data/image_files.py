"""Read picture files of any kind into one form, or name the one that is wrong."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

MAX_PIXELS = 50_000_000
"""Larger pictures are refused before they are decoded: a small file can unfold into gigabytes."""

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")
"""What is read, whatever the ending says: Pillow would start Ghostscript for an EPS named .jpg."""

SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp"}
"""Files with another ending are not taken for pictures."""

DARKEST = 4095
"""16-bit pictures that do not go beyond this are refused: what 8 or 12 bits hold, stored in 16."""

NO_CLASSES = ("__MACOSX", "__pycache__")
"""Folders that programs leave beside those of the classes; so do names that begin with a dot."""

NO_NEWS = {"thumbs.db", "desktop.ini"}
"""Files that are left out without a word; so are those whose names begin with a dot."""

# EXIF's orientation: how a stored picture is turned upright
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: Path | str, size: int) -> NDArray[np.uint8]:
    """Read a picture as RGB and squeeze it to a square, as the tutorials do.

    It is turned as its EXIF record says, or not at all where that is broken; what is transparent
    becomes white; grey, palette, CMYK and 16-bit pictures become 8-bit RGB. Of several pages or
    frames the first is taken.

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
        When the file is no picture in one of the `FORMATS`, is damaged, has more than `MAX_PIXELS`
        pixels, or numbers whose range is not known: 32-bit ones, and 16-bit ones of which none is
        above `DARKEST`. The message names the file.
    """
    with _opened(path) as opened:
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise ValueError(f"{width}x{height} pixels; at most {MAX_PIXELS:,} are read")
        opened.load()  # which turns a TIFF
        turn = UPRIGHT.get(_orientation(opened))
        picture = _rgb(opened if turn is None else opened.transpose(turn))
        return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))


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

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        For the first file that is no picture.
    """
    sizes = np.empty((len(paths), 2), dtype=np.int64)
    for i, path in enumerate(paths):
        with _opened(path) as opened:
            width, height = opened.size
            # orientations 5 to 8 lie on their side; Pillow says the size of a TIFF as turned
            turned = opened.format != "TIFF" and _orientation(opened) >= 5
        sizes[i] = (width, height) if turned else (height, width)
    return sizes


def class_files(
    folder: Path | str, class_folders: Sequence[str] | NDArray[np.str_] | None = None
) -> dict[str, list[Path]]:
    """List the picture files of each class in a folder of class folders.

    Parameters
    ----------
    folder : Path or str
        With one folder for each class.
    class_folders : sequence or array of str, optional
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
    PermissionError
        When one of them may not be read.
    ValueError
        When there are fewer than two classes, one has no picture, or the names are not those of
        different folders in `folder`.

    Warns
    -----
    UserWarning
        When files or folders are left out, with their numbers: other endings than `SUFFIXES`,
        folders within class folders, pictures beside the class folders.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not a folder; expected one with a folder per class")
    if class_folders is None:
        names = tuple(path.name for path in _inside(root) if _is_class(path))
    else:
        names = checked_names(class_folders)
    for name in names:
        if name in ("", ".", "..") or Path(name).name != name:
            raise ValueError(f"class {name!r}: expected the name of a folder in {root}")
    if len(names) < 2:
        raise ValueError(
            f"{root} has {len(names)} class folders {list(names)}; expected two or more, "
            "each with the pictures of one class"
        )
    files = {}
    left_out: Counter[str] = Counter()
    for name in names:
        if not (root / name).is_dir():
            raise FileNotFoundError(f"{root / name} is not there; expected the class {name!r}")
        files[name] = picture_files(root / name, left_out)
        if not files[name]:
            raise ValueError(
                f"{root / name} has no pictures; expected files ending in "
                f"{', '.join(sorted(SUFFIXES))}"
            )
    beside = [path for path in _inside(root) if path.is_file() and _is_picture(path)]
    if beside:
        left_out["pictures beside the class folders"] = len(beside)
    if left_out:
        said = "; ".join(f"{number} {what}" for what, number in sorted(left_out.items()))
        warnings.warn(
            f"{root}: not read are {said}. Save them as one of {', '.join(sorted(SUFFIXES))}, and "
            "put them directly into the folder of their class",
            stacklevel=3,
        )
    return files


def picture_files(folder: Path, left_out: Counter[str] | None = None) -> list[Path]:
    """List the picture files that lie directly in a folder.

    Parameters
    ----------
    folder : Path
    left_out : Counter, optional
        Counts what else lies there, in words; hidden files are not counted.

    Returns
    -------
    list of Path
        In alphabetical order.
    """
    files = []
    for path in _inside(folder):
        if path.name.startswith(".") or path.name.lower() in NO_NEWS:
            continue
        what = ""
        if path.is_dir():
            what = f"folders in {folder.name}"
            inside = sum(_is_picture(p) and p.is_file() for p in path.rglob("*"))
            if left_out is not None and inside:
                left_out[f"pictures in folders in {folder.name}"] += inside
        elif not path.is_file():
            what = f"broken links or devices in {folder.name}"
        elif not _is_picture(path):
            ending = f"files ending in {path.suffix}" if path.suffix else "files without an ending"
            what = f"{ending} in {folder.name}"
        if not what:
            files.append(path)
        elif left_out is not None:
            left_out[what] += 1
    return files


def checked_names(names: Sequence[str] | NDArray[np.str_]) -> tuple[str, ...]:
    """Return class names as a tuple of plain text.

    Parameters
    ----------
    names : sequence or array of str
        Such as ``LabelEncoder().classes_``; whole numbers become text.

    Raises
    ------
    ValueError
        For one text instead of several, for what is no text, or for a name that is there twice.
    """
    if isinstance(names, (str, bytes)) or np.ndim(np.asarray(names, dtype=object)) != 1:
        raise ValueError(f"class names are {names!r}; expected a list of names")
    plain = []
    for name in names:
        if not isinstance(name, (str, int, np.integer)) or isinstance(name, bool):
            raise ValueError(f"class name {name!r} is of type {type(name).__name__}; expected text")
        plain.append(str(name))
    twice = [name for name, number in Counter(plain).items() if number > 1]
    if twice:
        raise ValueError(f"class names {twice} are there more than once; expected different ones")
    return tuple(plain)


def _inside(folder: Path) -> list[Path]:
    """Return what lies in a folder, in alphabetical order."""
    try:
        return sorted(folder.iterdir())
    except PermissionError as error:
        raise PermissionError(
            f"{folder} may not be read: change its permissions, or ask whom it belongs to"
        ) from error


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _is_class(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".") and path.name not in NO_CLASSES


@contextmanager
def _opened(path: Path | str) -> Iterator[Image.Image]:
    """Open a picture; whatever its file leads to becomes a ValueError that names it."""
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe would be waited for
            raise ValueError("no regular file")
        with Image.open(path, formats=FORMATS) as opened:
            yield opened
    except UnidentifiedImageError as error:
        raise ValueError(
            f"{path} cannot be read as a picture: expected one of {', '.join(FORMATS)}. Save it "
            "as such, or remove the file"
        ) from error
    except (FileNotFoundError, MemoryError):
        raise
    except Exception as error:  # Pillow's readers raise nearly everything on damaged files
        raise ValueError(
            f"{path} cannot be read as a picture ({error}): replace or remove the file"
        ) from error


def _orientation(opened: Image.Image) -> int:
    """Return how EXIF says that a picture is turned, from 1 to 8; 1 (upright) where broken."""
    try:
        value = opened.getexif().get(ORIENTATION, 1)
    except Exception:  # a broken record is no reason not to read the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _rgb(picture: Image.Image) -> Image.Image:
    """Return any Pillow picture as 8-bit RGB."""
    if picture.mode in ("I", "F"):
        kind = {"I": "whole 32-bit numbers", "F": "floating-point numbers"}[picture.mode]
        low, high = picture.getextrema()
        raise ValueError(
            f"it holds {kind} from {low:g} to {high:g}, whose range from black to white is not "
            "known: scale them, and save the picture in 8 or 16 bits"
        )
    if picture.mode.startswith("I;16"):
        values = np.asarray(picture)
        if 0 < values.max() <= DARKEST:
            raise ValueError(
                f"its 16-bit numbers go up to {values.max()}, and 65535 is white: scale them, or "
                "save the picture in 8 bits"
            )
        return Image.fromarray(np.rint(values / 257).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return picture.convert("RGB")
