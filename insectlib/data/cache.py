"""Where drawn, downloaded and trained things are kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch


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
    """
    folder = Path(os.environ.get("INSECTLIB_CACHE") or pooch.os_cache("insectlib")) / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder


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
    temporary = path.with_name(f"writing-{os.getpid()}-{path.name}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
