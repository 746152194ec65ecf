"""SHA-256 digests of settings, arrays and files: the keys and the checks of what is kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def settings_digest(settings: Any) -> str:
    """Return the SHA-256 of settings, 64 hexadecimal digits.

    Parameters
    ----------
    settings : object
        What JSON can write: dicts with text keys, lists, text, numbers, None. The order of the keys
        of a dict does not matter.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        When JSON cannot write `settings`.
    """
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def arrays_digest(*arrays: ArrayLike) -> str:
    """Return the SHA-256 of arrays, of their types and of their shapes, 64 hexadecimal digits.

    Parameters
    ----------
    *arrays : array, any shape
        Of numbers or bools; their order matters.

    Returns
    -------
    str
    """
    digest = hashlib.sha256()
    for array in map(np.asarray, arrays):
        digest.update(f"{array.dtype.str} {array.shape} ".encode())
        # a view of bytes: also types that Python's buffers do not know, such as bfloat16
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of what a file holds, 64 hexadecimal digits.

    Parameters
    ----------
    path : Path
        Of the file.

    Returns
    -------
    str

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
