"""The pictures of a collection: a list that is written once, and read a few at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from insectlib.data.digests import file_digest, settings_digest
from insectlib.data.image_files import SUFFIXES, read_image

LIST = "pictures.jsonl"
PLACES = "pictures.npy"
STACK = "stack.npy"


class Names(Sequence[str]):
    """The names in a list on the disk, read one at a time: no worker holds ten million of them.

    Parameters
    ----------
    path : Path
        Of the list that `Pictures.write` wrote; where its lines begin stands beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts = np.load(path.with_name(PLACES), mmap_mode="r", allow_pickle=False)

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        with self._path.open("rb") as file:
            file.seek(int(self._starts[index]))
            return str(json.loads(file.readline()))


@dataclass(frozen=True)
class Pictures:
    """The pictures below one folder, or in one file, in an order that does not change.

    Parameters
    ----------
    source : str
        A folder, absolute; or a ``.npy`` file with pictures, float32 (n, size, size, channels). It
        has the same path on every machine of a cluster.
    size : int
        Side in pixels to which each picture is brought.
    names : sequence of str
        Paths of the files below the folder, or names of the pictures in the file.
    """

    source: str
    size: int
    names: Sequence[str]

    @classmethod
    def below(cls, folder: Path | str, size: int) -> Pictures:
        """Find all picture files below a folder, at any depth, in alphabetical order.

        Raises
        ------
        FileNotFoundError
            When there is no such folder.
        ValueError
            When there is no picture in it.
        """
        root = Path(folder).resolve()
        if not root.is_dir():
            raise FileNotFoundError(f"{root} is not a folder; expected one with pictures below it")
        names = sorted(
            str((Path(place) / file).relative_to(root))
            for place, folders, files in os.walk(root)
            for file in files
            if Path(file).suffix.lower() in SUFFIXES and not file.startswith(".")
        )
        if not names:
            raise ValueError(
                f"{root} has no pictures; expected files ending in {', '.join(sorted(SUFFIXES))}"
            )
        return cls(str(root), size, names)

    def digest(self) -> str:
        """Return the SHA-256 of the names in their order, the size, and pictures in one file."""
        stack = file_digest(Path(self.source)) if self.source.endswith(".npy") else ""
        return settings_digest([stack, self.size, list(self.names)])

    def read(self, first: int, last: int) -> tuple[NDArray[np.float32], dict[int, str]]:
        """Read the pictures from index `first` up to `last`, without it.

        Returns
        -------
        float32 array, shape (last - first, size, size, channels)
            Values from 0 to 255. Middle grey for what cannot be read, or the last picture again
            where the collection ends before `last`.
        dict of int to str
            For the index of each picture that cannot be read, the reason.
        """
        if self.source.endswith(".npy"):
            stack = np.load(self.source, mmap_mode="r", allow_pickle=False)[first:last]
            short = last - first - len(stack)
            return np.concatenate([stack, np.repeat(stack[-1:], short, axis=0)]), {}
        images = np.full((last - first, self.size, self.size, 3), 127, dtype=np.float32)
        unreadable = {}
        for index in range(first, min(last, len(self.names))):
            try:
                images[index - first] = read_image(Path(self.source, self.names[index]), self.size)
            except (OSError, ValueError, MemoryError) as error:
                unreadable[index] = f"{type(error).__name__}: {error}"
        return images, unreadable

    def write(self, path: Path) -> None:
        """Write the list, one name a line, and beside it where each line begins."""
        start, starts = 0, []
        with path.open("wb") as file:
            for line in ({"source": self.source, "size": self.size}, *self.names):
                starts.append(start)
                start += file.write(json.dumps(line).encode("ascii") + b"\n")
        np.save(path.with_name(PLACES), np.array(starts[1:]), allow_pickle=False)

    @classmethod
    def load(cls, path: Path) -> Pictures:
        """Open the list that `write` wrote."""
        with path.open("rb") as file:
            head = json.loads(file.readline())
        return cls(head["source"], head["size"], Names(path))
