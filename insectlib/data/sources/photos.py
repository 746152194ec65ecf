"""The real photographs, fetched or from a folder, checked either way (chapter ``01_data``).

The package carries no photograph, only their SHA-256 digests (`insects.sha256`): the
photographs belong to their photographers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np

from insectlib.data.cache import cache_dir
from insectlib.data.image_files import picture_sizes, read_images
from insectlib.data.imageset import ImageSet
from insectlib.data.sources.archives import unpack
from insectlib.data.sources.downloads import Published, check_folder, fetch
from insectlib.data.sources.errors import DataUnavailableError
from insectlib.data.splits import catalogue_groups, join_groups

CLASS_FOLDERS = {"beetles": "beetle", "cockroach": "cockroach", "dragonflies": "dragonfly"}

SOURCES = (
    "https://raw.githubusercontent.com/MTang0728/SimpleCNN-with-SHAP/"
    "feb51718af55cc546e74eebec688281a3cf5efed/insects/",
    "https://raw.githubusercontent.com/Klalena/BIOS823-Statistical_Programming-for-Big-Data/"
    "99f6c6d7d161427ab3fe6e10917fed3f9e8293c7/Homework/Insect_classification/Data_insects/",
)
"""Where the photographs are, each at a pinned commit; the second serves what the first does not."""

SAME_PHOTOGRAPH = (("5376027", "5382020"), ("5376028", "5382021"))
"""One photograph, published under two numbers as files that differ (chapter ``01_data``)."""

HELP = (
    "Without internet, take the photographs from a folder: set the environment variable "
    "INSECTLIB_PHOTOS, or pass folder=..., naming a folder with train/ and test/ "
    "(or a .zip or .tar of it)."
)


def read_manifest(text: str) -> dict[str, Published]:
    """Return what a manifest says of each file.

    Parameters
    ----------
    text : str
        Lines of ``digest  size  insects/part/class/number.jpg``.

    Returns
    -------
    dict of str to Published
        By ``part/class/number.jpg``.

    Raises
    ------
    ValueError
        For a path that leads out of the folder.
    """
    manifest = {}
    for line in text.splitlines():
        digest, size, name = line.split(maxsplit=2)
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ValueError(f"the manifest names {name!r}, which leads out of its folder")
        manifest[str(PurePosixPath(*path.parts[1:]))] = Published(digest, int(size))
    return manifest


def manifest() -> dict[str, Published]:
    """Return the SHA-256 and the size of all 1,199 published photographs by path."""
    return read_manifest((files("insectlib.data.sources") / "insects.sha256").read_text())


def load_photos(
    size: int,
    *,
    folder: Path | str | None = None,
    listed: dict[str, Published] | None = None,
    progress: bool = True,
) -> tuple[ImageSet, ImageSet]:
    """Return the published training and test part of the photographs.

    Chapter ``01_data``.

    Parameters
    ----------
    size : int
        Side in pixels that each photograph is squeezed to.
    folder : Path or str, optional
        With ``train/`` and ``test/``, or a .zip or .tar of it. Where it is missing, the
        environment variable ``INSECTLIB_PHOTOS`` names it; where that is missing too, the
        photographs are fetched once, into ``cache_dir("photos")``.
    listed : dict of str to Published, optional
        By path; `manifest()` where it is missing.
    progress : bool
        Whether to show a progress bar on standard error.

    Returns
    -------
    tuple of ImageSet
        Training and test part; groups are runs of catalogue numbers over both, joined where they
        hold one photograph twice (`SAME_PHOTOGRAPH`).

    Raises
    ------
    DataUnavailableError
        When files are wrong, missing, truncated, or cannot be fetched.
    """
    expected = manifest() if listed is None else listed
    named = folder or os.environ.get("INSECTLIB_PHOTOS")
    if named:
        with photos_root(Path(named).absolute()) as root:
            check_folder(root, expected)
            everything = _read(root, expected, size)
    else:
        folder = cache_dir("photos")
        fetch(expected, folder=folder, sources=SOURCES, hint=HELP, progress=progress)
        everything = _read(folder, expected, size)
    train, test = (
        everything.subset([i for i, path in enumerate(sorted(expected)) if path.startswith(part)])
        for part in ("train/", "test/")
    )
    return train, test


def _read(root: Path, expected: dict[str, Published], size: int) -> ImageSet:
    """Read the photographs of both parts, in the order of their paths."""
    paths = sorted(expected)
    # each picture is decoded once, however many copies of it there are
    first = {published: path for path, published in sorted(expected.items(), reverse=True)}
    unique = sorted(first)
    found = [root / first[published] for published in unique]
    images, sizes = read_images(found, size), picture_sizes(found)
    place = {published: i for i, published in enumerate(unique)}
    order = [place[expected[path]] for path in paths]
    names = [Path(path).stem for path in paths]
    twice = [pair for pair in SAME_PHOTOGRAPH if set(pair) <= set(names)]
    groups = join_groups(
        catalogue_groups(names), [(names.index(a), names.index(b)) for a, b in twice]
    )
    return ImageSet(
        images=images[order],
        labels=np.array([list(CLASS_FOLDERS).index(path.split("/")[1]) for path in paths]),
        class_names=tuple(CLASS_FOLDERS.values()),
        names=tuple(names),
        digests=tuple(expected[path].digest for path in paths),
        groups=groups,
        sizes=sizes[order],
    )


@contextmanager
def photos_root(named: Path) -> Iterator[Path]:
    """Yield the folder that holds ``train/`` and ``test/``, of a folder or an archive.

    An archive is unpacked for as long as the photographs are read: no copy of it is kept that
    could be damaged.

    Raises
    ------
    DataUnavailableError
        When there is none.
    """
    with TemporaryDirectory(prefix="insectlib-") as unpacked:
        inside = named
        if named.is_file():
            inside = Path(unpacked)
            try:
                unpack(named, inside)
            except (ValueError, OSError) as error:
                raise DataUnavailableError(f"{error}. {HELP}") from error
        for root in (inside, inside / "insects"):
            if (root / "train").is_dir() and (root / "test").is_dir():
                yield root
                return
    raise DataUnavailableError(f"{named} has no folders train/ and test/. {HELP}")
