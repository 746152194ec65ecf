"""The veined wings of a dragonfly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from insectlib.specimens.insects.species import Dragonfly
from insectlib.specimens.svg import Canvas, Point, darker, lighter, mix, polyline, smooth

# from (share of the length, share from the front to the rear edge) to a place on the canvas
Place = Callable[[float, float], Point]


def draw_wing(
    canvas: Canvas, fly: Dragonfly, side: int, random: np.random.Generator, *, hind: bool
) -> None:
    """Draw one wing: membrane, patches, veins and pterostigma."""
    root = (side * 0.12, -0.52 if hind else -0.68)
    turn = np.radians((-11 if hind else 4) + fly.sweep + float(random.normal(0, 3.5)))
    long = fly.span * (0.96 if hind else 1.0)
    chord = fly.chord * (fly.hind if hind else 1.0)
    cos, sin = float(np.cos(turn)), float(np.sin(turn))

    def at(t: float, share: float) -> Point:
        """Return the point at `t` of the length, `share` of the way from front to rear edge."""
        lead = float(
            np.interp(t, (0, 0.1, 0.48, 0.85, 0.97, 1), (0.03, 0.07, 0.09, 0.06, -0.02, -0.1))
        )
        rear_at = (0, 0.06, 0.2, 0.45, 0.75, 0.92, 1)
        rear = (
            (-0.15, -0.62, -0.92, -0.88, -0.78, -0.55, -0.3)
            if hind
            else (-0.1, -0.3, -0.62, -0.85, -0.82, -0.58, -0.3)
        )
        trail = float(np.interp(t, rear_at, rear)) * chord
        x, y = t * long, lead * 0.6 + share * (trail - lead * 0.6)
        return root[0] + side * (x * cos - y * sin * 1.0), root[1] - (x * sin + y * cos)

    stations = [0, 0.06, 0.15, 0.3, 0.48, 0.65, 0.8, 0.92, 0.97]
    outline = [at(t, 0) for t in stations] + [at(1, 0.5)] + [at(t, 1) for t in stations[::-1]]
    data = smooth(outline, closed=True)
    clip = canvas.clip(data)
    smoky = fly.wing_pattern == "smoky"
    tint = (
        mix("#dfe4e2", fly.palette.sheen, 0.35)
        if not smoky
        else mix("#8d7a58", fly.palette.marking, 0.3)
    )
    membrane = canvas.linear(
        at(0.1, 0),
        at(0.9, 1),
        [
            (0, lighter(tint, 0.3), 0.42),
            (0.5, tint, 0.3 + 0.25 * smoky),
            (1, lighter(tint, 0.5), 0.45),
        ],
    )
    vein = darker(mix(fly.palette.appendages, "#3a2c1c", 0.6), 0.3)
    canvas.add("wings", data, fill=membrane, stroke=vein, width=0.012)
    _patches(canvas, fly, at, clip)
    _veins(canvas, at, clip, vein)
    shine = smooth([at(t, 0.32) for t in (0.2, 0.45, 0.7, 0.9)])
    canvas.detail("wings", shine, stroke="#ffffff", width=0.05, opacity=0.22, clip=clip)
    stigma = [at(0.84, 0), at(0.915, 0.02), at(0.905, 0.13), at(0.835, 0.12)]
    canvas.detail(
        "wings",
        polyline(stigma, closed=True),
        fill=mix(vein, fly.palette.marking, 0.5),
        stroke=vein,
        width=0.008,
    )
    if side == 1 and hind:
        canvas.landmarks["pterostigma"] = at(0.875, 0.06)
    elif side == 1:
        canvas.landmarks |= {"nodus": at(0.48, 0.0), "fore wing": at(0.66, 0.6)}
    elif hind:
        canvas.landmarks["hind wing"] = at(0.55, 0.65)


def _patches(canvas: Canvas, fly: Dragonfly, at: Place, clip: str) -> None:
    colour = mix(fly.palette.marking, "#6b3d14", 0.45)
    reach = {"base": (0.0, 0.24), "band": (0.42, 0.62), "tip": (0.78, 1.0)}.get(fly.wing_pattern)
    if reach:
        a, b = reach
        edge = [
            at(t, s)
            for t, s in (
                (a, -0.3),
                (b, -0.3),
                (b + 0.03, 0.5),
                (b, 1.3),
                (a, 1.3),
                (a + 0.02, 0.5),
            )
        ]
        canvas.detail("wings", smooth(edge, closed=True), fill=colour, opacity=0.75, clip=clip)


def _veins(canvas: Canvas, at: Place, clip: str, colour: str) -> None:
    """Draw costa and radius, the long veins, and the cross veins between them."""
    strong = smooth([at(t, 0.0) for t in (0, 0.15, 0.3, 0.48, 0.65, 0.8, 0.95)])
    strong += smooth([at(t, 0.1) for t in (0, 0.15, 0.3, 0.48)]) + polyline(
        [at(0.48, -0.02), at(0.5, 0.2)]
    )
    strong += smooth([at(t, 0.15) for t in (0, 0.2, 0.48, 0.7, 0.93)])
    canvas.detail("wings", strong, stroke=colour, width=0.017, clip=clip)
    shares = (0.26, 0.38, 0.52, 0.66, 0.8, 0.9)
    long = "".join(
        smooth([at(t, s + 0.04 * (1 - t)) for t in (0.04, 0.25, 0.5, 0.75, 0.985)]) for s in shares
    )
    canvas.detail("wings", long, stroke=colour, width=0.009, clip=clip, opacity=0.85)
    cross = ""
    rows = (0.0, 0.15, *shares, 1.0)
    for row, (upper, lower) in enumerate(zip(rows, rows[1:], strict=False)):
        count = 14 + (row % 3)
        for k in range(count):
            t = (k + 0.5 + 0.5 * (row % 2)) / (count + 0.5)
            cross += polyline([at(t, upper), at(t + 0.006, lower)])
    canvas.detail("wings", cross, stroke=colour, width=0.006, clip=clip, opacity=0.7)
