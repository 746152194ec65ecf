"""The two data sets of the course behind one function (chapter ``01_data``)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from insectlib.data.imageset import ImageSet
from insectlib.data.sources.drawn import load_specimens
from insectlib.data.sources.photos import load_photos

NAMES = ("specimens", "photos")


@dataclass(frozen=True)
class Collection:
    """A published data set: its parts, with their flaws.

    Parameters
    ----------
    name : str
        Of the data set.
    train, test : ImageSet
        The parts as they were published. Every picture of `test` is a copy of one in `train`.
    extra : dict of str to ImageSet
        For specimens "validation" and "new_test", from groups of their own with the same
        shortcuts, "counterfactual", where the shortcuts are broken, and "elsewhere", which other
        people took. For photographs "elsewhere" alone, where the environment variable
        ``INSECTLIB_ELSEWHERE`` names a folder with a folder of pictures for each class.
    """

    name: str
    train: ImageSet
    test: ImageSet
    extra: dict[str, ImageSet] = field(default_factory=dict)


def load(
    name: str, *, size: int = 128, folder: Path | str | None = None, progress: bool = True
) -> Collection:
    """Return one of the course's two data sets.

    Chapter ``01_data``.

    Parameters
    ----------
    name : str
        ``"specimens"``, drawn once and kept, or ``"photos"``, fetched once and kept.
    size : int
        Side of the pictures in pixels: specimens are drawn at it, photographs squeezed to it.
    folder : Path or str, optional
        Of the photographs, where they are at hand; see `insectlib.data.load_photos`.
    progress : bool
        Whether to show a bar while pictures are drawn or fetched.

    Returns
    -------
    Collection
        With the published parts.

    Raises
    ------
    ValueError
        For another name, a size below 8, or a folder of specimens.
    DataUnavailableError
        When the photographs are not to be had, or are not the ones that were published.
    """
    if name not in NAMES:
        raise ValueError(f"no data set {name!r}; expected one of {', '.join(map(repr, NAMES))}")
    if size < 8:
        raise ValueError(f"size {size}; expected 8 pixels or more")
    if name == "specimens":
        if folder is not None:
            raise ValueError("folder goes with 'photos'; specimens are drawn, not read")
        parts = load_specimens(size, elsewhere=60, progress=progress)
        return Collection(name, parts.pop("train"), parts.pop("test"), parts)
    train, test = load_photos(size, folder=folder, progress=progress)
    own = os.environ.get("INSECTLIB_ELSEWHERE")
    extra = {"elsewhere": ImageSet.from_folder(own, size, train.class_names)} if own else {}
    return Collection(name, train, test, extra)
