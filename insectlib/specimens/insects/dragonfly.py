"""A dragonfly seen from above: four veined wings held out, a long abdomen, very large eyes."""

from __future__ import annotations

import numpy as np

from insectlib.specimens.insects.appendages import antenna, leg
from insectlib.specimens.insects.species import Dragonfly
from insectlib.specimens.insects.wings import draw_wing
from insectlib.specimens.svg import (
    Canvas,
    Point,
    darker,
    ellipse,
    lighter,
    mix,
    polyline,
    smooth,
    tapered,
)


def draw_dragonfly(canvas: Canvas, fly: Dragonfly, random: np.random.Generator) -> None:
    """Draw one individual, its pose of legs and wings from `random`, head up (y < 0)."""
    bend = float(random.normal(0, 0.07))
    _draw_legs(canvas, fly, random)
    for side in (1, -1):
        draw_wing(canvas, fly, side, random, hind=True)
    for side in (1, -1):
        draw_wing(canvas, fly, side, random, hind=False)
    _draw_abdomen(canvas, fly, bend)
    _draw_thorax(canvas, fly)
    _draw_head(canvas, fly, random)


def _draw_legs(canvas: Canvas, fly: Dragonfly, random: np.random.Generator) -> None:
    hips = ((0.08, -0.8), (0.1, -0.7), (0.1, -0.56))
    rest = ((40, 78, 88), (20, 44, 52), (-30, -64, -72))
    for hip, angles, factor in zip(hips, rest, (0.78, 0.9, 1.1), strict=True):
        for side in (1, -1):
            a, b, c = (angle + float(random.normal(0, 8)) for angle in angles)
            points = leg(
                canvas,
                hip,
                side,
                (a, b, c),
                factor * 0.6,
                0.05,
                darker(fly.palette.appendages, 0.3),
                spines=4,
                spine_length=0.03,
                shares=(0.42, 0.42, 0.16),
            )
            canvas.landmarks["leg"] = points["tarsus"]


def _draw_abdomen(canvas: Canvas, fly: Dragonfly, bend: float) -> None:
    colours, w = fly.palette, fly.abdomen_width
    top, joints = -0.5, 10

    def axis(t: float) -> Point:
        return bend * t * t, top + t * 1.44

    def wide(t: float) -> float:
        swell = float(
            np.interp(t, (0, 0.1, 0.28, 0.6, 0.82, 0.93, 1), (1.1, 1.25, 0.75, 0.85, 1, 0.85, 0.5))
        )
        return w * (swell + fly.club * 0.45 * float(np.interp(t, (0.55, 0.8, 1), (0, 1, 0.2))))

    tip = axis(1.0)
    for side in (1, -1):
        end = (tip[0] + side * 0.05, tip[1] + 0.13)
        canvas.add(
            "abdomen",
            tapered((tip[0] + side * 0.025, tip[1] - 0.02), end, 0.035, 0.018),
            fill=darker(colours.marking, 0.3),
        )
    for k in range(joints):
        a, b = k / joints, (k + 1) / joints
        (xa, ya), (xb, yb) = axis(a), axis(b)
        wa, wm, wb = wide(a), wide((a + b) / 2), wide(b)
        ym = (ya + yb) / 2
        xm = (xa + xb) / 2
        ring = [
            (xa + wa, ya),
            (xm + wm, ym),
            (xb + wb, yb),
            (xb, yb + 0.02),
            (xb - wb, yb),
            (xm - wm, ym),
            (xa - wa, ya),
        ]
        data = polyline(ring, closed=True)
        lit = 0.4 * wm * canvas.light[0]
        paint = canvas.linear(
            (xm - wm, ym),
            (xm + wm, ym),
            _cylinder(colours.cuticle, colours.sheen, 0.5 + 0.5 * lit / wm),
        )
        canvas.add("abdomen", data, fill=paint, stroke=darker(colours.cuticle, 0.75), width=0.01)
        _draw_ring_pattern(canvas, fly, canvas.clip(data), (xm, ym), wm, (ya, yb))
        joint = smooth([(xb - wb, yb), (xb, yb + 0.02), (xb + wb, yb)])
        canvas.detail("abdomen", joint, stroke=darker(colours.cuticle, 0.8), width=0.016)
    canvas.landmarks |= {"abdomen": axis(0.55), "appendages": (tip[0] + 0.04, tip[1] + 0.08)}


def _draw_ring_pattern(
    canvas: Canvas, fly: Dragonfly, clip: str, centre: Point, w: float, ends: Point
) -> None:
    colour, (x, y), (ya, yb) = fly.palette.marking, centre, ends
    if fly.pattern == "rings":
        canvas.detail(
            "abdomen",
            polyline([(x - w, yb - 0.02), (x + w, yb - 0.02)]),
            stroke=colour,
            width=0.06,
            clip=clip,
        )
    elif fly.pattern == "pairs":
        for side in (1, -1):
            spot = ellipse(x + side * 0.58 * w, y - 0.01, 0.3 * w, 0.3 * (yb - ya))
            canvas.detail("abdomen", spot, fill=colour, clip=clip)
    elif fly.pattern == "line":
        canvas.detail(
            "abdomen", polyline([(x, ya), (x, yb)]), stroke=colour, width=0.5 * w, clip=clip
        )


def _draw_thorax(canvas: Canvas, fly: Dragonfly) -> None:
    colours, w = fly.palette, fly.thorax_width
    half = [
        (0.0, -0.88),
        (0.6 * w, -0.86),
        (0.98 * w, -0.74),
        (w, -0.62),
        (0.85 * w, -0.5),
        (0.45 * w, -0.42),
        (0.0, -0.41),
    ]
    data = smooth(half + [(-x, y) for x, y in half[-2:0:-1]], closed=True)
    canvas.body("thorax", data, (0, -0.65), (w, 0.25), colours.cuticle, sheen=colours.sheen)
    clip = canvas.clip(data)
    if fly.stripes:
        for side in (1, -1):
            bar = smooth(
                [(side * 0.3 * w, -0.87), (side * 0.5 * w, -0.75), (side * 0.42 * w, -0.62)]
            )
            canvas.detail(
                "thorax", bar, stroke=colours.marking, width=0.25 * w, clip=clip, opacity=0.9
            )
    for y in (-0.66, -0.52):
        groove = smooth([(-w, y - 0.03), (0, y + 0.03), (w, y - 0.03)])
        canvas.detail(
            "thorax",
            groove,
            stroke=darker(colours.cuticle, 0.65),
            width=0.018,
            clip=clip,
            opacity=0.8,
        )
    canvas.detail(
        "thorax",
        polyline([(0, -0.86), (0, -0.44)]),
        stroke=darker(colours.cuticle, 0.5),
        width=0.016,
        opacity=0.7,
    )
    lit = canvas.light
    canvas.gloss(
        "thorax", (0.4 * w * lit[0], -0.68 + 0.1 * lit[1]), (0.4 * w, 0.11), colours.gloss, clip
    )
    canvas.landmarks["thorax"] = (0.0, -0.58)


def _draw_head(canvas: Canvas, fly: Dragonfly, random: np.random.Generator) -> None:
    colours, w = fly.palette, fly.head_width
    for side in (1, -1):
        canvas.landmarks["antenna"] = antenna(
            canvas,
            (0.05, -1.05),
            side,
            0.17,
            0.014,
            colours.appendages,
            angle=60 + float(random.normal(0, 6)),
            curl=20,
        )
    face = mix(colours.cuticle, colours.sheen, 0.4)
    canvas.body("head", ellipse(0, -1.0, 0.62 * w, 0.11), (0, -1.0), (0.6 * w, 0.11), face)
    canvas.landmarks["face"] = (0.0, -1.07)
    for side in (1, -1):
        x = side * 0.5 * w
        eye = [
            (side * 0.02 * w, -0.93),
            (side * 0.3 * w, -1.05),
            (side * 0.75 * w, -1.05),
            (side * w, -0.95),
            (side * 0.85 * w, -0.85),
            (side * 0.4 * w, -0.83),
        ]
        data = smooth(eye, closed=True)
        canvas.body("head", data, (x, -0.94), (0.55 * w, 0.13), colours.eyes, depth=0.7)
        clip = canvas.clip(data)
        canvas.detail(
            "head",
            smooth([(x - 0.4 * w, -0.88), (x, -0.86), (x + 0.4 * w, -0.89)]),
            stroke=lighter(colours.eyes, 0.35),
            width=0.03,
            opacity=0.5,
            clip=clip,
        )
        spot = (x + 0.2 * w * canvas.light[0], -0.95 + 0.06 * canvas.light[1])
        canvas.gloss("head", spot, (0.26 * w, 0.055), 0.85, clip)
    canvas.landmarks["compound eye"] = (0.6 * w, -0.95)


def _cylinder(colour: str, sheen: str, lit: float) -> list[tuple[float, str, float]]:
    """Return the stops across a cylinder that is brightest at `lit` (0 to 1)."""
    lit = min(max(lit, 0.2), 0.8)
    return [
        (0.0, darker(colour, 0.6), 1.0),
        (lit - 0.15, colour, 1.0),
        (lit, lighter(sheen, 0.15), 1.0),
        (lit + 0.15, colour, 1.0),
        (1.0, darker(colour, 0.6), 1.0),
    ]
