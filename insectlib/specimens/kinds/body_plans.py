"""The ten body plans: each a few shapes that can still be told apart at 28 pixels.

All stand in the same frame as the insects of the course: head up (y < 0), about two units long.
Form alone tells the kinds apart: all take their three colours from the same lists.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from insectlib.specimens.insects.appendages import step
from insectlib.specimens.svg import Canvas, Point, ellipse, mirrored, polyline, smooth

SIDES = (1, -1)


@dataclass(frozen=True)
class Colours:
    """Three colours, each ``#rrggbb``: of body and limbs, of wings, and of spots and stripes."""

    body: str
    wings: str
    marking: str


def draw_kind(canvas: Canvas, kind: str, colours: Colours, random: np.random.Generator) -> None:
    """Draw one animal of a kind.

    Parameters
    ----------
    canvas : Canvas
    kind : str
        One of `TEN_KINDS`.
    colours : Colours
    random : numpy Generator
        Decides its proportions and the pose of its limbs.
    """
    _PLANS[kind](canvas, colours, random)


def _limb(
    canvas: Canvas,
    start: Point,
    side: int,
    angles: Sequence[float],
    lengths: Sequence[float],
    colour: str,
    width: float,
    part: str = "legs",
) -> Point:
    """Draw a limb of straight pieces (0 degrees: out to the side, 90: to the head); its end."""
    points = [(side * start[0], start[1])]
    for angle, length in zip(angles, lengths, strict=True):
        points.append(step(points[-1], side, angle, length))
    canvas.add(part, polyline(points), stroke=colour, width=width)
    return points[-1]


def _legs(
    canvas: Canvas,
    rows: Sequence[tuple[Point, Sequence[float]]],
    lengths: Sequence[float],
    colour: str,
    width: float,
    random: np.random.Generator,
) -> None:
    """Draw a pair of legs from each hip, with angles that vary a little."""
    for hip, angles in rows:
        for side in SIDES:
            turned = [angle + float(random.uniform(-11, 11)) for angle in angles]
            _limb(canvas, hip, side, turned, lengths, colour, width)


def _feelers(
    canvas: Canvas,
    root: Point,
    angles: tuple[float, float],
    length: float,
    colour: str,
    random: np.random.Generator,
) -> None:
    """Draw two antennae, each with one bend."""
    for side in SIDES:
        turned = [angle + float(random.uniform(-10, 10)) for angle in angles]
        lengths = (0.45 * length, 0.55 * length)
        _limb(canvas, root, side, turned, lengths, colour, 0.06, "antennae")


def _wing(canvas: Canvas, outline: Sequence[Point], side: int, colour: str) -> None:
    canvas.add("wings", smooth(mirrored(outline, side), closed=True), fill=colour)


def _blade(root: Point, angle: float, length: float, width: float, tip: float) -> list[Point]:
    """Return the outline of a wing that leaves at `angle`, `tip` times as wide at its end."""
    along = [step(root, 1, angle, share * length) for share in (0.45, 0.85, 1.0)]
    widths = (0.5 * width, 0.5 * width * tip, 0.12 * width)
    upper = [step(p, 1, angle + 90, w) for p, w in zip(along, widths, strict=True)]
    lower = [step(p, 1, angle - 90, w) for p, w in zip(along, widths, strict=True)]
    return [root, *upper, *lower[::-1]]


def _ant(canvas: Canvas, colours: Colours, random: np.random.Generator) -> None:
    """Three beads on a thread, six thin legs with knees, two bent antennae."""
    big = float(random.uniform(0.26, 0.34))
    rows = [((0.08, -0.25), (50, 15)), ((0.08, -0.1), (5, -25)), ((0.08, 0.05), (-40, -60))]
    _legs(canvas, rows, (0.4, 0.42), colours.body, 0.075, random)
    _feelers(canvas, (0.1, -0.8), (40, 75), 0.5, colours.body, random)
    canvas.add("thorax", polyline([(0, -0.6), (0, 0.5)]), stroke=colours.body, width=0.07)
    canvas.add("thorax", ellipse(0, -0.12, 0.15, 0.2), fill=colours.body)
    canvas.add("head", ellipse(0, -0.68, 0.22, 0.22), fill=colours.body)
    canvas.add("abdomen", ellipse(0, 0.58, big, 0.4), fill=colours.body)


def _bee(canvas: Canvas, colours: Colours, random: np.random.Generator) -> None:
    """A stout striped body, with two pairs of short wings that point backwards."""
    spread = float(random.uniform(-32, -8))
    wide = float(random.uniform(0.36, 0.44))
    rows = [((0.2, -0.35), (40, 10)), ((0.25, 0.0), (-60, -80))]
    _legs(canvas, rows, (0.2, 0.2), colours.body, 0.08, random)
    _feelers(canvas, (0.08, -0.85), (60, 45), 0.32, colours.body, random)
    data = ellipse(0, 0.4, wide, 0.56)
    canvas.add("abdomen", data, fill=colours.body)
    clip = canvas.clip(data)
    for k in range(3):
        y = 0.12 + 0.29 * k
        band = smooth([(-0.6, y - 0.05), (0, y + 0.05), (0.6, y - 0.05)])
        canvas.detail("abdomen", band, stroke=colours.marking, width=0.14, clip=clip)
    for side in SIDES:
        _wing(canvas, _blade((0.12, -0.25), spread - 22, 0.68, 0.3, 1.1), side, colours.wings)
        _wing(canvas, _blade((0.12, -0.35), spread, 0.92, 0.36, 1.2), side, colours.wings)
    canvas.add("thorax", ellipse(0, -0.32, 0.3, 0.28), fill=colours.body)
    canvas.add("head", ellipse(0, -0.7, 0.23, 0.19), fill=colours.body)


def _butterfly(canvas: Canvas, colours: Colours, random: np.random.Generator) -> None:
    """Four broad wings about a thin body."""
    lift, width = float(random.uniform(-0.12, 0.12)), float(random.uniform(0.9, 1.08))
    fore = [(0.04, -0.3), (0.45, -0.85 + lift), (0.95, -0.92 + lift), (0.98, -0.5 + lift),
            (0.7, -0.05), (0.1, 0.0)]  # fmt: skip
    hind = [(0.05, -0.02), (0.6, 0.0), (0.85, 0.35), (0.65, 0.78), (0.35, 0.7), (0.08, 0.25)]
    for side in SIDES:
        for outline in (hind, fore):
            _wing(canvas, [(width * x, y) for x, y in outline], side, colours.wings)
        canvas.detail("wings", ellipse(side * 0.66, -0.52 + lift, 0.16, 0.16), fill=colours.marking)
        canvas.detail("wings", ellipse(side * 0.52, 0.36, 0.13, 0.13), fill=colours.marking)
    _feelers(canvas, (0.04, -0.55), (65, 60), 0.5, colours.body, random)
    canvas.add("thorax", ellipse(0, 0.02, 0.09, 0.6), fill=colours.body)


def _caterpillar(canvas: Canvas, colours: Colours, random: np.random.Generator) -> None:
    """A chain of round pieces in a bend, with stubs of legs."""
    n = 7
    bend = float(random.uniform(0.16, 0.34)) * float(random.choice([-1, 1]))
    phase = float(random.uniform(0, math.pi))
    at = [(bend * math.sin(phase + 4.4 * k / (n - 1)), -0.8 + 1.6 * k / (n - 1)) for k in range(n)]
    for x, y in at[1:]:
        stub = polyline([(x - 0.36, y + 0.03), (x + 0.36, y + 0.03)])
        canvas.add("legs", stub, stroke=colours.body, width=0.08)
    for k, (x, y) in reversed(list(enumerate(at))):
        colour = colours.body if k % 2 == 0 else colours.marking
        radius = 0.27 if k == 0 else 0.24
        canvas.add("head" if k == 0 else "abdomen", ellipse(x, y, radius, radius), fill=colour)


def _dragonfly(canvas: Canvas, colours: Colours, random: np.random.Generator) -> None:
    """A long thin body, and four long narrow wings straight out to the sides."""
    tilt = float(random.uniform(-7, 10))
    for side in SIDES:
        _wing(canvas, _blade((0.05, -0.32), tilt - 17, 0.95, 0.24, 1.2), side, colours.wings)
        _wing(canvas, _blade((0.05, -0.5), tilt + 9, 1.0, 0.22, 1.2), side, colours.wings)
    canvas.add("abdomen", polyline([(0, -0.4), (0, 0.98)]), stroke=colours.body, width=0.13)
    for k in range(3):
        ring = polyline([(0, 0.2 + 0.26 * k), (0, 0.28 + 0.26 * k)])
        canvas.detail("abdomen", ring, stroke=colours.marking, width=0.12)
    canvas.add("thorax", ellipse(0, -0.42, 0.15, 0.25), fill=colours.body)
    canvas.add("head", ellipse(0, -0.78, 0.22, 0.14), fill=colours.body)


def _ladybird(canvas: Canvas, colours: Colours, random: np.random.Generator) -> None:
    """A round dome with a suture and spots, a small head, short legs."""
    wide = float(random.uniform(0.68, 0.78))
    rows = [((0.55, -0.35), (25, -5)), ((0.66, 0.08), (0, -15)), ((0.55, 0.5), (-25, -45))]
    _legs(canvas, rows, (0.15, 0.16), colours.body, 0.1, random)
    _feelers(canvas, (0.12, -0.8), (55, 30), 0.28, colours.body, random)
    canvas.add("head", ellipse(0, -0.66, 0.34, 0.24), fill=colours.body)
    canvas.add("wings", ellipse(0, 0.1, wide, 0.74), fill=colours.wings)
    canvas.detail("wings", polyline([(0, -0.64), (0, 0.84)]), stroke=colours.marking, width=0.08)
    spots = [(0.34, -0.22), (0.46, 0.2), (0.25, 0.52)]
    for side in SIDES:
        for x, y in mirrored(spots, side):
            canvas.detail("wings", ellipse(x, y, 0.14, 0.14), fill=colours.marking)


def _moth(canvas: Canvas, colours: Colours, random: np.random.Generator) -> None:
    """A triangle of folded wings with bands across, under a small head."""
    wide = float(random.uniform(0.74, 0.92))
    _feelers(canvas, (0.06, -0.72), (50, 15), 0.46, colours.body, random)
    canvas.add("head", ellipse(0, -0.68, 0.17, 0.19), fill=colours.body)
    half = [(0.0, -0.62), (0.2, -0.55), (0.55 * wide, 0.05), (wide, 0.74), (0.5 * wide, 0.8)]
    data = polyline([*half, (0.0, 0.62), *mirrored(half[:0:-1], -1)], closed=True)
    canvas.add("wings", data, fill=colours.wings, stroke=colours.wings, width=0.06)
    clip = canvas.clip(data)
    for y in (0.1, 0.44):
        bands = [(-1, y + 0.2), (-0.4, y + 0.06), (0, y), (0.4, y + 0.06), (1, y + 0.2)]
        canvas.detail("wings", polyline(bands), stroke=colours.marking, width=0.1, clip=clip)
    canvas.detail("wings", polyline([(0, -0.5), (0, 0.62)]), stroke=colours.body, width=0.06)


def _scorpion(canvas: Canvas, colours: Colours, random: np.random.Generator) -> None:
    """Two arms with pincers in front, eight short legs, a tail that curls to one side."""
    side = int(random.choice(SIDES))
    hips = (-0.3, -0.13, 0.04, 0.2)
    turns = ((25, -10), (5, -25), (-12, -40), (-30, -60))
    rows = [((0.16, y), turn) for y, turn in zip(hips, turns, strict=True)]
    _legs(canvas, rows, (0.24, 0.22), colours.body, 0.07, random)
    for arm in SIDES:
        angles = [angle + float(random.uniform(-9, 9)) for angle in (28, 85)]
        x, y = _limb(canvas, (0.12, -0.36), arm, angles, (0.46, 0.3), colours.body, 0.1)
        canvas.add("legs", ellipse(x, y, 0.14, 0.16), fill=colours.body)
        for turn in (-26, 26):
            tip = step((x, y), arm, 90 + turn, 0.33)
            canvas.add("legs", polyline([(x, y), tip]), stroke=colours.body, width=0.09)
    canvas.add("thorax", ellipse(0, -0.08, 0.22, 0.42), fill=colours.body)
    tail = [(0.0, 0.3), (0.02, 0.62), (0.2, 0.88), (0.5, 0.9), (0.66, 0.66), (0.56, 0.46)]
    canvas.add("abdomen", smooth(mirrored(tail, side)), stroke=colours.body, width=0.15)
    canvas.add("abdomen", ellipse(side * 0.54, 0.45, 0.11, 0.12), fill=colours.marking)


def _spider(canvas: Canvas, colours: Colours, random: np.random.Generator) -> None:
    """A round body, and eight long legs with high knees all around it."""
    size = float(random.uniform(0.28, 0.36))
    angles = ((62, 95), (24, 42), (-16, -40), (-52, -98))
    rows = [((0.1, -0.26 + 0.1 * k), turn) for k, turn in enumerate(angles)]
    _legs(canvas, rows, (0.52, 0.5), colours.body, 0.075, random)
    canvas.add("thorax", ellipse(0, -0.2, 0.2, 0.2), fill=colours.body)
    canvas.add("abdomen", ellipse(0, 0.26, size, 1.12 * size), fill=colours.body)
    canvas.detail("abdomen", ellipse(0, 0.3, 0.1, 0.16), fill=colours.marking)


def _stick_insect(canvas: Canvas, colours: Colours, random: np.random.Generator) -> None:
    """A rod, with six thin legs far apart and two straight antennae."""
    rows = [((0.03, -0.6), (55, 78)), ((0.03, -0.2), (20, -35)), ((0.03, 0.15), (-35, -72))]
    _legs(canvas, rows, (0.34, 0.38), colours.body, 0.06, random)
    _feelers(canvas, (0.03, -0.85), (80, 84), 0.34, colours.body, random)
    sway = float(random.uniform(-0.08, 0.08))
    rod = smooth([(0, -0.9), (sway, 0), (0, 1.0)])
    canvas.add("abdomen", rod, stroke=colours.body, width=0.12)


_PLANS: dict[str, Callable[[Canvas, Colours, np.random.Generator], None]] = {
    "ant": _ant,
    "bee": _bee,
    "butterfly": _butterfly,
    "caterpillar": _caterpillar,
    "dragonfly": _dragonfly,
    "ladybird": _ladybird,
    "moth": _moth,
    "scorpion": _scorpion,
    "spider": _spider,
    "stick insect": _stick_insect,
}

TEN_KINDS = tuple(_PLANS)
"""The kinds, in the order of their class indices."""
