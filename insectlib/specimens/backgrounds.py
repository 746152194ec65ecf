"""Kinds of background, made of value noise with exactly rounded arithmetic only.

Sines and powers differ in the last bit between processors; sums, products and square roots of
float32 do not. Everything that is computed per pixel here uses those alone, so that the same seed
gives the same pixels on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.floating[Any]]  # (size, size) or (size, size, 3)

KINDS = ("studio", "card", "leaf", "bark", "sky", "water")
GROUNDS = ("sand", "wood", "cloth")  # for pictures from elsewhere, which the collection lacks


def draw_background(kind: str, seed: int, size: int) -> NDArray[np.float32]:
    """Draw a background.

    Parameters
    ----------
    kind : str
        One of `KINDS` or `GROUNDS`, or ``"plain"``: an even studio grey, the same for every seed.
    seed : int
        Seed of all its variation.
    size : int
        Side of the picture in pixels; the same seed shows the same view at every size.

    Returns
    -------
    float32 array, shape (size, size, 3)
        Red, green and blue, from 0 to 255.

    Raises
    ------
    ValueError
        When there is no such kind.
    """
    if kind == "plain":
        return np.full((size, size, 3), 168, np.float32)
    kinds = (*KINDS, *GROUNDS)
    if kind not in kinds:
        raise ValueError(f"background {kind!r}: expected one of {', '.join(kinds)} or 'plain'")
    random = np.random.default_rng([seed, kinds.index(kind)])
    picture: NDArray[np.float32] = _DRAWERS[kind](random, size).clip(0, 255).astype(np.float32)
    return picture


def rgb(colour: str) -> Picture:
    """Return ``#rrggbb`` as three floats from 0 to 255."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32)


def grid(size: int, turn: float = 0.0) -> tuple[Picture, Picture]:
    """Return coordinates from -0.5 to 0.5 along axes turned by `turn` radians."""
    line = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size) - np.float32(
        0.5
    )
    x, y = line[None, :], line[:, None]
    cos, sin = np.float32(math.cos(turn)), np.float32(math.sin(turn))
    return x * cos + y * sin, y * cos - x * sin


def noise(
    random: np.random.Generator,
    u: Picture,
    v: Picture,
    cells: tuple[float, float],
    octaves: int = 3,
) -> Picture:
    """Return value noise from 0 to 1 at (u, v), with `cells` of the coarsest grid per unit."""
    total = np.zeros(np.broadcast_shapes(u.shape, v.shape), np.float32)
    weight, weights = 1.0, 0.0
    for octave in range(octaves):
        lattice = random.random((64, 64)).astype(np.float32)
        scale = 2**octave
        total += np.float32(weight) * _lookup(
            lattice, u * np.float32(cells[0] * scale), v * np.float32(cells[1] * scale)
        )
        weights += weight
        weight *= 0.5
    return total / np.float32(weights)


def _lookup(lattice: Picture, u: Picture, v: Picture) -> Picture:
    """Interpolate a lattice of 64 by 64 that repeats without end."""
    x, y = u + np.float32(200.37), v + np.float32(200.71)
    column, row = np.floor(x), np.floor(y)
    fx, fy = x - column, y - row
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    corner = (row.astype(np.int32) & 63) * 65 + (column.astype(np.int32) & 63)
    values = np.pad(lattice, (0, 1), mode="wrap").ravel()
    first, below = values.take(corner), values.take(corner + 65)
    upper = first + fx * (values.take(corner + 1) - first)
    lower = below + fx * (values.take(corner + 66) - below)
    between: Picture = upper + fy * (lower - upper)
    return between


def moved_right(values: Picture) -> Picture:
    """Return `values` moved by a hundredth of the side, for the light on their slopes."""
    step = max(1, round(len(values) / 100))
    padded: Picture = np.pad(values, ((0, 0), (step, 0)), mode="edge")
    return padded[:, :-step]


def blend(share: Picture, low: str | Picture, high: str | Picture) -> Picture:
    """Return a picture that goes from colour `low` (share 0) to `high` (share 1)."""
    first = rgb(low) if isinstance(low, str) else low
    last = rgb(high) if isinstance(high, str) else high
    part = np.clip(share, 0, 1)[..., None]
    mixed: Picture = first + part * (last - first)
    return mixed


def ramp(values: Picture, low: float, high: float) -> Picture:
    """Return 0 below `low`, 1 above `high`, and a straight line between."""
    clipped: Picture = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return clipped


def _studio(random: np.random.Generator, size: int) -> Picture:
    x, y = grid(size)
    cx, cy = random.uniform(-0.35, 0.35, 2).astype(np.float32)
    glow = np.sqrt((x - cx) ** 2 + (y - cy) ** 2)
    tone = np.float32(random.uniform(120, 236))
    tint = random.normal(0, 3.5, 3).astype(np.float32)
    falloff = np.float32(random.uniform(20, 85))
    soft = noise(random, x, y, (2.5, 2.5), 2) - np.float32(0.5)
    picture: Picture = tone + tint - falloff * glow[..., None] + 10 * soft[..., None]
    return picture


def _card(random: np.random.Generator, size: int) -> Picture:
    """Draw the card of a pinned specimen: paper with fibres, its edge, the foam beneath."""
    turn = float(random.normal(0, 0.12))
    x, y = grid(size, turn)
    fibres = noise(random, x, y, (70, 22), 2) - np.float32(0.5)
    paper = blend(noise(random, x, y, (3, 3), 2), "#e9dfc6", "#f7f1e2") + 16 * fibres[..., None]
    foam = blend(noise(random, x, y, (45, 45), 2), "#8b8476", "#b9b2a2")
    left, right = random.uniform(0.36, 0.6, 2)
    top, bottom = random.uniform(0.36, 0.6, 2)
    inside = np.minimum(
        np.minimum(x + np.float32(left), np.float32(right) - x),
        np.minimum(y + np.float32(top), np.float32(bottom) - y),
    )
    shade = 0.72 + 0.28 * ramp(inside, -0.05, -0.008)
    card = ramp(inside, -0.003, 0.003)[..., None]
    picture = foam * shade[..., None] * (1 - card) + paper * card
    if random.random() < 0.5:  # a ruled frame, as on printed labels
        line = 1 - ramp(np.abs(inside - np.float32(0.045)), 0.001, 0.005)
        picture -= 90 * line[..., None]
    return picture * np.float32(random.uniform(0.82, 1.0))


def _either(random: np.random.Generator, *pairs: tuple[str, str]) -> tuple[str, str]:
    """Return one of several pairs of colours."""
    return pairs[random.choice(len(pairs))]


def _leaf(random: np.random.Generator, size: int) -> Picture:
    """Draw a leaf blade with its midrib, side veins and net of small veins."""
    u, v = grid(size, float(random.uniform(0, 2 * math.pi)))
    u = u + np.float32(random.uniform(-0.3, 0.3)) + np.float32(0.12) * v * v
    light, dark = _either(
        random,
        ("#8fb04a", "#3f6a24"),
        ("#6f9a3c", "#2c5420"),
        ("#a9b65a", "#5c7430"),
        ("#8a8a4a", "#55602a"),
    )
    patches = noise(random, u, v, (4, 4), 3)
    picture = blend(patches, dark, light)
    net = np.abs(noise(random, u, v, (26, 26), 1) - np.float32(0.5))
    picture += 14 * (1 - ramp(net, 0.0, 0.12))[..., None]
    side = np.abs(u)
    phase = (v + np.float32(random.uniform(0.5, 0.9)) * side) * np.float32(random.uniform(6, 11))
    distance = np.abs(phase - np.floor(phase) - np.float32(0.5)) * 2
    veins = (1 - ramp(1 - distance, 0.02, 0.14)) * (1 - ramp(side, 0.35, 0.75))
    between = 12 * (distance - np.float32(0.5))
    pale = blend(np.ones_like(side), light, "#dfe6a8") - picture
    picture = picture + 0.5 * veins[..., None] * pale - between[..., None]
    midrib = 1 - ramp(side, 0.008, 0.02)
    picture = picture + 0.75 * midrib[..., None] * pale
    edge = np.float32(random.uniform(0.32, 0.75))
    beyond = ramp(side, float(edge), float(edge) + 0.012)[..., None]
    depth = blend(noise(random, u, v, (3, 3), 2), "#1d2a14", "#55703a")
    return picture * (1 - beyond) + depth * beyond


def _bark(random: np.random.Generator, size: int) -> Picture:
    """Draw bark: long plates between dark fissures, with lichen."""
    u, v = grid(size, float(random.normal(0, 0.5)))
    warp = (noise(random, u, v, (3, 3), 2) - np.float32(0.5)) * np.float32(0.14)
    across = u + warp
    plates = noise(random, across, v, (11, 1.6), 2)
    fine = noise(random, across, v, (44, 9), 3)
    low, high = _either(
        random,
        ("#4a3826", "#a08a6a"),
        ("#5b5348", "#b3aa98"),
        ("#3c2a1e", "#8a6242"),
        ("#6a5238", "#c0a27a"),
    )
    picture = blend(0.45 * plates + 0.55 * fine, low, high)
    relief = plates - moved_right(plates)
    picture = picture * (1 + 2.2 * relief[..., None])
    fissure = (1 - ramp(plates, 0.2, 0.36)) * ramp(fine, 0.2, 0.5)
    picture = picture * (1 - 0.68 * fissure[..., None])
    lichen = ramp(noise(random, u, v, (7, 7), 3), 0.6, 0.68) * np.float32(
        random.choice([0, 0.35, 0.6])
    )
    return picture + lichen[..., None] * (blend(fine, "#8f9a7c", "#c3cbb0") - picture)


def _sky(random: np.random.Generator, size: int) -> Picture:
    """Draw open sky with soft clouds, or far foliage out of focus along the lower edge."""
    x, y = grid(size)
    top, low = _either(
        random,
        ("#4f83bd", "#bcd6ea"),
        ("#7fa6cf", "#dfe8ee"),
        ("#93a5b4", "#d9dcdc"),
        ("#5f8fb8", "#e9dcc4"),
    )
    picture = blend(y + np.float32(0.5), top, low)
    cloud = ramp(noise(random, x, y, (3, 5), 4), 0.48, 0.78)
    picture = picture + cloud[..., None] * (rgb("#f4f5f4") - picture) * np.float32(
        random.uniform(0.2, 0.9)
    )
    if random.random() < 0.45:
        height = y + (noise(random, x, y, (4, 4), 2) - np.float32(0.5)) * np.float32(0.3)
        trees = ramp(height, float(random.uniform(0.1, 0.4)), 0.6)
        green = blend(noise(random, x, y, (6, 6), 2), "#3f5a34", "#8a9f5c")
        picture = picture + trees[..., None] * (green - picture)
    return picture


def _water(random: np.random.Generator, size: int) -> Picture:
    """Draw a pond: lengthwise ripples that mirror a bright sky, darker depths between."""
    u, v = grid(size, float(random.normal(0, 0.25)))
    warp = (noise(random, u, v, (3, 6), 2) - np.float32(0.5)) * np.float32(0.12)
    ripples = noise(random, u, v + warp, (3, 17), 3)
    deep, shine = _either(
        random,
        ("#1f4a5a", "#8fb8c4"),
        ("#2f4a3c", "#9fb79a"),
        ("#3a4652", "#b4c2cc"),
        ("#3f4a2a", "#a9ae82"),
    )
    picture = blend(ramp(ripples, 0.25, 0.75), deep, shine)
    glint = ramp(ripples, 0.66, 0.8)
    picture = picture + 0.55 * glint[..., None] * (rgb("#eef4f4") - picture)
    return picture + (40 * v * np.float32(random.uniform(-1, 1)))[..., None]


def _ground(cells: tuple[float, float], *pairs: tuple[str, str]) -> Callable[..., Picture]:
    """Return a drawer of what insects are found on indoors and at the beach: grain, two colours."""

    def draw(random: np.random.Generator, size: int) -> Picture:
        u, v = grid(size, float(random.uniform(0, 2 * math.pi)))
        grain, patches = noise(random, u, v, cells, 3), noise(random, u, v, (3, 3), 2)
        return blend(0.75 * grain + 0.25 * patches, *_either(random, *pairs))

    return draw


_DRAWERS = {
    "studio": _studio,
    "card": _card,
    "leaf": _leaf,
    "bark": _bark,
    "sky": _sky,
    "water": _water,
    "sand": _ground((60, 60), ("#8d7552", "#e8d6ae"), ("#77726a", "#cfcac0")),
    "wood": _ground((28, 1.5), ("#6b3f22", "#c98f58"), ("#8a6a45", "#e3c79a")),
    "cloth": _ground((50, 8), ("#7c2f38", "#c9727a"), ("#31456e", "#8fa5cf")),
}
