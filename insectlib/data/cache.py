"""One store for what takes long to make: drawn pictures, tables, features, trained networks.

    KIND/KEY/           the files of one thing
    KIND/KEY/manifest.json    written last: the SHA-256 of each of them

The key is the digest of everything that decides what is made, so that a stale thing is never taken
for the one asked for. A folder is filled under another name and then renamed: what is there is
whole. It is checked each time that it is read.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
import pooch
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from insectlib.data.digests import file_digest

T = TypeVar("T")

MANIFEST = "manifest.json"
DRAFT = ".draft-"
DAMAGED = ".damaged-"
LOCKS = ".locks"

_unwritable: set[Path] = set()


def cache_dir(kind: str = "") -> Path:
    """Return the folder where insectlib keeps what takes long to make.

    Parameters
    ----------
    kind : str
        Name of a folder inside it, such as ``"models"``; made when it is missing.

    Returns
    -------
    Path
        Below the folder named by the environment variable ``INSECTLIB_CACHE`` where that is
        set, else below the operating system's folder for caches.

    Raises
    ------
    OSError
        When the folder is missing and cannot be made.
    """
    folder = cache_path(kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"the cache folder {folder} cannot be made ({error}): let the environment variable "
            "INSECTLIB_CACHE name a folder that can be written to"
        ) from error
    return folder


def cache_path(*names: str) -> Path:
    """Return where something lies in the cache, whether it is there or not.

    Parameters
    ----------
    *names : str
        Kind and key, such as ``"models"`` and a digest.

    Returns
    -------
    Path
    """
    named = os.environ.get("INSECTLIB_CACHE") or pooch.os_cache("insectlib")
    # a relative one is named in full where something is wrong
    return Path(named).absolute().joinpath(*names)


def cached(
    kind: str,
    key: str,
    make: Callable[[], T],
    *,
    write: Callable[[Path, T], Any],
    read: Callable[[Path], T],
) -> T:
    """Return what is kept under a key; make and keep it where there is nothing sound.

    Where two processes ask for the same thing at once, one makes it, and the other waits for it.
    Where nothing can be written, because the folder is read-only or the disk is full, the thing is
    made for this process alone.

    Parameters
    ----------
    kind : str
        The folder below `cache_dir`, such as ``"features"``.
    key : str
        From `insectlib.data.digests.settings_digest`, of all that decides what `make` returns.
    make : callable
        Called without arguments; never returns None.
    write : callable
        Called as ``write(folder, value)`` with an empty folder; puts files into it, no folders.
    read : callable
        Called as ``read(folder)`` when the files have the SHA-256 that was written.

    Returns
    -------
    object
        What `read` or `make` returned.

    Warns
    -----
    UserWarning
        When what is kept is damaged: it is set aside and made again. And, once for each folder,
        when nothing can be written.
    """
    root = cache_path(kind)
    value, _ = _load(root / key, read)
    if value is None:
        with _alone(root, key) as locked:
            value, damage = _load(root / key, read)  # made by another process in the meantime?
            if damage:
                warnings.warn(f"{root / key} is damaged, made again: {damage}", stacklevel=3)
                set_aside(root / key)
            if value is None:
                value = make()
                _store(root, key, value, write)
            if locked:
                _sweep(root, key)
    return value


def cached_array(kind: str, key: str, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """Return the array that is kept under a key; make and keep it where there is none.

    Parameters
    ----------
    kind, key, make
        As in `cached`.

    Returns
    -------
    array
        As `make` returned it.
    """
    return cached(
        kind,
        key,
        make,
        write=lambda folder, array: np.save(folder / "array.npy", array, allow_pickle=False),
        read=lambda folder: np.load(folder / "array.npy", allow_pickle=False),
    )


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file under another name first, so that `path` is never half written.

    Parameters
    ----------
    path : Path
        Of the file, which is replaced where it is there.
    write : callable
        Called with the path to write to; in the same folder, with the same ending.
    """
    # Keras reads the kind of file off the end of its name, so that stays
    temporary = path.with_name(f"writing-{uuid4().hex}-{path.name}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def set_aside(path: Path) -> None:
    """Rename what is damaged, so that somebody can look at it; only the last one is kept.

    Parameters
    ----------
    path : Path
        Of a folder, which stays where it is when nothing can be written.
    """
    aside = path.with_name(f"{DAMAGED}{path.name}")
    shutil.rmtree(aside, ignore_errors=True)
    with suppress(OSError):
        path.rename(aside)


def warn_unwritable(folder: Path, error: Exception, *, stacklevel: int = 3) -> None:
    """Warn that nothing can be kept in a folder of the cache, once for each.

    Parameters
    ----------
    folder : Path
    error : Exception
        What writing into it raised.
    stacklevel : int
        As `warnings.warn` takes it.
    """
    if folder not in _unwritable:
        _unwritable.add(folder)
        warnings.warn(
            f"nothing can be kept in {folder}, so it is made anew each time ({error}): make "
            "room, or let INSECTLIB_CACHE name a folder that can be written to",
            stacklevel=stacklevel,
        )


def _load(entry: Path, read: Callable[[Path], T]) -> tuple[T | None, str]:
    """Return what an entry holds or None, and what is wrong where it is damaged."""
    if not os.path.lexists(entry):  # unlike Path.exists, never raises
        return None, ""
    try:
        manifest = json.loads((entry / MANIFEST).read_text(encoding="utf-8"))
        found = _digests(entry)
        if wrong := sorted(n for n in {**manifest, **found} if manifest.get(n) != found.get(n)):
            return None, f"{', '.join(wrong)}: not the SHA-256 that {MANIFEST} says"
        return read(entry), ""
    except MemoryError:
        raise
    except Exception as error:  # whatever a file that is not as it was written leads to
        return None, f"{type(error).__name__}: {error}"


def _digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of all files that an entry consists of, by name."""
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    return {name: file_digest(folder / name) for name in sorted(names - {MANIFEST})}


def _store(root: Path, key: str, value: T, write: Callable[[Path, T], Any]) -> None:
    """Keep a value, or warn that it cannot be kept: it took long to make, and is worth having."""
    draft = root / f"{DRAFT}{key}-{uuid4().hex}"
    try:
        draft.mkdir(parents=True)
        write(draft, value)
        (draft / MANIFEST).write_text(json.dumps(_digests(draft), indent=1), encoding="utf-8")
        draft.replace(root / key)
    except Exception as error:
        # where locks do not work, another process may have been first
        if not os.path.lexists(root / key):
            warn_unwritable(root, error, stacklevel=5)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _alone(root: Path, key: str) -> Iterator[bool]:
    """Wait until no other process makes the same thing; say whether that can be known."""
    lock = FileLock(root / LOCKS / key)
    # where the folder is read-only, or its file system has no locks, go on without
    with suppress(OSError, NotImplementedError):
        (root / LOCKS).mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield lock.is_locked
    finally:
        lock.release()


def _sweep(root: Path, key: str) -> None:
    """Remove drafts that killed processes have left: those whose lock nobody holds."""
    for draft in root.glob(f"{DRAFT}*"):
        owner = draft.name.removeprefix(DRAFT).rpartition("-")[0]
        if owner == key:  # its lock is ours
            shutil.rmtree(draft, ignore_errors=True)
            continue
        try:
            with FileLock(root / LOCKS / owner, timeout=0):
                shutil.rmtree(draft, ignore_errors=True)
        except (Timeout, OSError):
            continue
