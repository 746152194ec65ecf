"""Ten kinds of small animals, drawn: ten classes without a download (chapter ``11_beyond_keras``).

They stand in for Fashion-MNIST (grey, 28 pixels) and for CIFAR-10 (in colour, 32 pixels).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from insectlib.data.cache import cached_array
from insectlib.data.digests import settings_digest
from insectlib.data.imageset import ImageSet
from insectlib.data.sources.processes import on_cores
from insectlib.specimens.kinds.body_plans import TEN_KINDS
from insectlib.specimens.kinds.small_pictures import draw_small_picture, ten_kinds_versions

Bytes = NDArray[np.uint8]
PARTS = ("training", "test")
STEP = 50  # pictures that a process draws in one go


def load_ten_kinds(
    size: int = 32,
    *,
    channels: int = 3,
    seed: int = 0,
    counts: tuple[int, int] = (6000, 1000),
    workers: int | None = None,
    progress: bool = True,
) -> tuple[ImageSet, ImageSet]:
    """Return training and test part of the ten kinds, from the cache where they were drawn before.

    Chapter ``11_beyond_keras``. The same seed gives the same animals at every size, in colour and
    in grey, and fewer pictures are the first of more.

    Parameters
    ----------
    size : int
        Side of the pictures in pixels, at least 16.
    channels : int
        3 for red, green and blue; 1 for grey levels.
    seed : int
        Decides all that varies; 0 or more.
    counts : tuple of two int
        Pictures for training and for testing; of each kind equally many, or one more.
    workers : int, optional
        Processes that draw; as many as there are cores where this is missing.
    progress : bool
        Whether to show a bar while pictures are drawn.

    Returns
    -------
    tuple of ImageSet
        Training and test part, values from 0 to 255, no picture in both. Each picture is a group
        of its own; its name is its part and number.

    Raises
    ------
    ValueError
        For a size below 16, other channels, a seed or counts below 0, and workers below 1.
    """
    if size < 16:
        raise ValueError(f"size {size}: a picture needs at least 16 pixels a side")
    if channels not in (1, 3):
        raise ValueError(f"channels {channels}: expected 3 (colours) or 1 (grey levels)")
    if seed < 0:
        raise ValueError(f"seed {seed}: expected 0 or more")
    if len(counts) != 2 or min(counts) < 0:
        raise ValueError(f"counts {counts}: expected how many for training, and how many to test")
    training, test = (
        _part(part, n, size, channels, seed, workers, progress)
        for part, n in enumerate(map(int, counts))
    )
    return training, test


def _part(
    part: int, n: int, size: int, channels: int, seed: int, workers: int | None, progress: bool
) -> ImageSet:
    """Draw one part, or take it from the cache."""
    labels = _labels(part, n, seed)
    settings = {
        "versions": ten_kinds_versions(),
        "part": part,
        "n": n,
        "size": int(size),
        "channels": int(channels),
        "seed": int(seed),
    }
    images = cached_array(
        "ten_kinds",
        settings_digest(settings),
        lambda: _draw(part, labels, size, channels, seed, workers, progress),
    )
    return ImageSet(
        images=images.astype(np.float32),
        labels=labels,
        class_names=TEN_KINDS,
        names=tuple(f"{PARTS[part]} {i}" for i in range(n)),
        digests=tuple(sha256(image.tobytes()).hexdigest() for image in images),
        groups=np.arange(n, dtype=np.int64),
    )


def _labels(part: int, n: int, seed: int) -> NDArray[np.int64]:
    """Return the classes: all ten in some order, then all ten in another order, and so on."""
    random = np.random.default_rng([seed, part])
    tens = [random.permutation(len(TEN_KINDS)) for _ in range(-(-n // len(TEN_KINDS)))]
    return np.concatenate([np.empty(0, np.int64), *tens])[:n].astype(np.int64)


def _draw(
    part: int,
    labels: NDArray[np.int64],
    size: int,
    channels: int,
    seed: int,
    workers: int | None,
    progress: bool,
) -> Bytes:
    """Draw the pictures of one part, in one process where they are few."""
    jobs = [
        (
            [(int(k), (seed, part, i + j)) for j, k in enumerate(labels[i : i + STEP])],
            size,
            channels,
        )
        for i in range(0, len(labels), STEP)
    ]
    images = np.empty((len(labels), size, size, channels), np.uint8)
    done = 0
    with tqdm(
        total=len(labels),
        desc=f"drawing ten kinds, {size} px, {PARTS[part]}",
        unit="picture",
        mininterval=1,
        disable=not progress,
    ) as bar:
        for drawn in on_cores(_draw_some, jobs, workers):
            images[done : done + len(drawn)] = drawn
            done += len(drawn)
            bar.update(len(drawn))
    return images


def _draw_some(job: tuple[Sequence[tuple[int, tuple[int, ...]]], int, int]) -> Bytes:
    pictures, size, channels = job
    return np.array(
        [draw_small_picture(TEN_KINDS[k], seed, size, channels) for k, seed in pictures], np.uint8
    )
