"""Tables of games on disk, so that no coalition is played twice (chapter ``04_shapley``)."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from insectlib.data.cache import cache_dir

if TYPE_CHECKING:
    pass


def kept_table(
    question: dict[str, Any], play: Callable[[], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return the table of a game: the one that was kept, or else the one that `play` makes.

    Chapter ``04_shapley``.

    Parameters
    ----------
    question : dict
        Everything that the table depends on, as JSON can write it: network, picture, players.
    play : callable
        Plays all coalitions; called when nothing sound is kept.

    Returns
    -------
    float64 array, shape (2**n, n_outputs)

    Warns
    -----
    UserWarning
        When a kept table is damaged; it is played again.
    """
    name = hashlib.sha256(json.dumps(question, sort_keys=True).encode("utf-8")).hexdigest()
    path = cache_dir("games") / f"{name[:32]}.npz"
    table = _load(path) if path.exists() else None
    if table is None:
        table = play()
        _save(path, table)
    return table


def _load(path: Path) -> NDArray[np.float64] | None:
    """Return what `path` keeps, or None with a warning when it is not what was written."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            table, written = kept["table"], str(kept["sha256"])
        if _digest(table) != written:
            raise ValueError("its SHA-256 is not the one that was written")
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        warnings.warn(f"the kept table {path} is damaged, played again: {error}", stacklevel=4)
        return None
    return np.asarray(table, dtype=np.float64)


def _save(path: Path, table: NDArray[np.float64]) -> None:
    """Write under another name first, so that `path` is never half written."""
    temporary = path.with_name(f"writing-{os.getpid()}-{path.name}")
    try:
        np.savez(temporary, table=table, sha256=np.array(_digest(table)))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _digest(table: NDArray[np.float64]) -> str:
    return hashlib.sha256(np.ascontiguousarray(table).data).hexdigest()
