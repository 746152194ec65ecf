"""The store: one Zarr array, one file for each shard, and a ledger of what is whole.

    STORE/records/       Zarr v3, shape (pictures, rows, outputs); a shard is a chunk, a file
    STORE/ledger.jsonl   a line for each finished shard, with the SHA-256 of its numbers
    STORE/pictures.jsonl the pictures, in their order; pictures.npy says where each line begins
    STORE/job.json       what is done with them, with what, on what machine

A shard is written once, by whoever explained it, and brought to the disk before its line is. What
has no line, or another SHA-256 than its line, is not there, and is made again.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from insectlib.collection.job import Job, record_rows
from insectlib.collection.pictures import LIST, PLACES, STACK, Pictures
from insectlib.data.cache import write_whole
from insectlib.data.digests import arrays_digest

LEDGER = "ledger.jsonl"
JOB = "job.json"
PACKAGES = (
    *("insectlib", "keras", "numpy", "opencv-python-headless"),
    *("scikit-image", "shap", "tensorflow", "zarr"),
)
DTYPES = ("float16", "float32")


class Store:
    """The records of a collection, finished or not.

    Parameters
    ----------
    path : Path or str
        Folder of a store that `explain_collection` began.

    Raises
    ------
    FileNotFoundError
        When there is no store.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).resolve()
        if not (self.path / JOB).is_file():
            raise FileNotFoundError(f"{self.path} is no store of explanations: it has no {JOB}")
        self.about: dict[str, Any] = json.loads((self.path / JOB).read_text(encoding="utf-8"))
        self.shard: int = self.about["shard"]
        self.names_of_rows: list[str] = self.about["rows"]
        self.pictures = Pictures.load(self.path / LIST)
        self.records = zarr.open_array(
            self.path / "records", mode="r+", config={"write_empty_chunks": True}
        )

    @classmethod
    def begin(
        cls, path: Path, pictures: Pictures, job: Job, *, shard: int, dtype: str, outputs: int
    ) -> Store:
        """Make an empty store; return it.

        Raises
        ------
        FileExistsError
            When there is something else in the folder.
        ValueError
            For a `dtype` that is not one of `DTYPES`, or a shard of no picture.
        """
        if dtype not in DTYPES or shard < 1:
            raise ValueError(
                f"dtype is {dtype!r} and shard {shard}; expected one of {', '.join(DTYPES)} and "
                "at least one picture"
            )
        path.mkdir(parents=True, exist_ok=True)
        left = [
            p.name
            for p in path.iterdir()
            if p.name not in (".lock", LIST, PLACES, STACK, "records")
        ]
        if left:
            raise FileExistsError(f"{path} holds {left[0]} already; expected an empty folder")
        names = record_rows(job)
        shape = (len(pictures.names), len(names), outputs)
        zarr.create_array(
            path / "records",
            shape=shape,
            chunks=(shard, *shape[1:]),
            dtype=dtype,
            fill_value=np.nan,
            compressors=None,  # attributions hardly shrink, and the size is known beforehand
            dimension_names=("picture", "row", "output"),
            attributes={"rows": names},
            overwrite=True,
        )
        pictures.write(path / LIST)  # whole before job.json is
        about = {
            "settings": settings(pictures, job),
            "shard": shard,
            "dtype": dtype,
            "rows": names,
            "machine": platform.machine(),
            "processor": platform.processor(),
            "python": platform.python_version(),
            "versions": {name: version(name) for name in PACKAGES},
        }
        text = json.dumps(about, indent=1)
        write_whole(path / JOB, lambda draft: draft.write_text(text, encoding="utf-8"))
        return cls(path)

    @property
    def n_shards(self) -> int:
        """How many shards the collection has."""
        return -(-len(self.pictures.names) // self.shard)

    def span(self, index: int) -> tuple[int, int]:
        """Return the first picture of a shard, and the one after its last."""
        first = index * self.shard
        return first, min(first + self.shard, len(self.pictures.names))

    def write(self, index: int, table: NDArray[np.floating[Any]]) -> str:
        """Write a shard and bring it to the disk; return the SHA-256 of its numbers."""
        first, last = self.span(index)
        kept = table.astype(self.records.dtype)
        self.records[first:last] = kept
        file = self.path / "records" / "c" / str(index) / "0" / "0"
        for path in (file, *list(file.parents)[:4]):
            _sync(path)
        return arrays_digest(kept)

    def note(self, line: Mapping[str, Any]) -> None:
        """Add a finished shard to the ledger, on a line of its own."""
        with (self.path / LEDGER).open("a+b") as ledger:
            if ledger.tell():
                ledger.seek(-1, os.SEEK_END)
                cut_off = ledger.read(1) != b"\n"  # by what ended an earlier run
            else:
                cut_off = False
            ledger.write(b"\n" * cut_off + json.dumps(line).encode() + b"\n")
            ledger.flush()
            os.fsync(ledger.fileno())

    def ledger(self) -> dict[int, dict[str, Any]]:
        """Return the last line of each finished shard; a line that is cut off does not count."""
        lines: dict[int, dict[str, Any]] = {}
        path = self.path / LEDGER
        for line in path.read_bytes().splitlines() if path.exists() else []:
            try:
                entry = json.loads(line)
                lines[int(entry["shard"])] = entry
            except (ValueError, KeyError, TypeError):
                continue
        return lines

    def missing(self) -> Iterator[int]:
        """Yield the shards that are not finished, or not as they were written."""
        ledger = self.ledger()
        for index in range(self.n_shards):
            if index not in ledger or self._digest(index) != ledger[index]["sha256"]:
                yield index

    def _digest(self, index: int) -> str:
        first, last = self.span(index)
        try:
            return arrays_digest(np.asarray(self.records[first:last]))
        except Exception:  # whatever a damaged file leads to
            return ""

    def unreadable(self) -> dict[str, str]:
        """Return the names of pictures that could not be read, with the reasons."""
        return {
            self.pictures.names[int(index)]: reason
            for entry in self.ledger().values()
            for index, reason in entry["unreadable"].items()
        }

    def values(self, first: int, last: int) -> NDArray[np.float64]:
        """Return the attributions of pictures, float64 (n, superpixels, outputs), NaN for none."""
        return np.asarray(self.records[first:last, :-3], dtype=np.float64)

    def row(self, name: str, first: int, last: int) -> NDArray[np.float64]:
        """Return one row of records, such as ``"output"``: float64 (n, outputs)."""
        place = self.names_of_rows.index(name)
        return np.asarray(self.records[first:last, place], dtype=np.float64)


def settings(pictures: Pictures, job: Job) -> dict[str, Any]:
    """Return what decides the records: what a run that goes on has to share with the first."""
    return {**job.settings(), "pictures": pictures.digest()}


def check_same(store: Store, wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with other settings than the store was begun with.

    Raises
    ------
    ValueError
        Naming each setting that differs.
    """
    begun = store.about["settings"]
    wanted = json.loads(json.dumps(wanted))
    differing = [
        f"{name} was {begun.get(name)!r} and is {wanted.get(name)!r}"
        for name in {**begun, **wanted}
        if begun.get(name) != wanted.get(name)
    ]
    if differing:
        raise ValueError(
            f"{store.path} was begun with other settings: {'; '.join(differing)}. Go on with the "
            "same ones, or name another store"
        )


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a store for one run; a second one is refused at once.

    Raises
    ------
    RuntimeError
        When another run holds it.
    """
    path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise RuntimeError(
            f"{path} is being written by another run: wait for it, or end it"
        ) from error
    try:
        for left in (path / "records").rglob("*.partial"):
            left.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
