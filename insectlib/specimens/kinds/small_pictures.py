"""Small pictures of the ten kinds: one animal each, at any angle, before a background."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from insectlib.specimens.backgrounds import KINDS, draw_background
from insectlib.specimens.kinds.body_plans import TEN_KINDS, Colours, draw_kind
from insectlib.specimens.rendering import placement
from insectlib.specimens.scene import Pose
from insectlib.specimens.svg import Canvas, rasterise

TEN_KINDS_VERSION = 1
"""To be raised with each change that draws a pixel of these pictures otherwise than before.

Also with a change of the backgrounds. What is kept is kept under this number; a test compares
pixels with it.
"""

DARK = ("#1d1a18", "#3a2418", "#5a2a1c", "#22382a", "#1f2f4d", "#4a1f3a", "#6b1f1f", "#2c344e")
LIGHT = ("#f2ead6", "#f4c84a", "#f0b48a", "#cfe0a4", "#b9d8ea", "#e8bccf", "#f0f2ee", "#9fd0c0")
GREY = (299, 587, 114)  # thousandths of red, green and blue in a grey level


def ten_kinds_versions() -> dict[str, str]:
    """Return what decides the pixels: the version of the drawing and of its packages."""
    packages = {name: version(name) for name in ("numpy", "pillow", "resvg-py")}
    return {"drawing": str(TEN_KINDS_VERSION), **packages}


def draw_small_picture(
    kind: str, seed: tuple[int, ...], size: int = 32, channels: int = 3
) -> NDArray[np.uint8]:
    """Draw one animal.

    Parameters
    ----------
    kind : str
        One of `TEN_KINDS`.
    seed : tuple of int
        Decides all that varies; the same animal at every size, in colour and in grey.
    size : int
        Side of the square picture in pixels, at least 16.
    channels : int
        3 for red, green and blue; 1 for grey levels.

    Returns
    -------
    uint8 array, shape (size, size, channels)

    Raises
    ------
    ValueError
        When there is no such kind, for a size below 16, and for other channels.
    """
    if kind not in TEN_KINDS:
        raise ValueError(f"kind {kind!r}: expected one of {', '.join(TEN_KINDS)}")
    if size < 16:
        raise ValueError(f"size {size}: a picture needs at least 16 pixels a side")
    if channels not in (1, 3):
        raise ValueError(f"channels {channels}: expected 3 (colours) or 1 (grey levels)")
    random = np.random.default_rng(seed)
    background = draw_background(str(random.choice(KINDS)), int(random.integers(2**31)), size)
    light = _is_light(background, random)
    # mist before a light background, dusk before a dark one: the animal stands out
    background = np.float32(0.65) * background + np.float32(89 if light else 0)
    scale = float(random.uniform(0.3, 0.44))
    room = 0.53 - scale  # the smaller the animal, the farther it may be from the centre
    pose = Pose(
        angle=float(random.uniform(-45, 45)),
        scale=scale,
        x=float(random.uniform(0.5 - room, 0.5 + room)),
        y=float(random.uniform(0.5 - room, 0.5 + room)),
        tilt=float(random.uniform(0, 25)),
        roll=float(random.uniform(0, 25)),
    )
    canvas = Canvas()
    draw_kind(canvas, kind, _colours(light, random), random)
    pixels = rasterise(f'<g transform="{placement(pose)}">{canvas.markup()}</g>', size)
    alpha = pixels[..., 3:].astype(np.float32) / np.float32(255)
    picture = background * (1 - alpha) + pixels[..., :3] * alpha
    noise = random.standard_normal((size, size, 3), dtype=np.float32)
    picture = np.rint(np.clip(picture + np.float32(4) * noise, 0, 255)).astype(np.uint8)
    return picture if channels == 3 else _grey(picture)


def _grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey levels, in whole numbers: the same on every machine."""
    total = picture.astype(np.int64) @ np.array(GREY)
    levels: NDArray[np.uint8] = ((total + 500) // 1000).astype(np.uint8)
    return levels[..., None]


def _is_light(background: NDArray[np.float32], random: np.random.Generator) -> bool:
    """Say whether a dark animal stands out; before middle tones, either may."""
    mean = int(_grey(background.astype(np.uint8)).sum(dtype=np.int64)) // background[..., 0].size
    return mean + int(random.integers(-25, 26)) > 128


def _colours(light: bool, random: np.random.Generator) -> Colours:
    """Return colours that stand out before a light or a dark background, and from each other."""
    near, far = (DARK, LIGHT) if light else (LIGHT, DARK)
    body, wings = random.choice(len(near), 2, replace=False)
    return Colours(near[body], near[wings], far[int(random.integers(len(far)))])
