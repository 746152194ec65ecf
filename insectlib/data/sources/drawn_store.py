"""Drawn collections on disk: whole or not at all, and checked when they are loaded."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
import warnings
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import insectlib.specimens
from insectlib.data.cache import cache_dir
from insectlib.specimens.catalogue import Entry
from insectlib.specimens.scene import Scene

Bytes = NDArray[np.uint8]
FILES = ("images.npy", "masks.npy", "scenes.json")
MANIFEST = "manifest.json"
UNFINISHED = ".unfinished-"
# a change in these leaves every pixel as it is
NO_DRAWING = ("__init__.py", "plates.py", "layered_svg.py")


def key(arguments: dict[str, Any]) -> str:
    """Return the name of a collection: of its arguments, the drawing code, and what it leans on."""
    digest = sha256(json.dumps(arguments, sort_keys=True).encode())
    for source in sorted(Path(insectlib.specimens.__path__[0]).rglob("*.py")):
        if source.name not in NO_DRAWING:
            digest.update(source.read_bytes())
    for package in ("numpy", "pillow", "resvg-py"):
        digest.update(f"{package} {version(package)}".encode())
    return digest.hexdigest()[:24]


def load(arguments: dict[str, Any]) -> tuple[Bytes, Bytes, list[Entry]] | None:
    """Return a collection's images, masks and entries, or None where it must be drawn.

    Warns
    -----
    UserWarning
        When a file is missing or not as it was written; it is named.
    """
    folder = cache_dir("specimens") / key(arguments)
    if not folder.is_dir():
        return None
    damaged = _first_damaged(folder)
    if damaged:
        warnings.warn(f"{folder / damaged} is damaged or missing: drawn again", stacklevel=3)
        shutil.rmtree(folder)
        return None
    images, masks = (np.load(folder / name, allow_pickle=False) for name in FILES[:2])
    records = json.loads((folder / FILES[2]).read_text(encoding="utf-8"))
    entries = [Entry(r["part"], r["group"], Scene.from_dict(r["scene"])) for r in records]
    return images, masks, entries


def save(arguments: dict[str, Any], images: Bytes, masks: Bytes, entries: list[Entry]) -> None:
    """Keep a collection; a process that is cut off on the way leaves nothing that `load` sees."""
    parent = cache_dir("specimens")
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))
    records = [
        {"part": e.part, "group": e.group, "scene": json.loads(e.scene.to_json())} for e in entries
    ]
    np.save(folder / FILES[0], images, allow_pickle=False)
    np.save(folder / FILES[1], masks, allow_pickle=False)
    (folder / FILES[2]).write_text(json.dumps(records), encoding="utf-8")
    manifest = {name: _digest(folder / name) for name in FILES}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    folder.chmod(0o755)
    try:
        folder.replace(parent / key(arguments))
    except OSError:  # another process has finished the same collection first
        shutil.rmtree(folder)


def _first_damaged(folder: Path) -> str:
    """Return the name of the first file that is not as the manifest says, or an empty string."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return MANIFEST
    for name in FILES:
        path = folder / name
        if not path.is_file() or _digest(path) != manifest.get(name):
            return name
    return ""


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _sweep(parent: Path) -> None:
    """Remove what runs that were cut off more than an hour ago have left."""
    for folder in parent.glob(f"{UNFINISHED}*"):
        if time.time() - folder.stat().st_mtime > 3600:
            shutil.rmtree(folder, ignore_errors=True)
