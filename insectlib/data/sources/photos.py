"""The real photographs, fetched or from a folder, checked either way (chapter ``01_data``).

The package carries no photograph, only their SHA-256 digests (`insects.sha256`): the
photographs belong to their photographers.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from hashlib import sha256
from importlib.resources import files
from pathlib import Path, PurePosixPath

import numpy as np
import pooch
import requests
from tqdm import tqdm

from insectlib.data.cache import cache_dir, write_whole
from insectlib.data.image_files import picture_sizes, read_images
from insectlib.data.imageset import ImageSet
from insectlib.data.sources.archives import unpack
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


def read_manifest(text: str) -> dict[str, str]:
    """Return the digest of each file that a manifest lists.

    Parameters
    ----------
    text : str
        Lines of ``digest  insects/part/class/number.jpg``.

    Returns
    -------
    dict of str to str
        From ``part/class/number.jpg`` to 64 hexadecimal digits.

    Raises
    ------
    ValueError
        For a path that leads out of the folder.
    """
    manifest = {}
    for line in text.splitlines():
        digest, name = line.split(maxsplit=1)
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ValueError(f"the manifest names {name!r}, which leads out of its folder")
        manifest[str(PurePosixPath(*path.parts[1:]))] = digest
    return manifest


def manifest() -> dict[str, str]:
    """Return the SHA-256 of all 1,199 published photographs by path."""
    return read_manifest((files("insectlib.data.sources") / "insects.sha256").read_text())


def load_photos(
    size: int,
    *,
    folder: Path | str | None = None,
    listed: dict[str, str] | None = None,
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
    listed : dict of str to str, optional
        SHA-256 by path; `manifest()` where it is missing.
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
        root = photos_root(Path(named))
        check_folder(root, expected)
    else:
        root = fetch(expected, progress=progress)
    paths = sorted(expected)
    # each picture is decoded once, however many copies of it there are
    first = {digest: path for path, digest in sorted(expected.items(), reverse=True)}
    unique = sorted(first)
    found = [root / first[digest] for digest in unique]
    images, sizes = read_images(found, size), picture_sizes(found)
    place = {digest: i for i, digest in enumerate(unique)}
    order = [place[expected[path]] for path in paths]
    names = [Path(path).stem for path in paths]
    twice = [pair for pair in SAME_PHOTOGRAPH if set(pair) <= set(names)]
    groups = join_groups(
        catalogue_groups(names), [(names.index(a), names.index(b)) for a, b in twice]
    )
    everything = ImageSet(
        images=images[order],
        labels=np.array([list(CLASS_FOLDERS).index(path.split("/")[1]) for path in paths]),
        class_names=tuple(CLASS_FOLDERS.values()),
        names=tuple(names),
        digests=tuple(expected[path] for path in paths),
        groups=groups,
        sizes=sizes[order],
    )
    train, test = (
        everything.subset([i for i, path in enumerate(paths) if path.startswith(part)])
        for part in ("train/", "test/")
    )
    return train, test


def photos_root(named: Path) -> Path:
    """Return the folder that holds ``train/`` and ``test/``; unpack it where it is an archive.

    Raises
    ------
    DataUnavailableError
        When there is none.
    """
    if named.is_file():
        named = unpack(named, cache_dir("archives"))
    for root in (named, named / "insects"):
        if (root / "train").is_dir() and (root / "test").is_dir():
            return root
    raise DataUnavailableError(f"{named} has no folders train/ and test/. {HELP}")


def check_folder(root: Path, expected: dict[str, str]) -> None:
    """Check every file in `root` against its SHA-256.

    Raises
    ------
    DataUnavailableError
        Naming the first five files that are missing, changed or outside of the folder.
    """
    wrong = []
    for path, digest in expected.items():
        file = root / path
        if not file.is_file():
            wrong.append(f"{path} is missing")
        elif not file.resolve().is_relative_to(root.resolve()):
            wrong.append(f"{path} is a link that leads out of the folder")
        elif sha256(file.read_bytes()).hexdigest() != digest:
            wrong.append(f"{path} has another SHA-256 than was published (changed or truncated)")
    if wrong:
        more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise DataUnavailableError(
            f"{len(wrong)} of {len(expected)} photographs in {root} are not right: "
            f"{'; '.join(wrong[:5])}{more}. Fetch these files again."
        )


def fetch(
    expected: dict[str, str],
    *,
    folder: Path | None = None,
    sources: Sequence[str] = SOURCES,
    progress: bool = True,
) -> Path:
    """Fetch the photographs that are not there yet, and check each after it has arrived.

    A fetch that was cut off goes on where it stopped. A file whose copy is there already is
    copied from it.

    Parameters
    ----------
    expected : dict of str to str
        SHA-256 by path.
    folder : Path, optional
        Where to put them; ``cache_dir("photos")`` where it is missing.
    sources : sequence of str
        Addresses that the paths are appended to, tried in this order.
    progress : bool
        Whether to show a progress bar on standard error.

    Returns
    -------
    Path
        `folder`, in which all files are right.

    Raises
    ------
    DataUnavailableError
        When a file is to be had from none of the sources.
    """
    pooch.get_logger().setLevel(logging.WARNING)
    root = cache_dir("photos") if folder is None else folder
    first = {digest: path for path, digest in sorted(expected.items(), reverse=True)}
    bar = tqdm(total=len(first), desc="photographs", unit="file", disable=not progress)
    with bar, ThreadPoolExecutor(8) as pool:
        running = [
            pool.submit(fetch_file, path, digest, root, sources) for digest, path in first.items()
        ]
        try:
            for done in as_completed(running):
                done.result()
                bar.update()
        finally:
            pool.shutdown(cancel_futures=True)
    for path, digest in expected.items():
        if not (root / path).exists():
            copy_file(root / first[digest], root / path)
    check_folder(root, expected)
    return root


def fetch_file(path: str, digest: str, root: Path, sources: Sequence[str]) -> None:
    """Fetch one file from the first of `sources` that has it right."""
    failures = []
    for source in sources:
        try:
            pooch.retrieve(
                source + path,
                known_hash=f"sha256:{digest}",
                fname=path.rsplit("/", 1)[1],
                path=(root / path).parent,
                downloader=pooch.HTTPDownloader(timeout=30),
            )
        except (requests.RequestException, ValueError, OSError) as error:
            failures.append(f"{source + path}: {reason(error)}")
        else:
            return
    raise DataUnavailableError(f"{path} could not be fetched ({'; '.join(failures)}). {HELP}")


def reason(error: Exception) -> str:
    """Say in a few words why a download failed."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    if isinstance(error, requests.TooManyRedirects):
        return "the server redirects in a circle"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the file was cut off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, ValueError) and "hash" in str(error):
        return "the file has another SHA-256 than was published"
    return f"{type(error).__name__}: {error}"


def copy_file(source: Path, target: Path) -> None:
    """Copy a file so that `target` is never half written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, lambda draft: shutil.copyfile(source, draft))
