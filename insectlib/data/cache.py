"""Where drawn, downloaded and trained things are kept."""

from __future__ import annotations

import os
from pathlib import Path

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
