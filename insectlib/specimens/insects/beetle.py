"""A beetle seen from above: elytra that meet in a straight line, a pronotum, clubbed antennae."""

from __future__ import annotations

import numpy as np

from insectlib.specimens.insects.appendages import antenna, leg
from insectlib.specimens.insects.elytra import draw_elytra
from insectlib.specimens.insects.palette import pale
from insectlib.specimens.insects.species import Beetle
from insectlib.specimens.svg import (
    Canvas,
    darker,
    ellipse,
    lighter,
    mirrored,
    mix,
    number,
    polyline,
    smooth,
)


def draw_beetle(canvas: Canvas, beetle: Beetle, random: np.random.Generator) -> None:
    """Draw one individual, its pose of legs and antennae from `random`, head up (y < 0)."""
    colours = beetle.palette
    front = -0.78
    back = front + beetle.pronotum_length
    _draw_appendages(canvas, beetle, random, front, back)
    _draw_abdomen(canvas, beetle, back)
    _draw_head(canvas, beetle, front)
    _draw_pronotum(canvas, beetle, front, back)
    draw_elytra(canvas, beetle, back - 0.01)
    scutellum = polyline([(-0.07, back - 0.01), (0.07, back - 0.01), (0, back + 0.11)], closed=True)
    canvas.add(
        "thorax",
        scutellum,
        fill=darker(colours.cuticle, 0.3),
        stroke=darker(colours.cuticle, 0.75),
        width=0.012,
    )
    canvas.landmarks["scutellum"] = (0.0, back + 0.04)


def _draw_appendages(
    canvas: Canvas, beetle: Beetle, random: np.random.Generator, front: float, back: float
) -> None:
    hips = (
        (0.6 * beetle.width * beetle.pronotum_width, front + 0.6 * beetle.pronotum_length),
        (0.75 * beetle.width, back + 0.16),
        (0.75 * beetle.width, back + 0.5),
    )
    rest = ((38, 75, 60), (-8, -38, -55), (-42, -72, -85))
    for hip, angles, factor in zip(hips, rest, (0.88, 0.95, 1.12), strict=True):
        for side in (1, -1):
            a, b, c = (angle + float(random.normal(0, 9)) for angle in angles)
            points = leg(
                canvas,
                hip,
                side,
                (a, b, c),
                factor * beetle.leg_length,
                beetle.leg_width,
                beetle.palette.appendages,
                spines=3,
                spine_length=0.02,
            )
            canvas.landmarks.update(points)
    for side in (1, -1):
        canvas.landmarks["antenna"] = antenna(
            canvas,
            (0.5 * beetle.width * beetle.pronotum_width * beetle.head_width, -0.9),
            side,
            beetle.antenna_length,
            0.026,
            beetle.palette.appendages,
            kind=beetle.antenna,
            angle=50 + float(random.normal(0, 9)),
            curl=float(random.normal(15, 25)),
        )


def _draw_abdomen(canvas: Canvas, beetle: Beetle, back: float) -> None:
    """Draw the tergites, which show at the tip, or wholly where the elytra are left out."""
    membrane = pale(beetle.palette.cuticle)
    w = 0.9 * beetle.width
    half = [(0.0, back), (0.8 * w, back + 0.05), (w, back + 0.4), (0.8 * w, 0.7), (0, 1.0)]
    data = smooth(half + mirrored(half[-2:0:-1], -1), closed=True)
    canvas.body("abdomen", data, (0, 0.3), (w, 0.7), mix(membrane, "#5a3a20", 0.35))
    clip = canvas.clip(data)
    for k in range(6):
        y = back + 0.22 + 0.17 * k
        groove = smooth([(-w, y - 0.03), (0, y), (w, y - 0.03)])
        canvas.detail("abdomen", groove, stroke=darker(membrane, 0.6), width=0.016, clip=clip)
    canvas.landmarks["abdomen"] = (0.0, 0.97)


def _draw_head(canvas: Canvas, beetle: Beetle, front: float) -> None:
    colours = beetle.palette
    w = beetle.width * beetle.pronotum_width * beetle.head_width
    for side in (1, -1):
        jaw = [
            (0.52 * w, -0.96),
            (0.48 * w, -1.05),
            (0.12 * w, -1.12),
            (0.24 * w, -1.05),
            (0.22 * w, -0.97),
        ]
        canvas.add(
            "head", smooth(mirrored(jaw, side), closed=True), fill=darker(colours.appendages, 0.4)
        )
    half = [
        (0.0, -1.02),
        (0.55 * w, -0.98),
        (0.9 * w, -0.86),
        (w, front + 0.06),
        (0, front + 0.12),
    ]
    data = smooth(half + mirrored(half[-2:0:-1], -1), closed=True)
    canvas.body("head", data, (0, -0.86), (w, 0.2), darker(colours.cuticle, 0.18))
    for side in (1, -1):
        eye = ellipse(side * 0.86 * w, -0.855, 0.2 * w, 0.07)
        canvas.add("head", eye, fill=darker(colours.eyes, 0.5), stroke="#14100d", width=0.01)
        canvas.gloss("head", (side * 0.86 * w - 0.02, -0.875), (0.09 * w, 0.03), 0.7)
    canvas.landmarks |= {
        "head": (0.0, -0.92),
        "eye": (0.86 * w, -0.855),
        "mandible": (0.38 * w, -1.06),
    }


def _draw_pronotum(canvas: Canvas, beetle: Beetle, front: float, back: float) -> None:
    colours = beetle.palette
    w = beetle.width * beetle.pronotum_width
    deep = back - front
    half = [
        (0.0, front + 0.02),
        (0.62 * w, front),
        (0.86 * w, front + 0.12 * deep),
        (w, front + beetle.waist * deep),
        ((0.95 - 0.12 * (1 - beetle.waist)) * w, back - 0.04),
        (0.6 * w, back + 0.01),
        (0.0, back + 0.03),
    ]
    data = smooth(half + mirrored(half[-2:0:-1], -1), closed=True)
    centre = (0.0, (front + back) / 2)
    plain = beetle.pattern not in ("margin", "shoulders")
    colour = colours.cuticle if plain else mix(colours.cuticle, colours.marking, 0.55)
    canvas.body("thorax", data, centre, (w, 0.6 * deep), colour, sheen=colours.sheen)
    clip = canvas.clip(data)
    if beetle.punctures:
        for k in range(6):
            x = (-0.8 + 0.32 * k) * w
            row = polyline([(x, front + 0.05), (x + 0.03, back - 0.03)])
            pits = f"0 {number(0.04 + 0.004 * k)}"
            canvas.detail(
                "thorax",
                row,
                stroke=darker(colour, 0.6),
                width=0.016,
                dash=pits,
                clip=clip,
                opacity=0.7,
            )
    rim = mirrored(half[1:6], 1), mirrored(half[1:6], -1)
    for edge in rim:
        canvas.detail(
            "thorax",
            smooth(edge),
            stroke=lighter(colour, 0.35),
            width=0.014,
            opacity=0.5,
            clip=clip,
        )
    light = canvas.light
    canvas.gloss(
        "thorax",
        (0.45 * w * light[0], centre[1] + 0.25 * deep * light[1]),
        (0.4 * w, 0.25 * deep),
        colours.gloss,
        clip,
    )
    canvas.landmarks["pronotum"] = (0.0, centre[1])
