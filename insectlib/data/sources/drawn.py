"""The whole collection as image sets: drawn on several cores, kept on disk, checked on loading."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from insectlib.data.cache import cached
from insectlib.data.digests import settings_digest
from insectlib.data.imageset import ImageSet
from insectlib.data.sources.processes import on_cores
from insectlib.specimens.catalogue import COUNTS, Entry, checked_counts, plan_collection
from insectlib.specimens.elsewhere import plan_elsewhere
from insectlib.specimens.insects.species import CLASS_NAMES
from insectlib.specimens.rendering import drawing_versions, render
from insectlib.specimens.scene import Scene

Bytes = NDArray[np.uint8]
Drawn = tuple[Bytes, Bytes, list[Entry]]


def draw_specimens(
    scenes: Sequence[Scene],
    size: int = 128,
    *,
    groups: Sequence[int] | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> ImageSet:
    """Draw scenes, on several cores when there are many.

    Parameters
    ----------
    scenes : sequence of Scene
    size : int
        Side of the pictures in pixels.
    groups : sequence of int, optional
        Run of each scene; each is its own where this is missing.
    workers : int, optional
        Processes; 1 draws in this one. As many as there are cores where this is missing.
    progress : bool
        Whether to show a progress bar on standard error.

    Returns
    -------
    ImageSet
        With masks and scenes; names are the catalogue numbers.
    """
    images, masks = _draw(scenes, size, workers, progress)
    return _image_set(images, masks, scenes, range(len(scenes)) if groups is None else groups)


def load_specimens(
    size: int = 128,
    *,
    seed: int = 0,
    shortcut_background: float = 0.8,
    shortcut_strip: float = 0.9,
    counts: Mapping[str, Sequence[int]] = COUNTS,
    elsewhere: int = 0,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, ImageSet]:
    """Return the collection, from the cache where it has been drawn before.

    Parameters
    ----------
    size : int
        Side of the pictures in pixels.
    seed, shortcut_background, shortcut_strip, counts
        See `plan_collection`.
    elsewhere : int
        Pictures of each class in a part ``"elsewhere"``, which other people took: other grounds,
        light, cameras, forms and colours, and no label strip. The strengths do not concern it.
    workers, progress
        See `draw_specimens`.

    Returns
    -------
    dict of str to ImageSet
        The parts that `counts` names: ``"train"``; behind it ``"test"``: copies of training
        pictures, as many of each class, the flaw of the published photographs; and from runs of
        their own ``"validation"``, ``"new_test"`` (same shortcut) and ``"counterfactual"`` (no
        shortcut). A part for which all counts are 0 is empty.

    Raises
    ------
    ValueError
        For a size below 16 pixels, and as `plan_collection`.
    """
    counts = checked_counts(counts)
    arguments = {
        "size": int(size),
        "seed": int(seed),
        "shortcut_background": shortcut_background,
        "shortcut_strip": shortcut_strip,
        "counts": counts,
    }

    def plan() -> list[Entry]:
        return plan_collection(
            seed,
            shortcut_background=shortcut_background,
            shortcut_strip=shortcut_strip,
            counts=counts,
        )

    images, masks, entries = draw_entries(arguments, plan, size, workers=workers, progress=progress)
    sets = {}
    for part in counts:
        sets[part] = _part(part, images, masks, entries)
        if part == "train":
            sets["test"] = _copies(images, masks, entries, seed)
    if elsewhere:
        images, masks, entries = draw_entries(
            {"elsewhere": int(elsewhere), "seed": int(seed), "size": int(size)},
            lambda: plan_elsewhere(seed, elsewhere),
            size,
            workers=workers,
            progress=progress,
        )
        sets["elsewhere"] = _part("elsewhere", images, masks, entries)
    return sets


def draw_entries(
    decides: Mapping[str, Any],
    plan: Callable[[], list[Entry]],
    size: int,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> Drawn:
    """Draw the scenes of entries, or take them from the cache where that was done before.

    Parameters
    ----------
    decides : mapping
        All that decides what `plan` returns, and the size, as JSON can write it.
    plan : callable
        Returns the entries; called when they must be drawn.
    size : int
        Side of the pictures in pixels.
    workers, progress
        See `draw_specimens`.

    Returns
    -------
    images : uint8 array, shape (n, size, size, 3)
    masks : uint8 array, shape (n, size, size)
    entries : list of Entry
    """

    def draw() -> Drawn:
        entries = plan()
        return *_draw([e.scene for e in entries], size, workers, progress), entries

    key = settings_digest({"versions": drawing_versions(), **decides})
    return cached("specimens", key, draw, write=_write, read=_read)


def _write(folder: Path, drawn: Drawn) -> None:
    """Put a drawn collection into a folder of the cache."""
    images, masks, entries = drawn
    records = [
        {"part": e.part, "group": e.group, "scene": json.loads(e.scene.to_json())} for e in entries
    ]
    np.save(folder / "images.npy", images, allow_pickle=False)
    np.save(folder / "masks.npy", masks, allow_pickle=False)
    (folder / "scenes.json").write_text(json.dumps(records), encoding="utf-8")


def _read(folder: Path) -> Drawn:
    """Return the collection that `_write` put into a folder."""
    images, masks = (np.load(folder / f"{n}.npy", allow_pickle=False) for n in ("images", "masks"))
    records = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))
    return (
        images,
        masks,
        [Entry(r["part"], r["group"], Scene.from_dict(r["scene"])) for r in records],
    )


def _part(part: str, images: Bytes, masks: Bytes, entries: list[Entry]) -> ImageSet:
    index = [i for i, entry in enumerate(entries) if entry.part == part]
    return _pick(index, images, masks, entries)


def _copies(images: Bytes, masks: Bytes, entries: list[Entry], seed: int) -> ImageSet:
    """Return the published test part: training pictures again, at most 60 of each class."""
    random = np.random.default_rng([seed, 5])
    chosen: list[int] = []
    of_class = [
        [i for i, e in enumerate(entries) if e.part == "train" and e.scene.class_name == name]
        for name in CLASS_NAMES
    ]
    of_class = [index for index in of_class if index]
    each = min([60, *map(len, of_class)])
    for index in of_class:
        chosen += sorted(int(i) for i in random.choice(index, each, replace=False))
    return _pick(chosen, images, masks, entries)


def _pick(index: list[int], images: Bytes, masks: Bytes, entries: list[Entry]) -> ImageSet:
    scenes = [entries[i].scene for i in index]
    return _image_set(images[index], masks[index], scenes, [entries[i].group for i in index])


def _image_set(
    images: Bytes, masks: Bytes, scenes: Sequence[Scene], groups: Iterable[int]
) -> ImageSet:
    return ImageSet(
        images=images.astype(np.float32),
        labels=np.array([CLASS_NAMES.index(s.class_name) for s in scenes], np.int64),
        class_names=CLASS_NAMES,
        names=tuple(s.strip.text for s in scenes),
        digests=tuple(sha256(image.tobytes()).hexdigest() for image in images),
        groups=np.array(list(groups), np.int64),
        masks=masks,
        scenes=tuple(scenes),
    )


def _draw(
    scenes: Sequence[Scene], size: int, workers: int | None, progress: bool
) -> tuple[Bytes, Bytes]:
    """Draw scenes into two arrays of bytes."""
    n = len(scenes)
    images, masks = np.empty((n, size, size, 3), np.uint8), np.empty((n, size, size), np.uint8)
    # one insect before several backgrounds is drawn in one go: it is the larger part of the work
    order = sorted(range(n), key=lambda i: scenes[i].seed)
    step = 8
    places = [order[i : i + step] for i in range(0, n, step)]
    chunks = [([scenes[i] for i in chunk], size) for chunk in places]
    with tqdm(
        total=n,
        desc=f"drawing specimens, {size} px",
        unit="picture",
        mininterval=1,
        disable=not progress,
    ) as bar:
        for chunk, (drawn, labelled) in zip(
            places, on_cores(_draw_chunk, chunks, workers), strict=True
        ):
            images[chunk], masks[chunk] = drawn, labelled
            bar.update(len(drawn))
    return images, masks


def _draw_chunk(chunk: tuple[Sequence[Scene], int]) -> tuple[Bytes, Bytes]:
    scenes, size = chunk
    pairs = [render(scene, size) for scene in scenes]
    return np.array([p[0] for p in pairs], np.uint8), np.array([p[1] for p in pairs], np.uint8)
