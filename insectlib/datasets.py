"""The two data sets of the course behind one function."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from insectlib.imageset import ImageSet


@dataclass(frozen=True)
class Collection:
    """A published data set: its parts, with their flaws."""

    name: str
    train: ImageSet
    test: ImageSet
    extra: dict[str, ImageSet] = field(default_factory=dict)


def load(name: str, *, size: int = 128, folder: Path | str | None = None) -> Collection:
    """Return the data set `name`, "specimens" or "photos"."""
    if name == "specimens":
        from insectlib.specimens import load_specimens

        parts = load_specimens(size, progress=False)
        return Collection(name, parts.pop("train"), parts.pop("test"), parts)
    if name == "photos":
        from insectlib.photos import load_photos

        train, test = load_photos(size, folder=folder)
        return Collection(name, train, test)
    raise ValueError(f"no data set {name!r}; expected 'specimens' or 'photos'")
