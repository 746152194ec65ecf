"""The hard fore wings of a beetle."""

from __future__ import annotations

import numpy as np

from insectlib.specimens.insects.species import Beetle
from insectlib.specimens.svg import (
    Canvas,
    Point,
    darker,
    ellipse,
    lighter,
    mirrored,
    number,
    polyline,
    smooth,
)


def draw_elytra(canvas: Canvas, beetle: Beetle, top: float) -> None:
    """Draw both elytra, from `top` to the end of the body, with grooves, markings and gloss."""
    colours, w = beetle.palette, beetle.width
    long = 1.0 - top
    stations = (0, 0.05, 0.18, 0.32, 0.45, 0.58, 0.7, 0.8, 0.88, 0.96, 1)

    def at(t: float, share: float) -> Point:
        return share * half_width(beetle, t), top + t * long

    outline = [(0.0, top), *(at(t, 1) for t in stations)]
    both = smooth(outline + mirrored(outline[-2:0:-1], -1), closed=True)
    clip = canvas.clip(both)
    for side in (1, -1):
        data = smooth(mirrored(outline, side), straight_end=True)
        canvas.body(
            "wings",
            data,
            (side * 0.4 * w, top + 0.42 * long),
            (0.75 * w, 0.62 * long),
            colours.cuticle,
            sheen=colours.sheen,
        )
    _markings(canvas, beetle, clip, top, long)
    for side in (1, -1):
        for k in range(beetle.striae):
            share = (k + 1) / (beetle.striae + 1)
            line = smooth(
                mirrored([at(t, share) for t in (0.03, 0.2, 0.45, 0.7, 0.88, 0.96)], side)
            )
            dash = f"0 {number(0.045)}" if beetle.punctures else ""
            width = 0.026 if beetle.punctures else 0.015
            canvas.detail(
                "wings",
                line,
                stroke=darker(colours.cuticle, 0.7),
                width=width,
                dash=dash,
                opacity=0.85,
            )
        rim = smooth(mirrored([at(t, 0.965) for t in stations[1:-1]], side))
        canvas.detail("wings", rim, stroke=lighter(colours.cuticle, 0.4), width=0.012, opacity=0.4)
        light = canvas.light
        spot = (side * 0.42 * w + 0.2 * w * light[0], top + (0.36 + 0.2 * light[1]) * long)
        canvas.gloss("wings", spot, (0.2 * w, 0.32 * long), 0.3 + 0.6 * colours.gloss, clip)
    suture = polyline([(0, top), (0, 0.985)])
    canvas.detail("wings", suture, stroke=lighter(colours.cuticle, 0.3), width=0.042, opacity=0.5)
    canvas.detail("wings", suture, stroke=darker(colours.cuticle, 0.88), width=0.024)
    canvas.landmarks |= {
        "elytron": (0.55 * w, top + 0.35 * long),
        "suture": (0.0, top + 0.66 * long),
    }


def half_width(beetle: Beetle, t: float) -> float:
    """Return the half width of the elytra at `t`, from 0 at the base to 1 at the tip."""
    s, p = beetle.shoulder, beetle.taper
    at = (0, 0.05, 0.18, 0.45, 0.7, 0.88, 0.96, 1)
    share = (
        0.6 + 0.25 * s,
        0.8 + 0.14 * s,
        0.96,
        1,
        0.94 - 0.1 * p,
        0.68 - 0.17 * p,
        0.4 - 0.14 * p,
        0,
    )
    return beetle.width * float(np.interp(t, at, share))


def _markings(canvas: Canvas, beetle: Beetle, clip: str, top: float, long: float) -> None:
    w, colour = beetle.width, beetle.palette.marking
    look = {"clip": clip, "opacity": 0.92}
    for side in (1, -1):
        if beetle.pattern == "spots":
            for k in range(beetle.spots):
                y = top + long * (k + 0.6) / (beetle.spots + 0.4)
                x = side * w * (0.5 if k % 2 else 0.42)
                canvas.detail(
                    "wings",
                    ellipse(x, y, 0.22 * w, 0.3 * long / (beetle.spots + 1)),
                    fill=colour,
                    **look,
                )
        elif beetle.pattern == "stripes":
            for share in (0.32, 0.72):
                stripe = [
                    (side * share * w, top),
                    (side * share * w, top + 0.6 * long),
                    (side * 0.6 * share * w, 1.0),
                ]
                canvas.detail("wings", smooth(stripe), stroke=colour, width=0.16 * w, **look)
        elif beetle.pattern == "margin":
            edge = [
                (side * half_width(beetle, t), top + t * long)
                for t in (0, 0.05, 0.18, 0.45, 0.7, 0.88, 0.96, 1)
            ]
            canvas.detail("wings", smooth(edge), stroke=colour, width=0.3 * w, **look)
        elif beetle.pattern == "shoulders":
            canvas.detail(
                "wings",
                ellipse(side * 0.6 * w, top + 0.12 * long, 0.4 * w, 0.14 * long),
                fill=colour,
                **look,
            )
    if beetle.pattern == "bands":
        for k in range(beetle.spots - 1):
            y = top + long * (k + 0.7) / (beetle.spots - 0.2)
            d = 0.12 * long / (beetle.spots - 1) ** 0.5
            x = 1.1 * w
            wave = [(-x, y), (-x / 2, y + d / 2), (0, y), (x / 2, y + d / 2), (x, y)]
            canvas.detail("wings", smooth(wave), stroke=colour, width=d * 1.2, **look)
